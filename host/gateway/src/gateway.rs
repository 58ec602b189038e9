//! The gateway's parts and their life: opened on a renter and a catalogue, swept at start.

use std::path::PathBuf;
use std::sync::Arc;

use host_core::Amount;
use host_core::seams::{Clock, Entropy};
use host_release::{ActionLog, Classes, PublishKey, Signer};
use host_renter::Renter;
use serde::de::DeserializeOwned;
use serde_json::Value;
use sha2::{Digest, Sha256};
use tokio::sync::{Mutex, Notify, Semaphore};

use crate::cache::Cache;
use crate::catalogue::Rows;
use crate::error::{Error, file};
use crate::keep::Keep;
use crate::keys::Rates;
use crate::pack::Packer;
use crate::rows;
use crate::shown::Shelf;
use crate::stow::TAILS_MIB;

/// Parts the gateway's key from every other use of the renter's.
const SEAL_LABEL: &[u8] = b"holdfast.gateway.keys.1";

/// How objects are stored.
#[derive(Debug, Clone)]
pub struct Options {
    /// Data shards a segment.
    pub data: u16,
    /// Parity shards a segment.
    pub parity: u16,
    /// Term in days.
    pub days: u64,
    /// Shards more than a read needs that each segment has when a write is answered.
    pub ack_margin: u16,
    /// Highest price paid, in smallest units per GiB and epoch.
    pub price_max: Option<Amount>,
    /// Bytes of bodies kept in memory.
    pub cache_len: usize,
    /// Where bodies wait while they are stored; emptied at start.
    pub spool: PathBuf,
    /// Objects stored at once.
    pub stores: usize,
    /// Bodies sent at once.
    pub streams: usize,
    /// How they are kept.
    pub keep: Keep,
}

/// Everything a gateway is made of; the root builds it.
pub struct Parts {
    /// The renter that stores and pays.
    pub renter: Renter,
    /// The catalogue.
    pub rows: Arc<dyn Rows>,
    /// The renter's seal key; what seals access keys is derived from it.
    pub seal_key: [u8; 32],
    /// The key of the namespace, where other gateways use the same catalogue; in place of the
    /// renter's for what all of them open.
    pub namespace: Option<[u8; 32]>,
    /// The policy of the home, where it took one.
    pub classes: Option<Classes>,
    /// Where actions are written down.
    pub log: ActionLog,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// How objects are stored.
    pub options: Options,
}

pub(crate) struct Inner {
    pub(crate) renter: Renter,
    pub(crate) rows: Arc<dyn Rows>,
    pub(crate) seal: [u8; 32],
    /// Whether other gateways use the same catalogue.
    pub(crate) shared: bool,
    pub(crate) classes: Option<Classes>,
    pub(crate) log: ActionLog,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) options: Options,
    pub(crate) cache: Cache,
    pub(crate) packer: Packer,
    pub(crate) rates: Rates,
    /// Releases that are shown over HTTP.
    pub(crate) shelf: Shelf,
    /// Whose releases they are.
    pub(crate) publish_key: PublishKey,
    /// Rung when something may be given back.
    pub(crate) garbage: Notify,
    /// Held while one object's agreements are renewed, repaired or closed.
    pub(crate) object_turn: Mutex<()>,
    /// Stores under way.
    pub(crate) stores: Arc<Semaphore>,
    /// MiB of shards that wait after their put was answered.
    pub(crate) tails: Arc<Semaphore>,
    /// Bodies on their way out.
    pub(crate) streams: Arc<Semaphore>,
}

/// A gateway; clones share everything.
#[derive(Clone)]
pub struct Gateway {
    pub(crate) inner: Arc<Inner>,
}

impl Gateway {
    /// Opens a gateway and gives back what an earlier run left half done. The work behind it ends
    /// with the runtime. Errors: File, Catalogue.
    pub async fn open(parts: Parts) -> Result<Self, Error> {
        let options = parts.options;
        match std::fs::remove_dir_all(&options.spool) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
                return Err(file(&options.spool)(error));
            }
            _ => std::fs::create_dir_all(&options.spool).map_err(file(&options.spool))?,
        }
        let (packer, loads) = Packer::new();
        let gateway = Self {
            inner: Arc::new(Inner {
                renter: parts.renter,
                rows: parts.rows,
                seal: Sha256::new()
                    .chain_update(SEAL_LABEL)
                    .chain_update(parts.namespace.unwrap_or(parts.seal_key))
                    .finalize()
                    .into(),
                shared: parts.namespace.is_some(),
                classes: parts.classes,
                log: parts.log,
                clock: parts.clock,
                entropy: parts.entropy,
                cache: Cache::new(options.cache_len),
                packer,
                rates: Rates::default(),
                shelf: Shelf::default(),
                publish_key: Signer::of_seal_key(&parts.seal_key)?.key(),
                garbage: Notify::new(),
                object_turn: Mutex::new(()),
                stores: Arc::new(Semaphore::new(options.stores.max(1))),
                tails: Arc::new(Semaphore::new(TAILS_MIB)),
                streams: Arc::new(Semaphore::new(options.streams.max(1))),
                options,
            }),
        };
        gateway.check_classes()?;
        // Says of every start that the log can be written, before anything is promised.
        let start = gateway.asked("gateway-start", "gateway", "gateway", vec![Value::Null]);
        gateway.ended(start.await?, Ok(Value::Null)).await?;
        gateway.enter().await?;
        gateway.settle_pending().await?;
        gateway.show_all().await?;
        tokio::spawn(crate::pack::run(gateway.clone(), loads));
        tokio::spawn(gateway.clone().sweep());
        tokio::spawn(gateway.clone().keep_all());
        tokio::spawn(gateway.clone().finish_puts());
        Ok(gateway)
    }

    /// Milliseconds since 1970.
    pub(crate) fn now_ms(&self) -> u64 {
        self.inner.clock.wall_ms()
    }

    /// A fresh name of 32 hex digits.
    pub(crate) fn draw_name(&self) -> String {
        let mut bytes = [0; 16];
        self.inner.entropy.fill(&mut bytes);
        hex::encode(bytes)
    }

    /// A row as its type.
    pub(crate) fn row<T: DeserializeOwned>(&self, key: &[u8]) -> Result<Option<T>, Error> {
        let value = self.inner.rows.get(key)?;
        value.map(|value| rows::of_bytes(key, &value)).transpose()
    }
}
