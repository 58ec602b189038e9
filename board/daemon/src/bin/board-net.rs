//! `board-net`: widens neighbour tables, removes failed entries, keeps gateways. CAP_NET_ADMIN,
//! no devices. What it may be asked stands in docs/formats/board-wire.md.

use std::process::ExitCode;

use board_daemon::filter::Program;
use board_daemon::net::NetVerbs;
use board_daemon::start::{Listening, begin, say};
use clap::Parser;

/// Widens neighbour tables, removes failed entries, keeps gateways
#[derive(Debug, Parser)]
#[command(name = "board-net", version, about)]
struct Arguments {
    #[command(flatten)]
    listening: Listening,
}

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let mut verbs = NetVerbs::default();
    let served =
        begin(&arguments.listening, Program::Net).and_then(|server| server.serve(&mut verbs));
    match served {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            say(&format!("board-net: {error}"));
            ExitCode::FAILURE
        }
    }
}
