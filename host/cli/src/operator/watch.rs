//! Watching hosts: health, events and mode of one on this machine or far away, and access tokens.
//!
//! A far host is reached over TLS 1.3 with its certificate pinned by fingerprint: no authority is
//! asked, no name is believed.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use futures::StreamExt;
use host_api::{Event, ExitSaid, Health, Mode, ModeOrder, ModeSaid, Scope, Standing};
use host_daemon::clock::SystemEntropy;
use host_daemon::{api, tokens, vitals};

use super::Local;
use crate::print;

pub(super) mod pin;

/// Which host is watched.
#[derive(Debug, Args)]
pub(crate) struct Target {
    /// The data directory of a host on this machine
    #[arg(long, required_unless_present = "remote", conflicts_with = "remote")]
    dir: Option<PathBuf>,
    /// Address of the remote API of a host elsewhere
    #[arg(long, requires = "pin", requires = "token_file")]
    remote: Option<SocketAddr>,
    /// SHA-256 fingerprint of its certificate, hex
    #[arg(long)]
    pin: Option<pin::Fingerprint>,
    /// A file with an access token
    #[arg(long)]
    token_file: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

impl Target {
    fn open(&self) -> anyhow::Result<Local> {
        let (Some(remote), Some(pin), Some(file)) = (self.remote, &self.pin, &self.token_file)
        else {
            let dir = self
                .dir
                .as_deref()
                .context("say which host: --dir or --remote")?;
            return Local::at(dir, None);
        };
        let token = std::fs::read_to_string(file)
            .with_context(|| format!("reading the token {}", file.display()))?;
        Ok(Local {
            base: format!("https://{remote}"),
            token: token.trim().to_owned(),
            client: pin::client(pin, None)?,
        })
    }
}

/// How a host is doing.
#[derive(Debug, Args)]
pub(crate) struct HealthArgs {
    #[command(flatten)]
    target: Target,
    /// Only print the fingerprint of this host's certificate, for clients to pin
    #[arg(long, requires = "dir")]
    fingerprint: bool,
}

/// Prints how a host is doing; false when it fails.
pub(crate) async fn health(args: HealthArgs) -> anyhow::Result<bool> {
    if let (true, Some(dir)) = (args.fingerprint, &args.target.dir) {
        print::line(&api::tls::open(dir, &[], None)?.fingerprint)?;
        return Ok(true);
    }
    let host = args.target.open()?;
    let text = host.ask(host.client.get(host.url("/health"))).await?;
    let health: Health = serde_json::from_str(&text)?;
    print::either(args.target.json, &health, health_words)?;
    Ok(health.status < Standing::Fail)
}

fn health_words(health: &Health) -> String {
    let mut lines = vec![format!(
        "{} ({} {})",
        health.status.label(),
        health.release_id,
        health.service_id
    )];
    lines.extend(health.notes.iter().map(|note| format!("  note  {note}")));
    for (key, checks) in &health.checks {
        for check in checks {
            let unit = check.observed_unit.as_deref().unwrap_or_default();
            let which = check.component_id.as_deref().unwrap_or_default();
            let why = check.output.as_deref().unwrap_or_default();
            let value = &check.observed_value;
            let line = format!(
                "  {}  {key} {which} {value} {unit} {why}",
                check.status.label()
            );
            lines.push(line.trim_end().to_owned());
        }
    }
    lines.join("\n")
}

/// What happened on a host.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    #[command(flatten)]
    target: Target,
    /// Only what came after this number
    #[arg(long, default_value_t = 0)]
    after: u64,
    /// Go on with what happens
    #[arg(long)]
    follow: bool,
}

/// Prints events, one a line.
pub(crate) async fn events(args: EventsArgs) -> anyhow::Result<()> {
    let host = args.target.open()?;
    let (after, past) = (args.after, !args.follow);
    let url = host.url(&format!("/api/v1/events?after={after}&past={past}"));
    let answer = host.send_raw(host.client.get(url)).await?;
    let mut stream = answer.bytes_stream();
    let mut held = Vec::new();
    while let Some(bytes) = stream.next().await {
        held.extend_from_slice(&bytes?);
        while let Some(end) = held.iter().position(|byte| *byte == b'\n') {
            let line: Vec<u8> = held.drain(..=end).collect();
            if let Some(text) = line.strip_prefix(b"data: ") {
                tell(&serde_json::from_slice(text)?, args.target.json)?;
            }
        }
    }
    Ok(())
}

fn tell(event: &Event, json: bool) -> anyhow::Result<()> {
    print::either(json, event, |e| {
        format!(
            "{} {} {:?} {}: {}",
            e.sequence, e.time, e.severity, e.component, e.message
        )
    })
}

