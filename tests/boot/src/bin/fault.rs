//! `tests-boot-fault`: what a bad release does, chosen by the machine's serial number. It stands in
//! images of tests alone, in front of the host's own start. A word it does not know does nothing,
//! so the same image is also a good one.

use std::process::ExitCode;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

const WORD: &str = "/sys/class/dmi/id/product_serial";

fn main() -> ExitCode {
    let word = std::fs::read_to_string(WORD).unwrap_or_default();
    match word.trim() {
        "never-healthy" => ExitCode::FAILURE,
        "panic" => {
            let _ = std::fs::write("/proc/sysrq-trigger", "c");
            ExitCode::FAILURE
        }
        // The first program's own crash: it freezes and feeds the watchdog no more.
        "hang" => {
            let _ = kill(Pid::from_raw(1), Signal::SIGSEGV);
            std::thread::sleep(std::time::Duration::from_secs(600));
            ExitCode::FAILURE
        }
        _ => ExitCode::SUCCESS,
    }
}
