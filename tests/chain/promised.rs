//! A host's promises for tests: agreements that run, the shards behind them in memory, and the
//! one who reads their leaves.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::limits::UNIT_LEN;
use host_core::seams::BoxFuture;
use host_core::signed::{self, DELETE};
use host_core::{AgreementDigest, AgreementId, Amount, NetworkId, ShardId, VolumeId};
use host_ledger::{AgreementRow, AgreementState, Fact, Ledger, PlacementRow};
use host_proof::{LEAVES_PER_UNIT, LeafProof, Tree, TreeBuilder, prove};
use host_settle::prove::Leaves;

use crate::stage::{CHAIN, key};

const VOLUME: VolumeId = VolumeId([1; 16]);

/// The network of the tests.
pub(crate) fn network() -> NetworkId {
    NetworkId::of_name("test")
}

/// Shards in memory; what is asked of them is counted.
#[derive(Default)]
pub(crate) struct Shelf {
    shards: Mutex<HashMap<ShardId, (Vec<u8>, Tree)>>,
    reads: Mutex<u64>,
    /// Every read fails.
    pub(crate) broken: Mutex<bool>,
}

impl Shelf {
    pub(crate) fn put(&self, bytes: Vec<u8>) -> (ShardId, u64) {
        let mut builder = TreeBuilder::new();
        builder.push(&bytes);
        let tree = builder.finish().unwrap();
        let (shard, len) = (tree.shard_id(), tree.len);
        self.shards.lock().unwrap().insert(shard, (bytes, tree));
        (shard, len)
    }

    pub(crate) fn forget(&self, shard: &ShardId) {
        self.shards.lock().unwrap().remove(shard);
    }

    pub(crate) fn reads(&self) -> u64 {
        *self.reads.lock().unwrap()
    }

    fn read(&self, shard: ShardId, index: u64) -> Result<LeafProof, String> {
        *self.reads.lock().unwrap() += 1;
        if *self.broken.lock().unwrap() {
            return Err("the drive does not answer".into());
        }
        let shards = self.shards.lock().unwrap();
        let (bytes, tree) = shards.get(&shard).ok_or("no such shard")?;
        let unit = usize::try_from(index).unwrap() / LEAVES_PER_UNIT;
        let start = unit * UNIT_LEN;
        let end = (start + UNIT_LEN).min(bytes.len());
        prove(index, &bytes[start..end], &tree.units, tree.len).map_err(|why| why.to_string())
    }
}

impl Leaves for Shelf {
    fn leaf(&self, shard: ShardId, index: u64) -> BoxFuture<'_, Result<LeafProof, String>> {
        let read = self.read(shard, index);
        Box::pin(async move { read })
    }
}

/// Promises of one host, `key(3)`, to one renter, `key(2)`.
pub(crate) struct Promises {
    pub(crate) ledger: Ledger,
    pub(crate) shelf: Arc<Shelf>,
    count: u64,
}

impl Promises {
    pub(crate) async fn new(ledger: Ledger) -> Self {
        let added = Fact::VolumeAdded {
            volume: VOLUME,
            start: 0,
            size: 1 << 30,
        };
        ledger.commit(vec![added]).await.unwrap();
        Self {
            ledger,
            shelf: Arc::default(),
            count: 0,
        }
    }

    /// One more agreement, over `len` bytes, until `end_epoch`.
    pub(crate) async fn add(&mut self, len: usize, end_epoch: u64) -> Agreement {
        self.count += 1;
        let fill = |at: usize| (at as u64 * 31 + self.count * 7) as u8;
        let (shard, shard_len) = self.shelf.put((0..len).map(fill).collect());
        let (renter, host) = (key(2), key(3));
        let terms = Agreement {
            network: network(),
            id: AgreementId([4; 32]),
            renter: renter.address(),
            host: host.address(),
            payout: host.address(),
            shard,
            shard_len,
            codec: 1,
            price: Amount(1),
            start_epoch: 0,
            end_epoch,
            egress_price: Amount(0),
            pay_mode: PayMode::Cheque,
            nonce: self.count,
        };
        let agreement = terms.digest(CHAIN);
        let signed = SignedAgreement {
            renter_signature: terms.sign(CHAIN, &renter),
            host_signature: terms.sign(CHAIN, &host),
            terms: terms.clone(),
        };
        let row = PlacementRow {
            volume: VOLUME,
            offset: self.count << 20,
            size: 1 << 20,
            len: shard_len,
        };
        let facts = vec![
            Fact::AgreementOpened(AgreementRow::new(agreement, signed, 0)),
            Fact::ShardPlaced {
                shard,
                row,
                agreement,
            },
        ];
        self.ledger.commit(facts).await.unwrap();
        terms
    }

    /// The renter gives an agreement up, and the bytes go.
    pub(crate) async fn release(&self, terms: &Agreement) {
        let agreement: AgreementDigest = terms.digest(CHAIN);
        let signature = signed::sign(&key(2), DELETE, &network(), &agreement.0);
        let kept = Fact::ReleaseKept {
            agreement,
            signature,
        };
        let ended = Fact::AgreementClosed {
            agreement,
            state: AgreementState::Released,
        };
        self.ledger.commit(vec![kept, ended]).await.unwrap();
        self.shelf.forget(&terms.shard);
    }
}
