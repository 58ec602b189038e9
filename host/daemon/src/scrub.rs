//! Looking after the drives: one task reads every shard back within fourteen days, looks at once
//! at those whose reading failed, fences what is bad, and empties volumes that are to go.
//!
//! Enters: the store's doubts, the operator's orders, pressure. Leaves: fences and volume states in
//! the ledger, events, and `DriveBook` for health and metrics. Invariants: the drive is the scrub's
//! for a tenth of the time at most (`host_store::pace`); under memory pressure nothing is read; a
//! pass goes on after a restart where it was (`scrub.json`; a lost one only costs reading again).
//! An evacuation needs no cursor: what moved is no longer there. What this file does not do: bring
//! lost bytes back; renters and guards do.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant, SystemTime};

use host_core::pressure::Pressure;
use host_core::seams::Device;
use host_core::{ShardId, VolumeId};
use host_ledger::{Ledger, VolumeState};
use host_store::drive::{self, Counts, Sign};
use host_store::pace::{self, Pace, WAIT_MAX};
use host_store::{Error, Moved, Outcome, Store};
use tokio::sync::watch;
use tracing::{error, info, warn};

use crate::deadline::{Clock, Clocks};
use crate::machine::pulse::Beat;
use crate::nvme::NvmeNotes;
use crate::supervise::Stopping;
use crate::vitals;

mod pass;

pub use pass::{PASS_FILE, Pass};

/// Between two looks at doubts and orders.
const TICK: Duration = Duration::from_secs(1);
/// The pass is written down at most this often.
const SAVE_EVERY: Duration = Duration::from_secs(30);
/// Shards moved before the scrub has its turn.
const MOVES: usize = 8;
/// A drive that stalled and then does what it is asked in time for so long is trusted again.
const IN_TIME: Duration = Duration::from_secs(3600);
/// Fenced shards counted at most.
const FENCES_MAX: usize = 65_536;

/// What is known of one drive in this run.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct DriveNotes {
    /// What happened on it.
    pub counts: Counts,
    /// Why it is in its state, when that changed in this run.
    pub why: Option<String>,
    /// Shards that were moved away.
    pub moved: u64,
    /// Why the rest cannot be moved.
    pub stuck: Option<String>,
    /// Operations that took two seconds or more, and those given up.
    pub slow: u64,
    /// See `slow`.
    pub given_up: u64,
    /// Whether one that was given up has not ended: nothing is asked of the drive meanwhile.
    pub quarantined: bool,
    /// What the NVMe drive under it says of itself.
    pub nvme: Option<NvmeNotes>,
}

/// What the task knows, for whoever asks.
#[derive(Debug, Clone, Default)]
pub struct DriveView {
    /// The drives.
    pub drives: BTreeMap<VolumeId, DriveNotes>,
    /// The pass under way.
    pub pass: Pass,
    /// Shards that are fenced.
    pub fenced: u64,
    /// Whether the pass will not end in time.
    pub behind: bool,
}

/// The drives, shared with the API.
#[derive(Debug, Clone, Default)]
pub struct DriveBook {
    view: Arc<Mutex<DriveView>>,
    hurry: Arc<std::sync::atomic::AtomicBool>,
    clocks: Arc<OnceLock<Clocks>>,
}

impl DriveBook {
    fn lock(&self) -> MutexGuard<'_, DriveView> {
        self.view.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// What is known now.
    #[must_use]
    pub fn view(&self) -> DriveView {
        self.lock().clone()
    }

    /// Asks for a whole pass as fast as the scrub's share of the drives allows.
    pub fn hurry(&self) {
        self.hurry.store(true, std::sync::atomic::Ordering::Release);
    }

    /// Names the clocks of the volumes, once.
    pub fn set_clocks(&self, clocks: Clocks) {
        let _ = self.clocks.set(clocks);
    }

    fn clocks(&self) -> impl Iterator<Item = &(String, Arc<Clock>)> {
        self.clocks.get().into_iter().flatten()
    }

    fn clock_of(&self, name: &str) -> Option<Arc<Clock>> {
        let found = self.clocks().find(|(known, _)| known == name);
        found.map(|(_, clock)| Arc::clone(clock))
    }

    /// Notes a drive's times; what was known before.
    fn note_times(
        &self,
        volume: VolumeId,
        slow: u64,
        given_up: u64,
        quarantined: bool,
    ) -> DriveNotes {
        let mut view = self.lock();
        let notes = view.drives.entry(volume).or_default();
        let before = notes.clone();
        (notes.slow, notes.given_up, notes.quarantined) = (slow, given_up, quarantined);
        before
    }

    /// Microseconds of the longest operation of any drive since this was asked last.
    #[must_use]
    pub fn take_longest_us(&self) -> Option<u64> {
        self.clocks()
            .filter_map(|(_, clock)| clock.take_longest())
            .max()
    }

