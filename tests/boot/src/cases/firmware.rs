//! What the firmware forgets and what disks lose: the committed version starts, or the one before.

use board_slot::Slot;

use super::Figures;
use crate::bench::{BAD, Bench, GOOD};
use crate::disk;
use crate::vm::{Parts, VARIABLES, Vm};

pub(super) fn upgrade(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("upgrade")?;
    let mut vm = Vm::start(&folder, &Parts::default().stick(&bench.bundle_of(GOOD)))?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    let staged = vm.wait("version 0.2.0 staged in slot b")?;
    let kept = vm.wait("health ok: version 0.2.0, slot b, trial")?;
    figures.note("upgrade_seconds", kept - staged);
    vm.wait("bundle has version 0.2.0, 0.2.0 runs already")?;
    drop(vm);
    // A firmware that forgot everything: the fallback loader knows what was kept.
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("health ok: version 0.2.0, slot b, start")?;
    drop(vm);
    // The kept slot rots: the boot program counts, and asks for the other one.
    disk::rot(&folder, Slot::B)?;
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("slot b was left")?;
    let back = vm.wait("health ok: version 0.1.0, slot a, start")?;
    figures.note("rollback_seconds.rotted_committed", back);
    Ok(())
}

pub(super) fn wiped_uncommitted(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("wiped-uncommitted")?;
    let parts = Parts::default().stick(&bench.bundle_of(BAD));
    let mut vm = Vm::start(&folder, &parts.fault("never-healthy"))?;
    vm.wait("version 0.3.0 staged in slot b")?;
    vm.wait("version 0.3.0 from slot b")?;
    drop(vm);
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let mut vm = Vm::start(&folder, &Parts::default())?;
    let back = vm.wait("health ok: version 0.1.0, slot a, start")?;
    figures.note("rollback_seconds.wiped_uncommitted", back);
    Ok(())
}

pub(super) fn none(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("no-uefi")?;
    let mut vm = Vm::start(&folder, &Parts::default().legacy())?;
    vm.wait("Holdfast starts from UEFI firmware alone")?;
    drop(vm);
    // And nothing was changed by it.
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    Ok(())
}
