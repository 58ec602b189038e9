//! One ask: a run of one shard from one host, every unit verified. What came and how soon leaves,
//! or why nothing did, told apart by what it means for the host.

use std::ops::Range;
use std::time::Duration;

use host_core::ShardId;
use host_core::seams::PeerAddr;
use tokio::sync::watch;

use crate::Inner;
use crate::fault;
use crate::progress::Progress;
use crate::reads;

/// An answer that came.
pub(super) struct Answer {
    pub(super) bytes: Vec<u8>,
    /// Time until its first word.
    pub(super) first: Duration,
    /// Time in all.
    pub(super) total: Duration,
}

/// Why none did.
pub(super) enum Fault {
    /// The host is not to be trusted.
    Lied(String),
    /// The host is not there.
    Failed(String),
    /// The host has not this shard, or not now.
    Refused(String),
    /// We gave the ask up.
    Dropped,
}

/// Bytes `run` of a shard from one host, every unit verified.
pub(super) async fn ask(
    inner: &Inner,
    progress: &watch::Sender<Progress>,
    to: PeerAddr,
    shard: ShardId,
    shard_len: u64,
    run: Range<u64>,
) -> Result<Answer, Fault> {
    let since = inner.clock.monotonic();
    let passed = || inner.clock.monotonic().saturating_sub(since);
    let opened = reads::open(inner, &to, &shard, shard_len, run.clone()).await;
    let mut stream = opened.map_err(|error| match error {
        fault::Fault::Talk(error) => said(error),
        error => Fault::Failed(error.to_string()),
    })?;
    let first = passed();
    let mut bytes =
        Vec::with_capacity(usize::try_from(run.end.saturating_sub(run.start)).unwrap_or(0));
    while let Some(unit) = stream.next().await.map_err(said)? {
        bytes.extend_from_slice(&unit);
        progress.send_modify(|p| p.bytes_moved += u64::try_from(unit.len()).unwrap_or(0));
    }
    inner
        .reads
        .came(&to.peer, run.end.saturating_sub(run.start));
    Ok(Answer {
        bytes,
        first,
        total: passed(),
    })
}

fn said(error: host_transfer::Error) -> Fault {
    let why = error.to_string();
    match error {
        host_transfer::Error::Bytes { .. } | host_transfer::Error::Word { .. } => Fault::Lied(why),
        host_transfer::Error::Refused { .. } => Fault::Refused(why),
        host_transfer::Error::Unpaid { .. } => Fault::Refused(format!(
            "{why}, which is more than was agreed or too far ahead; see `--read-price-max`"
        )),
        _ => Fault::Failed(why),
    }
}
