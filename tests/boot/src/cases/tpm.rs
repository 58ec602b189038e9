//! Identity keys and the TPM: sealed at the first start, opened by the same TPM alone, brought back
//! on another one by the phrase that the console showed.

use std::path::Path;

use anyhow::{Context, ensure};

use super::Figures;
use crate::bench::{Bench, FIRST, copy};
use crate::disk;
use crate::vm::{Parts, VARIABLES, Vm};

const HEALTHY: &str = "health ok: version 0.1.0, slot a, start";

/// Starts with the TPM of this name until it is healthy; the seconds that took.
fn healthy(folder: &Path, tpm: &str, said: &str) -> anyhow::Result<f64> {
    let mut vm = Vm::start(folder, &Parts::default().tpm(tpm))?;
    vm.wait(said)?;
    let seconds = vm.wait(HEALTHY)?;
    vm.run_for(std::time::Duration::from_secs(5));
    Ok(seconds)
}

pub(super) fn sealed(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let folder = bench.file("machines/tpm");
    copy(&bench.file(FIRST).join("disk.raw"), &folder)?;
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let parts = Parts::default().tpm("own");
    let mut vm = Vm::start(&folder, &parts)?;
    vm.wait("recovery phrase, shown only now; write it down:")?;
    vm.wait("the identity key is sealed to the TPM")?;
    vm.wait(HEALTHY)?;
    let words = vm.line_after("recovery phrase, shown only now; write it down:");
    let words = words.context("the console shows the phrase")?;
    let count = words.split_whitespace().count();
    ensure!(count == 24, "a phrase of {count} words: {words}");
    vm.run_for(std::time::Duration::from_secs(5));
    drop(vm);
    ensure!(
        !disk::holds(&folder, "state", b"HFKEYS\0\0\x01\0")?,
        "a plain key file is still on the state partition"
    );
    let seconds = healthy(&folder, "own", "the identity key was opened by the TPM")?;
    figures.note("tpm.health_seconds", seconds);
    // The disk in another machine: refused, and told why.
    let mut vm = Vm::start(&folder, &Parts::default().tpm("other"))?;
    vm.wait("this TPM does not open it; the disk is another machine's")?;
    drop(vm);
    // In one without: the same.
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("it is sealed to a TPM, and this machine has none")?;
    drop(vm);
    let stick = folder.join("phrase.bin");
    let file = folder.join("phrase.txt");
    std::fs::write(&file, &words)?;
    let text = |path: &Path| path.to_string_lossy().into_owned();
    bench.holdfast(&[
        "key",
        "stick",
        "--phrase",
        &text(&file),
        "--out",
        &text(&stick),
    ])?;
    let mut vm = Vm::start(&folder, &Parts::default().tpm("other").stick(&stick))?;
    vm.wait("the identity key is back, sealed to this TPM")?;
    vm.wait(HEALTHY)?;
    vm.run_for(std::time::Duration::from_secs(5));
    drop(vm);
    healthy(&folder, "other", "the identity key was opened by the TPM").map(drop)
}
