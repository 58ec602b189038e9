//! A host that lies: a node of ours that speaks the wire, announced at a town's hubs.

use std::collections::HashMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{SystemTime, UNIX_EPOCH};

use host_core::announce::{Announcement, HostOffer};
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::receipt::{Receipt, ReceiptBody};
use host_core::seams::{Frames, LinkError};
use host_core::wire::{
    self, DownloadReply, DownloadRequest, Frame, Protocol, RecordsReply, Refusal, RefusalCode,
    UploadReply, UploadRequest,
};
use host_core::{Amount, Digest32, PeerId, ShardId, codec, limits};
use host_net::{Inlet, Net};
use tokio::task::AbortHandle;

use super::ground::{CHAIN_ID, block_on};
use super::town::{PRICE, Town};
use super::wire::{hub_addr, key_of, node};

/// What it does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Lie {
    /// Signs the terms and hangs up in the body.
    HangsUp,
    /// Takes everything and refuses the cheque.
    RefusesMoney,
    /// Keeps the shard and returns it with one bit off.
    TwistsBytes,
}

/// The lying node; it ends when dropped.
pub(crate) struct Liar {
    part: Arc<Part>,
    serving: AbortHandle,
    _net: Net,
    /// Uploads it was asked for.
    pub(crate) uploads: Arc<AtomicU64>,
    /// Downloads it was asked for.
    pub(crate) downloads: Arc<AtomicU64>,
}

/// What its conversations share.
struct Part {
    key: SecretKey,
    network: Network,
    lie: Lie,
    kept: Mutex<HashMap<ShardId, Vec<u8>>>,
}

/// The conversation broke or made no sense.
struct Over;

impl From<LinkError> for Over {
    fn from(_: LinkError) -> Self {
        Self
    }
}

impl From<host_core::Error> for Over {
    fn from(_: host_core::Error) -> Self {
        Self
    }
}

impl Liar {
    /// Starts lying and announces itself at every hub of the town.
    pub(crate) fn announce(town: &Town, name: &str, lie: Lie) -> Self {
        let key = key_of(name);
        let protocols = [Protocol::Upload, Protocol::Download, Protocol::Records].to_vec();
        let (net, inlet) = node(&key, protocols);
        let kept = Mutex::default();
        let part = Arc::new(Part {
            key,
            network: town.network.clone(),
            lie,
            kept,
        });
        let (uploads, downloads) = (Arc::<AtomicU64>::default(), Arc::<AtomicU64>::default());
        let counts = (Arc::clone(&uploads), Arc::clone(&downloads));
        let word = part.word(net.addresses());
        let serving = block_on(async {
            let serving = tokio::spawn(serve(Arc::clone(&part), inlet, counts)).abort_handle();
            for hub in &town.network.hubs {
                let hub = hub_addr(hub);
                let told = host_transfer::hub::announce(&net, &hub, word.clone()).await;
                told.expect("the hub lists it");
            }
            serving
        });
        town.listed(town.hosts.len() + 1);
        Self {
            part,
            serving,
            _net: net,
            uploads,
            downloads,
        }
    }

    /// Who it is.
    pub(crate) fn peer(&self) -> PeerId {
        self.part.key.peer_id()
    }
}

impl Drop for Liar {
    fn drop(&mut self) {
        self.serving.abort();
    }
}

async fn serve(part: Arc<Part>, mut inlet: Inlet, counts: (Arc<AtomicU64>, Arc<AtomicU64>)) {
    let mut running = tokio::task::JoinSet::new();
    while let Some(inbound) = inlet.next().await {
        let part = Arc::clone(&part);
        let mut frames = inbound.frames;
        match inbound.protocol {
            Protocol::Upload => counts.0.fetch_add(1, Ordering::Relaxed),
            Protocol::Download => counts.1.fetch_add(1, Ordering::Relaxed),
            _ => 0,
        };
        running.spawn(async move {
            let _over = match inbound.protocol {
                Protocol::Upload => part.take(frames.as_mut()).await,
                Protocol::Download => part.give(frames.as_mut()).await,
                _ => part.keep(frames.as_mut()).await,
            };
        });
    }
}

