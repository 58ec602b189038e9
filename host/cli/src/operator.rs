//! The operator's commands: make a host, look at it, configure it, cash its cheques.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host_core::network::Network;
use host_daemon::api::{ADDRESS_FILE, CashBegun, Status, TOKEN_FILE};
use host_daemon::config::layers::{self, Layered};
use host_daemon::config::units::Size;
use host_daemon::config::{Config, VolumeConfig};
use host_daemon::{init as making, inspect as inspecting};
use host_keystore::Phrase;
use host_net::SwarmKey;
use serde::Serialize;

use crate::print;

mod airdrop;
mod chain;
mod cheque;
mod claim;
mod diagnose;
mod doctor;
mod escrow;
mod fleet;
mod keep;
mod key;
mod onchain;
mod outside;
mod price;
mod score;
mod stake;
mod stats;
mod volume;
mod watch;
mod why;

pub(crate) use airdrop::{AirdropArgs, airdrop};
pub(crate) use chain::{ChainArgs, chain, id};
pub(crate) use cheque::{ChequeArgs, cheque};
pub(crate) use claim::{ClaimArgs, claim};
pub(crate) use diagnose::{DiagnoseArgs, diagnose};
pub(crate) use doctor::{DoctorArgs, doctor};
pub(crate) use escrow::{EscrowArgs, escrow};
pub(crate) use fleet::{FleetArgs, fleet};
pub(crate) use keep::{BackupArgs, LogsArgs, RestoreArgs, backup, logs, restore};
pub(crate) use key::{KeyArgs, key};
pub(crate) use price::{PriceArgs, price};
pub(crate) use score::{ScoreArgs, score};
pub(crate) use stake::{StakeArgs, stake};
pub(crate) use stats::{ReportArgs, StatsArgs, report, stats};
pub(crate) use volume::{VolumeArgs, volume as volumes};
pub(crate) use watch::{
    EventsArgs, ExitArgs, HealthArgs, ModeArgs, TokenArgs, events, exit, health, mode, token,
};
pub(crate) use why::{WhyArgs, why};

