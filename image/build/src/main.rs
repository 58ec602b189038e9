//! `holdfast-image`: makes the image of a machine, out of a clone of this repository and Debian's
//! packages, without privilege, loop devices or a chroot.
//!
//! Enters: a machine's name, the programs built before, lists in image/rootfs. Leaves: files in the
//! output folder, among them a disk, a bundle of what an update needs, and a manifest of every
//! input with its digest. Equal inputs give equal bytes. Signing is no part of building.

mod build;
mod bundle;
mod certificate;
mod cpio;
mod disk;
mod disks;
mod error;
mod fat;
mod figures;
mod flash;
mod gate;
mod gpt;
mod installer;
mod kernel;
mod keys;
mod lists;
mod manifest;
mod oci;
mod ovmf;
mod package;
mod packages;
mod pattern;
mod place;
mod release;
mod root;
mod sealing;
mod sign;
mod tool;
mod trust;
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
    /// Build twice, compare every artefact, and tell what the image weighs
    Figures(BuildArgs),
    /// Make a key of one role for one holder, or a marked set for tests
    Keys(release::KeysArgs),
    /// Write a root of trust: which keys sign what
    Trust(release::TrustArgs),
    /// Sign metadata, or what firmware starts
    #[command(subcommand)]
    Sign(release::SignCommand),
    /// Make the bundle of an update from what was built
    Bundle(release::BundleArgs),
    /// Make a Debian package, a plain archive and a container image
    Package(package::PackageArgs),
    /// Write an image onto the system disk of a box, chosen by its serial number
    Flash(flash::FlashArgs),
    /// Make a stick that installs itself on the system disk of a serial number
    Installer(installer::InstallerArgs),
    /// Write the keys that a firmware is told
    Firmware(release::FirmwareArgs),
}

/// What is built.
#[derive(Debug, Clone, clap::Args)]
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
    /// The root of trust of its updates; default is a marked test set in target/image/test-keys
    #[arg(long)]
    trust: Option<PathBuf>,
    /// A folder whose files are laid over the root, as a site's own settings
    #[arg(long)]
    overlay: Option<PathBuf>,
    /// Put the renter's half of the command line in too; without it no renter's code is there
    #[arg(long)]
    renter: bool,
    /// Make netboot.efi too: one file that a network serves to machines that start from it
    #[arg(long)]
    netboot: bool,
    /// Refuse whatever is marked as a test
    #[arg(long)]
    release: bool,
    /// Use only packages fetched before
    #[arg(long)]
    offline: bool,
}

fn main() -> ExitCode {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build();
    let done = runtime
        .map_err(Error::file("the runtime"))
        .and_then(|runtime| runtime.block_on(run(Arguments::parse().what)));
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

async fn run(what: Command) -> Result<String, Error> {
    match what {
        Command::Build(args) => build::run(&args).map(|said| said.to_string()),
        Command::Figures(args) => figures::run(&args),
        Command::Keys(args) => release::keys(&args),
        Command::Trust(args) => release::trust(&args),
        Command::Sign(what) => release::sign(&what),
        Command::Bundle(args) => release::bundle(&args).await,
        Command::Package(args) => package::run(&args),
        Command::Flash(args) => flash::run(&args, &disks::Kernel::default()),
        Command::Installer(args) => installer::run(&args),
        Command::Firmware(args) => release::firmware(&args),
    }
}

/// 2 when whoever asks can mend it, 1 otherwise.
fn status(error: &Error) -> ExitCode {
    match error.blame() {
        Blame::Operator => ExitCode::from(2),
        Blame::Machine | Blame::Us => ExitCode::FAILURE,
    }
}
