//! A ring in memory, and ledgers made again from what a ring holds.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use futures::executor::block_on;
use host_core::seams::BoxFuture;
use host_core::{AgreementDigest, VolumeId};
use proptest::prelude::{ProptestConfig, any, prop, proptest};

use super::{
    SIZE, START, VOLUME, address, closed, commit, free_bytes, id, in_memory, opened, paid, placed,
    record, totals,
};
use crate::{
    AgreementState, Error, FoundRing, Journal, JournalError, Ledger, MemoryStorage, Options,
    RecordKind, RingPlace, Totals,
};

type Records = Vec<(RecordKind, u64, Vec<u8>)>;

/// A ring in memory, with a switch that makes it fail.
#[derive(Default)]
pub(crate) struct MemoryRing {
    halves: Mutex<[BTreeMap<u64, Written>; 2]>,
    fails: Mutex<bool>,
}

type Written = (RingPlace, RecordKind, u64, Vec<u8>);

impl MemoryRing {
    const HALF: u64 = 64 * 1024;

    /// What a reader of the volume would find: the newest half with a whole snapshot.
    pub(crate) fn found(&self) -> FoundRing {
        let halves = self.halves.lock().unwrap();
        let mut best: Option<(RingPlace, Records)> = None;
        for half in halves.iter() {
            let Some((first, ..)) = half.values().next() else {
                continue;
            };
            let (mut at, mut records, mut whole) = (0, Vec::new(), false);
            while let Some((place, kind, sequence, payload)) = half.get(&at) {
                if place.generation != first.generation {
                    break;
                }
                whole |= *kind == RecordKind::SnapshotEnd;
                at += (payload.len() as u64 + 64).next_multiple_of(512);
                records.push((*kind, *sequence, payload.clone()));
            }
            let index = records.len() as u64;
            let place = RingPlace {
                offset: at,
                index,
                ..*first
            };
            let newer = best
                .as_ref()
                .is_none_or(|(best, _)| best.generation < place.generation);
            if whole && newer {
                best = Some((place, records));
            }
        }
        let (place, records) = best.map_or((None, Vec::new()), |(place, r)| (Some(place), r));
        FoundRing {
            volume: VOLUME,
            start: START,
            size: SIZE,
            place,
            records,
        }
    }
}

impl Journal for MemoryRing {
    fn half_len(&self) -> u64 {
        Self::HALF
    }

    fn payload_max(&self) -> usize {
        4096 - 64
    }

    fn newest(&self) -> BoxFuture<'_, Result<Option<RingPlace>, JournalError>> {
        Box::pin(std::future::ready(Ok(self.found().place)))
    }

    fn write<'a>(
        &'a self,
        place: RingPlace,
        kind: RecordKind,
        sequence: u64,
        payload: &'a [u8],
    ) -> BoxFuture<'a, Result<RingPlace, JournalError>> {
        let need = (payload.len() as u64 + 64).next_multiple_of(512);
        let written = if *self.fails.lock().unwrap() {
            Err(host_core::seams::DeviceError::Stopped {
                path: "ring".into(),
            }
            .into())
        } else if place.offset + need > Self::HALF {
            Err(JournalError::Full {
                half_len: Self::HALF,
                need,
            })
        } else {
            let half = &mut self.halves.lock().unwrap()[usize::from(place.half)];
            if place.offset == 0 {
                half.clear();
            }
            half.insert(place.offset, (place, kind, sequence, payload.to_vec()));
            let (offset, index) = (place.offset + need, place.index + 1);
            Ok(RingPlace {
                offset,
                index,
                ..place
            })
        };
        Box::pin(std::future::ready(written))
    }

    fn flush(&self) -> BoxFuture<'_, Result<(), JournalError>> {
        Box::pin(std::future::ready(Ok(())))
    }
}

pub(crate) fn restored(ring: &MemoryRing) -> Ledger {
    let storage = MemoryStorage::default();
    let ledger = Ledger::open_on(storage, Options::default()).unwrap();
    block_on(ledger.restore(vec![ring.found()])).unwrap();
    ledger
}

/// Closed agreements are history: rings forget them. Everything else must be the same.
pub(crate) fn alike(mut totals: Totals) -> Totals {
    (totals.released, totals.expired) = (0, 0);
    totals
}

