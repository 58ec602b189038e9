//! `holdfast diagnose`: one file for whoever helps, without secrets. A running host makes it; where
//! none answers, it is made of what stands in the data directory.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::PathBuf;

use anyhow::Context;
use clap::Args;
use host_daemon::diagnose as making;

use super::{Local, config_of};
use crate::print;

/// What is gathered, and where it goes.
#[derive(Debug, Args)]
pub(crate) struct DiagnoseArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// The file to write; it must not exist
    #[arg(long, default_value = "holdfast-diagnose.tar")]
    out: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Writes the bundle, readable by its owner only.
pub(crate) async fn diagnose(args: DiagnoseArgs) -> anyhow::Result<()> {
    let (tar, running) = match from_host(&args).await {
        Ok(tar) => (tar, true),
        Err(why) => (from_files(&args, &format!("{why:#}")), false),
    };
    let shown = || format!("writing {}", args.out.display());
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&args.out)
        .with_context(shown)?;
    file.write_all(&tar).with_context(shown)?;
    file.sync_all().with_context(shown)?;
    let said = serde_json::json!({ "file": args.out, "bytes": tar.len(), "running": running });
    print::either(args.json, &said, |_| {
        let from = if running {
            "the running host"
        } else {
            "its files (no host answers)"
        };
        format!(
            "{}: {} bytes, from {from}; look through it before you send it",
            args.out.display(),
            tar.len()
        )
    })
}

async fn from_host(args: &DiagnoseArgs) -> anyhow::Result<Vec<u8>> {
    let local = Local::at(&args.dir, None)?;
    let request = local.client.post(local.url("/api/v1/diagnose"));
    let answer = local.send_raw(request).await?.error_for_status()?;
    Ok(answer.bytes().await?.to_vec())
}

fn from_files(args: &DiagnoseArgs, why: &str) -> Vec<u8> {
    let config = config_of(&args.dir).unwrap_or_default();
    let mut members = making::files(&args.dir, &config);
    members.push((
        "host.txt".to_owned(),
        format!("no answer: {why}\n").into_bytes(),
    ));
    making::bundle(&making::Redactor::of(&args.dir, &config), &members)
}
