//! docs/operating/install.md, "From the network": one signed file that the firmware loads over TFTP
//! and checks; the state is on the disk where there is one.

use super::Figures;
use crate::bench::{Bench, FIRST, GOOD};
use crate::vm::{Parts, Vm};

const HEALTHY: &str = "health ok: version 0.1.0, slot a, start";
/// Its owner's keys.
const OWNER: &str = "secure-keys";

pub(super) fn start(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    bench.image_for_network(FIRST, "network")?;
    let served = bench.sign("network", OWNER)?;
    let parts = || Parts::default().secure().served(&served, "netboot.efi");
    let folder = bench.settled("network")?;
    std::fs::copy(bench.enrolled(OWNER)?, folder.join("vars.fd"))?;
    let mut vm = Vm::start(&folder, &parts().stick(&bench.bundle_of(GOOD)))?;
    vm.wait("version 0.1.0 from the network; state mounted")?;
    let seconds = vm.wait(HEALTHY)?;
    figures.note("network.health_seconds", seconds);
    vm.wait("bundle refused: this box starts from the network")?;
    drop(vm);
    // No disk that would hold a state: a box that answers all the same.
    std::fs::File::create(folder.join("disk.raw"))?.set_len(64 << 20)?;
    std::fs::copy(bench.enrolled(OWNER)?, folder.join("vars.fd"))?;
    let mut vm = Vm::start(&folder, &parts())?;
    vm.wait("version 0.1.0 from the network; state lost")?;
    vm.wait(HEALTHY).map(drop)
}
