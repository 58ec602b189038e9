//! `holdfast verify`: the hosts of an object, each challenged; or with a key a copy of a release,
//! from anywhere, against its signed manifest, which needs no home and no network.

use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use host_release::{self as release, Manifest};
use serde::Serialize;
use serde_json::json;

use super::{sha256, signed};
use crate::print;
use crate::renter::guard;
use crate::renter::home::Home;
use crate::renter::log;

/// Checks what hosts keep, or a copy of a release.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// An object, whose hosts are all challenged; or with `--key` a manifest, whose signature is
    /// beside it, `.sig` appended
    #[arg(value_name = "OBJECT|MANIFEST")]
    what: String,
    /// The publisher's key: a line `ssh-ed25519 ...`, or a list of allowed signers
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// The copy; without it only the manifest is checked
    #[arg(long, value_name = "FOLDER", requires = "key")]
    dir: Option<PathBuf>,
    /// Write the result into the log of this machine's renter, for its events
    #[arg(long, requires = "key")]
    note: bool,
    /// Print the list that `sha256sum -c` takes
    #[arg(long, conflicts_with = "json", requires = "key")]
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

/// Runs it. False when a host does not show its shard, or the copy is not the release.
pub(crate) async fn run(args: VerifyArgs) -> anyhow::Result<bool> {
    match &args.key {
        Some(key) => check(&args, key),
        None => {
            let id = args.what.parse();
            let id = id.with_context(|| {
                let what = &args.what;
                format!("`{what}` is no object; a manifest is checked with `--key FILE`")
            })?;
            guard::verify(id, args.json).await
        }
    }
}

fn check(args: &VerifyArgs, key: &Path) -> anyhow::Result<bool> {
    let text = signed(Path::new(&args.what), key, release::RELEASE)?;
    let manifest = Manifest::parse(&text)?;
    if args.sha256sums {
        print::line(manifest.sha256sums().trim_end())?;
        return Ok(true);
    }
    let held = || match &args.dir {
        Some(dir) => Ok(release::check(&manifest, dir)?),
        None => Ok(Vec::new()),
    };
    let faults = match args.note {
        false => held()?,
        true => {
            let subject = format!("{} {}", manifest.name, manifest.version);
            let detail = json!({ "manifest": sha256(text.as_bytes()) });
            let noted = log::asked(&Home::open()?, "verify", &subject, detail)?;
            noted.ended(
                held(),
                |faults| json!({ "ok": faults.is_empty(), "faults": faults.len() }),
            )?
        }
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
