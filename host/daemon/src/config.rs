//! The configuration of a host: one file, every knob visible, unknown keys refused.
//!
//! Three layers make a value: the built-in default, the file `host.toml`, and the command line
//! (`--set KEY=VALUE`). This is the only reader; every other crate takes its own options by value.
//! No secret is ever a configuration value: keys live in their own sealed file.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use host_api::Scope;
use host_core::{Address, Amount};
use serde::{Deserialize, Serialize};

pub mod alerts;
pub mod chain;
pub mod first;
pub mod layers;
pub mod prices;
pub mod proofs;
pub mod signer;
pub mod units;

pub use alerts::Alerts;
pub use chain::ChainConfig;
pub use first::FirstStart;
pub use prices::PricesConfig;
pub use proofs::ProofsConfig;
pub use signer::SignerConfig;
use units::Size;

/// The whole configuration.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The network file, relative to the data directory unless absolute.
    pub network: PathBuf,
    /// Further network files, for reading alone: balances there are told and arrivals noticed.
    pub networks: Vec<PathBuf>,
    /// Who this host is.
    pub identity: Identity,
    /// Which process keeps the identity key.
    pub signer: SignerConfig,
    /// The peer-to-peer side.
    pub swarm: Swarm,
    /// The local API and dashboard; loopback unless told otherwise.
    pub api: LocalApi,
    /// The public read-only page.
    pub gateway: Listener,
    /// The remote health API.
    pub health: Remote,
    /// Where shards are kept.
    pub storage: Storage,
    /// What this host asks.
    pub offer: Offer,
    /// How the host talks to the chain.
    pub chain: ChainConfig,
    /// How cheques become money.
    pub settle: Settle,
    /// What the host may do for its proofs by itself.
    pub proofs: ProofsConfig,
    /// What the host does for the network's price by itself.
    pub prices: PricesConfig,
    /// What a new host sets up by itself.
    pub first_start: FirstStart,
    /// What is written down.
    pub log: Log,
    /// Who is told when something breaks.
    pub alerts: Alerts,
}

/// Who this host is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Identity {
    /// The sealed key file, relative to the data directory unless absolute.
    pub key_file: PathBuf,
    /// A file holding the passphrase (for example a systemd credential); empty when the key file
    /// is plain or the passphrase comes by descriptor.
    pub passphrase_file: PathBuf,
}

/// The peer-to-peer side.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Swarm {
    /// Multiaddresses to listen on.
    pub listen: Vec<String>,
    /// Multiaddresses told to others; empty means those listened on. Mapped ports go here.
    pub announce: Vec<String>,
    /// Multiaddresses inside the operator's own network, for its own peers.
    pub inside: Vec<String>,
    /// Whether the network's relays hold a place for this host and tell whether it can be dialled.
    pub relay: bool,
}

/// A TCP listener that can be switched off.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Listener {
    /// Whether it is served.
    pub enabled: bool,
    /// Address and port.
    pub listen: SocketAddr,
}

impl Default for Listener {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 0)),
        }
    }
}

/// The local API, and what holds for both doors.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LocalApi {
    /// Whether it is served.
    pub enabled: bool,
    /// Address and port.
    pub listen: SocketAddr,
    /// Which pages besides the host's own may ask.
    pub cors: Cors,
}

impl Default for LocalApi {
    fn default() -> Self {
        Self {
            enabled: true,
            listen: SocketAddr::from(([127, 0, 0, 1], 5001)),
            cors: Cors::default(),
        }
    }
}

/// Pages of other hosts, at both doors.
#[derive(Debug, Clone, PartialEq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Cors {
    /// Web origins whose pages may ask, exactly as browsers write them; none by default.
    pub origins: Vec<String>,
}

/// The remote health API: off until it is wanted, TLS 1.3 always.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Remote {
    /// Whether it is served.
    pub enabled: bool,
    /// Address and port.
    pub listen: SocketAddr,
    /// Names this host is called by, besides its addresses; also for the local API.
    pub names: Vec<String>,
    /// A PEM file of the authority whose client certificates are let in; empty means tokens only.
    pub client_ca: PathBuf,
    /// What a client certificate allows: `read`, `operate` or `configure`.
    pub client_scope: Scope,
    /// Whether this is a box to be claimed: until `owner.pem` stands in the data directory the door
    /// answers `claim` alone; then that authority's certificates may do everything.
    pub claim: bool,
}

impl Default for Remote {
    fn default() -> Self {
        Self {
            enabled: false,
            listen: SocketAddr::from(([0, 0, 0, 0], 5102)),
            names: Vec::new(),
            client_ca: PathBuf::new(),
            client_scope: Scope::Read,
            claim: false,
        }
    }
}

