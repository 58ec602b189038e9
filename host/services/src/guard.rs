//! The guard: challenges the hosts of objects whose owners named it, keeps signed audits, and
//! repairs under a grant what is lost (docs/formats/guard.md).
//!
//! Enters: signed orders, answers of hosts, second opinions of other guards. Leaves: challenges,
//! signed verdicts, repairs signed under a grant. Invariants: an audit is durable before it is told
//! or acted on; a guard never slashes; nothing is repaired on its word alone. Several guards watch
//! the same object without knowing of each other's turn: each challenges on its own, and one that
//! is silent is passed over by the next in the order. Does not: decrypt, or know why a host failed.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::repair::SignedOrder;
use host_core::seams::{Chain, Clock, DisputeChain, Entropy, Peers};
use host_core::{NetworkId, ObjectId, PeerId};
use host_renter::Renter;

use crate::error::Error;

mod accuse;
mod accuser;
mod ask;
mod audits;
mod cheques;
mod files;
mod repair;
pub mod run;
mod serve;
mod watch;

pub use accuser::{Accusation, Accuser, Ending};
pub use run::run;
pub use watch::Watched;

use audits::Audits;
use files::Files;

/// Objects a guard watches at most.
const OBJECTS_MAX: usize = 100_000;

/// What a guard is made of; the root builds it.
pub struct Parts {
    /// The network.
    pub network: Network,
    /// Signs verdicts and repairs; cheques for this guard are made out to its account.
    pub key: SecretKey,
    /// The network driver.
    pub peers: Arc<dyn Peers>,
    /// The chain driver.
    pub chain: Arc<dyn Chain>,
    /// The contract of bonded challenges, where the network has it.
    pub disputes: Option<Arc<dyn DisputeChain>>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness: seeds of challenges.
    pub entropy: Arc<dyn Entropy>,
    /// The guard's own money and agreements, with which it repairs.
    pub renter: Renter,
    /// The data directory; made when missing.
    pub home: PathBuf,
}

/// A guard.
pub struct Guard {
    parts: Parts,
    id: NetworkId,
    own: PeerId,
    files: Files,
    audits: Mutex<Audits>,
    watched: Mutex<BTreeMap<ObjectId, Watched>>,
    /// Objects whose owners asked for repair at once.
    urgent: Mutex<BTreeSet<ObjectId>>,
    /// One repair at a time: its bytes are bounded by its grant, its memory by this.
    repairing: tokio::sync::Mutex<()>,
    /// Challenges on chain, where the network has them.
    accuser: Option<Accuser>,
}

/// The value behind a lock over plain data: a panic elsewhere cannot have broken it.
fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Guard {
    /// Opens a guard on its directory: orders, audits and repairs are read back, so that what was
    /// found before a restart still counts. Errors: a file that does not read.
    pub fn open(parts: Parts) -> Result<Self, Error> {
        let files = Files::open(&parts.home)?;
        let accuser = match parts.disputes.clone() {
            Some(disputes) => {
                let (chain, own) = (Arc::clone(&parts.chain), parts.key.address());
                Some(Accuser::open(&parts.home, chain, disputes, own)?)
            }
            None => None,
        };
        let audits = Audits::open(&parts.home.join("audits"))?;
        let guard = Self {
            id: parts.network.id(),
            own: parts.key.peer_id(),
            files,
            audits: Mutex::new(audits),
            watched: Mutex::default(),
            urgent: Mutex::default(),
            repairing: tokio::sync::Mutex::default(),
            accuser,
            parts,
        };
        for order in guard.files.orders()? {
            guard.take_up(order)?;
        }
        Ok(guard)
    }

    /// Who this guard is.
    #[must_use]
    pub const fn peer(&self) -> PeerId {
        self.own
    }

    /// Objects that are watched.
    #[must_use]
    pub fn objects(&self) -> Vec<ObjectId> {
        locked(&self.watched).keys().copied().collect()
    }

    /// Takes an order of an owner; durable when it returns. Errors: it does not hold, names another
    /// guard, is older than the one that is followed, or there are too many.
    pub fn name(&self, order: SignedOrder) -> Result<(), Error> {
        order.check(&self.id, self.parts.network.chain_id)?;
        let named = order.order.guards.iter();
        if !named.map(|guard| guard.peer).any(|peer| peer == self.own) {
            return Err(Error::NotNamed { guard: self.own });
        }
        let object = order.order.placement.placement.object;
        {
            let watched = locked(&self.watched);
            if watched.len() >= OBJECTS_MAX && !watched.contains_key(&object) {
                return Err(Error::Full { bound: OBJECTS_MAX });
            }
            if let Some(known) = watched.get(&object) {
                let owner = known.order.placement.placement.owner;
                if owner != order.order.placement.placement.owner {
                    return Err(Error::OtherOwner { object, owner });
                }
                if known.order.age() > order.order.age() {
                    let (version, serial) = known.order.age();
                    return Err(Error::OldOrder {
                        object,
                        version,
                        serial,
                    });
                }
            }
        }
        self.files.keep_order(&order)?;
        self.take_up(order)
    }

    /// Watches what an order names.
    fn take_up(&self, order: SignedOrder) -> Result<(), Error> {
        let descriptor = order.check(&self.id, self.parts.network.chain_id)?;
        let object = order.order.placement.placement.object;
        let repair = self.files.repair(&object)?;
        let now = self.parts.clock.monotonic();
        let mut fresh = Watched::new(order.order, descriptor, repair, now);
        let mut watched = locked(&self.watched);
        match watched.remove(&object) {
            Some(known) => fresh.inherit(known),
            None => {
                for verdict in locked(&self.audits).newest(&object)? {
                    fresh.learn(&verdict, now);
                }
            }
        }
        watched.insert(object, fresh);
        Ok(())
    }

    /// Time that only passes.
    fn now(&self) -> Duration {
        self.parts.clock.monotonic()
    }
}
