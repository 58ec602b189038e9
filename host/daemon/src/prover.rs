//! The prover in a running host: its own thread and runtime, its own connections to the chain, its
//! own way to the drives, so that neither uploads nor a scrub can delay a proof.
//!
//! Enters: the drivers' options and the ledger. Leaves: turns of `host_settle::Prover`, and its
//! report for health, metrics and status. Invariants: a network without the contracts of proof has
//! no prover and serves on; a dead chain delays turns and ends nothing. Does not: plan anything.

use std::path::Path;
use std::sync::{Arc, OnceLock};
use std::time::Duration;

use anyhow::Context;
use host_chain::{Disputes, EvmChain, Proofs};
use host_core::epoch::EpochRule;
use host_core::limits::UNIT_LEN;
use host_core::network::Network;
use host_core::seams::{BoxFuture, Chain, DisputeChain, ProofChain};
use host_core::{Address, AgreementDigest, Digest32, ShardId};
use host_ledger::Ledger;
use host_proof::{LEAVES_PER_UNIT, LeafProof, prove};
use host_settle::prove::{Leaves, Parts, Phase, Report};
use host_settle::{Bounds, Defender, DefenderParts, Prover};
use host_store::{AskedLeaves, Store};
use tracing::{info, warn};

use crate::config::{Config, Driver};
use crate::deadline::{Timed, VolumeDevice};
use crate::machine::pulse::Beat;
use crate::supervise::Stopping;

/// Operations in flight a volume, for proofs alone.
const QUEUE_DEPTH: u32 = 8;
/// Bytes of buffers a volume, for proofs alone: eight asked leaves at once take half of it.
const ARENA: usize = 2 << 20;
/// Bounds of the pause between two turns while a deadline runs.
const BUSY: (Duration, Duration) = (Duration::from_secs(1), Duration::from_secs(10));
/// Bounds of the pause while nothing is due.
const CALM: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(30));
/// Pauses of a calm host in one period.
const CALM_TURNS: u64 = 20;

/// The prover of this run, once there is one, and who answers challenges.
#[derive(Default)]
pub struct ProofBook(OnceLock<Arc<Prover>>, OnceLock<Arc<Defender>>);

impl std::fmt::Debug for ProofBook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("ProofBook").field(&self.report()).finish()
    }
}

impl ProofBook {
    /// Keeps the prover; a second one is not taken.
    pub fn set(&self, prover: Arc<Prover>) {
        let _ = self.0.set(prover);
    }

    /// Keeps who answers challenges; a second one is not taken.
    pub fn set_defender(&self, defender: Defender) {
        let _ = self.1.set(Arc::new(defender));
    }

    /// Who answers challenges; none on a network without them.
    #[must_use]
    pub fn defender(&self) -> Option<&Arc<Defender>> {
        self.1.get()
    }

    /// The prover; none on a network without proofs.
    #[must_use]
    pub fn prover(&self) -> Option<&Arc<Prover>> {
        self.0.get()
    }

    /// Where proofs stood at the last turn; none before the first, or without proofs.
    #[must_use]
    pub fn report(&self) -> Option<Report> {
        let report = self.0.get()?.report();
        (report.block > 0).then_some(report)
    }

    /// The proof that an agreement stands in the dataset on chain, and the dataset's name.
    /// Errors: the prover's; Unready where there is none.
    pub fn inclusion(
        &self,
        agreement: &AgreementDigest,
    ) -> Result<(Digest32, Vec<u8>), host_settle::Error> {
        let agreement = *agreement;
        let prover = self.0.get();
        let prover = prover.ok_or(host_settle::Error::Uncommitted { agreement })?;
        prover.inclusion(&agreement)
    }
}

/// Makes the prover of a host, and who answers challenges where the network has their contract;
/// none, and said, where the network has no contracts of proof.
/// Nothing is sent. A volume without a way of its own is read on the store's.
pub async fn open(
    dir: &Path,
    config: &Config,
    network: &Network,
    evm: &EvmChain,
    ledger: &Ledger,
    store: &Store<VolumeDevice>,
) -> anyhow::Result<Option<(Arc<Prover>, Option<Defender>)>> {
    let Ok(proofs) = Proofs::of(evm) else {
        info!("this network asks for no storage proofs");
        return Ok(None);
    };
    let host: Address = evm.address().context("the host's account is not known")?;
    if network.epoch.grace_epochs == 0 {
        warn!("`grace_epochs` is 0: bytes may go before their last proof is asked for");
    }
    let leaves: Arc<dyn Leaves> = Arc::new(own_way(dir, config, ledger, store).await);
    let chain = Arc::new(evm.clone()) as Arc<dyn Chain>;
    let bounds = Bounds {
        depth: network.epoch.depth,
        cost_max: config.chain.cost_bound(),
    };
    let disputes = Disputes::of(evm).ok();
    let defender = disputes.map(|disputes| {
        Defender::new(DefenderParts {
            ledger: ledger.clone(),
            chain: Arc::clone(&chain),
            disputes: Arc::new(disputes) as Arc<dyn DisputeChain>,
            leaves: Arc::clone(&leaves),
            host,
            bounds,
        })
    });
    let prover = Prover::new(Parts {
        ledger: ledger.clone(),
        chain,
        proofs: Arc::new(proofs) as Arc<dyn ProofChain>,
        leaves,
        host,
        bounds,
        stake_max: config.proofs.stake_max,
    });
    Ok(Some((Arc::new(prover), defender)))
}

