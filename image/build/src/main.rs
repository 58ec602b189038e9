//! `holdfast-image`: makes the image of a machine, out of a clone of this repository and Debian's
//! packages, without privilege, loop devices or a chroot.
//!
//! Enters: a machine's name, the programs built before, lists in image/rootfs. Leaves: files in the
//! output folder, among them a disk, a bundle of what an update needs, and a manifest of every
//! input with its digest. Equal inputs give equal bytes. Signing is no part of building.

mod build;
mod bundle;
mod cpio;
mod disk;
mod error;
mod fat;
mod gpt;
mod kernel;
mod keys;
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
    /// Sign what was built into the bundle of an update
    Bundle(BundleArgs),
    /// Make a marked set of test keys, with the root of trust that names them
    TestKeys {
        /// The set's folder
        #[arg(long)]
        out: PathBuf,
    },
}

/// What is signed.
#[derive(Debug, clap::Args)]
pub(crate) struct BundleArgs {
    /// The folder of a build
    #[arg(long)]
    built: PathBuf,
    /// The machine it was built for
    #[arg(long)]
    machine: String,
    /// Version of the image
    #[arg(long, default_value = env!("CARGO_PKG_VERSION"))]
    version: image_bundle::Version,
    /// The least version a box may go back to once this one was kept
    #[arg(long, default_value = "0.0.0")]
    min_version: image_bundle::Version,
    /// Folder of the keys that sign
    #[arg(long)]
    keys: PathBuf,
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
    /// The root of trust of its updates; default is a marked test set in target/image/test-keys
    #[arg(long)]
    trust: Option<PathBuf>,
    /// A folder whose files are laid over the root, as a site's own settings
    #[arg(long)]
    overlay: Option<PathBuf>,
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
        Command::Build(args) => build::run(&args).await,
        Command::Bundle(args) => {
            let plan = bundle::Plan {
                built: args.built,
                machine: args.machine,
                version: args.version,
                min_version: args.min_version,
                keys: args.keys,
            };
            let path = bundle::make(&plan).await?;
            Ok(path.display().to_string())
        }
        Command::TestKeys { out } => {
            let path = keys::test_set(&out).await?;
            Ok(path.display().to_string())
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
