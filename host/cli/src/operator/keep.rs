//! What is kept of a host: its log, its backup.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use clap::Args;
use host_daemon::api::BackupOrder;
use host_daemon::config::Config;
use host_daemon::keep::{self as keeping, Brought, Kept};
use host_daemon::logs::{self as reading, Form, Level, Options};

use super::{HostArgs, Local, config_of};
use crate::print;

/// Between two looks at a log that is followed.
const FOLLOW_EVERY: Duration = Duration::from_millis(300);

/// A host's log.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// Go on as lines are written
    #[arg(long)]
    follow: bool,
    /// Only what is newer: a span (`10m`) or a time (`2026-01-31T12:00:00Z`)
    #[arg(long)]
    since: Option<String>,
    /// Only this level and above
    #[arg(long)]
    level: Option<Level>,
    /// The lines as they were written
    #[arg(long)]
    json: bool,
}

/// Prints the log in time order.
pub(crate) fn logs(args: LogsArgs) -> anyhow::Result<()> {
    let now = SystemTime::now();
    let since = args
        .since
        .as_deref()
        .map(|text| reading::parse_since(text, now))
        .transpose()?;
    let logs = Config::resolve(&args.dir, &config_of(&args.dir)?.log.dir);
    let mut reader = reading::read(
        &logs,
        Options {
            since,
            level: args.level,
        },
    )?;
    let form = if args.json { Form::Json } else { Form::Human };
    let wait = || {
        std::thread::sleep(FOLLOW_EVERY);
        args.follow
    };
    let wait = || args.follow && wait();
    let summary = reading::print(&mut reader, form, &mut std::io::stdout().lock(), wait)?;
    if summary.skipped > 0 {
        eprintln!("{} lines could not be read", summary.skipped);
    }
    Ok(())
}

/// A backup to take.
#[derive(Debug, Args)]
pub(crate) struct BackupArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// The file to write; an older backup of this name is replaced
    #[arg(long)]
    out: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// A backup to bring back.
#[derive(Debug, Args)]
pub(crate) struct RestoreArgs {
    /// The backup
    #[arg(long)]
    file: PathBuf,
    /// The data directory to make; new or empty
    #[arg(long)]
    dir: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Takes a backup: by the daemon when it runs, otherwise of the directory at rest.
pub(crate) async fn backup(args: BackupArgs) -> anyhow::Result<()> {
    let out = std::path::absolute(&args.out)
        .with_context(|| format!("finding {}", args.out.display()))?;
    let kept: Kept = match keeping::take_at_rest(&args.dir, &out)? {
        Some(kept) => kept,
        None => {
            let local = Local::of(&HostArgs {
                dir: args.dir,
                api: None,
                json: false,
            })?;
            let request = local.client.post(local.url("/api/v1/backup"));
            serde_json::from_str(&local.ask(request.json(&BackupOrder { out })).await?)?
        }
    };
    if kept.plain_key {
        eprintln!("warning: the key in this backup is plain; who reads the file has the identity");
    }
    print::either(args.json, &kept, |kept| {
        format!(
            "{} ({} bytes, sha256 {})",
            kept.file.display(),
            kept.size,
            kept.digest
        )
    })
}

/// Makes a data directory from a backup and says what else it needs.
pub(crate) fn restore(args: RestoreArgs) -> anyhow::Result<()> {
    let brought = keeping::bring(&args.file, &args.dir)?;
    print::either(args.json, &brought, words)
}

fn words(brought: &Brought) -> String {
    let mut lines = vec![format!(
        "{} is copy {} of generation {}",
        brought.dir.display(),
        brought.instance,
        brought.generation
    )];
    let move_in = |path: &PathBuf| format!("move in   {}", path.display());
    lines.extend(brought.missing.iter().map(move_in));
    for outside in &brought.outside {
        let found = if outside.found {
            ""
        } else {
            " (nothing is there)"
        };
        lines.push(format!(
            "outside   {} = {}{found}",
            outside.key,
            outside.path.display()
        ));
        if let Some(saved) = &outside.saved {
            lines.push(format!("          restored as {}", saved.display()));
        }
    }
    lines.push("stop the other copy for good before this one is started".into());
    lines.join("\n")
}
