//! Versions that are staged, tried and left: back on the good one, with a reason.

use std::path::Path;

use image_bundle::Version;

use super::Figures;
use crate::bench::{BAD, Bench, FIRST, copy};
use crate::disk::ROTTEN;
use crate::vm::{Parts, VARIABLES, Vm};

const BACK: &str = "health ok: version 0.1.0, slot a, start";

/// Stages `bundle` on a settled machine and waits until the first version is back. `reason` is what
/// the box says of the slot it left. Returns the machine, still on.
fn left(
    bench: &Bench,
    figures: &Figures,
    name: &str,
    bundle: &Path,
    reason: &str,
) -> anyhow::Result<Vm> {
    let folder = bench.settled(name)?;
    let mut vm = Vm::start(&folder, &Parts::default().stick(bundle).fault(name))?;
    vm.wait(BACK)?;
    vm.wait("staged in slot b; restarting to try it")?;
    let begun = vm.seconds();
    vm.wait(reason)?;
    let seconds = vm.wait(BACK)? - begun;
    figures.note(
        &format!("rollback_seconds.{}", name.replace('-', "_")),
        seconds,
    );
    Ok(vm)
}

pub(super) fn never_healthy(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let bundle = bench.bundle_of(BAD);
    let reason = "slot b was left: version 0.3.0";
    let mut vm = left(bench, figures, "never-healthy", &bundle, reason)?;
    vm.wait("0.3.0 was tried and left before")?;
    Ok(())
}

pub(super) fn panic(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let bundle = bench.bundle_of(BAD);
    // The kernel's own words, which the firmware kept over its end.
    let reason = "slot b was left: version 0.3.0 did not stay: Kernel panic";
    let mut vm = left(bench, figures, "panic", &bundle, reason)?;
    vm.wait("0.3.0 was tried and left before")?;
    Ok(())
}

pub(super) fn hang(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let bundle = bench.bundle_of(BAD);
    left(
        bench,
        figures,
        "hang",
        &bundle,
        "slot b was left: version 0.3.0",
    )?;
    Ok(())
}

/// A start that takes longer than its patience is kept all the same, once it is healthy: its count
/// of starts goes back, and no slow machine ends in its other slot.
pub(super) fn late(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let overlay = bench.file("late-site");
    let unit = overlay.join("etc/systemd/system/holdfast-update.service.d");
    std::fs::create_dir_all(&unit)?;
    std::fs::write(
        unit.join("patience.conf"),
        "[Service]\nExecStart=\nExecStart=/usr/bin/holdfast-update watch --patience 0\n",
    )?;
    bench.image_with(FIRST, "late", &overlay)?;
    let folder = bench.file("machines/late-health");
    copy(&bench.file("late/disk.raw"), &folder)?;
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("no health: version 0.1.0, start")?;
    vm.wait(BACK)?;
    Ok(())
}

pub(super) fn corrupt_root(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    // Signed by everyone and still wrong: the tree says otherwise, and only the start can tell.
    let mut craft = bench.parts("0.2.0", Version(0, 6, 0))?;
    if let Some(byte) = craft.root.get_mut(ROTTEN) {
        *byte ^= 1;
    }
    let bundle = bench.craft("corrupt-root", craft)?;
    left(
        bench,
        figures,
        "corrupt-root",
        &bundle,
        "slot b was left: version 0.6.0",
    )?;
    Ok(())
}
