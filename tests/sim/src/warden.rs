//! A guard of a run: the product's own, on a directory that outlives its process. It is named by
//! the renters, challenges, repairs with its own money, dies and comes back like everybody else.

use std::sync::Arc;

use host_core::challenge::{Finding, SignedVerdict};
use host_core::identity::SecretKey;
use host_core::seams::{DisputeChain, Entropy, Frames, PeerAddr};
use host_core::wire::Protocol;
use host_core::{Address, Amount, ObjectId};
use host_renter::Renter;
use host_services::guard::{Guard, Parts};
use host_store::simulated::Chance;
use tempfile::TempDir;

use crate::chain::Line;
use crate::machine::Ground;
use crate::tenant::Dice;
use crate::time::Owner;

/// A guard.
pub(crate) struct Warden {
    pub(crate) owner: Owner,
    pub(crate) key: SecretKey,
    pub(crate) vault: Address,
    ground: Ground,
    dice: Arc<Dice>,
    home: TempDir,
}

impl Warden {
    /// A guard that nobody named yet; it does not run.
    pub(crate) fn new(
        owner: Owner,
        key: SecretKey,
        ground: &Ground,
        chance: &mut Chance,
    ) -> anyhow::Result<Self> {
        let mut vault = [0x66; 20];
        vault[..4].copy_from_slice(&owner.to_be_bytes());
        Ok(Self {
            owner,
            key,
            vault: Address(vault),
            ground: ground.clone(),
            dice: Arc::new(Dice::new(chance)),
            home: tempfile::tempdir()?,
        })
    }

    /// Where others find it.
    pub(crate) fn addr(&self) -> PeerAddr {
        PeerAddr {
            peer: self.key.peer_id(),
            addrs: vec!["/ip4/10.2.0.1/tcp/4001".into()],
        }
    }

    /// The guard's own book, as its program opens it.
    pub(crate) fn renter(&self) -> anyhow::Result<Renter> {
        let (key, home) = (&self.key, self.home.path().join("book"));
        self.ground.renter(key, self.vault, &self.dice, home)
    }

    fn line(&self) -> Arc<Line> {
        Arc::new(self.ground.ether.line(self.key.address()))
    }

    /// Starts the guard on what its directory holds. Errors when it cannot: that is never right.
    pub(crate) fn start(&self) -> anyhow::Result<()> {
        let ground = &self.ground;
        let guard = Arc::new(Guard::open(Parts {
            network: ground.network.clone(),
            key: self.key.clone(),
            peers: Arc::new(ground.streets.seen_by(self.key.peer_id())),
            chain: Arc::new(ground.ether.line(self.key.address())),
            disputes: ground.proves.then(|| self.line() as Arc<dyn DisputeChain>),
            clock: Arc::new(ground.time.clone()),
            entropy: Arc::clone(&self.dice) as Arc<dyn Entropy>,
            renter: self.renter()?,
            home: self.home.path().join("guard"),
        })?);
        let (time, owner) = (ground.time.clone(), self.owner);
        let (serving, on) = (Arc::clone(&guard), time.clone());
        let door = move |_: Protocol, frames: Box<dyn Frames>| {
            let guard = Arc::clone(&serving);
            on.spawn(owner, async move {
                let _link_over = guard.converse(frames).await;
            });
        };
        let peer = self.key.peer_id();
        ground.streets.door(&peer, Some(Arc::new(door)));
        let clock = time.clone();
        time.spawn(owner, async move {
            guard.work(&clock, Amount(1)).await;
        });
        Ok(())
    }

    /// The process ends without a word.
    pub(crate) fn kill(&self) {
        self.ground.streets.door(&self.key.peer_id(), None);
        self.ground.time.end(self.owner);
    }
}

/// Verdicts that do not follow from their evidence, and wrong proofs of hosts that never lied.
pub(crate) fn false_words(
    verdicts: &[SignedVerdict],
    ground: &Ground,
    object: ObjectId,
) -> Vec<String> {
    let network = ground.network.id();
    let mut told = Vec::new();
    for signed in verdicts {
        let host = signed.verdict.challenge.host;
        match host_proof::check_verdict(signed, &network) {
            Ok(Finding::Wrong) => {
                told.push(format!("{object}: a proof of {host} was called wrong"));
            }
            Ok(_) => {}
            Err(why) => told.push(format!("{object}: {why}")),
        }
    }
    told
}
