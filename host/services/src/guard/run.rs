//! The guard at work: it asks what is due, repairs, pays for what it keeps, cashes, hands over; and
//! serves those who come, until it is told to stop.

use std::sync::Arc;
use std::time::Duration;

use host_core::Amount;
use host_core::seams::Clock;
use host_net::Inlet;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use super::{Guard, Watched, locked};

/// Between two steps: a part of the shortest round, within these bounds.
const PAUSE_MIN: Duration = Duration::from_millis(250);
const PAUSE_MAX: Duration = Duration::from_secs(30);
/// The same while nothing is watched.
const PAUSE_IDLE: Duration = Duration::from_secs(5);
/// Steps of a round.
const STEPS: u32 = 16;
/// Between two rounds of payments, cashing and handing over.
const CHORES: Duration = Duration::from_secs(60);
/// Conversations at once; further ones wait at the inlet.
const CONVERSATIONS_MAX: usize = 256;

impl Guard {
    /// What is done now and then. What fails is tried again the next time.
    pub async fn chores(&self, least: Amount) {
        if let Err(err) = self.hand_over().await {
            tracing::warn!(err = %err, "repairs are not handed over");
        }
        let told = self.parts.renter.tell_speeds().await;
        tracing::debug!(count = told, "hubs were told how fast hosts were");
        match self.parts.renter.pay_due().await {
            Ok(paid) if !paid.missed.is_empty() => {
                tracing::info!(count = paid.missed.len(), "agreements are not paid yet");
            }
            Ok(_) => {}
            Err(err) => tracing::warn!(err = %err, "repaired shards are not paid"),
        }
        if let Err(err) = self.cash(least).await {
            tracing::debug!(err = %err, "cheques are not cashed yet");
        }
    }

    /// Time between two steps.
    fn pause(&self) -> Duration {
        let watched = locked(&self.watched);
        let shortest = watched.values().map(Watched::round).min();
        let pause = shortest.map_or(PAUSE_IDLE, |round| round / STEPS);
        pause.clamp(PAUSE_MIN, PAUSE_MAX)
    }

    /// Works for ever: questions go on while a repair is under way. A step whose files cannot be
    /// written is told and tried again.
    pub async fn work(&self, clock: &dyn Clock, least: Amount) {
        let looks = async {
            loop {
                if let Err(err) = self.look().await {
                    tracing::error!(err = %err, "the guard cannot write down what it finds");
                }
                clock.sleep(self.pause()).await;
            }
        };
        let mends = async {
            let mut chores = clock.monotonic();
            loop {
                if let Err(err) = self.mend().await {
                    tracing::error!(err = %err, "the guard cannot write down what it repaired");
                }
                if clock.monotonic() >= chores {
                    self.chores(least).await;
                    chores = clock.monotonic() + CHORES;
                }
                clock.sleep(self.pause()).await;
            }
        };
        let accusations = async {
            loop {
                if let Err(err) = self.accuse().await {
                    tracing::warn!(err = %err, "challenges on chain wait");
                }
                clock.sleep(self.pause() * STEPS).await;
            }
        };
        let ((), (), ()) = futures::join!(looks, mends, accusations);
    }
}

/// Serves inbound conversations and works until `stop` says true or the node ends. Every task it
/// starts has ended when it returns.
pub async fn run(
    guard: Arc<Guard>,
    mut inlet: Inlet,
    clock: Arc<dyn Clock>,
    least: Amount,
    mut stop: watch::Receiver<bool>,
) {
    let places = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
    let mut talks = JoinSet::new();
    // In this task: its steps borrow what the conversations share.
    let worker = Arc::clone(&guard);
    let work = worker.work(clock.as_ref(), least);
    tokio::pin!(work);
    loop {
        tokio::select! {
            _ = stop.wait_for(|told| *told) => break,
            () = &mut work => break,
            Some(_) = talks.join_next() => {}
            inbound = async {
                let place = Arc::clone(&places).acquire_owned().await.ok()?;
                Some((inlet.next().await?, place))
            } => {
                let Some((inbound, place)) = inbound else { break };
                let guard = Arc::clone(&guard);
                talks.spawn(async move {
                    let peer = inbound.frames.peer();
                    if let Err(error) = guard.converse(inbound.frames).await {
                        tracing::debug!(%peer, err = %error, "conversation broke");
                    }
                    drop(place);
                });
            }
        }
    }
    talks.shutdown().await;
}