/// In which mode a host works.
#[derive(Debug, Args)]
pub(crate) struct ModeArgs {
    #[command(flatten)]
    target: Target,
    /// The mode to put it into; without one the mode is shown
    mode: Option<ModeWord>,
    /// Why, for whoever looks later
    #[arg(long, default_value = "")]
    reason: String,
    /// Serve again by itself after so many minutes
    #[arg(long)]
    minutes: Option<u64>,
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ModeWord {
    Serving,
    Draining,
    Maintenance,
    Leaving,
}

impl From<ModeWord> for Mode {
    fn from(word: ModeWord) -> Self {
        match word {
            ModeWord::Serving => Self::Serving,
            ModeWord::Draining => Self::Draining,
            ModeWord::Maintenance => Self::Maintenance,
            ModeWord::Leaving => Self::Leaving,
        }
    }
}

/// Shows or sets the mode.
pub(crate) async fn mode(args: ModeArgs) -> anyhow::Result<()> {
    let host = args.target.open()?;
    let url = host.url("/api/v1/mode");
    let request = match args.mode {
        None => host.client.get(url),
        Some(word) => host.client.put(url).json(&ModeOrder {
            mode: word.into(),
            reason: args.reason,
            seconds: args.minutes.map(|minutes| minutes.saturating_mul(60)),
        }),
    };
    let said: ModeSaid = serde_json::from_str(&host.ask(request).await?)?;
    print::either(args.target.json, &said, |said| {
        let (mode, up, down) = (said.mode.label(), said.uploads, said.downloads);
        format!("{mode} {}\nuploads {up}, downloads {down}", said.reason)
    })
}

/// Leaves a network for good.
#[derive(Debug, Args)]
pub(crate) struct ExitArgs {
    #[command(flatten)]
    target: Target,
    /// Begin; without it nothing changes and what would happen is shown
    #[arg(long)]
    yes: bool,
    /// Why, for whoever looks later
    #[arg(long, default_value = "")]
    reason: String,
}

/// Shows how far a host is on its way out, and begins it; false while something is left.
pub(crate) async fn exit(args: ExitArgs) -> anyhow::Result<bool> {
    let host = args.target.open()?;
    if args.yes {
        let order = ModeOrder {
            mode: Mode::Leaving,
            reason: args.reason,
            seconds: None,
        };
        let request = host.client.put(host.url("/api/v1/mode")).json(&order);
        host.ask(request).await?;
    }
    let answer = host.ask(host.client.get(host.url("/api/v1/exit"))).await?;
    let said: ExitSaid = serde_json::from_str(&answer)?;
    print::either(args.target.json, &said, |said| {
        let state = match (said.leaving, said.done) {
            (false, _) => "stays (this was a dry run)",
            (true, false) => "leaves",
            (true, true) => "may go",
        };
        format!(
            "{state}\nagreements {}, shards {}, {} bytes, last epoch {}\nstake {}, unbonding {} \
             until block {}, not cashed {}\nnext: {}",
            said.agreements,
            said.shards,
            said.bytes,
            said.last_epoch,
            said.stake,
            said.unbonding,
            said.ready_at,
            said.uncashed,
            said.next
        )
    })?;
    Ok(args.yes || !said.leaving || said.done)
}

/// Access tokens of a host on this machine, running or not.
#[derive(Debug, Args)]
pub(crate) struct TokenArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: TokenCommand,
}

#[derive(Debug, Subcommand)]
enum TokenCommand {
    /// Make one; it is shown once
    Create {
        /// Who or what will use it
        name: String,
        /// What it allows
        #[arg(long, value_enum, default_value = "read")]
        scope: ScopeWord,
        /// How long it is good for
        #[arg(long, default_value_t = 365)]
        days: u64,
    },
    /// All of them, without their secrets
    List,
    /// End one at once
    Revoke {
        /// Its id
        id: String,
    },
}

#[derive(Debug, Clone, Copy, ValueEnum)]
enum ScopeWord {
    Read,
    Operate,
    Configure,
}

impl From<ScopeWord> for Scope {
    fn from(word: ScopeWord) -> Self {
        match word {
            ScopeWord::Read => Self::Read,
            ScopeWord::Operate => Self::Operate,
            ScopeWord::Configure => Self::Configure,
        }
    }
}

const DAY: Duration = Duration::from_secs(86_400);

/// Makes, lists and revokes access tokens.
pub(crate) fn token(args: &TokenArgs) -> anyhow::Result<()> {
    let dir: &Path = &args.dir;
    if !dir.join(host_daemon::init::CONFIG_FILE).exists() {
        bail!("no host in {}; run `holdfast init`", dir.display());
    }
    let now = vitals::seconds(SystemTime::now());
    match &args.what {
        TokenCommand::Create { name, scope, days } => {
            let end = now.saturating_add(days.saturating_mul(DAY.as_secs()));
            let scope = (*scope).into();
            let made = tokens::create(dir, &SystemEntropy, name, scope, now, Some(end))?;
            let said = serde_json::json!({ "token": made.reveal(), "expires": end });
            print::either(args.json, &said, |_| made.reveal().to_owned())
        }
        TokenCommand::Revoke { id } => {
            let row = tokens::revoke(dir, id)?;
            print::either(args.json, &row, |row| {
                format!("{} of {} is over", row.id, row.name)
            })
        }
        TokenCommand::List => {
            let table = tokens::table(dir)?;
            print::either(args.json, &table, |table| {
                let words = |row: &host_api::TokenRow| {
                    let end = row.expires.map_or("never".into(), vitals::date);
                    format!("{} {} {} until {end}", row.id, row.scope.label(), row.name)
                };
                table
                    .tokens
                    .iter()
                    .map(words)
                    .collect::<Vec<_>>()
                    .join("\n")
            })
        }
    }
}