/// Makes a host.
#[derive(Debug, Args)]
pub(crate) struct InitArgs {
    /// The data directory; new or empty
    #[arg(long)]
    dir: PathBuf,
    /// The network file
    #[arg(long)]
    network: PathBuf,
    /// A volume as PATH=SIZE (for example `volume-0=500 GiB`); may be given again
    #[arg(long = "volume", value_name = "PATH=SIZE")]
    volumes: Vec<String>,
    /// Sets a configuration value; may be given again
    #[arg(long = "set", value_name = "KEY=VALUE")]
    set: Vec<String>,
    /// Clear block devices that hold something else: what they held is lost
    #[arg(long)]
    erase: bool,
    /// Leave a host alone that is in the directory already, and call that well done
    #[arg(long)]
    keep: bool,
    /// A file with the passphrase the key is sealed with; without it the key file is plain
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// Bring an identity back: a file with its recovery phrase, or `-` for standard input
    #[arg(long, value_name = "FILE")]
    recover: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Where a host at rest is.
#[derive(Debug, Args)]
pub(crate) struct InspectArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Which running host is spoken to.
#[derive(Debug, Args)]
pub(crate) struct HostArgs {
    /// The data directory (its token permits changes)
    #[arg(long)]
    dir: PathBuf,
    /// Address of the local API, when it is not the configured one
    #[arg(long)]
    api: Option<SocketAddr>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// The configuration of a host.
#[derive(Debug, Args)]
pub(crate) struct ConfigArgs {
    /// The data directory
    #[arg(long)]
    dir: PathBuf,
    /// Answer as JSON
    #[arg(long, global = true)]
    json: bool,
    #[command(subcommand)]
    what: ConfigCommand,
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Every key, its value and where it comes from
    Show,
    /// One key
    Get {
        /// Dotted key
        key: String,
    },
    /// Changes one key; the whole configuration is checked before the file is replaced
    Set {
        /// Dotted key
        key: String,
        /// Its new value
        value: String,
    },
    /// Keys that differ from the defaults
    Diff,
    /// Checks a file without using it
    Validate {
        /// The file
        file: PathBuf,
    },
}

#[derive(Debug, Serialize)]
struct InitSaid {
    peer: host_core::PeerId,
    address: host_core::Address,
    dir: PathBuf,
    /// Shown once; absent when the phrase was given.
    phrase: Option<String>,
}

/// Reads words from a file or standard input, without the last line break.
pub(crate) fn read_words(path: &Path) -> anyhow::Result<String> {
    let text = if path == Path::new("-") {
        std::io::read_to_string(std::io::stdin()).context("reading standard input")?
    } else {
        std::fs::read_to_string(path).with_context(|| format!("reading {}", path.display()))?
    };
    Ok(text.trim_end_matches('\n').to_owned())
}

/// Makes a host and shows its phrase once.
pub(crate) async fn init(args: InitArgs) -> anyhow::Result<()> {
    if args.keep && args.dir.join(making::CONFIG_FILE).exists() {
        return Ok(());
    }
    let text = std::fs::read_to_string(&args.network)
        .with_context(|| format!("reading the network file {}", args.network.display()))?;
    let network: Network =
        toml::from_str(&text).with_context(|| args.network.display().to_string())?;
    // Said before anything is made: a host without the key would be understood by nobody.
    SwarmKey::beside(&args.network, &network)?;
    let mut config = Layered::read(&args.dir.join(making::CONFIG_FILE), &args.set)?.config;
    if !args.volumes.is_empty() {
        config.storage.volumes = args
            .volumes
            .iter()
            .map(|v| volume(v))
            .collect::<Result<_, _>>()?;
    }
    if let Some(file) = &args.passphrase_file {
        let full = file
            .canonicalize()
            .with_context(|| format!("finding {}", file.display()))?;
        config.identity.passphrase_file = full;
    }
    if args.erase && !args.dir.join(making::CONFIG_FILE).exists() {
        host_daemon::volumes::erase(&args.dir, &config.storage.volumes)?;
    }
    let passphrase = args
        .passphrase_file
        .as_deref()
        .map(read_words)
        .transpose()?;
    let words = args.recover.as_deref().map(read_words).transpose()?;
    let phrase = words.map(|words| Phrase::parse(&words)).transpose()?;
    let given = phrase.is_some();
    if !args.dir.join(making::CONFIG_FILE).exists() {
        std::fs::create_dir_all(&args.dir)
            .with_context(|| format!("making {}", args.dir.display()))?;
        let to = Config::resolve(&args.dir, &config.network);
        SwarmKey::carry(&args.network, &network, &to)?;
    }
    let made = making::make(making::Plan {
        dir: args.dir.clone(),
        config,
        network,
        phrase,
        passphrase: passphrase.map(String::into_bytes),
    })
    .await?;
    let words = (!given).then(|| made.phrase.expose().to_string());
    let said = InitSaid {
        peer: made.peer,
        address: made.address,
        dir: args.dir,
        phrase: words,
    };
    print::either(args.json, &said, |said| {
        let phrase = said.phrase.as_ref().map_or(String::new(), |words| {
            format!("\nrecovery phrase, shown only now; write it down:\n\n  {words}\n")
        });
        let dir = said.dir.display();
        format!(
            "peer    {}\naccount {}\n{phrase}\nstart it with: holdfastd --dir {dir}",
            said.peer, said.address
        )
    })
}

fn volume(text: &str) -> anyhow::Result<VolumeConfig> {
    let (path, size) = text
        .rsplit_once('=')
        .with_context(|| format!("`{text}` is not PATH=SIZE"))?;
    let size: Size = size.parse().map_err(anyhow::Error::msg)?;
    Ok(VolumeConfig {
        path: path.into(),
        size,
    })
}

/// Counts and verifies what a host at rest holds.
pub(crate) async fn inspect(args: InspectArgs) -> anyhow::Result<()> {
    let holdings = inspecting::inspect(&args.dir).await?;
    print::either(args.json, &holdings, |held| {
        format!(
            "{} shards ({} bytes) verify, {} damaged; {} agreements; cheques of {} vaults over {}",
            held.shards, held.bytes, held.damaged, held.agreements, held.cheques, held.promised
        )
    })
}

/// A client of a host's local API.
struct Local {
    base: String,
    token: String,
    client: reqwest::Client,
}

impl Local {
    fn of(args: &HostArgs) -> anyhow::Result<Self> {
        Self::at(&args.dir, args.api)
    }

    fn at(dir: &Path, api: Option<SocketAddr>) -> anyhow::Result<Self> {
        let bound = std::fs::read_to_string(dir.join(ADDRESS_FILE)).ok();
        let api = match api.or_else(|| bound?.trim().parse().ok()) {
            Some(api) => api,
            None => config_of(dir)?.api.listen,
        };
        let path = dir.join(TOKEN_FILE);
        let token = std::fs::read_to_string(&path)
            .with_context(|| format!("reading {}; has the host ever run?", path.display()))?;
        let client = reqwest::Client::builder().no_proxy().build()?;
        Ok(Self {
            base: format!("http://{api}"),
            token,
            client,
        })
    }

    fn url(&self, path: &str) -> String {
        format!("{}{path}", self.base)
    }

    /// Sends a request and returns its answer, also one that says no.
    async fn send_raw(
        &self,
        request: reqwest::RequestBuilder,
    ) -> anyhow::Result<reqwest::Response> {
        let answer = request.bearer_auth(&self.token).send().await;
        answer.with_context(|| format!("no host answers at {}; is it running?", self.base))
    }