    /// Notes what the drive under a volume says of itself.
    pub fn set_nvme(&self, volume: VolumeId, notes: NvmeNotes) {
        self.lock().drives.entry(volume).or_default().nvme = Some(notes);
    }

    /// Takes a sign about a volume: its state follows, durably, and is told. Gives the state it is
    /// in then. Errors: Ledger, NoVolume among them.
    pub async fn sign<D: Device>(
        &self,
        store: &Store<D>,
        ledger: &Ledger,
        volume: VolumeId,
        sign: Sign,
    ) -> Result<VolumeState, Error> {
        let row = ledger.read()?.volume(&volume)?;
        let row = row.ok_or(host_ledger::Error::NoVolume { volume })?;
        let change = {
            let mut view = self.lock();
            let notes = view.drives.entry(volume).or_default();
            let change = drive::take(row.state, &mut notes.counts, sign);
            if let Some(change) = change {
                notes.why = Some(change.why.to_owned());
                notes.stuck = None;
            }
            change
        };
        let Some(change) = change else {
            return Ok(row.state);
        };
        store.set_state(volume, change.to).await?;
        let (to, why) = (drive::label(change.to), change.why);
        match change.to {
            VolumeState::Healthy => info!(volume = %volume, to, why, "drive changed its state"),
            VolumeState::Failed => error!(volume = %volume, to, why, "drive changed its state"),
            _ => warn!(volume = %volume, to, why, "drive changed its state"),
        }
        Ok(change.to)
    }
}

/// What the task needs.
pub(crate) struct Keeping<D: Device> {
    pub(crate) dir: PathBuf,
    pub(crate) store: Store<D>,
    pub(crate) ledger: Ledger,
    pub(crate) book: DriveBook,
    pub(crate) pressure: watch::Receiver<Pressure>,
    /// Beaten at each look around.
    pub(crate) beat: Beat,
}

/// Looks after the drives until told to end.
pub(crate) async fn keep<D: Device>(keeping: Keeping<D>, mut stopping: Stopping) {
    let mut scrub = Scrub::open(keeping);
    while stopping.sleep(TICK).await {
        scrub.keeping.beat.beat();
        if let Err(err) = scrub.step().await {
            warn!(err = %err, "the drives could not be looked after, will be repeated");
        }
    }
    scrub.save(true);
}

struct Scrub<D: Device> {
    keeping: Keeping<D>,
    pass: Pass,
    next: Instant,
    saved: Instant,
    rings: BTreeMap<VolumeId, RingNotes>,
    stalled: BTreeMap<VolumeId, Instant>,
    in_time: Duration,
}

/// What is remembered of a volume's fact ring.
#[derive(Debug, Clone, Copy, Default)]
struct RingNotes {
    /// Operations of its drive that had been given up when it was last seen to take records.
    given_up: u64,
    /// Whether its loss was told.
    told: bool,
}

impl<D: Device> Scrub<D> {
    fn open(keeping: Keeping<D>) -> Self {
        let pass = Pass::read(&keeping.dir);
        let now = Instant::now();
        Self {
            keeping,
            pass,
            next: now,
            saved: now,
            rings: BTreeMap::new(),
            stalled: BTreeMap::new(),
            in_time: IN_TIME,
        }
    }

    fn path(&self) -> &Path {
        &self.keeping.dir
    }

    fn save(&mut self, now: bool) {
        if now || self.saved.elapsed() >= SAVE_EVERY {
            self.saved = Instant::now();
            if let Err(err) = self.pass.write(self.path()) {
                warn!(
                    err = format!("{err:#}"),
                    "the scrub's place could not be written down"
                );
            }
        }
    }

    async fn sign(&self, volume: VolumeId, sign: Sign) -> Result<VolumeState, Error> {
        let Keeping {
            book,
            store,
            ledger,
            ..
        } = &self.keeping;
        book.sign(store, ledger, volume, sign).await
    }

    /// One look around: rings, doubts, evacuations, and the next shard of the pass when it is due.
    async fn step(&mut self) -> Result<(), Error> {
        self.rings().await?;
        self.deadlines().await?;
        for shard in self.keeping.store.take_doubts() {
            self.look(&shard).await?;
        }
        if *self.keeping.pressure.borrow() < Pressure::Pause {
            self.evacuate().await?;
            if self.is_hurried() || Instant::now() >= self.next {
                self.go_on().await?;
            }
        }
        self.tell()
    }

    fn is_hurried(&mut self) -> bool {
        let asked = &self.keeping.book.hurry;
        if asked.swap(false, std::sync::atomic::Ordering::AcqRel) {
            self.pass.begin(vitals::seconds(SystemTime::now()), true);
        }
        self.pass.hurried && self.pass.is_under_way()
    }

