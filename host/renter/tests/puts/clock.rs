//! Time that passes only while nothing happens: sleepers wait for a hand that moves on to the next
//! of them once no frame has moved for a moment and no host is at work on one. A test of half a
//! minute takes a moment, and a slow machine makes nobody late.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use host_core::seams::{BoxFuture, Clock};
use tokio::sync::oneshot;

use crate::town::lock;

/// How long nothing must move, in the machine's own time.
const QUIET: Duration = Duration::from_millis(15);
/// How many such moments a host may be at work: one that waits for time itself must not stop it.
const WORK_MAX: u32 = 400;
/// How far time goes on then at most: a bound of the product needs many quiet moments in a row to
/// pass, so that one slow flush of a host is no silence.
const STEP: Duration = Duration::from_millis(250);

#[derive(Default)]
struct Hands {
    now: Duration,
    moves: u64,
    /// Hosts that have a frame and neither answered nor asked for the next.
    working: usize,
    sleepers: Vec<(Duration, oneshot::Sender<()>)>,
}

/// The clock of a town. Clones share their hands.
#[derive(Clone, Default)]
pub(crate) struct Idle {
    hands: Arc<Mutex<Hands>>,
}

impl Idle {
    /// Starts the hands; they stop when every clone is gone.
    pub(crate) fn start() -> Self {
        let clock = Self::default();
        let hands = Arc::downgrade(&clock.hands);
        tokio::spawn(async move {
            let (mut seen, mut worked) = (0, 0);
            loop {
                tokio::time::sleep(QUIET).await;
                let Some(hands) = hands.upgrade() else { return };
                let mut hands = lock(&hands);
                if std::mem::replace(&mut seen, hands.moves) != hands.moves {
                    worked = 0;
                } else if hands.working > 0 && worked < WORK_MAX {
                    worked += 1;
                } else {
                    hands.step();
                }
            }
        });
        clock
    }

    /// Something happened.
    pub(crate) fn stir(&self) {
        lock(&self.hands).moves += 1;
    }

    /// A host is at work until this is dropped.
    pub(crate) fn work(&self) -> Working {
        lock(&self.hands).working += 1;
        Working(self.clone())
    }
}

/// A host at work.
pub(crate) struct Working(Idle);

impl Drop for Working {
    fn drop(&mut self) {
        let mut hands = lock(&self.0.hands);
        hands.working -= 1;
        hands.moves += 1;
    }
}

impl Hands {
    /// On towards the next sleeper.
    fn step(&mut self) {
        self.sleepers.retain(|(_, sleeper)| !sleeper.is_closed());
        let Some(next) = self.sleepers.iter().map(|(at, _)| *at).min() else {
            return;
        };
        self.now = self.now.max(next.min(self.now + STEP));
        let now = self.now;
        let (due, rest): (Vec<_>, Vec<_>) = std::mem::take(&mut self.sleepers)
            .into_iter()
            .partition(|(at, _)| *at <= now);
        self.sleepers = rest;
        for (_, sleeper) in due {
            let _gone = sleeper.send(());
        }
    }
}

impl Clock for Idle {
    fn wall_ms(&self) -> u64 {
        1_700_000_000_000 + lock(&self.hands).now.as_millis() as u64
    }

    fn monotonic(&self) -> Duration {
        lock(&self.hands).now
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        let (send, woken) = oneshot::channel();
        let mut hands = lock(&self.hands);
        let at = hands.now + span;
        hands.sleepers.push((at, send));
        Box::pin(async move {
            let _hands_gone = woken.await;
        })
    }
}