    /// The text of an answer. Errors with the host's own reason when it says no; a failing health
    /// is an answer.
    async fn ask(&self, request: reqwest::RequestBuilder) -> anyhow::Result<String> {
        let answer = self.send_raw(request).await?;
        let status = answer.status();
        let text = answer.text().await?;
        if let Ok(problem) = serde_json::from_str::<host_api::Problem>(&text) {
            bail!("{} ({}): {}", problem.title, problem.code, problem.detail);
        }
        if !status.is_success() && status != reqwest::StatusCode::SERVICE_UNAVAILABLE {
            bail!("the host answered {status}: {text}");
        }
        Ok(text)
    }
}

/// The newest block that a running host knows.
#[cfg(feature = "renter")]
pub(crate) async fn block_of(dir: &Path) -> anyhow::Result<u64> {
    let local = Local::at(dir, None)?;
    let asked = local.client.get(local.url("/api/v1/status"));
    let status: Status = serde_json::from_str(&local.ask(asked).await?)?;
    Ok(status.block)
}

/// How a running host is doing.
pub(crate) async fn status(args: HostArgs) -> anyhow::Result<()> {
    let local = Local::of(&args)?;
    let text = local
        .ask(local.client.get(local.url("/api/v1/status")))
        .await?;
    let status: Status = serde_json::from_str(&text)?;
    print::either(args.json, &status, |s| {
        format!(
            "peer {}\naccount {}\nversion {}\nblock {} epoch {}\n\
             {} shards, {} bytes used, {} free\n\
             {} agreements, cheques of {} vaults over {}, {} cashed, {} under way\n\
             chain: {}{}{}",
            s.peer,
            s.address,
            s.version,
            s.block,
            s.epoch,
            s.shards,
            s.used,
            s.free,
            s.agreements,
            s.cheques,
            s.received,
            s.cashed,
            s.cashing,
            s.chain,
            s.waiting
                .iter()
                .map(|one| format!("\n  {}", chain::waits(one)))
                .collect::<String>(),
            s.proofs
                .as_ref()
                .map(|proofs| format!("\nproofs: {}", proofs.line()))
                .unwrap_or_default()
        )
    })
}

/// Tells a running host to cash every cheque.
pub(crate) async fn cash(args: HostArgs) -> anyhow::Result<()> {
    let local = Local::of(&args)?;
    let text = local
        .ask(local.client.post(local.url("/api/v1/cash")))
        .await?;
    let begun: CashBegun = serde_json::from_str(&text)?;
    print::either(args.json, &begun, |begun| {
        format!("{} transactions begun", begun.begun)
    })
}

/// Tells a running host to restart; its supervisor starts it again.
pub(crate) async fn restart(args: HostArgs) -> anyhow::Result<()> {
    let local = Local::of(&args)?;
    local
        .ask(local.client.post(local.url("/api/v1/restart")))
        .await?;
    print::either(
        args.json,
        &serde_json::json!({ "restarting": true }),
        |_| "restarting".into(),
    )
}

/// Tells a running host to take its file again; false when none runs here.
async fn reload(dir: &Path) -> bool {
    let args = HostArgs {
        dir: dir.to_path_buf(),
        api: None,
        json: false,
    };
    let Ok(local) = Local::of(&args) else {
        return false;
    };
    local
        .ask(local.client.post(local.url("/api/v1/reload")))
        .await
        .is_ok()
}

/// Shows, reads, changes, compares or checks a configuration; false when a check failed.
pub(crate) async fn config(args: ConfigArgs) -> anyhow::Result<bool> {
    let path = args.dir.join(making::CONFIG_FILE);
    match args.what {
        ConfigCommand::Validate { file } => match Layered::read(&file, &[]) {
            Ok(_) => print::line(&format!("{} is valid", file.display()))?,
            Err(error) => {
                eprintln!("{error}");
                return Ok(false);
            }
        },
        ConfigCommand::Show => show(&Layered::read(&path, &[])?.entries(), args.json)?,
        ConfigCommand::Get { key } => show(&[Layered::read(&path, &[])?.entry(&key)?], args.json)?,
        ConfigCommand::Diff => {
            let defaults = Layered::read(Path::new(""), &[]).map(|layered| layered.entries());
            let defaults = defaults.unwrap_or_default();
            let mut entries = Layered::read(&path, &[])?.entries();
            entries.retain(|entry| {
                !defaults
                    .iter()
                    .any(|d| d.key == entry.key && d.value == entry.value)
            });
            show(&entries, args.json)?;
        }
        ConfigCommand::Set { key, value } => {
            let (text, live) = Layered::read(&path, &[])?.with(&key, &value)?;
            layers::write_atomic(&path, &text)?;
            let live = live && reload(&args.dir).await;
            let said = serde_json::json!({ "key": key, "value": value, "restart_needed": !live });
            print::either(args.json, &said, |_| {
                format!(
                    "{key} = {value} ({})",
                    if live { "live" } else { "restart needed" }
                )
            })?;
        }
    }
    Ok(true)
}

fn show(entries: &[layers::Entry], json: bool) -> anyhow::Result<()> {
    if json {
        return print::json(&entries);
    }
    for entry in entries {
        print::line(&format!(
            "{} = {}  # {:?}",
            entry.key, entry.value, entry.layer
        ))?;
    }
    Ok(())
}

/// Resolves the configuration of a data directory.
pub(crate) fn config_of(dir: &Path) -> anyhow::Result<Config> {
    Ok(Layered::read(&dir.join(making::CONFIG_FILE), &[])?.config)
}
