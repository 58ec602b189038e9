//! Start: opening reads the same few pages whatever the number of rows, after a clean close and
//! after a cut.
//!
//! Method: a storage in memory counts reads. The clean case reopens what a closed ledger left; the
//! cut case reopens a copy taken while the ledger was open, right after a commit's last sync.

#![allow(clippy::unwrap_used)]

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use futures::future::join_all;
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::identity::Signature;
use host_core::{Address, AgreementDigest, AgreementId, Amount, NetworkId, ShardId, VolumeId};
use host_ledger::{AgreementRow, Fact, Ledger, Options, PlacementRow, Storage};

const VOLUME: VolumeId = VolumeId([7; 16]);
const EXTENT: u64 = 16384;

#[derive(Debug, Clone, Default)]
struct Counted {
    bytes: Arc<Mutex<Vec<u8>>>,
    reads: Arc<AtomicU64>,
    read_bytes: Arc<AtomicU64>,
}

impl Counted {
    /// A copy as a cut now would leave it: memory has no cache, so everything written counts.
    fn copy(&self) -> Self {
        let bytes = self.bytes.lock().unwrap().clone();
        Self {
            bytes: Arc::new(Mutex::new(bytes)),
            ..Self::default()
        }
    }
}

impl Storage for Counted {
    fn len(&self) -> io::Result<u64> {
        Ok(self.bytes.lock().unwrap().len() as u64)
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.reads.fetch_add(1, Ordering::Relaxed);
        self.read_bytes
            .fetch_add(out.len() as u64, Ordering::Relaxed);
        let start = usize::try_from(offset).unwrap();
        let bytes = self.bytes.lock().unwrap();
        out.copy_from_slice(
            bytes
                .get(start..start + out.len())
                .ok_or(io::ErrorKind::UnexpectedEof)?,
        );
        Ok(())
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes
            .lock()
            .unwrap()
            .resize(usize::try_from(len).unwrap(), 0);
        Ok(())
    }

    fn sync(&self) -> io::Result<()> {
        Ok(())
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        let start = usize::try_from(offset).unwrap();
        self.bytes.lock().unwrap()[start..start + bytes.len()].copy_from_slice(bytes);
        Ok(())
    }
}

fn spread(n: u64) -> [u8; 32] {
    let mut bytes = [0; 32];
    for (index, word) in bytes.chunks_mut(8).enumerate() {
        let mixed = (n + 1)
            .wrapping_mul(0x9e37_79b9_7f4a_7c15)
            .rotate_left(17 * index as u32);
        word.copy_from_slice(&mixed.wrapping_mul(0xbf58_476d_1ce4_e5b9).to_be_bytes());
    }
    bytes
}

fn kept(n: u64) -> Vec<Fact> {
    let terms = Agreement {
        network: NetworkId([1; 32]),
        id: AgreementId(spread(n)),
        renter: Address([2; 20]),
        host: Address([3; 20]),
        payout: Address([4; 20]),
        shard: ShardId(spread(n ^ 0x5555)),
        shard_len: 10_000,
        codec: 1,
        price: Amount(125_000_000),
        start_epoch: 20_000,
        end_epoch: 20_030 + n % 30,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: n,
    };
    let shard = terms.shard;
    let signature = Signature([9; 65]);
    let signed = SignedAgreement {
        terms,
        renter_signature: signature,
        host_signature: signature,
    };
    let digest = AgreementDigest(spread(n ^ 0x3333));
    let row = PlacementRow {
        volume: VOLUME,
        offset: n * EXTENT,
        size: EXTENT,
        len: 10_000,
    };
    vec![
        Fact::AgreementOpened(AgreementRow::new(digest, signed, 400_000)),
        Fact::ShardPlaced {
            shard,
            row,
            agreement: digest,
        },
    ]
}

fn filled(storage: &Counted, count: u64) -> Ledger {
    let ledger = Ledger::open_on(storage.clone(), Options::default()).unwrap();
    let joined = Fact::VolumeAdded {
        volume: VOLUME,
        start: 0,
        size: 1 << 50,
    };
    block_on(ledger.commit(vec![joined])).unwrap();
    for first in (0..count).step_by(1000) {
        let sets = (first..count.min(first + 1000)).map(|n| ledger.commit(kept(n)));
        assert!(block_on(join_all(sets)).iter().all(Result::is_ok));
    }
    ledger
}

/// Reads and bytes read of one open.
fn opened(storage: &Counted, count: u64) -> (u64, u64) {
    let (reads, bytes) = (
        storage.reads.load(Ordering::Relaxed),
        storage.read_bytes.load(Ordering::Relaxed),
    );
    let ledger = Ledger::open_on(storage.clone(), Options::default()).unwrap();
    let cost = (
        storage.reads.load(Ordering::Relaxed) - reads,
        storage.read_bytes.load(Ordering::Relaxed) - bytes,
    );
    assert_eq!(ledger.read().unwrap().totals().unwrap().shards, count);
    cost
}

/// Reads of a clean open and of one after a cut, and the rows' bytes.
fn costs(count: u64) -> ([(u64, u64); 2], u64) {
    let storage = Counted::default();
    let ledger = filled(&storage, count);
    let cut = storage.copy();
    block_on(ledger.close());
    let size = storage.len().unwrap();
    ([opened(&storage, count), opened(&cut, count)], size)
}

#[test]
fn a_start_reads_as_little_with_two_hundred_thousand_shards_as_with_a_thousand() {
    let ([clean_few, cut_few], _) = costs(1_000);
    let ([clean_many, cut_many], size) = costs(200_000);
    println!("reads, bytes: clean {clean_few:?} {clean_many:?}, cut {cut_few:?} {cut_many:?}");
    println!(
        "{} bytes of file a shard, free pages included",
        size / 200_000
    );
    // A deeper tree costs a page or two; the allocator's pages grow by a bit for each page of
    // the file, which is no walk.
    assert!(
        clean_many.0 <= clean_few.0 + 16,
        "clean {clean_few:?} {clean_many:?}"
    );
    assert!(cut_many.0 <= cut_few.0 + 16, "cut {cut_few:?} {cut_many:?}");
    assert!(
        clean_many.1.max(cut_many.1) < 1 << 20,
        "clean {clean_many:?}, cut {cut_many:?}"
    );
}
