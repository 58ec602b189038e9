//! How far a put or get is and what it cost, as one value the root watches.
//!
//! CPU time and memory are facts of the machine: the root plugs a `Meter` in, and each phase's
//! work is wrapped in `Phases::time` (blocking work) or `Phases::poll` (a future, metered at each
//! poll on the thread that runs it).

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::task::{Context, Poll};
use std::time::Duration;

use host_core::Amount;
use serde::Serialize;

/// What the root can measure.
pub trait Meter: Send + Sync + 'static {
    /// CPU time of the calling thread.
    fn thread_cpu(&self) -> Duration;
    /// Peak resident bytes of the process so far.
    fn peak_bytes(&self) -> u64;
}

/// Measures nothing.
#[derive(Debug, Clone, Copy)]
pub struct NoMeter;

impl Meter for NoMeter {
    fn thread_cpu(&self) -> Duration {
        Duration::ZERO
    }

    fn peak_bytes(&self) -> u64 {
        0
    }
}

/// A part of the work.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Phase {
    /// Hosts are looked for and chosen.
    #[default]
    Find,
    /// Agreements are signed.
    Agree,
    /// The file is read, encrypted, coded and hashed (or back again).
    Encode,
    /// Shards are sent (or fetched).
    Send,
    /// Cheques are issued and accepted.
    Cheques,
}

impl Phase {
    /// Every phase in order.
    pub const ALL: [Self; 5] = [
        Self::Find,
        Self::Agree,
        Self::Encode,
        Self::Send,
        Self::Cheques,
    ];

    /// Its word in reports.
    #[must_use]
    pub const fn word(self) -> &'static str {
        match self {
            Self::Find => "find",
            Self::Agree => "agree",
            Self::Encode => "encode",
            Self::Send => "send",
            Self::Cheques => "cheques",
        }
    }
}

/// What a phase cost so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize)]
pub struct Cost {
    /// CPU microseconds.
    pub cpu_us: u64,
    /// Peak resident bytes of the process when the phase was last active.
    pub peak_bytes: u64,
}

/// How far a put or get is.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize)]
pub struct Progress {
    /// The session, of a put.
    pub session: Option<String>,
    /// Plaintext bytes of the whole work.
    pub bytes_total: u64,
    /// Plaintext bytes whose shards are all stored (put) or that were written out (get).
    pub bytes_done: u64,
    /// Shard bytes sent or fetched, replacements included.
    pub bytes_moved: u64,
    /// Hosts announced.
    pub hosts_known: u64,
    /// Shards to store.
    pub shards_total: u64,
    /// Shards with a receipt.
    pub shards_stored: u64,
    /// Shards whose first cheque was accepted.
    pub shards_paid: u64,
    /// Cost of the whole term, at the agreed prices.
    pub cost: Amount,
    /// Sum of cheques issued.
    pub issued: Amount,
    /// Milliseconds since the work began.
    pub elapsed_ms: u64,
    /// Cost of each phase, in the order of `Phase::ALL`.
    pub phases: [Cost; 5],
}

/// Where the parts of the work note what they cost.
pub(crate) struct Phases {
    meter: Arc<dyn Meter>,
    cpu_us: [AtomicU64; 5],
    peak: [AtomicU64; 5],
}

impl Phases {
    pub(crate) fn new(meter: Arc<dyn Meter>) -> Arc<Self> {
        Arc::new(Self {
            meter,
            cpu_us: Default::default(),
            peak: Default::default(),
        })
    }

    /// Runs blocking work and notes its cost, peak memory included.
    pub(crate) fn time<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let value = self.clock(phase, work);
        self.note_peak(phase);
        value
    }

    /// Runs work and notes its CPU time.
    fn clock<T>(&self, phase: Phase, work: impl FnOnce() -> T) -> T {
        let before = self.meter.thread_cpu();
        let value = work();
        let spent = self.meter.thread_cpu().saturating_sub(before);
        self.note(phase, spent);
        value
    }

    /// Wraps a future so that each of its polls is noted.
    pub(crate) fn poll<F: Future>(self: &Arc<Self>, phase: Phase, inner: F) -> Metered<F> {
        Metered {
            inner: Box::pin(inner),
            phases: self.clone(),
            phase,
        }
    }

    /// The costs so far.
    pub(crate) fn costs(&self) -> [Cost; 5] {
        let mut costs = [Cost::default(); 5];
        for (cost, (cpu, peak)) in costs.iter_mut().zip(self.cpu_us.iter().zip(&self.peak)) {
            cost.cpu_us = cpu.load(Ordering::Relaxed);
            cost.peak_bytes = peak.load(Ordering::Relaxed);
        }
        costs
    }

    fn note(&self, phase: Phase, spent: Duration) {
        let at = phase as usize;
        let us = u64::try_from(spent.as_micros()).unwrap_or(u64::MAX);
        if let Some(cpu) = self.cpu_us.get(at) {
            cpu.fetch_add(us, Ordering::Relaxed);
        }
    }

    /// Notes the peak memory of a phase; asked rarely, because it may read a file.
    pub(crate) fn note_peak(&self, phase: Phase) {
        if let Some(peak) = self.peak.get(phase as usize) {
            peak.fetch_max(self.meter.peak_bytes(), Ordering::Relaxed);
        }
    }
}

/// A future whose polls are metered.
pub(crate) struct Metered<F> {
    inner: Pin<Box<F>>,
    phases: Arc<Phases>,
    phase: Phase,
}

impl<F: Future> Future for Metered<F> {
    type Output = F::Output;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<F::Output> {
        let this = &mut *self;
        let inner = this.inner.as_mut();
        this.phases.clock(this.phase, || inner.poll(context))
    }
}
