//! Looks into the data directory of a host that does not run: opens ledger and volumes as the
//! daemon would, reads every shard back and checks it, and counts.

use std::path::Path;

use anyhow::Context;
use host_core::{Amount, ShardId};
use serde::{Deserialize, Serialize};

use crate::config::layers::Layered;
use crate::{init, volumes};

/// What a host at rest holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Holdings {
    /// Shards whose every unit verifies.
    pub shards: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Shards that are recorded but do not verify.
    pub damaged: u64,
    /// Agreements that run.
    pub agreements: u64,
    /// Vaults a cheque is kept from.
    pub cheques: u64,
    /// Smallest units those cheques promise.
    pub promised: Amount,
}

/// Placements read a page at a time.
const PAGE: usize = 256;
/// Bytes read back at once.
const RUN: u64 = 1 << 20;

/// Opens and counts. Errors when the daemon runs (its lock is held) or nothing opens.
/// Cost: reads every stored byte once.
pub async fn inspect(dir: &Path) -> anyhow::Result<Holdings> {
    let dir = dir
        .canonicalize()
        .with_context(|| format!("finding {}", dir.display()))?;
    let layered = Layered::read(&dir.join(init::CONFIG_FILE), &[])?;
    let network = init::read_network(&dir, &layered.config)?;
    let key = init::read_key(&dir, &layered.config)?;
    let _lock = host_uring::DirLock::acquire(&dir)?;
    let opened = volumes::open_volumes(&dir, &layered.config, &network, key.peer_id()).await?;
    let (ledger, store) = (opened.ledger, opened.store);
    let snapshot = ledger.read()?;
    let totals = snapshot.totals()?;
    let mut holdings = Holdings {
        agreements: totals.active,
        cheques: totals.cheques,
        promised: totals.received,
        ..Holdings::default()
    };
    let mut after: Option<ShardId> = None;
    loop {
        let page = snapshot.placements(after.as_ref(), PAGE)?;
        let Some((last, _)) = page.last() else { break };
        after = Some(*last);
        for (shard, _) in &page {
            match read_back(&store, shard).await {
                Ok(len) => {
                    holdings.shards += 1;
                    holdings.bytes += len;
                }
                Err(err) => {
                    tracing::error!(shard = %shard, err = format!("{err:#}"), "shard is damaged");
                    holdings.damaged += 1;
                }
            }
        }
    }
    drop(snapshot);
    drop(store);
    ledger.close().await;
    Ok(holdings)
}

async fn read_back(
    store: &host_store::Store<crate::deadline::VolumeDevice>,
    shard: &ShardId,
) -> anyhow::Result<u64> {
    let mut reader = store
        .open_shard(shard)
        .await?
        .context("recorded but not found")?;
    let len = reader.len();
    let mut at = 0;
    while at < len {
        let run = (len - at).min(RUN);
        reader.read(at, run).await?;
        at += run;
    }
    Ok(len)
}