/// Opens every volume once more, with a ring and buffers for proofs alone. A raw device may be
/// held by one opener only; its leaves go the store's way.
async fn own_way(
    dir: &Path,
    config: &Config,
    ledger: &Ledger,
    store: &Store<VolumeDevice>,
) -> TwoWays {
    let options = host_uring::OpenOptions {
        create_size: None,
        arena_bytes: ARENA,
        queue_depth: QUEUE_DEPTH,
        driver: match config.storage.driver {
            Driver::Auto => host_uring::Driver::Auto,
            Driver::Uring => host_uring::Driver::Uring,
            Driver::Plain => host_uring::Driver::Plain,
        },
    };
    let mut devices = Vec::new();
    for volume in &config.storage.volumes {
        let path = Config::resolve(dir, &volume.path);
        let name = path.display().to_string();
        match host_uring::open(&path, options) {
            Ok(device) => {
                let device = Timed::new(device, &name);
                devices.push((name, device));
            }
            Err(err) => info!(path = name, err = %err, "proofs share this volume's queue"),
        }
    }
    let (own, _) = AskedLeaves::open(devices, ledger.clone()).await;
    TwoWays {
        own,
        store: store.clone(),
    }
}

/// A way for proofs alone, and the store's where that does not reach.
struct TwoWays {
    own: AskedLeaves<VolumeDevice>,
    store: Store<VolumeDevice>,
}

impl TwoWays {
    async fn shared(&self, shard: ShardId, index: u64) -> Result<LeafProof, String> {
        let opened = self.store.open_shard(&shard).await;
        let opened = opened.map_err(|err| err.to_string())?;
        let mut reader = opened.ok_or("it is not kept here")?;
        let leaves = u64::try_from(LEAVES_PER_UNIT).unwrap_or(u64::MAX);
        let start = (index / leaves).saturating_mul(UNIT_LEN as u64);
        let len = (UNIT_LEN as u64).min(reader.len().saturating_sub(start));
        let run = reader
            .read(start, len)
            .await
            .map_err(|err| err.to_string())?;
        prove(index, run.as_ref(), reader.units(), reader.len()).map_err(|err| err.to_string())
    }
}

impl Leaves for TwoWays {
    fn leaf(&self, shard: ShardId, index: u64) -> BoxFuture<'_, Result<LeafProof, String>> {
        Box::pin(async move {
            match self.own.leaf(&shard, index).await {
                Ok(Some(proof)) => Ok(proof),
                Ok(None) => Err("it is not kept here".into()),
                Err(host_store::Error::VolumeAway { .. }) => self.shared(shard, index).await,
                Err(err) => Err(err.to_string()),
            }
        })
    }
}

/// Takes turns on a thread of its own until told to end, then joins it.
pub(crate) async fn keep(
    prover: Arc<Prover>,
    defender: Option<Arc<Defender>>,
    rule: EpochRule,
    beat: Beat,
    stopping: Stopping,
) {
    let (done, ended) = tokio::sync::oneshot::channel();
    let work = move || {
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_all()
            .build();
        match runtime {
            Ok(runtime) => {
                runtime.block_on(turns(&prover, defender.as_deref(), rule, &beat, stopping))
            }
            Err(err) => warn!(err = %err, "the prover has no runtime; nothing is proven"),
        }
        let _ = done.send(());
    };
    let thread = std::thread::Builder::new()
        .name("prover".into())
        .spawn(work);
    match thread {
        Ok(thread) => {
            let _ = ended.await;
            let _ = tokio::task::spawn_blocking(move || thread.join()).await;
        }
        Err(err) => warn!(err = %err, "the prover has no thread; nothing is proven"),
    }
}

/// A turn of the proofs, then one of the answers: a period's deadline comes before a challenge's,
/// which is longer.
async fn turn(prover: &Prover, defender: Option<&Defender>) -> Result<(), host_settle::Error> {
    let proven = prover.turn().await;
    if let Some(defender) = defender {
        defender.turn().await?;
    }
    proven.map(|_| ())
}

async fn turns(
    prover: &Prover,
    defender: Option<&Defender>,
    rule: EpochRule,
    beat: &Beat,
    mut stopping: Stopping,
) {
    let mut failing = false;
    loop {
        beat.beat();
        // Cut off between any two steps, the next run goes on.
        let turned = tokio::select! {
            turned = turn(prover, defender) => turned,
            () = stopping.wait() => return,
        };
        match turned {
            Ok(_) if std::mem::take(&mut failing) => info!("proofs go on"),
            Ok(_) => {}
            Err(err) if !std::mem::replace(&mut failing, true) => {
                warn!(err = %err, "a step of the proofs waits, will be repeated");
            }
            Err(_) => {}
        }
        if !stopping.sleep(pause(&prover.report(), &rule)).await {
            return;
        }
    }
}

/// A block while something is due or waits, a part of the period otherwise.
fn pause(report: &Report, rule: &EpochRule) -> Duration {
    let due = matches!(report.phase, Phase::Due | Phase::Unsealed);
    let waits = report.uncommitted > 0 && report.stake_short == host_core::Amount::ZERO;
    if due || waits || report.block == 0 {
        return Duration::from_secs(rule.block_seconds).clamp(BUSY.0, BUSY.1);
    }
    let period = rule.epoch_blocks.saturating_mul(rule.block_seconds);
    Duration::from_secs(period / CALM_TURNS).clamp(CALM.0, CALM.1)
}

#[cfg(test)]
mod tests;
