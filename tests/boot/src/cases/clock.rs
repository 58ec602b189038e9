//! Clocks that are wrong.

use image_bundle::Version;

use super::Figures;
use crate::bench::Bench;
use crate::craft::Craft;
use crate::vm::{Parts, Vm};

pub(super) fn behind(bench: &Bench, _: &Figures) -> anyhow::Result<()> {
    let mut expired = Craft::small(Version(0, 9, 0));
    expired.signing.expired = true;
    let bundle = bench.craft("expired-behind", expired)?;
    let folder = bench.settled("wrong-clock")?;
    let parts = Parts::default().stick(&bundle).clock("2015-06-01T00:00:00");
    let mut vm = Vm::start(&folder, &parts)?;
    vm.wait("bundle refused: metadata refused: ")?;
    Ok(())
}
