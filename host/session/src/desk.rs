//! What every conversation of a host needs, in one place: keys, policy, ledger, store, chain,
//! clock and the seats that bound how many are served at once.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::Duration;

use host_agreement::{Policy, START_SLACK};
use host_core::announce::Claims;
use host_core::epoch::EpochRule;
use host_core::keeper::Identity;
use host_core::pressure::Pressure;
use host_core::seams::{Chain, ChainError, Clock, Device, Escrow, VaultFacts};
use host_core::{Address, Amount, PeerId, ShardId, limits};
use host_ledger::{AgreementState, Ledger};
use host_settle::Exposure;
use host_settle::Prover;
use host_store::Store;
use tokio::sync::OwnedMutexGuard;

use crate::challenge::Challengers;
use crate::error::Error;
use crate::head::HeadMemory;
use crate::reads::Reads;

/// What the chain said of a vault, and when.
type Known = (Duration, VaultFacts);

/// How long an answer about a vault is believed. A vault can only be emptied after a delay far
/// longer than this.
const VAULT_FACTS_AGE: Duration = Duration::from_secs(10);
/// Vaults remembered before the memory is emptied.
const VAULTS_MAX: usize = 4096;

/// Everything the desk is made of.
pub struct Parts<D: Device> {
    /// The identity: signs agreements, receipts and announcements, wherever its key is kept.
    pub key: Identity,
    /// What is agreed to.
    pub policy: Policy,
    /// How blocks become epochs.
    pub epoch: EpochRule,
    /// All durable facts.
    pub ledger: Ledger,
    /// Shard bytes.
    pub store: Store<D>,
    /// The chain.
    pub chain: Arc<dyn Chain>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// The newest block known.
    pub head: Arc<HeadMemory>,
    /// What a watchdog says of the machine.
    pub pressure: tokio::sync::watch::Receiver<Pressure>,
}

/// Which copy of the host this is, as its announcements say.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Copied {
    /// Its name.
    pub instance: [u8; 16],
    /// How many restores lie between it and the first copy.
    pub generation: u64,
}

/// The host's side of all conversations.
pub struct Desk<D: Device> {
    parts: Parts<D>,
    policy: Mutex<Policy>,
    open: Mutex<bool>,
    leaving: AtomicBool,
    addrs: Mutex<Vec<String>>,
    claims: Mutex<Option<Claims>>,
    copy: Mutex<Copied>,
    exposure: Exposure,
    exposure_max: Mutex<Amount>,
    uploads: Arc<AtomicUsize>,
    downloads: Arc<AtomicUsize>,
    turns: Mutex<HashMap<Address, Arc<tokio::sync::Mutex<()>>>>,
    vaults: Mutex<HashMap<Address, Known>>,
    prover: OnceLock<Arc<Prover>>,
    escrow: OnceLock<Arc<dyn Escrow>>,
    inclusions: tokio::sync::Mutex<()>,
    challengers: Mutex<Challengers>,
    reads: Reads,
}

/// A place among the conversations of one kind; given back when dropped.
pub struct Seat {
    taken: Arc<AtomicUsize>,
}

impl Seat {
    fn take(taken: &Arc<AtomicUsize>, bound: usize) -> Result<Self, Error> {
        let serving = taken.fetch_add(1, Ordering::AcqRel);
        let seat = Self {
            taken: Arc::clone(taken),
        };
        if serving >= bound {
            return Err(Error::Busy { serving });
        }
        Ok(seat)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.taken.fetch_sub(1, Ordering::AcqRel);
    }
}

