//! Places that are full or broken, and builds that must be equal.

use std::path::Path;

use anyhow::ensure;

use super::Figures;
use crate::bench::{Bench, FIRST, GOOD, copy};
use crate::disk;
use crate::vm::{Parts, VARIABLES, Vm};

pub(super) fn full_esp(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("full-esp")?;
    disk::fill_esp(&folder)?;
    let mut vm = Vm::start(&folder, &Parts::default().stick(&bench.bundle_of(GOOD)))?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    vm.wait("bundle refused: the system partition has room for")?;
    drop(vm);
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    Ok(())
}

pub(super) fn lost_state(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("lost-state")?;
    disk::wreck(&folder, "state")?;
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("state lost: mounting /sysroot/var")?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    Ok(())
}

pub(super) fn larger_disk(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let folder = bench.file("machines/larger-disk");
    copy(&bench.file(FIRST).join("disk.raw"), &folder)?;
    let disk = std::fs::File::options()
        .write(true)
        .open(folder.join("disk.raw"))?;
    disk.set_len(6 << 30)?;
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("the state partition has")?;
    vm.wait(" MiB")?;
    let mib = vm.number("the state partition has ").unwrap_or_default();
    ensure!(mib > 2700.0, "of 3071 MiB it has {mib}");
    figures.note("larger_disk.state_mib", mib);
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    drop(vm);
    let mut vm = Vm::start(&folder, &Parts::default())?;
    let which = vm.either(&["health ok: version 0.1.0", "the state partition has"])?;
    ensure!(which == 0, "it grew again");
    Ok(())
}

pub(super) fn installer(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    let folder = bench.file("machines/installer");
    let _ = std::fs::remove_dir_all(&folder);
    std::fs::create_dir_all(&folder)?;
    let disk = std::fs::File::create(folder.join("disk.raw"))?;
    disk.set_len(6 << 30)?;
    // Somebody's data, in front.
    std::os::unix::fs::FileExt::write_all_at(&disk, b"precious", 4096)?;
    std::fs::copy(VARIABLES, folder.join("vars.fd"))?;
    let start = |stick: &Path| Vm::start(&folder, &Parts::default().usb(stick));
    let mut vm = start(&bench.installer(false)?)?;
    vm.wait("not installed: drive system: it holds something")?;
    drop(vm);
    let mut vm = start(&bench.installer(true)?)?;
    vm.wait("installing on system, ")?;
    let begun = vm.seconds();
    let done = vm.wait("installed on system and read back")?;
    figures.note("installer.seconds", done - begun);
    // It goes off by itself.
    vm.wait("reboot: Power down")?;
    drop(vm);
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("the state partition has")?;
    vm.wait("recovery phrase, shown only now")?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    Ok(())
}

pub(super) fn same_bytes(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let sums = |name: &str| std::fs::read_to_string(bench.file(name).join("SHA256SUMS"));
    bench.image_as(FIRST, "again")?;
    let (one, again) = (sums(FIRST)?, sums("again")?);
    ensure!(one == again, "two builds differ:\n{one}{again}");
    Ok(())
}
