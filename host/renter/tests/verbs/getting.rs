//! Goal: a get takes what it needs from whoever gives it soonest, and no more. Method: the town in
//! memory, which counts who was asked and every body byte that left.

use std::collections::BTreeSet;
use std::io::Write;
use std::ops::Range;
use std::path::Path;
use std::sync::{Arc, Mutex};

use host_core::{ObjectId, PeerId};
use tokio::sync::watch;

use crate::town::{Mood, Town, lock};
use host_renter::{Error, Progress, PutRequest, Renter};

struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

const UNIT: usize = 65_536;
/// Two segments of three data shards: shards of 16 units, then a last one that ends oddly.
const LEN: usize = 5_000_001;

fn content() -> Vec<u8> {
    (0..LEN).map(|i| (i * 7 + i / 251) as u8).collect()
}

async fn put(renter: &Renter, dir: &Path, public: bool) -> ObjectId {
    let path = dir.join("file");
    std::fs::write(&path, content()).expect("holds");
    let (progress, _watched) = watch::channel(Progress::default());
    let request = PutRequest {
        path,
        data: 3,
        parity: 3,
        days: 30,
        public,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    };
    let session = renter.begin(&request).expect("holds");
    renter.resume(session, &progress).await.expect("holds").id
}

async fn get(
    renter: &Renter,
    id: ObjectId,
    range: Option<Range<u64>>,
) -> Result<(Vec<u8>, Progress), Error> {
    let (progress, watched) = watch::channel(Progress::default());
    let out = Arc::new(Mutex::new(Vec::new()));
    let sink = Box::new(Sink(out.clone()));
    renter.get(id, range, sink, &progress).await?;
    let bytes = std::mem::take(&mut *lock(&out));
    Ok((bytes, watched.borrow().clone()))
}

/// Hosts in the order of the shards of the first segment.
fn keepers(renter: &Renter, id: ObjectId) -> Vec<PeerId> {
    let places = renter.stat(id).expect("holds").places;
    let first = places.into_iter().filter(|place| place.segment == 0);
    first.map(|place| place.host).collect()
}

fn sent(town: &Town) -> usize {
    std::mem::take(&mut *lock(&town.sent))
}

fn asked(town: &Town) -> Vec<PeerId> {
    let downloads = std::mem::take(&mut *lock(&town.downloads));
    downloads.into_iter().map(|(peer, _)| peer).collect()
}

fn set(town: &Town, hosts: &[PeerId], mood: Mood) {
    let mut all = lock(&town.hosts);
    for host in hosts {
        all.get_mut(host).expect("holds").mood = mood;
    }
}

#[tokio::test]
async fn ranges_over_every_boundary_equal_the_plain_bytes_with_and_without_losses() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let whole = content();
    for public in [false, true] {
        let id = put(&renter, dir.path(), public).await;
        let hosts = keepers(&renter, id);
        let segment = if public {
            3 << 20
        } else {
            (3 << 20) / 65_552 * UNIT
        };
        let edges = [
            0,
            UNIT,
            4 * UNIT,
            12 * UNIT,
            16 * UNIT,
            segment,
            segment + 4 * UNIT,
            LEN,
        ];
        for lost in [0, 1, 3] {
            set(&town, &hosts[..lost], Mood::Dead);
            for (n, edge) in edges.into_iter().enumerate() {
                let from = edge.saturating_sub(3).min(LEN - 1);
                for to in [from + 1, edge + 3, edge + 9 * UNIT, edges[(n + 3) % 8]] {
                    let to = to.min(LEN);
                    if from < to {
                        let range = from as u64..to as u64;
                        let got = get(&renter, id, Some(range.clone())).await.expect("holds");
                        assert!(got.0 == whole[from..to], "{public} {lost} {range:?}");
                    }
                }
            }
        }
        set(&town, &hosts, Mood::Good);
    }
}

