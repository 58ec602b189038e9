//! `board-nvme`: reads health pages of claimed drives and opens them for the host. CAP_SYS_ADMIN,
//! no network. What it may be asked stands in docs/formats/board-wire.md.

use std::path::PathBuf;
use std::process::ExitCode;

use board_daemon::filter::Program;
use board_daemon::nvme::{NvmeVerbs, Places};
use board_daemon::start::{Listening, begin, say};
use clap::Parser;

/// Reads health pages of claimed NVMe drives and opens them for the host
#[derive(Debug, Parser)]
#[command(name = "board-nvme", version, about)]
struct Arguments {
    #[command(flatten)]
    listening: Listening,
    /// Lines `SERIAL NAMESPACE`, written by root alone
    #[arg(long, default_value = "/etc/holdfast/claims")]
    claims: PathBuf,
    /// Where the kernel tells of drives
    #[arg(long, default_value = "/sys")]
    sysfs: PathBuf,
    /// Where drives are opened
    #[arg(long, default_value = "/dev")]
    devices: PathBuf,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut verbs = NvmeVerbs::new(Places {
        sysfs: arguments.sysfs,
        devices: arguments.devices,
        claims: arguments.claims,
    });
    let served =
        begin(&arguments.listening, Program::Nvme).and_then(|server| server.serve(&mut verbs));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("board-nvme: {error}"));
            ExitCode::FAILURE
        }
    }
}