    /// A ring that was given up while its drive stood still is renewed when that answers again; one
    /// that was given up otherwise is a drive that does not take writes.
    async fn rings(&mut self) -> Result<(), Error> {
        for (volume, name) in self.keeping.store.named() {
            let clock = self.keeping.book.clock_of(&name);
            let count = || clock.as_ref().map_or(0, |clock| clock.given_up());
            let given_up = count();
            let keeps = self.keeping.store.keeps_facts(&volume);
            let quarantined = clock.as_ref().is_some_and(|clock| clock.is_quarantined());
            // A stall that began while we looked is judged at the next look.
            if quarantined || count() != given_up {
                continue;
            }
            let before = self.rings.get(&volume).copied().unwrap_or_default();
            let mut notes = RingNotes {
                given_up,
                told: false,
            };
            if !keeps && given_up == before.given_up {
                notes.told = true;
                if !before.told {
                    self.sign(volume, Sign::WriteFailed).await?;
                }
            } else if !keeps && self.keeping.store.renew_ring(volume).await? {
                info!(volume = %volume, "the fact ring of a drive takes records again");
            }
            self.rings.insert(volume, notes);
        }
        Ok(())
    }

    /// What the clocks of the drives count: slow operations are told, one that was given up is a
    /// stall.
    async fn deadlines(&mut self) -> Result<(), Error> {
        for (volume, name) in self.keeping.store.named() {
            let Some(clock) = self.keeping.book.clock_of(&name) else {
                continue;
            };
            let (slow, given_up, now) = (clock.slow(), clock.given_up(), clock.is_quarantined());
            let before = self.keeping.book.note_times(volume, slow, given_up, now);
            if slow > before.slow {
                let slow = slow - before.slow;
                warn!(volume = %volume, slow, "a drive takes seconds for an operation");
            }
            if before.quarantined && !now {
                info!(volume = %volume, "a drive answers again");
            }
            for _ in before.given_up..given_up {
                error!(volume = %volume, "a drive does not answer and is quarantined");
                self.sign(volume, Sign::Stalled).await?;
            }
            if now || given_up > before.given_up {
                self.stalled.insert(volume, Instant::now());
            }
            let since = self.stalled.get(&volume);
            if since.is_some_and(|since| since.elapsed() >= self.in_time) {
                self.stalled.remove(&volume);
                self.sign(volume, Sign::InTime).await?;
            }
        }
        Ok(())
    }

    /// Reads one shard back and draws the consequences; its bytes and how long it took.
    async fn look(&mut self, shard: &ShardId) -> Result<(u64, Duration), Error> {
        let begun = Instant::now();
        let stalls = self.stalls();
        let checked = self.keeping.store.check(shard).await?;
        let took = begun.elapsed();
        let Some(volume) = checked.volume else {
            return Ok((0, took));
        };
        let stood_still = self.is_quarantined(&volume) || self.stalls() != stalls;
        match checked.outcome {
            Outcome::Good => {
                self.sign(volume, Sign::Good).await?;
            }
            Outcome::Gone | Outcome::Away => (),
            // It does not answer now; that says nothing of the bytes.
            Outcome::Unread { .. } if stood_still => (),
            Outcome::Bad { why } => {
                self.keeping.store.fence(shard, &why).await?;
                let text = "a stored shard is bad and is fenced";
                error!(shard = %shard, volume = %volume, why, "{text}");
                self.pass.bad(volume);
                self.sign(volume, Sign::BadExtent).await?;
            }
            Outcome::Unread { why } => {
                self.pass.bad(volume);
                let state = self.sign(volume, Sign::ReadFailed).await?;
                // A drive that is gone as a whole is one fact, not one for each of its shards.
                let counts = self.keeping.book.view();
                let alone = counts.drives.get(&volume).map_or(0, |n| n.counts.failures) <= 2;
                if alone && state != VolumeState::Failed {
                    self.keeping.store.fence(shard, &why).await?;
                    error!(shard = %shard, volume = %volume, why, "a stored shard cannot be read");
                }
            }
        }
        Ok((checked.bytes, took))
    }

