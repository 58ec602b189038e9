//! One run: the ground, the live peers, the storm, and the watch in our own namespace at 1 Hz.
//!
//! Enters: a [`Way`]. Leaves: [`Figures`]. The watch is the product's own; acting means to set the
//! thresholds that it asks for: by sysctl, or by asking the program `board-net` for it, as on a
//! box.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{self, Receiver, Sender};
use std::thread;
use std::time::{Duration, Instant};

use anyhow::{Context, anyhow};
use board_watch::neighbour::{Action, Alarm, Family, Neighbours, Sampler, Stats, Verdict};
use serde::Serialize;

use crate::ground::{Ground, PEERS, enter, set_thresholds};
use crate::peers::{self, Peers};
use crate::storm;
use crate::unit::Unit;

/// Idle peers go stale and may be collected after this time; whether the kernel does is its own
/// affair. The half second puts the storm's begin between two looks of the watch.
const SETTLE: Duration = Duration::from_millis(12_500);
/// How long the storm lasts, and when the idle peers are wanted.
const STORM: Duration = Duration::from_secs(8);
const WANTED: Duration = Duration::from_secs(5);
const TICK: Duration = Duration::from_millis(20);

/// What a run showed.
#[derive(Debug, Default, Serialize)]
pub(crate) struct Figures {
    /// Entries the kernel refused during the storm.
    pub(crate) table_fulls: u64,
    /// Of those, after the first act of the ladder; absent without one.
    pub(crate) table_fulls_once_acting: Option<u64>,
    /// Live peers before the storm.
    pub(crate) live_peers: usize,
    /// Live peers that still answer in it.
    pub(crate) live_peers_kept: usize,
    /// From the first refusal to a named cause; 0 when it was named before any refusal.
    pub(crate) seconds_to_cause: Option<f64>,
    /// From the storm's first dial to a named cause.
    pub(crate) seconds_from_first_dial: Option<f64>,
    /// The most entries the whole kernel held.
    pub(crate) entries_most: u32,
    /// What `ip neigh` showed in our namespace at the storm's height.
    pub(crate) neighbours_shown: usize,
    /// The cause as the watch named it.
    pub(crate) cause: String,
    /// What the watch asked for.
    pub(crate) actions: Vec<String>,
}

/// How a run goes.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Way {
    /// Whether what the watch asks for is done.
    pub(crate) acting: bool,
    /// Whether the storm begins with everything at once.
    pub(crate) burst: bool,
    /// Whether `board-net` does it.
    pub(crate) units: bool,
}

/// Runs once.
pub(crate) fn run(way: Way) -> anyhow::Result<Figures> {
    let ground = Ground::make()?;
    let stop = Arc::new(AtomicBool::new(false));
    let answers = peers::answer(ground.live(), Arc::clone(&stop));
    let unit = way.units.then(Unit::start).transpose()?;
    let (hands, asked, done) = Hands::pair(way.acting);
    let figures = thread::scope(|scope| {
        let watched = scope.spawn(|| watch(&ground, way, hands));
        // This thread stays in the first namespace: the thresholds are written there alone.
        for thresholds in asked {
            match &unit {
                Some(unit) => unit.widen(thresholds)?,
                None => set_thresholds(thresholds)?,
            }
            let _told = done.send(());
        }
        watched.join().map_err(|_| anyhow!("the watch panicked"))?
    });
    stop.store(true, Ordering::Relaxed);
    let answered = answers.join().map_err(|_| anyhow!("the peers panicked"))?;
    let figures = figures?;
    answered.context("the peers")?;
    Ok(figures)
}

/// Those who may act: `board-net` on a box, here the thread that stayed behind.
#[derive(Debug)]
struct Hands {
    acting: bool,
    ask: Sender<[u32; 3]>,
    done: Receiver<()>,
}

impl Hands {
    fn pair(acting: bool) -> (Self, Receiver<[u32; 3]>, Sender<()>) {
        let (ask, asked) = mpsc::channel();
        let (tell, done) = mpsc::channel();
        (Self { acting, ask, done }, asked, tell)
    }

    /// Widens and waits until it is done; whether anything was done.
    fn widen(&self, thresholds: [u32; 3]) -> anyhow::Result<bool> {
        if self.acting {
            self.ask.send(thresholds).context("no hands")?;
            self.done.recv().context("the hands failed")?;
        }
        Ok(self.acting)
    }
}