/// Which I/O driver serves volumes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Driver {
    /// The best one the kernel allows.
    Auto,
    /// io_uring or an error.
    Uring,
    /// pread and pwrite.
    Plain,
}

/// One place that holds extents.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct VolumeConfig {
    /// A file (relative to the data directory unless absolute) or a block device.
    pub path: PathBuf,
    /// Bytes to preallocate when the file is made; a block device has its own size.
    pub size: Size,
}

/// Where shards are kept.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Storage {
    /// The ledger's directory, relative to the data directory unless absolute.
    pub state: PathBuf,
    /// Volumes; each fails alone.
    pub volumes: Vec<VolumeConfig>,
    /// The I/O driver.
    pub driver: Driver,
    /// Operations in flight a volume.
    pub queue_depth: u32,
    /// Bytes of I/O buffers a volume may use at most.
    pub buffers: Size,
    /// How long ended agreements are remembered, in chain time; `0s` for ever.
    #[serde(with = "humantime_serde")]
    pub keep_ended: Duration,
    /// How long peers are remembered after they were seen; `0s` for ever.
    #[serde(with = "humantime_serde")]
    pub keep_peers: Duration,
}

/// What this host asks.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Offer {
    /// Smallest token units per GiB and epoch.
    pub price: Amount,
    /// Smallest token units per GiB read back.
    pub egress_price: Amount,
    /// Longest term, in epochs.
    pub epochs_max: u64,
    /// Where the host is paid; absent means its own account.
    pub payout: Option<Address>,
    /// Whether new agreements are taken at all.
    pub open: bool,
    /// Where the host stands: lower case letters, digits and `-`; empty says nothing.
    pub region: String,
    /// Whether agreements whose money waits in the network's escrow are taken.
    pub escrow: bool,
}

/// How cheques become money.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Settle {
    /// Whether cheques are cashed without being told.
    pub auto_cash: bool,
    /// A vault's cheque is cashed once it would pay this much.
    pub cash_above: Amount,
    /// How often the policy looks.
    #[serde(with = "humantime_serde")]
    pub cash_every: Duration,
    /// After this time any uncashed sum is cashed, counted in blocks; `0s` for never.
    #[serde(with = "humantime_serde")]
    pub cash_within: Duration,
    /// A cheque is cashed when its vault covers less than this many percent of it.
    pub cover_percent: u32,
    /// The most that may stand uncashed from one vault, in smallest units; 0 for no bound.
    pub exposure_max: Amount,
    /// Cheques cashed at one look at most.
    pub at_once: usize,
    /// Cheques cashed in one transaction at most; 1 for one each.
    pub batch: usize,
    /// Proven epochs of an agreement that the escrow pays in one transaction; fewer when half the
    /// time to claim them, or the term, is over.
    pub release_epochs: usize,
}

/// What is written down.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Log {
    /// A level, or directives such as `info,host_net=debug`.
    pub level: String,
    /// Directory of the log files, relative to the data directory unless absolute.
    pub dir: PathBuf,
    /// Bytes after which a new file is begun.
    pub file_size: Size,
    /// Files kept.
    pub files: u32,
}

impl Default for Config {
    fn default() -> Self {
        let any = |port| SocketAddr::from(([0, 0, 0, 0], port));
        Self {
            network: "network.toml".into(),
            networks: Vec::new(),
            identity: Identity::default(),
            signer: SignerConfig::default(),
            swarm: Swarm::default(),
            api: LocalApi::default(),
            gateway: Listener {
                enabled: true,
                listen: any(8080),
            },
            health: Remote::default(),
            storage: Storage::default(),
            offer: Offer::default(),
            chain: ChainConfig::default(),
            settle: Settle::default(),
            proofs: ProofsConfig::default(),
            prices: PricesConfig::default(),
            first_start: FirstStart::default(),
            log: Log::default(),
            alerts: Alerts::default(),
        }
    }
}

impl Default for Identity {
    fn default() -> Self {
        Self {
            key_file: "identity.key".into(),
            passphrase_file: PathBuf::new(),
        }
    }
}

impl Default for Swarm {
    fn default() -> Self {
        let listen = ["/ip4/0.0.0.0/tcp/4001", "/ip4/0.0.0.0/udp/4001/quic-v1"];
        Self {
            listen: listen.map(String::from).to_vec(),
            announce: Vec::new(),
            inside: Vec::new(),
            relay: true,
        }
    }
}

impl Default for Storage {
    fn default() -> Self {
        Self {
            state: "state".into(),
            volumes: vec![VolumeConfig {
                path: "volume-0".into(),
                size: Size(100 << 30),
            }],
            driver: Driver::Auto,
            queue_depth: 64,
            buffers: Size(64 << 20),
            keep_ended: Duration::from_secs(400 * 86_400),
            keep_peers: Duration::from_secs(30 * 86_400),
        }
    }
}

