//! What a host does without being asked: serve conversations, watch the head, end
//! what has expired, cash what is owed. Each is a loop that survives every failure of the
//! outside world and ends when told.

use std::sync::Arc;
use std::time::Duration;

use host_agreement::expire;
use host_core::limits;
use host_core::seams::Chain;
use host_net::Inlet;
use host_session::head::HeadMemory;
use host_session::serve;
use host_settle::Releaser;
use tokio::task::JoinSet;
use tracing::{debug, error, info, warn};

use crate::assemble::HostDesk;
use crate::chain::Road;
use crate::live::Live;
use crate::machine::pulse::Beat;
use crate::mode::ModeBook;
use crate::supervise::Stopping;
use crate::vitals::{self, Vitals};

/// Between two looks at the chain's head.
const HEAD_EVERY: Duration = Duration::from_secs(2);
/// Between two looks when no endpoint answers.
const HEAD_RETRY: Duration = Duration::from_secs(5);
/// Between two looks for expired agreements.
const EXPIRE_EVERY: Duration = Duration::from_secs(20);
/// Between two looks at transactions under way.
const FOLLOW_EVERY: Duration = Duration::from_secs(3);
/// Looks at what the escrow would pay in an epoch, and the longest time between two.
const RELEASE_LOOKS: u64 = 8;
const RELEASE_EVERY_MAX: Duration = Duration::from_secs(3600);
/// Between two beats of the loop that serves conversations.
const BEAT_EVERY: Duration = Duration::from_secs(5);
/// Between two looks whether a mode is over.
const MODE_EVERY: Duration = Duration::from_secs(1);
/// From the start to the first look at what the host relies on, which waits for busier things.
const ASSUMPTIONS_FIRST: Duration = Duration::from_secs(30);
/// Least time between two looks, whatever the configuration says.
const ASSUMPTIONS_MIN: Duration = Duration::from_secs(5);
/// Conversations served at once; more wait in the network's bounded queue.
const CONVERSATIONS_MAX: usize = 2 * (limits::UPLOADS_MAX + limits::DOWNLOADS_MAX);

/// Between two commits of what readers' accounts spent.
const READS_EVERY: Duration = Duration::from_secs(10);

/// Commits what was read on paying accounts, until told to end.
pub(crate) async fn reads(desk: Arc<HostDesk>, mut stopping: Stopping) {
    while stopping.sleep(READS_EVERY).await {
        if let Err(err) = desk.save_all_reads().await {
            warn!(err = %err, "what was read is not committed yet, will be repeated");
        }
    }
}

/// Serves inbound conversations until told to end, then lets those that run finish.
pub(crate) async fn converse(
    desk: Arc<HostDesk>,
    mut inlet: Inlet,
    beat: Beat,
    mut stopping: Stopping,
) {
    let mut running = JoinSet::new();
    let mut beats = tokio::time::interval(BEAT_EVERY);
    loop {
        beat.beat();
        let full = running.len() >= CONVERSATIONS_MAX;
        let inbound = tokio::select! {
            next = inlet.next(), if !full => next,
            _ = beats.tick() => continue,
            () = stopping.wait() => None,
            Some(_) = running.join_next(), if !running.is_empty() => continue,
        };
        let Some(inbound) = inbound else { break };
        running.spawn(serve(Arc::clone(&desk), inbound.protocol, inbound.frames));
    }
    drop(inlet);
    while running.join_next().await.is_some() {}
}

/// Keeps the newest block known. Says once when the chain falls silent and once when it is back.
pub(crate) async fn watch_head(
    chain: Arc<dyn Chain>,
    head: Arc<HeadMemory>,
    vitals: Arc<Vitals>,
    mut stopping: Stopping,
) {
    let mut silent = false;
    loop {
        let pause = match chain.head().await {
            Ok(seen) => {
                head.saw(seen.block);
                vitals.chain_answered();
                if std::mem::take(&mut silent) {
                    info!(block = seen.block, "chain answers again");
                }
                HEAD_EVERY
            }
            Err(err) => {
                if !std::mem::replace(&mut silent, true) {
                    warn!(err = %err, "chain is silent; serving on with the last known block");
                }
                HEAD_RETRY
            }
        };
        if !stopping.sleep(pause).await {
            return;
        }
    }
}

/// Ends agreements whose term and grace are past by the chain's time, and frees their space.
pub(crate) async fn expire(desk: Arc<HostDesk>, mut stopping: Stopping) {
    while stopping.sleep(EXPIRE_EVERY).await {
        let block = desk.block_known();
        match expire::expire(desk.ledger(), desk.epoch_rule(), block).await {
            Ok(0) => (),
            Ok(ended) => info!(count = ended, block, "agreements expired"),
            Err(err) => warn!(err = %err, "expiry failed, will be repeated"),
        }
    }
}

