//! Firmware that starts only what its owner signed: it starts the box, the updater asks it before
//! an unsigned version is tried, and a kernel image that was changed afterwards does not start.

use anyhow::Context;

use super::Figures;
use crate::bench::{Bench, FIRST, GOOD, copy};
use crate::craft::Craft;
use crate::disk;
use crate::vm::{Parts, Vm};

/// The owner's keys, and those of somebody else.
const OWNER: &str = "secure-keys";
const STRANGER: &str = "secure-strangers";

/// A bundle of the good version with the kernel image in `signed`, of its own number.
fn bundle(
    bench: &Bench,
    name: &str,
    number: u64,
    kernel: Option<Vec<u8>>,
) -> anyhow::Result<std::path::PathBuf> {
    let mut craft: Craft = bench.parts(GOOD, GOOD.parse()?)?;
    craft.signing.number = number;
    if let Some(kernel) = kernel {
        craft.kernel = kernel;
    }
    bench.craft(name, craft)
}

pub(super) fn boot(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let kernel = |signed: std::path::PathBuf| std::fs::read(signed.join("kernel.efi"));
    let strange = kernel(bench.sign(GOOD, STRANGER)?)?;
    let owned = kernel(bench.sign(GOOD, OWNER)?)?;
    let disk = bench.sign(FIRST, OWNER)?.join("disk.raw");
    let folder = bench.file("machines/secure-boot");
    copy(&disk, &folder)?;
    std::fs::copy(bench.enrolled(OWNER)?, folder.join("vars.fd"))?;
    let parts = Parts::default()
        .secure()
        .stick(&bundle(bench, "secure-unsigned", 2001, None)?)
        .stick(&bundle(bench, "secure-stranger", 2002, Some(strange))?)
        .stick(&bundle(bench, "secure-owned", 2003, Some(owned))?);
    let mut vm = Vm::start(&folder, &parts)?;
    let health = vm.wait("health ok: version 0.1.0, slot a, start")?;
    figures.note("secure_boot.health_seconds", health);
    for _ in 0..2 {
        vm.wait("bundle refused: slot b would not start under Secure Boot")?;
    }
    vm.wait("version 0.2.0 staged in slot b")?;
    vm.wait("health ok: version 0.2.0, slot b, trial")?;
    drop(vm);
    disk::tamper(&folder, GOOD).context("changing the kept kernel image")?;
    let mut vm = Vm::start(&folder, &Parts::default().secure())?;
    vm.wait("slot b was left")?;
    let back = vm.wait("health ok: version 0.1.0, slot a, start")?;
    figures.note("rollback_seconds.bad_signature", back);
    Ok(())
}
