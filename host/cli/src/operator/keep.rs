//! What is kept of a host: its log.

use std::path::PathBuf;
use std::time::{Duration, SystemTime};

use clap::Args;
use host_daemon::config::Config;
use host_daemon::logs::{self as reading, Form, Level, Options};

use super::config_of;

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
    let since = args.since.as_deref().map(|text| reading::parse_since(text, now)).transpose()?;
    let logs = Config::resolve(&args.dir, &config_of(&args.dir)?.log.dir);
    let mut reader = reading::read(&logs, Options { since, level: args.level })?;
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