impl Default for Offer {
    fn default() -> Self {
        Self {
            price: Amount(1_000_000_000_000),
            egress_price: Amount(0),
            epochs_max: 3_660,
            payout: None,
            open: true,
            region: String::new(),
            escrow: true,
        }
    }
}

impl Default for Settle {
    fn default() -> Self {
        Self {
            auto_cash: true,
            cash_above: Amount(1_000_000_000_000_000_000),
            cash_every: Duration::from_secs(3600),
            cash_within: Duration::from_secs(30 * 86_400),
            cover_percent: 100,
            exposure_max: Amount::ZERO,
            at_once: 32,
            batch: 32,
            release_epochs: 6,
        }
    }
}

impl Default for Log {
    fn default() -> Self {
        Self {
            level: "info".into(),
            dir: "logs".into(),
            file_size: Size(16 << 20),
            files: 4,
        }
    }
}

/// A configuration that cannot be used; says which key, what is wrong and what would be right.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// The file cannot be read or written.
    #[error("{path}: {source}")]
    File {
        /// Which file.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The text is no configuration.
    #[error("{path}: {why}")]
    Form {
        /// Which file.
        path: PathBuf,
        /// Line, key and rule, as the parser says it.
        why: String,
    },
    /// A key that does not exist.
    #[error("there is no key `{key}`; `holdfast config show` lists them all")]
    Key {
        /// The key.
        key: String,
    },
    /// A rule or hours of alerts that do not read.
    #[error("`alerts`: {why}")]
    Alerts {
        /// Which text, and how it should be.
        why: String,
    },
    /// A value the key cannot have.
    #[error("`{key}` cannot be {value}: {why}")]
    Value {
        /// The key.
        key: &'static str,
        /// The value.
        value: String,
        /// The rule.
        why: &'static str,
    },
}

impl Config {
    /// Checks what types cannot say. Errors with the first key whose value is unusable.
    pub fn check(&self) -> Result<(), ConfigError> {
        let wrong = |key, value: String, why| Err(ConfigError::Value { key, value, why });
        if self.storage.volumes.is_empty() {
            return wrong(
                "storage.volumes",
                "[]".into(),
                "a host needs at least one volume",
            );
        }
        for (index, volume) in self.storage.volumes.iter().enumerate() {
            let twice = self
                .storage
                .volumes
                .iter()
                .take(index)
                .any(|v| v.path == volume.path);
            if twice {
                let value = volume.path.display().to_string();
                return wrong("storage.volumes", value, "each volume needs its own path");
            }
            if volume.size.0 < MIN_VOLUME {
                let value = volume.size.to_string();
                return wrong("storage.volumes", value, "a volume has at least 16 MiB");
            }
        }
        if self.swarm.listen.is_empty() {
            return wrong(
                "swarm.listen",
                "[]".into(),
                "a host needs an address to listen on",
            );
        }
        if self.storage.queue_depth == 0 || self.storage.queue_depth > 1024 {
            let value = self.storage.queue_depth.to_string();
            return wrong("storage.queue_depth", value, "it lies between 1 and 1024");
        }
        if self.storage.buffers.0 < 4 << 20 {
            let value = self.storage.buffers.to_string();
            return wrong(
                "storage.buffers",
                value,
                "a volume needs at least 4 MiB of buffers",
            );
        }
        let origins = &self.api.cors.origins;
        if let Some(odd) = origins.iter().find(|origin| !is_exact_origin(origin)) {
            let why = "list exact origins, such as https://box-7.example:5102";
            return wrong("api.cors.origins", odd.clone(), why);
        }
        self.alerts.check()?;
        if self.offer.epochs_max == 0 {
            return wrong(
                "offer.epochs_max",
                "0".into(),
                "terms last at least one epoch",
            );
        }
        Ok(())
    }

    /// Resolves a path of the configuration against the data directory.
    #[must_use]
    pub fn resolve(dir: &Path, path: &Path) -> PathBuf {
        dir.join(path)
    }
}

/// Whether a text is an origin as browsers write it: scheme, host, port, nothing behind it. A star
/// is none, since any page could then act for its reader.
fn is_exact_origin(text: &str) -> bool {
    let rest = text
        .strip_prefix("https://")
        .or_else(|| text.strip_prefix("http://"));
    let plain = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || ".-:[]".contains(c);
    rest.is_some_and(|rest| !rest.is_empty() && rest.chars().all(plain))
}

/// Bytes of the smallest volume: label, ring and room for a few shards.
const MIN_VOLUME: u64 = 16 << 20;

#[cfg(test)]
mod tests;
