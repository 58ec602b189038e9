//! Which copy of the host this directory is, in a running daemon: what the hubs are asked, and
//! when a copy may serve (docs/formats/backup.md, `backup::instance`).
//!
//! Enters: the directory's `instance.json`, under the directory's lock, and the hubs' words.
//! Leaves: leave to serve, or the refusal that ends the daemon. Invariants: a restored copy never
//! serves before its claim is written down; every announcement is preceded by a question to the
//! same hub; a host that was never restored waits for nobody. What this file does not do: judge
//! (that is pure and lives in `backup::instance`) or stop tasks.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use anyhow::bail;
use host_core::announce::Announcement;
use host_core::seams::PeerAddr;
use host_core::{NetworkId, PeerId};
use host_net::Net;
use host_session::announce;
use host_session::desk::Copied;
use host_transfer::hub;
use tokio::sync::watch;
use tracing::{debug, error, info, warn};

use crate::assemble::HostDesk;
use crate::backup::instance::{CLAIM_WAIT, Refusal, Sighting, State, Verdict};
use crate::backup::{Instance, Machine, Mark};
use crate::clock::{SystemEntropy, now_ms};

/// Longest wait for one hub's answer.
const ASK_MAX: Duration = Duration::from_secs(5);
/// Longest wait for the hubs to take the last word before a stop.
const LEAVE_MAX: Duration = Duration::from_secs(2);
/// The name of the machine that survives its restarts.
const MACHINE_ID: &str = "/etc/machine-id";

/// What names this machine, or nothing where no name survives a restart.
#[must_use]
pub fn machine() -> Machine {
    let text = std::fs::read_to_string(MACHINE_ID).unwrap_or_default();
    Machine(text.trim().as_bytes().to_vec())
}

/// This copy's standing among possible others.
pub struct Standing {
    dir: PathBuf,
    network: NetworkId,
    peer: PeerId,
    hubs: Vec<PeerAddr>,
    instance: Mutex<Instance>,
    refused: watch::Sender<Option<Refusal>>,
    /// Whether the newest announcement failed: said aloud once, not at every try.
    untaken: AtomicBool,
}

impl Standing {
    /// Reads `instance.json` of `dir`, whose lock is held. A directory without one is the first
    /// copy; one that was copied becomes another copy. Errors when the file is damaged, or when a
    /// later copy took over.
    pub fn open(
        dir: &Path,
        network: NetworkId,
        peer: PeerId,
        hubs: Vec<PeerAddr>,
    ) -> anyhow::Result<Self> {
        let (machine, now) = (machine(), now_ms());
        if Instance::read(dir)?.is_none() {
            Instance::first(dir, &machine, &SystemEntropy, now)?.write(dir)?;
        }
        let instance = Instance::at_start(dir, &machine, &SystemEntropy, now)?;
        if instance.state == State::Superseded {
            bail!(
                "a later copy of this host took over its identity; {} is retired for good",
                dir.display()
            );
        }
        Ok(Self {
            dir: dir.to_path_buf(),
            network,
            peer,
            hubs,
            instance: Mutex::new(instance),
            refused: watch::Sender::new(None),
            untaken: AtomicBool::new(false),
        })
    }

    fn instance(&self) -> MutexGuard<'_, Instance> {
        self.instance.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The copy as announcements name it.
    #[must_use]
    pub fn copy(&self) -> Copied {
        let instance = self.instance();
        Copied {
            instance: instance.instance.0,
            generation: instance.generation,
        }
    }

    /// The hubs.
    #[must_use]
    pub fn hubs(&self) -> &[PeerAddr] {
        &self.hubs
    }

    /// Whether the copy must claim the identity before it serves.
    #[must_use]
    pub fn must_claim(&self) -> bool {
        self.instance().state == State::Restored
    }

    /// Completes when this copy may not serve any more.
    pub async fn refused(&self) -> Refusal {
        let mut seen = self.refused.subscribe();
        let refusal = seen.wait_for(Option::is_some).await.map(|found| *found);
        match refusal {
            Ok(Some(refusal)) => refusal,
            // The sender lives as long as this value.
            _ => std::future::pending().await,
        }
    }

    /// Whether a refusal was heard.
    #[must_use]
    pub fn is_refused(&self) -> bool {
        self.refused.borrow().is_some()
    }

    /// What one hub last heard of this peer; none when it does not answer in time.
    async fn ask(&self, net: &Net, to: &PeerAddr) -> Option<Option<Sighting>> {
        let asked = hub::find(net, to, &self.network, self.peer);
        match tokio::time::timeout(ASK_MAX, asked).await {
            Ok(Ok(found)) => Some(found.map(|found| sighting(&found))),
            Ok(Err(err)) => {
                debug!(peer = %to.peer, err = %err, "hub does not say who was heard");
                None
            }
            Err(_) => None,
        }
    }

    /// Asks every hub at once; what they heard and how many answered.
    pub async fn ask_all(&self, net: &Net) -> (Vec<Sighting>, usize) {
        let asked = self.hubs.iter().map(|to| self.ask(net, to));
        let answers = futures::future::join_all(asked).await;
        let answered = answers.iter().flatten().count();
        (answers.into_iter().flatten().flatten().collect(), answered)
    }

