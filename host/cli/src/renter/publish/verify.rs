//! `holdfast verify`: a copy of a release, from anywhere, against its signed manifest. Needs no
//! home and no network.

use std::path::PathBuf;

use clap::Args;
use host_release::{self as release, Manifest};
use serde::Serialize;

use super::signed;
use crate::print;

/// Checks a copy of a release.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The manifest; its signature is beside it, `.sig` appended
    manifest: PathBuf,
    /// The publisher's key: a line `ssh-ed25519 ...`, or a list of allowed signers
    #[arg(long, value_name = "FILE")]
    key: PathBuf,
    /// The copy; without it only the manifest is checked
    #[arg(long, value_name = "FOLDER")]
    dir: Option<PathBuf>,
    /// Print the list that `sha256sum -c` takes
    #[arg(long, conflicts_with = "json")]
    sha256sums: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct VerifySaid {
    name: String,
    version: String,
    files: usize,
    bytes: u64,
    signature: &'static str,
    faults: Vec<release::Fault>,
}

/// Runs it. False when the copy is not the release.
pub(crate) fn run(args: VerifyArgs) -> anyhow::Result<bool> {
    let text = signed(&args.manifest, &args.key, release::RELEASE)?;
    let manifest = Manifest::parse(&text)?;
    if args.sha256sums {
        print::line(manifest.sha256sums().trim_end())?;
        return Ok(true);
    }
    let faults = match &args.dir {
        Some(dir) => release::check(&manifest, dir)?,
        None => Vec::new(),
    };
    let said = VerifySaid {
        files: manifest.files.len(),
        bytes: manifest.bytes,
        name: manifest.name,
        version: manifest.version,
        signature: "holds",
        faults,
    };
    print::either(args.json, &said, |said| {
        let mut lines = vec![format!(
            "{} {}: the signature holds; {} files, {} bytes",
            said.name, said.version, said.files, said.bytes
        )];
        let faults = said.faults.iter();
        lines.extend(faults.map(|fault| format!("{} {}", fault.path, fault.why)));
        lines.join("\n")
    })?;
    Ok(said.faults.is_empty())
}
