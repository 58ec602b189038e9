//! `holdfast share`: an object handed to somebody else as one line, which `holdfast get` reads in
//! any home of the network. The line holds the key: who has it has the object.

use std::fs::OpenOptions;
use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::Args;
use host_core::ObjectId;
use serde::Serialize;
use serde_json::json;

use super::home::Home;
use super::log;
use crate::print;

/// Hands an object on.
#[derive(Debug, Args)]
pub(crate) struct ShareArgs {
    /// The object
    id: ObjectId,
    /// Write the line into this new file, whole, instead of printing one; `-` for standard output.
    /// Nothing is stored then
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    /// A line too long to hand on is stored for so many days; as long as the object without it
    #[arg(long, conflicts_with = "output")]
    days: Option<u64>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct ShareSaid {
    id: ObjectId,
    /// Who has it has the object; none where it went into a file.
    line: Option<String>,
    /// The object that was stored for it.
    capsule: Option<ObjectId>,
}

/// Writes the line into a new file that nobody else may read.
fn write(path: &Path, line: &str) -> anyhow::Result<()> {
    let mut options = OpenOptions::new();
    let file = options.create_new(true).write(true).mode(0o600).open(path);
    let mut file = file.with_context(|| format!("making {}", path.display()))?;
    writeln!(file, "{line}").with_context(|| format!("writing {}", path.display()))
}

/// Runs it. Both halves are in the log of actions, the line is not.
pub(crate) async fn run(args: ShareArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    let noted = log::asked(&home, "share", &args.id.to_string(), json!(null))?;
    let direct = args.output.is_some();
    let shared = renter.share(args.id, direct, args.days).await;
    net.stop().await;
    let capsule = |share: &host_renter::Share| json!({ "capsule": share.capsule });
    let shared = noted.ended(shared.map_err(anyhow::Error::from), capsule)?;
    let file = args.output.as_deref();
    if let Some(path) = file.filter(|path| path.as_os_str() != "-") {
        write(path, &shared.line)?;
    }
    let said = ShareSaid {
        id: args.id,
        line: file
            .is_none_or(|path| path.as_os_str() == "-")
            .then_some(shared.line),
        capsule: shared.capsule,
    };
    print::either(args.json, &said, |said| {
        said.line.clone().unwrap_or_default()
    })
}
