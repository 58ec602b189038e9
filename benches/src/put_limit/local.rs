//! A put without the network: plaintext is encrypted and coded, and thirty writers of the
//! product's store, on the daemon's runtime, hash and write what they get and seal it.
//!
//! Left out beside the network: the renter's own trees (the same bytes hashed once more), and
//! agreements. Contents are the same in every round, so that the shards' names are known before.

use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, anyhow};
use host_core::{AgreementDigest, ShardId};
use host_proof::TreeBuilder;
use host_store::{Store, Writer};
use host_uring::AnyDevice;
use tokio::runtime::Runtime;
use tokio::sync::mpsc::{Receiver, channel};

use super::Bench;
use crate::volume::open_store;

/// Pieces on their way to a writer.
const AHEAD: usize = 2;

/// A store and the names of the shards that go into it.
pub(super) struct Local {
    runtime: Runtime,
    store: Store<AnyDevice>,
    shards: Vec<ShardId>,
    len: u64,
}

impl Local {
    /// Formats the written file at `path` and learns the shards' names by one pass.
    pub(super) fn new(path: &Path, bench: &mut Bench) -> anyhow::Result<Self> {
        let (store, _) = open_store(path)?;
        let mut trees: Vec<(TreeBuilder, u64)> = Vec::new();
        bench.code(|index, piece| {
            if trees.len() <= index {
                trees.push((TreeBuilder::new(), 0));
            }
            if let Some((tree, len)) = trees.get_mut(index) {
                tree.push(piece);
                *len += piece.len() as u64;
            }
            Ok(())
        })?;
        let len = trees.first().map_or(0, |(_, len)| *len);
        let named = trees
            .into_iter()
            .map(|(tree, _)| Ok(tree.finish()?.shard_id()));
        let shards = named.collect::<anyhow::Result<_>>()?;
        Ok(Self {
            runtime: crate::runtime::like_the_daemons()?,
            store,
            shards,
            len,
        })
    }

    /// Puts everything once; nothing of it is kept.
    pub(super) fn put(&self, bench: &mut Bench) -> anyhow::Result<()> {
        let (mut lanes, mut tasks) = (Vec::new(), Vec::new());
        for shard in &self.shards {
            let writer = self.store.writer(self.store.reserve(self.len)?, *shard)?;
            let (lane, pieces) = channel(AHEAD);
            lanes.push(lane);
            tasks.push(self.runtime.spawn(write(writer, pieces)));
        }
        bench.code(|index, piece| {
            let lane = lanes.get(index).context("a lane a shard")?;
            let sent = lane.blocking_send(Arc::from(piece));
            sent.map_err(|_| anyhow!("a writer ended early"))
        })?;
        drop(lanes);
        for task in tasks {
            self.runtime.block_on(task)??;
        }
        Ok(())
    }
}

/// Writes one shard and makes it durable; given up then, so that its extent serves again.
async fn write(
    mut writer: Writer<AnyDevice>,
    mut pieces: Receiver<Arc<[u8]>>,
) -> Result<(), host_store::Error> {
    while let Some(piece) = pieces.recv().await {
        writer.append(&piece).await?;
    }
    writer.seal(AgreementDigest([9; 32]), 30).await.map(drop)
}
