//! `nvme`: what a drive says of itself, from an emulated NVMe drive to a host's volumes. A small
//! guest under QEMU holds `board-nvme` and a real host; its drives are made ill from outside:
//! a critical warning over QMP, an unreadable place (blkdebug), a drive that stands still (nbdkit).
//!
//! Enters: a kernel with its modules (`HOLDFAST_KERNEL`, an unpacked Debian kernel package; else
//! what `just image` unpacked), QEMU, nbdkit. Leaves: one JSON object with what was seen and after
//! how many seconds; status 1 when a fact does not hold; one line `skipped: why` where something
//! is missing. As the first process of a machine this program is the guest ([`guest`]).
#![expect(clippy::print_stdout, reason = "the report is the product")]

#[path = "../../image/build/src/cpio.rs"]
mod cpio;
mod guest;
mod ill;
mod ship;
mod vm;

use std::process::ExitCode;

fn main() -> ExitCode {
    if std::process::id() == 1 {
        return guest::run();
    }
    match ship::missing() {
        Some(why) => {
            println!("skipped: nvme: {why}");
            ExitCode::SUCCESS
        }
        None => ill::run(),
    }
}
