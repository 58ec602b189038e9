//! docs/operating/drives.md, "On a box": data drives are claimed by serial number by the owner,
//! found again in any bay, missed when they are gone; what holds something, or belongs to another
//! host, is left as it is.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

use super::Figures;
use super::claim::{fleet, obeyed, port, shown, stick};
use crate::bench::Bench;
use crate::owner::Owner;
use crate::vm::{Parts, Vm};

const LEN: u64 = 128 << 20;
const HEALTHY: &str = "health ok: version 0.1.0, slot a, start";
/// The check of the host that counts what it was configured with against what serves.
const COUNT: &str = "storage:volumes";
const PATIENCE: Duration = Duration::from_secs(600);

fn drive(folder: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let path = folder.join(name);
    File::create(&path)?.set_len(LEN)?;
    Ok(path)
}

/// A volume of a host that lives elsewhere, as a drive holds it.
fn foreign(bench: &Bench, folder: &Path) -> anyhow::Result<PathBuf> {
    let dir = folder.join("elsewhere");
    let dir = dir.to_string_lossy();
    let network = "image/rootfs/files/etc/holdfast/network.toml";
    let head = ["init", "--dir", &dir, "--network", network];
    let words = [&head[..], &["--volume", "volume-0=64 MiB"]].concat();
    bench.holdfast(&words)?;
    let path = drive(folder, "foreign")?;
    let volume = std::fs::read(Path::new(&*dir).join("volume-0"))?;
    let file = File::options().write(true).open(&path)?;
    file.write_all_at(&volume, 0)?;
    Ok(path)
}

/// Waits until the box answers and the count of its volumes is right, or wrong.
fn counts(bench: &Bench, file: &str, right: bool) -> anyhow::Result<()> {
    let until = Instant::now() + PATIENCE;
    let mut last = String::new();
    while Instant::now() < until {
        let said = bench.holdfast(&["fleet", "--file", file, "--json", "inventory"]);
        if let Ok(said) = said {
            let seen: serde_json::Value = serde_json::from_str(&said)?;
            let worries = seen[0]["worries"].as_array().context("worries")?;
            if worries.iter().any(|name| name == COUNT) != right {
                return Ok(());
            }
            last = said;
        }
        std::thread::sleep(Duration::from_secs(1));
    }
    bail!("{COUNT} was never {right}: {last}")
}

pub(super) fn claim(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let folder = bench.settled("claim-drives")?;
    let owner = Owner::make(&folder, "owner");
    let paper = stick(bench, &owner, &folder.join("owner.bin"))?;
    let port = port()?;
    let (one, full) = (drive(&folder, "one")?, drive(&folder, "full")?);
    let strange = foreign(bench, &folder)?;
    // The magic of a file system, where ext4 has it.
    let file = File::options().write(true).open(&full)?;
    file.write_all_at(&[0x53, 0xef], 1080)?;
    let parts = Parts::default().door(port).stick(&paper);
    let parts = parts.drive(&one, "dataone").drive(&full, "datafull");
    let mut vm = Vm::start(&folder, &parts.drive(&strange, "dataother"))?;
    let (_, pin) = shown(&mut vm)?;
    let file = fleet(&owner, port, &pin);
    obeyed(bench, &file)?;
    let file = file.to_string_lossy().into_owned();
    let order = |words: &[&str]| {
        let head = ["fleet", "--file", &file, "claim-drive", "box"];
        bench.holdfast(&[&head[..], words].concat())
    };
    let refused = |words: &[&str], why: &str| -> anyhow::Result<()> {
        let said = match order(words) {
            Ok(said) => bail!("{words:?} was taken: {said}"),
            Err(said) => said.to_string(),
        };
        ensure!(said.contains(why), "{words:?}: {said}");
        Ok(())
    };
    refused(&["nosuch"], "no drive of this box has it")?;
    refused(&["system", "--erase", "system"], "it is the system disk")?;
    refused(&["datafull"], "datafull: ")?;
    refused(&["datafull", "--erase", "dataone"], "nothing was done")?;
    let other = ["dataother", "--erase", "dataother"];
    refused(&other, "is a Holdfast volume")?;
    refused(&["dataother"], "is a volume of host")?;
    let said = order(&["dataone"])?;
    ensure!(said.contains("drive dataone claimed, 128 MiB"), "{said}");
    counts(bench, &file, true)?;
    let said = order(&["datafull", "--erase", "datafull"])?;
    ensure!(said.contains("drive datafull claimed"), "{said}");
    counts(bench, &file, true)?;
    drop(vm);

    // Other bays: serial numbers are what counts.
    let parts = Parts::default().door(port);
    let both = parts
        .clone()
        .drive(&full, "datafull")
        .drive(&one, "dataone");
    let mut vm = Vm::start(&folder, &both)?;
    vm.wait(HEALTHY)?;
    counts(bench, &file, true)?;
    drop(vm);
    // One is missing: the box says so, and serves what is there.
    let mut vm = Vm::start(&folder, &parts.clone().drive(&full, "datafull"))?;
    vm.wait("drive dataone: missing")?;
    vm.wait(HEALTHY)?;
    counts(bench, &file, false)?;
    drop(vm);
    // A drive of another host under its serial number is not taken for it.
    let swapped = parts.drive(&strange, "dataone").drive(&full, "datafull");
    let mut vm = Vm::start(&folder, &swapped)?;
    vm.wait(HEALTHY)?;
    counts(bench, &file, false)
}