/// Cashes by policy and follows what is under way, also what an earlier run began.
pub(crate) async fn cash(road: Arc<Road>, live: Arc<Live>, mut stopping: Stopping) {
    let cashier = &road.cashier;
    let mut since = Duration::ZERO;
    // One line when it stops and one when it goes on: a day of silence is not a day of warnings.
    let (mut following, mut reading) = (Quiet::new("outbox"), Quiet::new("payments"));
    let mut sparing = false;
    while stopping.sleep(FOLLOW_EVERY).await {
        following.told(cashier.follow().await.map(|_| ()));
        reading.told(road.reader.read().await.map(|_| ()));
        since += FOLLOW_EVERY;
        let settle = live.settle();
        if settle.auto_cash && since >= settle.cash_every {
            since = Duration::ZERO;
            // The last of the gas is kept for proofs; said once.
            let kept = road.means.refuses_gas();
            let paused = std::mem::replace(&mut sparing, kept.is_some());
            if let Some(why) = kept {
                if !paused {
                    warn!(why, "cashing pauses");
                }
                continue;
            }
            let policy = settle.policy(&road.network.epoch);
            if let Err(err) = cashier.look(&policy).await {
                warn!(err = %err, "cashing could not begin, will be repeated");
            }
        }
    }
}

/// Has the proven epochs of agreements in the escrow paid, a few looks an epoch.
pub(crate) async fn release(
    (desk, road, live): (Arc<HostDesk>, Arc<Road>, Arc<Live>),
    releaser: Releaser,
    mut stopping: Stopping,
) {
    let rule = *desk.epoch_rule();
    let epoch = rule.epoch_blocks.saturating_mul(rule.block_seconds);
    let every = Duration::from_secs(epoch / RELEASE_LOOKS).clamp(FOLLOW_EVERY, RELEASE_EVERY_MAX);
    let mut quiet = Quiet::new("escrow");
    while stopping.sleep(every).await {
        let Some(now) = desk.epoch_known() else {
            continue;
        };
        // The last of the gas is kept for proofs; the cashing loop says so.
        if road.means.refuses_gas().is_some() {
            continue;
        }
        let batch = live.settle().release_epochs;
        let looked = releaser.look(road.cashier.outbox(), now, batch).await;
        quiet.told(looked.map(|_| ()));
    }
}

/// Holds the chain against what the host relies on; a difference is an error in the log, once, and
/// closes the desk for new agreements until somebody acknowledges it.
pub(crate) async fn hold_assumptions(
    road: Arc<Road>,
    mode: Arc<ModeBook>,
    every: Duration,
    mut stopping: Stopping,
) {
    let every = every.max(ASSUMPTIONS_MIN);
    let mut wait = ASSUMPTIONS_FIRST.min(every);
    while stopping.sleep(wait).await {
        wait = every;
        let readings = match road.evm.readings(&road.network).await {
            Ok(readings) => readings,
            Err(err) => {
                // Dead endpoints are told elsewhere; nothing was found to differ.
                debug!(err = %err, "assumptions not read");
                continue;
            }
        };
        match road.guard.look(&readings) {
            Ok(open) => mode.set_held(!open),
            Err(err) => error!(
                err = format!("{err:#}"),
                "what the chain says could not be written down, will be repeated"
            ),
        }
    }
}

/// Warns when something begins to fail and says when it works again.
struct Quiet {
    name: &'static str,
    failing: bool,
}

impl Quiet {
    const fn new(name: &'static str) -> Self {
        Self {
            name,
            failing: false,
        }
    }

    fn told(&mut self, outcome: Result<(), host_settle::Error>) {
        match outcome {
            Ok(()) if std::mem::take(&mut self.failing) => {
                info!(name = self.name, "works again");
            }
            Err(err) if !std::mem::replace(&mut self.failing, true) => {
                warn!(name = self.name, err = %err, "waits for the chain, will be repeated");
            }
            _ => (),
        }
    }
}

/// Ends a mode whose time is over; its timer is also the runtime's pulse.
pub(crate) async fn keep_mode(mode: Arc<ModeBook>, runtime: Beat, mut stopping: Stopping) {
    while stopping.sleep(MODE_EVERY).await {
        runtime.beat();
        let now = vitals::seconds(std::time::SystemTime::now());
        if let Err(err) = mode.tick(now) {
            warn!(
                err = format!("{err:#}"),
                "the mode could not be ended, will be repeated"
            );
        }
    }
}