    /// The next shard of the pass, or the pass's end.
    async fn go_on(&mut self) -> Result<(), Error> {
        let now = vitals::seconds(SystemTime::now());
        if !self.pass.is_under_way() {
            if self.pass.is_due(now) {
                self.pass.begin(now, false);
                self.save(true);
            } else {
                self.next = Instant::now() + WAIT_MAX;
                return Ok(());
            }
        }
        let view = self.keeping.ledger.read()?;
        let page = view.placements(self.pass.after().as_ref(), 1)?;
        let all = view.totals()?.bytes;
        drop(view);
        let Some((shard, row)) = page.first().copied() else {
            return self.end(now).await;
        };
        if self.is_passed_over(&shard, &row.volume)? {
            self.pass.passed_over(shard);
            return Ok(());
        }
        let (read, took) = self.look(&shard).await?;
        self.pass.checked(shard, read);
        let Pace { wait, behind } = pace::pace(&pace::Standing {
            elapsed: self.pass.elapsed(now),
            left: all.saturating_sub(self.pass.bytes),
            read,
            took,
        });
        let least = took.saturating_mul(9).min(WAIT_MAX);
        let wait = if self.pass.hurried { least } else { wait };
        self.next = Instant::now() + wait;
        self.keeping.book.lock().behind = behind;
        self.save(false);
        Ok(())
    }

    /// How often drives were given up, and how many are quarantined now.
    fn stalls(&self) -> (u64, usize) {
        let clocks = || self.keeping.book.clocks().map(|(_, clock)| clock);
        let given_up = clocks().map(|clock| clock.given_up()).sum();
        let now = clocks().filter(|clock| clock.is_quarantined()).count();
        (given_up, now)
    }

    fn is_quarantined(&self, volume: &VolumeId) -> bool {
        let named = self.keeping.store.named();
        let name = named.iter().find(|(id, _)| id == volume);
        let clock = name.and_then(|(_, name)| self.keeping.book.clock_of(name));
        clock.is_some_and(|clock| clock.is_quarantined())
    }

    /// What is known to be bad is not read again, nor is a drive that is gone or does not answer.
    fn is_passed_over(&self, shard: &ShardId, volume: &VolumeId) -> Result<bool, Error> {
        let view = self.keeping.ledger.read()?;
        let row = view.volume(volume)?;
        let failed = row.is_some_and(|row| row.state == VolumeState::Failed);
        Ok(failed || self.is_quarantined(volume) || view.fenced(shard)?.is_some())
    }

    async fn end(&mut self, now: u64) -> Result<(), Error> {
        let (checked, bytes, bad) = (self.pass.checked, self.pass.bytes, self.pass.bad_count());
        for volume in self.keeping.store.volumes() {
            if !self.pass.was_bad(&volume) {
                self.sign(volume, Sign::CleanPass).await?;
            }
        }
        self.pass.end(now);
        self.save(true);
        info!(checked, bytes, bad, "a scrub pass ended");
        Ok(())
    }

    /// Moves some shards off volumes that are to be empty.
    async fn evacuate(&mut self) -> Result<(), Error> {
        let rows = self.keeping.ledger.read()?.volumes()?;
        let leaving = rows
            .iter()
            .filter(|row| row.state == VolumeState::Evacuating && row.used > 0);
        for volume in leaving.map(|row| row.volume) {
            let begun = Instant::now();
            let (moved, stuck) = self.move_some(&volume).await?;
            self.note_moves(volume, moved, stuck);
            // At most half of the time is spent moving.
            let pause = begun.elapsed().min(WAIT_MAX);
            tokio::time::sleep(pause).await;
        }
        Ok(())
    }

    fn note_moves(&self, volume: VolumeId, moved: u64, stuck: Option<String>) {
        let mut view = self.keeping.book.lock();
        let notes = view.drives.entry(volume).or_default();
        notes.moved += moved;
        if let Some(why) = stuck.as_ref().filter(|_| notes.stuck != stuck) {
            warn!(volume = %volume, why, "the volume cannot be emptied");
        }
        notes.stuck = stuck;
    }

    /// Moves up to `MOVES` shards; how many, and why no more can be when none could.
    async fn move_some(&self, volume: &VolumeId) -> Result<(u64, Option<String>), Error> {
        let (mut moved, mut stuck, mut after) = (0u64, None, None);
        loop {
            let (shards, next) = self.keeping.store.shards_on(volume, after.as_ref())?;
            for shard in shards {
                match self.keeping.store.move_away(&shard).await {
                    Ok(Moved::Done(_)) => moved += 1,
                    Ok(Moved::Gone) => (),
                    Err(err @ Error::NoSpace { .. }) => return Ok((moved, Some(err.to_string()))),
                    // It does not read: the doubt stands, and the scrub looks at it.
                    Err(err @ (Error::Damaged { .. } | Error::Device(_))) => {
                        stuck = Some(err.to_string());
                    }
                    Err(err) => return Err(err),
                }
                if moved >= MOVES as u64 {
                    return Ok((moved, None));
                }
            }
            if next.is_none() {
                return Ok((moved, stuck));
            }
            after = next;
        }
    }

    fn tell(&self) -> Result<(), Error> {
        let fences = self.keeping.ledger.read()?.fences(None, FENCES_MAX)?;
        let mut view = self.keeping.book.lock();
        view.fenced = fences.len() as u64;
        view.pass.clone_from(&self.pass);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