/// The value behind a lock that guards plain data: a panic elsewhere cannot have broken it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<D: Device> Desk<D> {
    /// Opens the desk.
    #[must_use]
    pub fn new(parts: Parts<D>) -> Self {
        Self {
            policy: Mutex::new(parts.policy.clone()),
            open: Mutex::new(true),
            leaving: AtomicBool::new(false),
            addrs: Mutex::new(Vec::new()),
            claims: Mutex::default(),
            copy: Mutex::default(),
            exposure: Exposure::default(),
            exposure_max: Mutex::default(),
            uploads: Arc::default(),
            downloads: Arc::default(),
            turns: Mutex::default(),
            vaults: Mutex::default(),
            prover: OnceLock::new(),
            escrow: OnceLock::new(),
            inclusions: tokio::sync::Mutex::default(),
            challengers: Mutex::default(),
            reads: Reads::default(),
            parts,
        }
    }

    /// The policy of this moment.
    #[must_use]
    pub fn policy(&self) -> Policy {
        locked(&self.policy).clone()
    }

    /// Replaces the policy; conversations that begin later see it.
    pub fn set_policy(&self, policy: Policy) {
        *locked(&self.policy) = policy;
    }

    /// Whether new agreements are taken.
    #[must_use]
    pub fn is_open(&self) -> bool {
        *locked(&self.open)
    }

    /// Takes new agreements, or stops to.
    pub fn set_open(&self, open: bool) {
        *locked(&self.open) = open;
    }

    /// Whether this host leaves and asks that what it keeps be moved.
    #[must_use]
    pub fn is_leaving(&self) -> bool {
        self.leaving.load(Ordering::Relaxed)
    }

    /// Begins to leave, or stays after all.
    pub fn set_leaving(&self, leaving: bool) {
        self.leaving.store(leaving, Ordering::Relaxed);
    }

    /// Addresses told to others.
    #[must_use]
    pub fn addrs(&self) -> Vec<String> {
        locked(&self.addrs).clone()
    }

    /// Sets the addresses told to others.
    pub fn set_addrs(&self, addrs: Vec<String>) {
        *locked(&self.addrs) = addrs;
    }

    /// What the host says of its place and means.
    #[must_use]
    pub fn claims(&self) -> Option<Claims> {
        locked(&self.claims).clone()
    }

    /// Replaces what the host says of its place and means; the next announcement carries it.
    pub fn set_claims(&self, claims: Option<Claims>) {
        *locked(&self.claims) = claims;
    }

    /// Which copy of the host this is; all zeroes until it is set.
    #[must_use]
    pub fn copy(&self) -> Copied {
        *locked(&self.copy)
    }

    /// Sets which copy of the host this is.
    pub fn set_copy(&self, copy: Copied) {
        *locked(&self.copy) = copy;
    }

    /// Sets the most one renter may owe uncashed before its new uploads are refused; zero for no
    /// bound.
    pub fn set_exposure_max(&self, most: Amount) {
        *locked(&self.exposure_max) = most;
    }

    /// Refuses a renter that owes too much already. Errors: `Exposure`.
    pub(crate) fn check_exposure(&self, renter: &Address) -> Result<(), Error> {
        let most = *locked(&self.exposure_max);
        if most == Amount::ZERO {
            return Ok(());
        }
        let now = self.clock().monotonic();
        let chain_id = self.policy().chain_id;
        let owed = self.exposure.of(self.ledger(), renter, chain_id, now)?;
        if owed <= most {
            return Ok(());
        }
        let renter = *renter;
        Err(Error::Exposure { renter, owed, most })
    }

    /// The identity.
    #[must_use]
    pub const fn key(&self) -> &Identity {
        &self.parts.key
    }

    /// All durable facts.
    #[must_use]
    pub const fn ledger(&self) -> &Ledger {
        &self.parts.ledger
    }

    /// Shard bytes.
    #[must_use]
    pub const fn store(&self) -> &Store<D> {
        &self.parts.store
    }

    /// Time.
    #[must_use]
    pub fn clock(&self) -> &dyn Clock {
        self.parts.clock.as_ref()
    }

    /// The chain.
    #[must_use]
    pub fn chain(&self) -> &Arc<dyn Chain> {
        &self.parts.chain
    }

    /// How blocks become epochs.
    #[must_use]
    pub const fn epoch_rule(&self) -> &EpochRule {
        &self.parts.epoch
    }

    /// The newest block known, 0 when the chain never answered.
    #[must_use]
    pub fn block_known(&self) -> u64 {
        self.parts.head.block().unwrap_or(0)
    }

    /// The current epoch by the newest block known, none when the chain never answered.
    #[must_use]
    pub fn epoch_known(&self) -> Option<u64> {
        let block = self.parts.head.block()?;
        Some(self.parts.epoch.epoch_of(block))
    }

    /// The current epoch by the newest block known. Waits up to 5 s for the first one after a
    /// start; errors when the chain stays silent.
    pub async fn epoch_now(&self) -> Result<u64, Error> {
        let never = || ChainError::Unreachable {
            tried: 0,
            why: "no block was seen yet".into(),
        };
        let block = self.parts.head.first(self.clock()).await;
        let block = block.ok_or_else(|| Error::Chain(never()))?;
        Ok(self.parts.epoch.epoch_of(block))
    }

    /// The current epoch for terms that start at `start`. A host whose head is older than the
    /// renter's asks the chain before it says that they start too late, at most once a second for
    /// all conversations. Waits up to 5 s; errors as [`Self::epoch_now`].
    pub async fn epoch_for(&self, start: u64) -> Result<u64, Error> {
        let known = self.epoch_now().await?;
        if start <= known.saturating_add(START_SLACK) {
            return Ok(known);
        }
        let (head, chain) = (&self.parts.head, self.parts.chain.as_ref());
        head.ask(chain, self.clock()).await;
        self.epoch_now().await
    }

    /// A place for one upload. Errors under pressure, when closed, or when all are taken.
    pub fn seat_upload(&self) -> Result<Seat, Error> {
        let level = *self.parts.pressure.borrow();
        if !level.admits_upload() {
            return Err(Error::Pressure {
                level: level.label(),
            });
        }
        if !self.is_open() {
            return Err(Error::Quota {
                what: "this host takes no new agreements now",
            });
        }
        Seat::take(&self.uploads, limits::UPLOADS_MAX)
    }

    /// A place for one download of a shard. Errors under heavy pressure, where a paid one is
    /// served longer, or when all are taken.
    pub fn seat_download(&self, shard: &ShardId) -> Result<Seat, Error> {
        let level = *self.parts.pressure.borrow();
        let paid = || Ok::<_, Error>(level.admits_paid_download() && self.is_paid(shard)?);
        if !level.admits_download() && !paid()? {
            return Err(Error::Pressure {
                level: level.label(),
            });
        }
        Seat::take(&self.downloads, limits::DOWNLOADS_MAX)
    }

    /// Whether some agreement over the shard is paid for now; by its last cheque alone while the
    /// chain is silent.
    fn is_paid(&self, shard: &ShardId) -> Result<bool, Error> {
        let (snapshot, epoch) = (self.ledger().read()?, self.epoch_known());
        for digest in snapshot.leases(shard)? {
            let row = snapshot.agreement(&digest)?;
            let paid = row.filter(|row| row.state == AgreementState::Active);
            if paid.is_some_and(|row| row.paid_through > epoch.unwrap_or(0)) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Uploads and downloads served now.
    #[must_use]
    pub fn serving(&self) -> (usize, usize) {
        (
            self.uploads.load(Ordering::Acquire),
            self.downloads.load(Ordering::Acquire),
        )
    }

    /// Names the prover, once; a network without proofs has none.
    pub fn set_prover(&self, prover: Arc<Prover>) {
        let _ = self.prover.set(prover);
    }

    /// The prover.
    #[must_use]
    pub fn prover(&self) -> Option<&Arc<Prover>> {
        self.prover.get()
    }

    /// Names the escrow, once; a network without one has none.
    pub fn set_escrow(&self, escrow: Arc<dyn Escrow>) {
        let _ = self.escrow.set(escrow);
    }

    /// The escrow.
    #[must_use]
    pub fn escrow(&self) -> Option<&Arc<dyn Escrow>> {
        self.escrow.get()
    }

    /// Waits for the turn to make an inclusion.
    pub async fn inclusion_turn(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.inclusions.lock().await
    }

    /// Takes `leaves` of what a guard may ask for in this minute. Errors: Demand.
    pub(crate) fn take_leaves(&self, guard: &PeerId, leaves: u32) -> Result<(), Error> {
        let now = self.parts.clock.monotonic();
        locked(&self.challengers).take(guard, leaves, now)
    }

    /// The accounts of readers.
    pub(crate) const fn reads(&self) -> &Reads {
        &self.reads
    }

    /// Waits for the turn to judge a cheque of `vault`.
    pub async fn vault_turn(&self, vault: Address) -> OwnedMutexGuard<()> {
        let turn = {
            let mut turns = locked(&self.turns);
            if turns.len() >= VAULTS_MAX {
                turns.retain(|_, turn| Arc::strong_count(turn) > 1);
            }
            Arc::clone(turns.entry(vault).or_default())
        };
        turn.lock_owned().await
    }

    /// Forgets what the chain said of `vault`.
    pub fn forget_vault(&self, vault: &Address) {
        locked(&self.vaults).remove(vault);
    }

    /// What the chain says of `vault`, at most ten seconds old.
    pub async fn vault_facts(&self, vault: Address) -> Result<VaultFacts, ChainError> {
        let now = self.parts.clock.monotonic();
        let known = locked(&self.vaults).get(&vault).cloned();
        if let Some((at, facts)) = known
            && now.saturating_sub(at) <= VAULT_FACTS_AGE
        {
            return Ok(facts);
        }
        let facts = self
            .parts
            .chain
            .vault(vault, self.parts.policy.host)
            .await?;
        let mut vaults = locked(&self.vaults);
        if vaults.len() >= VAULTS_MAX {
            vaults.clear();
        }
        vaults.insert(vault, (now, facts.clone()));
        Ok(facts)
    }
}