    /// Asks whether another copy stands against a start, before anything is served. A host that
    /// was never restored does not ask here: it does with its first announcement. Errors with the
    /// refusal; that nobody answers is for `claim` to judge.
    pub async fn check_start(&self, net: &Net) -> anyhow::Result<()> {
        if self.instance().generation == 0 {
            return Ok(());
        }
        let (seen, answered) = self.ask_all(net).await;
        match self.judge(&seen, answered) {
            Verdict::Serve | Verdict::Claim | Verdict::Refuse(Refusal::Unwitnessed) => Ok(()),
            Verdict::Refuse(refusal) => Err(refusal.into()),
        }
    }

    /// Judges and, when a later copy took over, writes that down.
    fn judge(&self, seen: &[Sighting], answered: usize) -> Verdict {
        let verdict = self.instance().judge(seen, answered);
        self.note(verdict);
        verdict
    }

    fn note(&self, verdict: Verdict) {
        if !matches!(verdict, Verdict::Refuse(Refusal::Superseded { .. })) {
            return;
        }
        // Read again: a backup may have been noted in the file meanwhile.
        let mut instance = self.instance();
        let fresh = match Instance::read(&self.dir) {
            Ok(Some(fresh)) => fresh,
            _ => instance.clone(),
        };
        let state = instance.state;
        *instance = Instance { state, ..fresh };
        if instance.retire(verdict)
            && let Err(err) = instance.write(&self.dir)
        {
            error!(
                err = format!("{err:#}"),
                "retiring could not be written down"
            );
        }
    }

    /// Claims the identity: asks, announces without serving, waits, asks again, writes. `forced`
    /// is the operator's word that every other copy is gone; it stands in for silent hubs only,
    /// and then there is nobody to wait for. Errors with the refusal; then nothing was claimed.
    pub async fn claim(&self, desk: &HostDesk, net: &Net, forced: bool) -> anyhow::Result<()> {
        let (seen, answered) = self.ask_all(net).await;
        let silent = match self.judge(&seen, answered) {
            Verdict::Serve => return Ok(()),
            Verdict::Claim => false,
            Verdict::Refuse(Refusal::Unwitnessed) if forced => true,
            Verdict::Refuse(refusal) => return Err(refusal.into()),
        };
        if !silent {
            let span = CLAIM_WAIT.as_secs();
            info!(seconds = span, "claiming the identity, not serving yet");
            let open = desk.is_open();
            desk.set_open(false);
            desk.set_addrs(net.addresses());
            let said = announce::make(desk).await;
            desk.set_open(open);
            let said = said?;
            let told = self
                .hubs
                .iter()
                .map(|to| hub::announce(net, to, said.clone()));
            futures::future::join_all(told).await;
            tokio::time::sleep(CLAIM_WAIT).await;
        }
        let (seen, answered) = self.ask_all(net).await;
        let mut claimed = self.instance().clone();
        let verdict = claimed.confirm(&seen, answered, forced);
        if let Verdict::Refuse(refusal) = verdict {
            self.note(verdict);
            return Err(refusal.into());
        }
        claimed.write(&self.dir)?;
        *self.instance() = claimed;
        info!("identity claimed");
        Ok(())
    }

    /// Asks one hub and, when nothing speaks against it, gives it the announcement; whether it
    /// was taken. A refusal is kept and ends the daemon.
    pub async fn announce(&self, net: &Net, to: &PeerAddr, said: &Announcement) -> bool {
        let seen: Vec<Sighting> = self.ask(net, to).await.flatten().into_iter().collect();
        if let Verdict::Refuse(refusal) = self.judge(&seen, 1) {
            self.refused.send_replace(Some(refusal));
            return false;
        }
        match hub::announce(net, to, said.clone()).await {
            Ok(()) => {
                self.untaken.store(false, Ordering::Relaxed);
                true
            }
            Err(err) if !self.untaken.swap(true, Ordering::Relaxed) => {
                warn!(peer = %to.peer, err = %err, "hub did not take the announcement");
                false
            }
            Err(err) => {
                debug!(peer = %to.peer, err = %err, "hub did not take the announcement");
                false
            }
        }
    }

    /// The last word of a clean stop: this copy is not alive any more. A refused copy says
    /// nothing, since its word would stand in for the living one's.
    pub async fn leave(&self, desk: &HostDesk, net: &Net) {
        if self.is_refused() {
            return;
        }
        let Ok(said) = announce::leaving(desk).await else {
            return;
        };
        let told = self
            .hubs
            .iter()
            .map(|to| hub::announce(net, to, said.clone()));
        let _ = tokio::time::timeout(LEAVE_MAX, futures::future::join_all(told)).await;
    }
}

/// What an announcement says of the copy that made it. Its age is told by this machine's clock.
fn sighting(found: &Announcement) -> Sighting {
    let offer = &found.offer;
    Sighting {
        instance: Mark(offer.instance),
        generation: offer.generation,
        age: Duration::from_millis(now_ms().saturating_sub(offer.at_ms)),
        leaving: offer.leaving,
    }
}
