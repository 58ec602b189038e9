//! docs/operating/claim.md, step by step: a box without owner, its code, the claim file on a
//! stick, and who is obeyed afterwards.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};

use super::Figures;
use crate::bench::Bench;
use crate::owner::Owner;
use crate::vm::{Parts, Vm};

const HEALTHY: &str = "health ok: version 0.1.0, slot a, start";
/// A box that was told to start its host anew answers within this time.
const PATIENCE: Duration = Duration::from_secs(600);

/// A port that is free now.
pub(super) fn port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind("127.0.0.1:0")?.local_addr()?.port())
}

/// What the console shows: code and fingerprint.
pub(super) fn shown(vm: &mut Vm) -> anyhow::Result<(String, String)> {
    vm.wait("this box has no owner")?;
    vm.wait("fingerprint ")?;
    // The line may still be on its way.
    vm.run_for(Duration::from_secs(1));
    let word = |mark| vm.word(mark).context("the console shows it");
    Ok((word("  code        ")?, word("  fingerprint ")?))
}

pub(super) fn fleet(owner: &Owner, port: u16, pin: &str) -> PathBuf {
    owner.fleet(&[(
        "box".to_owned(),
        format!("127.0.0.1:{port}"),
        pin.to_owned(),
        0,
    )])
}

/// A stick that claims for an owner.
pub(super) fn stick(bench: &Bench, owner: &Owner, path: &Path) -> anyhow::Result<PathBuf> {
    let (out, authority) = (path.to_string_lossy(), owner.authority.to_string_lossy());
    bench.holdfast(&["claim", "--file", &out, "--authority", &authority])?;
    Ok(path.to_owned())
}

/// Waits until the box answers its owner.
pub(super) fn obeyed(bench: &Bench, file: &Path) -> anyhow::Result<()> {
    let file = file.to_string_lossy();
    let until = Instant::now() + PATIENCE;
    loop {
        match bench.holdfast(&["fleet", "--file", &file, "inventory"]) {
            Ok(said) => {
                ensure!(said.contains("0.1.0 in slot a"), "odd inventory: {said}");
                return Ok(());
            }
            Err(why) if Instant::now() > until => return Err(why),
            Err(_) => std::thread::sleep(Duration::from_secs(1)),
        }
    }
}

pub(super) fn by_code(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("claim-by-code")?;
    let (owner, stranger) = (
        Owner::make(&folder, "owner"),
        Owner::make(&folder, "stranger"),
    );
    let port = port()?;
    let mut vm = Vm::start(&folder, &Parts::default().door(port))?;
    let (code, pin) = shown(&mut vm)?;
    let at = format!("127.0.0.1:{port}");
    let claim = |code: &str, owner: &Owner| {
        let authority = owner.authority.to_string_lossy();
        let words = ["claim", "--remote", &at, "--pin", &pin, "--code", code];
        bench.holdfast(&[&words[..], &["--authority", &authority]].concat())
    };
    ensure!(
        claim("0000-0000-0000-0000", &stranger).is_err(),
        "a wrong code opened"
    );
    claim(&code, &owner)?;
    let own = fleet(&owner, port, &pin);
    obeyed(bench, &own)?;
    ensure!(claim(&code, &stranger).is_err(), "a code opened twice");
    drop(vm);
    let mut vm = Vm::start(&folder, &Parts::default().door(port))?;
    vm.wait(HEALTHY)?;
    obeyed(bench, &own)?;
    let strange = fleet(&stranger, port, &pin);
    let strange = strange.to_string_lossy();
    let seen = bench.holdfast(&["fleet", "--file", &strange, "inventory"]);
    ensure!(seen.is_err(), "a stranger is obeyed");
    Ok(())
}

pub(super) fn by_file(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("claim-by-file")?;
    let port = port()?;
    let (owner, stranger) = (
        Owner::make(&folder, "owner"),
        Owner::make(&folder, "stranger"),
    );
    let parts =
        Parts::default()
            .door(port)
            .stick(&stick(bench, &owner, &folder.join("owner.bin"))?);
    let mut vm = Vm::start(&folder, &parts)?;
    let (_, pin) = shown(&mut vm)?;
    vm.wait("claimed by the file on /dev/vda")?;
    obeyed(bench, &fleet(&owner, port, &pin))?;
    drop(vm);
    let parts =
        Parts::default()
            .door(port)
            .stick(&stick(bench, &stranger, &folder.join("stranger.bin"))?);
    let mut vm = Vm::start(&folder, &parts)?;
    vm.wait(HEALTHY)?;
    obeyed(bench, &fleet(&owner, port, &pin))
}

pub(super) fn factory_reset(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("factory-reset")?;
    let owner = Owner::make(&folder, "owner");
    let claim = stick(bench, &owner, &folder.join("owner.bin"))?;
    let port = port()?;
    let mut vm = Vm::start(&folder, &Parts::default().door(port).stick(&claim))?;
    for (wipe, done) in [
        (&[][..], "reset, Keep: done"),
        (&["--wipe"][..], "reset, Wipe: done"),
    ] {
        // The remote door's key is the owner's too, so every round has a fingerprint of its own.
        let (_, pin) = shown(&mut vm)?;
        vm.wait("claimed by the file on /dev/vda")?;
        let file = fleet(&owner, port, &pin);
        obeyed(bench, &file)?;
        let file = file.to_string_lossy();
        // The box may be gone before its answer is read.
        let _ = bench.holdfast(&[&["fleet", "--file", &file, "reset", "box"][..], wipe].concat());
        vm.wait(done)?;
    }
    vm.wait("recovery phrase, shown only now")?;
    vm.wait("this box has no owner")?;
    Ok(())
}
