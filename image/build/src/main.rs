//! `holdfast-image`: makes the image of a machine, out of a clone of this repository and Debian's
//! packages, without privilege, loop devices or a chroot.
//!
//! Enters: a machine's name, the programs built before, lists in image/rootfs. Leaves: files in the
//! output folder, among them a disk, a bundle of what an update needs, and a manifest of every
//! input with its digest. Equal inputs give equal bytes. Signing is no part of building.

mod build;
mod cpio;
mod disk;
mod error;
mod fat;
mod gpt;
mod kernel;
mod lists;
mod manifest;
mod packages;
mod pattern;
mod place;
mod root;
mod tool;
mod uki;
mod verity;

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Parser, Subcommand};

use crate::error::{Blame, Error};

/// Makes images of Holdfast.
#[derive(Debug, Parser)]
#[command(name = "holdfast-image", version, about)]
struct Arguments {
    #[command(subcommand)]
    what: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Build disk, root, kernel image and manifest of a machine
    Build(BuildArgs),
}

/// What is built.
#[derive(Debug, clap::Args)]
pub(crate) struct BuildArgs {
    /// A machine of board/machines
    #[arg(long)]
    machine: String,
    /// Version of the image
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: String,
    /// Where the artefacts go; default is target/image/MACHINE
    #[arg(long)]
    out: Option<PathBuf>,
    /// Where holdfastd and its siblings are; default is beside this program
    #[arg(long)]
    programs: Option<PathBuf>,
    /// Use only packages fetched before
    #[arg(long)]
    offline: bool,
}

fn main() -> ExitCode {
    let done = match Arguments::parse().what {
        Command::Build(args) => build::run(&args),
    };
    match done {
        Ok(said) => {
            let _ = writeln!(std::io::stdout(), "{said}");
            ExitCode::SUCCESS
        }
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "holdfast-image: {error}");
            status(&error)
        }
    }
}

/// 2 when whoever asks can mend it, 1 otherwise.
fn status(error: &Error) -> ExitCode {
    match error.blame() {
        Blame::Operator => ExitCode::from(2),
        Blame::Machine | Blame::Us => ExitCode::FAILURE,
    }
}