async fn hear(frames: &mut dyn Frames) -> Result<Frame, Over> {
    Ok(wire::parse(frames.recv().await?.ok_or(Over)?)?)
}

impl Part {
    fn word(&self, addrs: Vec<String>) -> Announcement {
        let since = SystemTime::now()
            .duration_since(UNIX_EPOCH)
            .expect("after 1970");
        let offer = HostOffer {
            peer: self.key.peer_id(),
            addrs,
            price: PRICE,
            egress_price: Amount::ZERO,
            free: 1 << 40,
            used: 0,
            payout: self.key.address(),
            version: "holdfast/0.1.0".into(),
            epochs_max: 1_000_000,
            at_ms: u64::try_from(since.as_millis()).expect("a year of this era"),
            generation: 0,
            instance: [0; 16],
            leaving: false,
            claims: None,
        };
        Announcement::sign(offer, &self.network.id(), &self.key)
    }

    async fn take(&self, frames: &mut dyn Frames) -> Result<(), Over> {
        let Frame::Message(bytes) = hear(frames).await? else {
            return Err(Over);
        };
        let UploadRequest::Open { terms, .. } = codec::from_bytes("request", &bytes)? else {
            return Err(Over);
        };
        let signature = terms.sign(CHAIN_ID, &self.key);
        frames
            .send(wire::message(&UploadReply::Ready {
                signature,
                receipt: None,
            }))
            .await?;
        let mut shard = Vec::new();
        while let Frame::Body(run) = hear(frames).await? {
            if self.lie == Lie::HangsUp {
                return Err(Over);
            }
            shard.extend_from_slice(&run);
        }
        self.kept
            .lock()
            .expect("plain data")
            .insert(terms.shard, shard);
        let body = ReceiptBody {
            agreement: terms.digest(CHAIN_ID),
            shard: terms.shard,
            len: terms.shard_len,
            end_epoch: terms.end_epoch,
        };
        let receipt = Receipt::sign(body, &self.network.id(), &self.key);
        frames
            .send(wire::message(&UploadReply::Stored { receipt }))
            .await?;
        let Frame::Message(bytes) = hear(frames).await? else {
            return Err(Over);
        };
        let UploadRequest::Pay { cheque, .. } = codec::from_bytes("request", &bytes)? else {
            return Err(Over);
        };
        let reply = match self.lie {
            Lie::RefusesMoney => UploadReply::Refused(Refusal {
                code: RefusalCode::Cover,
                text: "never".into(),
            }),
            _ => UploadReply::Paid {
                cumulative: cheque.cheque.cumulative,
            },
        };
        frames.send(wire::message(&reply)).await?;
        Ok(frames.close().await?)
    }

    async fn give(&self, frames: &mut dyn Frames) -> Result<(), Over> {
        let Frame::Message(bytes) = hear(frames).await? else {
            return Err(Over);
        };
        let request: DownloadRequest = codec::from_bytes("request", &bytes)?;
        let shard = self
            .kept
            .lock()
            .expect("plain data")
            .get(&request.shard)
            .cloned();
        let mut shard = shard.ok_or(Over)?;
        let units: Vec<Digest32> = shard
            .chunks(limits::UNIT_LEN)
            .enumerate()
            .filter_map(|(index, unit)| host_proof::unit_node(shard.len() as u64, index, unit).ok())
            .collect();
        let ready = DownloadReply::Ready {
            shard_len: shard.len() as u64,
            units,
        };
        frames.send(wire::message(&ready)).await?;
        for unit in shard.chunks_mut(limits::UNIT_LEN) {
            unit[0] ^= 1;
        }
        for run in shard.chunks(limits::BODY_LEN_MAX) {
            frames.send(wire::body(run)?).await?;
        }
        frames.send(wire::message(&DownloadReply::End)).await?;
        Ok(frames.close().await?)
    }

    async fn keep(&self, frames: &mut dyn Frames) -> Result<(), Over> {
        hear(frames).await?;
        frames.send(wire::message(&RecordsReply::Kept)).await?;
        Ok(frames.close().await?)
    }
}