#[tokio::test]
async fn one_byte_costs_a_chunks_units_and_a_lost_one_as_many_of_each_shard_needed() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    // A sealed chunk lies in two units of a shard, or in three where it crosses from one shard to
    // the next; the columns to rebuild it then reach over the whole piece.
    for (public, units, rebuilt) in [(true, 1, 1), (false, 3, 4)] {
        *lock(&town.still) = false;
        let id = put(&renter, dir.path(), public).await;
        *lock(&town.still) = true;
        let hosts = keepers(&renter, id);
        for at in [0, 1_000_000, 3_145_727, 3_200_000, LEN as u64 - 1] {
            set(&town, &hosts, Mood::Good);
            sent(&town);
            get(&renter, id, Some(at..at + 1)).await.expect("holds");
            let usual = sent(&town);
            assert!(usual <= units * UNIT, "{usual} bytes for the byte at {at}");
            asked(&town);
            set(&town, &hosts[..3], Mood::Dead);
            get(&renter, id, Some(at..at + 1)).await.expect("holds");
            let lost = sent(&town);
            assert!(
                lost <= 3 * rebuilt * UNIT,
                "{lost} bytes for the lost byte at {at}"
            );
        }
        set(&town, &hosts, Mood::Good);
    }
}

#[tokio::test]
async fn a_whole_get_moves_each_byte_once_when_all_is_well() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let id = put(&renter, dir.path(), false).await;
    *lock(&town.still) = true;
    sent(&town);
    asked(&town);
    let (bytes, progress) = get(&renter, id, None).await.expect("holds");
    assert!(bytes == content());
    let sent = sent(&town);
    // Tags, and pieces rounded up to 64 bytes.
    assert!((LEN..LEN + LEN / 1000).contains(&sent), "{sent}");
    assert_eq!(progress.bytes_moved as usize, sent);
    assert_eq!(progress.bytes_done as usize, LEN);
    let hosts: BTreeSet<PeerId> = asked(&town).into_iter().collect();
    assert_eq!(hosts.len(), 3, "data shards first where nothing is known");
}

#[tokio::test]
async fn a_liar_or_a_dead_host_is_asked_once_in_a_get() {
    for mood in [Mood::Lies, Mood::Dead] {
        let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
        let renter = town.renter(&dir.path().join("home"));
        let id = put(&renter, dir.path(), false).await;
        let bad = keepers(&renter, id)[0];
        set(&town, &[bad], mood);
        *lock(&town.still) = true;
        asked(&town);
        let dials = *lock(&town.dials);
        let (bytes, _) = get(&renter, id, None).await.expect("holds");
        assert!(bytes == content(), "{mood:?}");
        let asked = asked(&town);
        let times = asked.iter().filter(|host| **host == bad).count();
        assert_eq!(times, usize::from(mood == Mood::Lies), "{mood:?}");
        // Two segments of three shards, and one spare for the bad one.
        assert_eq!(*lock(&town.dials) - dials, 7, "{mood:?}");
    }
}

#[tokio::test]
async fn a_host_that_stalls_gets_a_spare_and_is_not_first_again() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let id = put(&renter, dir.path(), false).await;
    let slow = keepers(&renter, id)[1];
    set(&town, &[slow], Mood::Stalls);
    asked(&town);
    let (bytes, _) = get(&renter, id, None).await.expect("holds");
    assert!(bytes == content());
    let asked = asked(&town);
    assert_eq!(asked.iter().filter(|host| **host == slow).count(), 1);
    // One spare; a busy machine may make another host look late.
    assert!((7..=9).contains(&asked.len()), "{}", asked.len());
}

#[tokio::test]
async fn when_as_many_stall_as_parity_allows_spares_stand_in_for_all() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let id = put(&renter, dir.path(), false).await;
    set(&town, &keepers(&renter, id)[..3], Mood::Stalls);
    let (bytes, _) = get(&renter, id, None).await.expect("holds");
    assert!(bytes == content());
    let one = get(&renter, id, Some(5..6)).await.expect("holds").0;
    assert_eq!(one, content()[5..6]);
}

#[tokio::test]
async fn a_host_that_came_back_is_asked_again_before_a_get_gives_up() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let id = put(&renter, dir.path(), false).await;
    let hosts = keepers(&renter, id);
    set(&town, &hosts[..4], Mood::Dead);
    let dials = *lock(&town.dials);
    let lost = get(&renter, id, Some(0..1)).await;
    assert!(matches!(
        lost,
        Err(Error::TooFewShards {
            segment: 0,
            need: 3,
            have: 2,
            ..
        })
    ));
    let dials = *lock(&town.dials) - dials;
    assert!((8..=12).contains(&dials), "each dead one twice: {dials}");
}
