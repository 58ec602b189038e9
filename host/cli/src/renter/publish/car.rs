//! `holdfast car`: a folder as a CAR file for those who speak IPFS, and back.

use std::path::PathBuf;

use anyhow::bail;
use clap::{Args, Subcommand};
use host_release::{car_pack, car_unpack};
use serde::Serialize;

use crate::print;

/// Bytes that come out of an archive for each of its own, unless more is allowed.
const GROWTH: u64 = 16;
/// What small archives may hold in any case.
const LEAST: u64 = 64 << 20;

/// CAR files.
#[derive(Debug, Args)]
pub(crate) struct CarArgs {
    #[command(subcommand)]
    what: CarCommand,
}

#[derive(Debug, Subcommand)]
enum CarCommand {
    /// Pack a folder into a CAR file, and print the root that it has in IPFS
    Pack {
        /// The folder
        dir: PathBuf,
        /// The file; must not be there
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write the files of a CAR file, each block checked, into an empty folder
    Unpack {
        /// The CAR file
        file: PathBuf,
        /// The folder
        into: PathBuf,
        /// Most bytes that may come out; 16 times the file's own without it, at least 64 MiB
        #[arg(long, value_name = "BYTES")]
        max_bytes: Option<u64>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Serialize)]
struct Packed {
    root: String,
    bytes: u64,
}

/// Runs it.
pub(crate) fn run(args: CarArgs) -> anyhow::Result<()> {
    match args.what {
        CarCommand::Pack { dir, out, json } => {
            if out.try_exists()? {
                bail!("{} is there already", out.display());
            }
            let root = car_pack(&dir, &out)?;
            let bytes = std::fs::metadata(&out)?.len();
            print::either(json, &Packed { root, bytes }, |said| said.root.clone())
        }
        CarCommand::Unpack {
            file,
            into,
            max_bytes,
            json,
        } => {
            let len = std::fs::metadata(&file).map_or(0, |facts| facts.len());
            let most = max_bytes.unwrap_or(len.saturating_mul(GROWTH).max(LEAST));
            let said = car_unpack(&file, &into, most)?;
            print::either(json, &said, |said| {
                let (root, files, bytes) = (&said.root, said.files, said.bytes);
                format!("{root}: {files} files, {bytes} bytes")
            })
        }
    }
}
