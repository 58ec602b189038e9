//! Who keeps the identity key: this process, or the signer (`signer.mode`).
//!
//! Enters: configuration. Leaves: an identity that everything else signs with. Invariants: with
//! `process` this process never opens the key file; a signer it started ends with it, and is
//! started again when it dies. Does not: judge what is signed; the signer's policy does.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context, bail};
use host_core::keeper::Identity;
use host_signer::Client;
use tokio::process::{Child, Command};
use tokio::task::{AbortHandle, JoinHandle};
use tracing::{error, info, warn};

use crate::config::signer::SignerMode;
use crate::config::{Config, SignerConfig};
use crate::init;

/// How long a signer may take to open its key file and serve.
const START_WAIT: Duration = Duration::from_secs(30);
/// Between a signer's end and its next start.
const AGAIN_AFTER: Duration = Duration::from_secs(1);
/// The signer's program, beside this one.
const PROGRAM: &str = "holdfast-signer";

/// The identity and, where this process started it, its signer.
pub struct Kept {
    /// What signs.
    pub identity: Identity,
    /// Whether the key file opens without a passphrase.
    pub plain: bool,
    child: Option<AbortHandle>,
}

impl Drop for Kept {
    fn drop(&mut self) {
        if let Some(child) = &self.child {
            child.abort();
        }
    }
}

/// Opens the key, or finds the signer that keeps it. Errors say which file or socket and why.
pub async fn open(dir: &Path, config: &Config) -> anyhow::Result<Kept> {
    if config.signer.mode == SignerMode::Inside {
        return Ok(Kept {
            identity: init::read_key(dir, config)?.into(),
            plain: init::is_key_plain(dir, config)?,
            child: None,
        });
    }
    let own = config.signer.socket.as_os_str().is_empty();
    let socket = if own {
        dir.join("signer.sock")
    } else {
        Config::resolve(dir, &config.signer.socket)
    };
    let child = if own {
        let start = Start::of(dir, config, &socket)?;
        let first = start.spawn()?;
        let kept: JoinHandle<()> = tokio::spawn(keep(start, first));
        Some(kept.abort_handle())
    } else {
        None
    };
    let at = socket.clone();
    let found = tokio::task::spawn_blocking(move || Client::connect(&at, START_WAIT)).await?;
    let found = found.with_context(|| format!("asking the signer at {}", socket.display()));
    let client = found.inspect_err(|_| {
        if let Some(child) = &child {
            child.abort();
        }
    })?;
    let plain = client.is_plain();
    warn_of_payout(&client, config).await?;
    let identity = Identity::kept(Arc::new(client));
    info!(peer = %identity.peer_id(), "the identity key is kept by the signer");
    Ok(Kept {
        identity,
        plain,
        child,
    })
}

/// Says it when the signer will refuse this host's own words.
async fn warn_of_payout(client: &Client, config: &Config) -> anyhow::Result<()> {
    let standing = client.standing().await?;
    if standing.payout != config.offer.payout {
        let told = |of: Option<host_core::Address>| of.map_or("none".into(), |of| of.to_string());
        error!(
            configured = told(config.offer.payout),
            signer = told(standing.payout),
            "`offer.payout` is not the signer's payout address: agreements will be refused"
        );
    }
    if let Some((to, at)) = standing.pending {
        let seconds = at.saturating_sub(standing.now);
        warn!(payout = %to, seconds, "the payout address will change");
    }
    Ok(())
}

/// How the signer is started.
struct Start {
    program: PathBuf,
    arguments: Vec<(&'static str, PathBuf)>,
}

impl Start {
    fn of(dir: &Path, config: &Config, socket: &Path) -> anyhow::Result<Self> {
        let here = std::env::current_exe().context("finding this program")?;
        let program = here.with_file_name(PROGRAM);
        if !program.is_file() {
            bail!("{} is missing (key `signer.mode`)", program.display());
        }
        let resolve = |path: &Path| Config::resolve(dir, path);
        let SignerConfig {
            policy_file,
            book_file,
            ..
        } = &config.signer;
        let mut arguments = vec![
            ("--key-file", resolve(&config.identity.key_file)),
            ("--policy", resolve(policy_file)),
            ("--book", resolve(book_file)),
            ("--socket", socket.to_path_buf()),
        ];
        let words = &config.identity.passphrase_file;
        if !words.as_os_str().is_empty() {
            arguments.push(("--passphrase-file", resolve(words)));
        }
        Ok(Self { program, arguments })
    }

    fn spawn(&self) -> anyhow::Result<Child> {
        let mut command = Command::new(&self.program);
        command.arg("serve").arg("--until-stdin-ends");
        for (name, path) in &self.arguments {
            command.arg(name).arg(path);
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null());
        command.kill_on_drop(true);
        let child = command.spawn();
        child.with_context(|| format!("starting {}", self.program.display()))
    }
}

/// Starts the signer again whenever it ends, until this is aborted.
async fn keep(start: Start, mut child: Child) {
    loop {
        // Waiting closes the pipe whose end would end the signer: hold it apart.
        let pipe = child.stdin.take();
        let ended = child.wait().await;
        drop(pipe);
        error!(status = ?ended, "the signer ended; starting it again");
        tokio::time::sleep(AGAIN_AFTER).await;
        match start.spawn() {
            Ok(next) => child = next,
            Err(err) => error!(err = format!("{err:#}"), "the signer does not start"),
        }
    }
}
