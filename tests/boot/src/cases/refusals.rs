//! Bundles that a box must not take, all plugged in at once: each is refused with its own reason,
//! before a byte of a slot is written.

use std::path::PathBuf;

use image_bundle::Version;

use super::Figures;
use crate::bench::{Bench, GOOD};
use crate::craft::Craft;
use crate::vm::{Parts, Vm};

/// A stick and what the box says of it.
type Refused = (PathBuf, &'static str);

pub(super) fn refusals(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let refused = all(bench)?;
    let folder = bench.settled("refusals")?;
    let parts = refused
        .iter()
        .fold(Parts::default(), |parts, (path, _)| parts.stick(path));
    let mut vm = Vm::start(&folder, &parts)?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    for (_, reason) in &refused {
        let which = vm.either(&[reason, "staged in slot"])?;
        anyhow::ensure!(which == 0, "staged instead of {reason:?}");
    }
    drop(vm);
    let mut vm = Vm::start(&folder, &Parts::default())?;
    vm.wait("health ok: version 0.1.0, slot a, start")?;
    Ok(())
}

/// In the order in which the box looks at them. The metadata of each but `older` is newer than that
/// of those before it, so that no reason hides another.
fn all(bench: &Bench) -> anyhow::Result<Vec<Refused>> {
    let small = Craft::small;
    let mut downgrade = small(Version(0, 0, 9));
    downgrade.signing.number = 3000;
    let mut older = small(Version(0, 9, 0));
    older.signing.number = 5;
    let mut expired = small(Version(0, 9, 1));
    expired.signing.expired = true;
    let mut few = small(Version(0, 9, 2));
    few.signing.without = "targets-2";
    let mut other = small(Version(0, 9, 3));
    "nvme-1u".clone_into(&mut other.manifest.machine);
    let mut one_way = small(Version(0, 9, 4));
    one_way.manifest.state_writes = 2;
    let strangers = bench.strangers()?;
    let unknown = bench.craft_with(&strangers, "unknown", small(Version(0, 9, 5)))?;
    let mut out = vec![
        (
            bench.craft("downgrade", downgrade)?,
            "bundle has version 0.0.9, 0.1.0 runs already",
        ),
        (bench.craft("older", older)?, "metadata refused: "),
        (bench.craft("expired", expired)?, "metadata refused: "),
        (bench.craft("few", few)?, "metadata refused: "),
        (unknown, "metadata refused: "),
        (
            bench.craft("machine", other)?,
            "bundle is for machine nvme-1u",
        ),
        (
            bench.craft("one-way", one_way)?,
            "bundle writes state format 2",
        ),
    ];
    let good = std::fs::read(bench.bundle_of(GOOD))?;
    let folder = bench.file("crafted");
    let half = folder.join("truncated.tar");
    let whole = good.len() / 2 / 512 * 512;
    std::fs::write(&half, good.get(..whole).unwrap_or_default())?;
    out.push((half, "ends in the middle of an entry"));
    let huge = folder.join("oversize.tar");
    let head = image_bundle::tar::Head {
        path: "targets/huge".to_owned(),
        bytes: 200 << 20,
    };
    let mut block = head.block().to_vec();
    block.resize(4096, 0);
    std::fs::write(&huge, block)?;
    out.push((huge, "a bundle has room for"));
    let tampered = folder.join("tampered.tar");
    let mut bytes = good;
    let at = bytes.len() / 2;
    if let Some(byte) = bytes.get_mut(at) {
        *byte ^= 1;
    }
    std::fs::write(&tampered, bytes)?;
    out.insert(0, (tampered, "metadata refused: "));
    Ok(out)
}