#[test]
fn a_lost_ledger_is_made_again_from_a_ring() {
    let ledger = in_memory();
    let ring = Arc::new(MemoryRing::default());
    ledger.attach(VOLUME, Arc::clone(&ring) as Arc<dyn Journal>);
    for n in 1..=60 {
        commit(
            &ledger,
            vec![opened(n, n), placed(n, n, START + n * 8192, 8192)],
        )
        .unwrap();
        commit(&ledger, vec![paid(n, u128::from(n) * 10, 10)]).unwrap();
        if n % 3 == 0 {
            commit(&ledger, vec![closed(n - 1), closed(n - 2), record(n, n)]).unwrap();
        }
    }
    assert!(
        ring.found().place.unwrap().generation > 2,
        "the ring has turned over"
    );
    let again = restored(&ring);
    assert_eq!(alike(totals(&again)), alike(totals(&ledger)));
    assert_eq!(free_bytes(&again), free_bytes(&ledger));
    let (a, b) = (ledger.read().unwrap(), again.read().unwrap());
    assert_eq!(
        a.agreements(None, 99).unwrap(),
        b.agreements(None, 99).unwrap()
    );
    assert_eq!(
        a.placements(None, 99).unwrap(),
        b.placements(None, 99).unwrap()
    );
    assert_eq!(a.cheques(None, 99).unwrap(), b.cheques(None, 99).unwrap());
    assert_eq!(a.expiring(99, 99).unwrap(), b.expiring(99, 99).unwrap());
    assert_eq!(
        a.records(&address(2), None, 99).unwrap(),
        b.records(&address(2), None, 99).unwrap()
    );
    assert_eq!(block_on(again.restore(Vec::new())), Err(Error::NotEmpty));
}

#[test]
fn an_agreement_whose_volume_is_gone_becomes_failed() {
    let ledger = in_memory();
    let ring = Arc::new(MemoryRing::default());
    ledger.attach(VolumeId([8; 16]), Arc::clone(&ring) as Arc<dyn Journal>);
    commit(
        &ledger,
        vec![opened(1, 1), placed(1, 1, START, 8192), paid(1, 10, 10)],
    )
    .unwrap();
    let found = FoundRing {
        volume: VolumeId([8; 16]),
        ..ring.found()
    };
    let storage = MemoryStorage::default();
    let again = Ledger::open_on(storage, Options::default()).unwrap();
    let counts = block_on(again.restore(vec![found])).unwrap();
    assert_eq!((counts.shards, counts.failed, counts.cheques), (0, 1, 1));
    let row = again
        .read()
        .unwrap()
        .agreement(&AgreementDigest(id(1)))
        .unwrap()
        .unwrap();
    assert_eq!(row.state, AgreementState::Failed);
}

#[test]
fn a_ring_that_failed_begins_with_a_snapshot_when_it_returns() {
    let ledger = in_memory();
    let ring = Arc::new(MemoryRing::default());
    ledger.attach(VOLUME, Arc::clone(&ring) as Arc<dyn Journal>);
    commit(&ledger, vec![opened(1, 1), placed(1, 1, START, 8192)]).unwrap();
    *ring.fails.lock().unwrap() = true;
    commit(
        &ledger,
        vec![opened(2, 2), placed(2, 2, START + 8192, 8192)],
    )
    .unwrap();
    assert!(!ledger.is_attached(&VOLUME));
    *ring.fails.lock().unwrap() = false;
    ledger.attach(VOLUME, Arc::clone(&ring) as Arc<dyn Journal>);
    commit(&ledger, vec![paid(2, 10, 10)]).unwrap();
    let again = restored(&ring);
    assert_eq!(totals(&again), totals(&ledger));
}

#[test]
fn a_set_that_outgrows_the_ring_is_refused_and_a_shrinking_one_is_not() {
    let ledger = in_memory();
    let ring = Arc::new(MemoryRing::default());
    ledger.attach(VOLUME, ring as Arc<dyn Journal>);
    let mut n = 0;
    let refused = loop {
        n += 1;
        if let Err(error) = commit(&ledger, vec![record(n, 1)]) {
            break error;
        }
    };
    assert!(matches!(refused, Error::RingFull { .. }), "{refused:?}");
    assert_eq!(totals(&ledger).records, n - 1);
    assert!(ledger.is_attached(&VOLUME));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    /// Goal: free + used is the whole region, totals equal counts, and the ring tells the same
    /// story, whatever is opened, placed and closed in whatever order.
    /// Method: random operations on 12 slots, then a comparison with a plain model.
    #[test]
    fn the_free_map_and_the_placements_cover_the_volume(
        steps in prop::collection::vec((any::<bool>(), 0u64..12), 1..60)
    ) {
        let ledger = in_memory();
        let ring = Arc::new(MemoryRing::default());
        ledger.attach(VOLUME, Arc::clone(&ring) as Arc<dyn Journal>);
        let mut model: BTreeMap<u64, u64> = BTreeMap::new();
        for (n, (put, slot)) in (1u64..).zip(steps) {
            if put {
                let set = vec![opened(n, slot), placed(n, slot, START + slot * 8192, 8192)];
                let answer = commit(&ledger, set);
                assert_eq!(answer.is_ok(), !model.contains_key(&slot));
                model.entry(slot).or_insert(n);
            } else if let Some(open) = model.remove(&slot) {
                commit(&ledger, vec![closed(open)]).unwrap();
            }
        }
        let sums = totals(&ledger);
        assert_eq!(sums.shards, model.len() as u64);
        assert_eq!(sums.active, sums.leases);
        assert_eq!(free_bytes(&ledger) + sums.used, SIZE);
        if ring.found().place.is_some() {
            let again = restored(&ring);
            assert_eq!(alike(totals(&again)), alike(sums));
            assert_eq!(free_bytes(&again), free_bytes(&ledger));
        }
    }
}
