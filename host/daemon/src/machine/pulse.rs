//! Whether the host still moves: the runtime, the conversations, the swarm, the ledger's committer,
//! the proofs and the care for the drives each have a deadline, and the supervisor's watchdog is
//! fed only while all of them keep it.
//!
//! The ledger is felt by its own counts: sets wait and none is answered. Nothing is written to feel
//! it; the swarm is asked for a sign of life. A state device that hangs keeps the committer from
//! answering; that is meant: the supervisor then kills the host, and the black box says why. A
//! volume that hangs is quarantined (`deadline`) and stops nobody.

use std::sync::Arc;
use std::time::{Duration, Instant};

use board_watch::notify::{Notify, Watchdog, watchdog_interval};
use board_watch::ticks::{Tick, Ticks};
use host_ledger::Ledger;
use host_net::Net;
use tracing::{info, warn};

/// How long the runtime may leave its timer unanswered.
const RUNTIME_DEADLINE: Duration = Duration::from_secs(20);
/// How long conversations may not be looked after.
const CONVERSE_DEADLINE: Duration = Duration::from_secs(60);
/// How long the swarm may leave a question unanswered.
const SWARM_DEADLINE: Duration = Duration::from_secs(30);
/// How long one turn of the prover may take: transactions are waited for in it.
const PROOFS_DEADLINE: Duration = Duration::from_secs(1200);
/// How long one look around the drives may take: shards are moved in it.
const DRIVES_DEADLINE: Duration = Duration::from_secs(600);
/// How long sets may wait for the ledger without one being answered.
const LEDGER_DEADLINE: Duration = Duration::from_secs(60);

/// A loop's own end of its registration.
#[derive(Debug, Clone)]
pub struct Beat {
    tick: Option<Tick>,
    begun: Instant,
}

impl Beat {
    /// A beat that nobody feels.
    #[cfg(test)]
    pub(crate) fn unfelt() -> Self {
        let (tick, begun) = (None, Instant::now());
        Self { tick, begun }
    }

    /// The loop went round once.
    pub fn beat(&self) {
        self.beat_at(self.begun.elapsed());
    }

    fn beat_at(&self, at: Duration) {
        if let Some(tick) = &self.tick {
            tick.tick(at);
        }
    }
}

/// The critical loops and the supervisor.
pub struct Pulse {
    ticks: Arc<Ticks>,
    begun: Instant,
    ledger: Ledger,
    committer: Beat,
    answered: u64,
    net: Net,
    swarm: Beat,
    swarm_signs: u64,
    supervisor: Option<(Notify, Option<Watchdog>)>,
}

impl Pulse {
    /// Feels the committer of a ledger and the swarm of a node, and tells the supervisor that this
    /// process has one of, by its environment, that the host is up.
    #[must_use]
    pub fn begin(ledger: Ledger, net: Net) -> Self {
        Self::with(ledger, net, supervisor())
    }

    fn with(ledger: Ledger, net: Net, supervisor: Option<(Notify, Option<Watchdog>)>) -> Self {
        let (ticks, begun) = (Arc::new(Ticks::default()), Instant::now());
        let committer = register(&ticks, "ledger", LEDGER_DEADLINE, begun);
        let swarm = register(&ticks, "swarm", SWARM_DEADLINE, begun);
        Self {
            ticks,
            begun,
            ledger,
            committer,
            answered: 0,
            net,
            swarm,
            swarm_signs: 0,
            supervisor,
        }
    }

    /// The beat of the runtime's own timer.
    #[must_use]
    pub fn runtime(&self) -> Beat {
        register(&self.ticks, "runtime", RUNTIME_DEADLINE, self.begun)
    }

    /// The beat of the loop that serves conversations.
    #[must_use]
    pub fn conversations(&self) -> Beat {
        register(&self.ticks, "conversations", CONVERSE_DEADLINE, self.begun)
    }

    /// The beat of the prover.
    #[must_use]
    pub fn proofs(&self) -> Beat {
        register(&self.ticks, "proofs", PROOFS_DEADLINE, self.begun)
    }

    /// The beat of the care for the drives.
    #[must_use]
    pub fn drives(&self) -> Beat {
        register(&self.ticks, "drives", DRIVES_DEADLINE, self.begun)
    }

    /// Feels every loop and feeds the supervisor's watchdog; returns who stands still, in words.
    pub fn feel(&mut self) -> Vec<String> {
        self.feel_at(self.begun.elapsed())
    }

    fn feel_at(&mut self, at: Duration) -> Vec<String> {
        let (entered, answered) = self.ledger.progress();
        if entered == answered || answered != self.answered {
            self.committer.beat_at(at);
        }
        self.answered = answered;
        let signs = self.net.sign_of_life();
        if std::mem::replace(&mut self.swarm_signs, signs) != signs {
            self.swarm.beat_at(at);
        }
        if let Some((notify, Some(watchdog))) = &mut self.supervisor
            && let Err(err) = watchdog.feed(at, &self.ticks, notify)
        {
            warn!(err = %err, "the supervisor does not hear us");
        }
        self.ticks
            .late(at)
            .iter()
            .map(ToString::to_string)
            .collect()
    }

    /// Tells the supervisor that the host ends on purpose.
    pub fn stopping(&self) {
        if let Some((notify, _)) = &self.supervisor {
            // Whoever does not listen any more will see the process end.
            let _ = notify.stopping();
        }
    }
}

fn register(ticks: &Ticks, name: &'static str, deadline: Duration, begun: Instant) -> Beat {
    let tick = ticks.register(name, deadline, begun.elapsed());
    Beat { tick, begun }
}

/// The supervisor named by the environment, told that the host is up.
fn supervisor() -> Option<(Notify, Option<Watchdog>)> {
    let name = std::env::var_os("NOTIFY_SOCKET")?;
    let notify = Notify::open(&name)
        .and_then(|notify| notify.ready().map(|()| notify))
        .inspect_err(|err| warn!(err = %err, "the supervisor cannot be told"))
        .ok()?;
    let (usec, pid) = (
        std::env::var("WATCHDOG_USEC"),
        std::env::var("WATCHDOG_PID"),
    );
    let own = std::process::id();
    let interval = watchdog_interval(usec.ok().as_deref(), pid.ok().as_deref(), own);
    info!(watchdog = ?interval, "a supervisor watches this host");
    Some((notify, interval.map(Watchdog::new)))
}

#[cfg(test)]
mod tests;
