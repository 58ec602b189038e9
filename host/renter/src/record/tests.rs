//! Goal: only the owner opens what is sealed. Method: seal, change a bit, try another key. Also
//! the renter's inside that tests of records share: no network, no chain.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network};
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Clock, Entropy, Frames, Head, LinkError, PeerAddr,
    Peers, SignedTx, TxReceipt, VaultFacts,
};
use host_core::wire::Protocol;
use host_core::{Address, Digest32};

use super::{seal, unseal};
use crate::progress::NoMeter;
use crate::{Inner, Parts, Renter};

struct Nothing(AtomicU64);

const UNUSED: ChainError = ChainError::Disagreement { what: "unused" };

impl Clock for Nothing {
    fn wall_ms(&self) -> u64 {
        1
    }
    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }
    fn sleep(&self, _: Duration) -> BoxFuture<'static, ()> {
        Box::pin(std::future::pending())
    }
}

impl Entropy for Nothing {
    fn fill(&self, buffer: &mut [u8]) {
        let next = self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes();
        for (byte, value) in buffer.iter_mut().zip(next.iter().rev().cycle()) {
            *byte = *value;
        }
    }
}

impl Peers for Nothing {
    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        _: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>> {
        let (peer, why) = (to.peer, "nobody".to_owned());
        Box::pin(async move { Err(LinkError::Unreachable { peer, why }) })
    }
}

impl Chain for Nothing {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn vault(&self, _: Address, _: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn prepare(&self, _: ChainCall, _: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn broadcast<'a>(&'a self, _: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
    fn receipt(&self, _: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        Box::pin(async { Err(UNUSED) })
    }
}

/// A renter's inside on a directory that is gone afterwards: its book is not used.
pub(crate) fn inner() -> Arc<Inner> {
    let zero = Address::ZERO;
    let network = Network {
        name: "records".into(),
        private: true,
        chain_id: 31337,
        endpoints: Vec::new(),
        hubs: Vec::new(),
        guard: Default::default(),
        services: Default::default(),
        score_bar: 0,
        epoch: EpochRule {
            genesis_block: 0,
            epoch_blocks: 20,
            block_seconds: 3,
            grace_epochs: 1,
            depth: 2,
        },
        contracts: Contracts::of_vaults(zero, zero, zero),
    };
    let nothing = || Arc::new(Nothing(AtomicU64::new(1)));
    let dir = tempfile::tempdir().expect("a directory");
    let renter = Renter::open(Parts {
        network,
        key: SecretKey::from_bytes(&[7; 32]).expect("a key"),
        seal_key: [5; 32],
        vault: zero,
        peers: nothing(),
        chain: nothing(),
        clock: nothing(),
        entropy: nothing(),
        meter: Arc::new(NoMeter),
        heavy: crate::Heavy::Threads,
        home: dir.path().join("home"),
    });
    renter.expect("opens").inner
}

#[test]
fn what_is_sealed_opens_with_its_key_and_unchanged_only() {
    let sealed = seal(&[1; 32], [2; 12], b"a name");
    assert_eq!(unseal(&[1; 32], &sealed).expect("opens"), b"a name");
    assert!(unseal(&[2; 32], &sealed).is_err());
    for at in 0..sealed.len() {
        let mut bent = sealed.clone();
        bent[at] ^= 1;
        assert!(unseal(&[1; 32], &bent).is_err(), "byte {at}");
    }
    assert!(unseal(&[1; 32], &[]).is_err());
}
