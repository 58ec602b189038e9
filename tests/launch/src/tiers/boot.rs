//! The tier `boot`: the appliance image in a virtual machine (tests/boot), the cases of every push.
//! Needs QEMU, its firmware and the tools of the image, each brought where that is possible.
//!
//! Emulated boots take a quiet machine a quarter of an hour, and a busy one may fail them by their
//! clocks alone: the tier runs when it is named.

use crate::count::Counting;
use crate::error::Error;
use crate::need;
use crate::step::{Desk, Step};

/// The steps: one run of the cases for every push.
pub(super) fn plan(desk: &Desk<'_>) -> Result<Vec<Step>, Error> {
    if !std::env::args().any(|word| word == "boot") {
        let why = "wants a quiet machine: `cargo verify boot` runs it";
        return Ok(vec![Step::excuse("boot", why)]);
    }
    if let Some(why) = need::machine(desk)? {
        return Ok(vec![Step::skip("boot", why)]);
    }
    // The images' own command line is not among the programs of the other tiers.
    let all = [
        "build",
        "--release",
        "--workspace",
        "--bins",
        "--test",
        "launch",
    ];
    let build = Step::cargo(desk.place, "images' programs", &all, Counting::Status);
    let program = desk.place.program("tests-boot");
    let cases = Step::program(desk.place, program, &["push"], Counting::Tail);
    Ok(vec![build, cases.named("cases of every push")])
}