/// The thread in our namespace.
fn watch(ground: &Ground, way: Way, hands: Hands) -> anyhow::Result<Figures> {
    enter(&ground.ours())?;
    let mut peers = Peers::meet()?;
    let mut scene = Scene::new();
    let settled = Instant::now() + SETTLE;
    while Instant::now() < settled {
        peers.round();
        scene.look(&hands)?;
        thread::sleep(TICK);
    }
    let stop = Arc::new(AtomicBool::new(false));
    scene.begin();
    let storm = storm::start(ground, &stop, way.burst);
    let mut kept = None;
    while scene.since() < STORM {
        peers.round();
        scene.look(&hands)?;
        if kept.is_none() && scene.since() >= WANTED {
            scene.figures.neighbours_shown = ground.shown()?;
            kept = Some(peers.want_idle());
        }
        thread::sleep(TICK);
    }
    stop.store(true, Ordering::Relaxed);
    for thread in storm {
        thread.join().map_err(|_| anyhow!("the storm panicked"))??;
    }
    Ok(scene.end(kept.unwrap_or_default()))
}

/// What the run has seen so far.
#[derive(Debug)]
struct Scene {
    neighbours: Neighbours,
    sampler: Sampler,
    start: Instant,
    storm: Option<Instant>,
    next: Instant,
    before: Stats,
    first_refusal: Option<Instant>,
    named: Option<Instant>,
    fulls_when_acting: Option<u64>,
    figures: Figures,
}

impl Scene {
    fn new() -> Self {
        let now = Instant::now();
        Self {
            neighbours: Neighbours::default(),
            sampler: Sampler::new(),
            start: now,
            storm: None,
            next: now,
            before: Stats::default(),
            first_refusal: None,
            named: None,
            fulls_when_acting: None,
            figures: Figures {
                live_peers: PEERS,
                ..Figures::default()
            },
        }
    }

    fn begin(&mut self) {
        self.storm = Some(Instant::now());
    }

    fn since(&self) -> Duration {
        self.storm.map(|storm| storm.elapsed()).unwrap_or_default()
    }

    /// The instrument looks each tick; the watch once a second.
    fn look(&mut self, hands: &Hands) -> anyhow::Result<()> {
        let sample = self.sampler.look(false)?;
        let table = sample.tables[Family::V4.index()].context("no ipv4 table")?;
        if self.storm.is_none() {
            self.before = table.stats;
        }
        self.figures.entries_most = self.figures.entries_most.max(table.entries);
        self.figures.table_fulls = table.stats.table_fulls - self.before.table_fulls;
        if self.figures.table_fulls > 0 {
            self.first_refusal.get_or_insert_with(Instant::now);
        }
        if Instant::now() >= self.next {
            self.next += Duration::from_secs(1);
            let verdict = self.neighbours.step(self.start.elapsed())?;
            if self.storm.is_some() {
                self.take(&verdict, hands)?;
            }
        }
        Ok(())
    }

    fn take(&mut self, verdict: &Verdict, hands: &Hands) -> anyhow::Result<()> {
        if verdict.alarm >= Alarm::Act && self.named.is_none() {
            self.named = Some(Instant::now());
            self.figures.cause = verdict
                .cause
                .map(|cause| cause.to_string())
                .unwrap_or_default();
        }
        for action in &verdict.actions {
            self.figures.actions.push(format!("{action:?}"));
            if let Action::Widen {
                family: Family::V4,
                thresholds,
            } = action
                && hands.widen(*thresholds)?
            {
                let fulls = self.figures.table_fulls;
                self.fulls_when_acting.get_or_insert(fulls);
            }
        }
        Ok(())
    }

    fn end(mut self, kept: usize) -> Figures {
        let figures = &mut self.figures;
        figures.live_peers_kept = kept;
        figures.table_fulls_once_acting = self
            .fulls_when_acting
            .map(|then| figures.table_fulls.saturating_sub(then));
        let seconds = |from: Instant, to: Instant| {
            (to.saturating_duration_since(from).as_secs_f64() * 1000.0).round() / 1000.0
        };
        figures.seconds_from_first_dial = self.storm.zip(self.named).map(|(a, b)| seconds(a, b));
        figures.seconds_to_cause = match (self.first_refusal, self.named) {
            (Some(refused), Some(named)) => Some(seconds(refused, named)),
            (None, Some(_)) => Some(0.0),
            _ => None,
        };
        self.figures
    }
}
