//! Goal: every promise of the renter's verbs against hosts in every mood. Method: a town in
//! memory (`town`), small files, real cryptography and coding.

mod getting;
mod judging;
mod recovering;
mod town;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};

use host_core::{Amount, ObjectId};
use tokio::sync::watch;

use host_renter::{Error, Progress, PutDone, PutRequest, Renter};
use town::{Mood, Town, lock};

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

fn content(len: usize) -> Vec<u8> {
    (0..len).map(|i| (i * 7 + i / 251) as u8).collect()
}

fn file(dir: &Path, len: usize) -> PathBuf {
    let path = dir.join("file");
    std::fs::write(&path, content(len)).expect("holds");
    path
}

fn request(path: PathBuf, public: bool) -> PutRequest {
    PutRequest {
        path,
        data: 3,
        parity: 3,
        days: 30,
        public,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    }
}

async fn put(renter: &Renter, path: PathBuf, public: bool) -> Result<PutDone, Error> {
    let (progress, _watched) = watch::channel(Progress::default());
    let session = renter.begin(&request(path, public))?;
    renter.resume(session, &progress).await
}

async fn get(
    renter: &Renter,
    id: ObjectId,
    range: Option<std::ops::Range<u64>>,
) -> Result<Vec<u8>, Error> {
    let (progress, _watched) = watch::channel(Progress::default());
    let out = Arc::new(Mutex::new(Vec::new()));
    renter
        .get(id, range, Box::new(Sink(out.clone())), &progress)
        .await?;
    Ok(std::mem::take(&mut *lock(&out)))
}

const LEN: usize = 5_000_000;

#[tokio::test]
async fn a_file_of_several_segments_comes_back_whole_and_in_ranges() {
    let (town, dir) = (Town::new(8), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    for public in [false, true] {
        let done = put(&renter, file(dir.path(), LEN), public)
            .await
            .expect("holds");
        assert_eq!(
            get(&renter, done.id, None).await.expect("holds"),
            content(LEN)
        );
        for (a, b) in [
            (0, 1),
            (65_535, 65_537),
            (3_100_000, 3_200_000),
            (4_999_999, 5_000_000),
        ] {
            let got = get(&renter, done.id, Some(a..b)).await.expect("holds");
            assert_eq!(got, content(LEN)[a as usize..b as usize]);
        }
        let beyond = get(&renter, done.id, Some(0..LEN as u64 + 1)).await;
        assert!(matches!(beyond, Err(Error::Range { .. })));
    }
}

#[tokio::test]
async fn an_empty_file_is_an_object_without_segments() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let done = put(&renter, file(dir.path(), 0), false)
        .await
        .expect("holds");
    assert_eq!((done.shards, done.cost), (0, Amount::ZERO));
    assert_eq!(
        get(&renter, done.id, None).await.expect("holds"),
        Vec::<u8>::new()
    );
}

#[tokio::test]
async fn hosts_that_refuse_or_hang_up_give_their_place_to_others() {
    for mood in [Mood::Refuses, Mood::HangsUp, Mood::Dead] {
        let (town, dir) = (Town::new(9), tempfile::tempdir().expect("holds"));
        let renter = town.renter(&dir.path().join("home"));
        town.mood(3, mood);
        let done = put(&renter, file(dir.path(), 100_000), false)
            .await
            .expect("holds");
        assert_eq!(done.shards, 6, "{mood:?}");
        assert_eq!(
            get(&renter, done.id, None).await.expect("holds"),
            content(100_000)
        );
        town.mood(4, mood);
        let failed = put(&renter, file(dir.path(), 100_000), false).await;
        assert!(
            matches!(failed, Err(Error::NoHostForShard { .. })),
            "{mood:?}"
        );
    }
}

#[tokio::test]
async fn wrong_bytes_and_lost_shards_are_replaced_by_parity() {
    for mood in [Mood::Lies, Mood::Dead] {
        let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
        let renter = town.renter(&dir.path().join("home"));
        let done = put(&renter, file(dir.path(), LEN), false)
            .await
            .expect("holds");
        town.mood(3, mood);
        assert_eq!(
            get(&renter, done.id, None).await.expect("holds"),
            content(LEN),
            "{mood:?}"
        );
        town.mood(4, mood);
        let lost = get(&renter, done.id, None).await;
        assert!(
            matches!(
                lost,
                Err(Error::TooFewShards {
                    need: 3,
                    have: 2,
                    ..
                })
            ),
            "{mood:?}"
        );
    }
}

#[tokio::test]
async fn a_host_that_accepts_and_drops_does_not_keep_the_file_away() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(3, Mood::Loses);
    let done = put(&renter, file(dir.path(), 100_000), false)
        .await
        .expect("holds");
    assert_eq!(
        get(&renter, done.id, None).await.expect("holds"),
        content(100_000)
    );
}

#[tokio::test]
async fn no_host_is_contacted_before_the_vault_covers_the_cost() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    *lock(&town.balance) = Amount(10);
    let failed = put(&renter, file(dir.path(), 100_000), false).await;
    let Err(Error::Shortfall {
        needed,
        available,
        missing,
    }) = failed
    else {
        panic!("{failed:?}")
    };
    assert_eq!(
        (available, missing),
        (Amount(10), needed.minus(Amount(10)).expect("holds"))
    );
    assert_eq!(*lock(&town.dials), 0);
}

#[tokio::test]
async fn too_few_hosts_is_said_with_numbers() {
    let (town, dir) = (Town::new(5), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let failed = put(&renter, file(dir.path(), 1), false).await;
    assert!(matches!(
        failed,
        Err(Error::TooFewHosts { need: 6, have: 5 })
    ));
}

#[tokio::test]
async fn the_cached_list_serves_when_every_hub_is_dead() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    *lock(&town.hub_alive) = false;
    assert!(matches!(renter.find_hosts().await, Err(Error::NoHubs)));
    *lock(&town.hub_alive) = true;
    assert_eq!(renter.find_hosts().await.expect("holds").len(), 6);
    *lock(&town.hub_alive) = false;
    assert!(put(&renter, file(dir.path(), 1000), false).await.is_ok());
}

#[tokio::test]
async fn the_same_open_content_again_is_a_new_lease_and_never_an_error() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let first = put(&renter, file(dir.path(), 1000), true)
        .await
        .expect("holds");
    let cheques = town.sum(|h| h.cheques.len());
    let again = put(&renter, file(dir.path(), 1000), true)
        .await
        .expect("holds");
    assert_eq!(first.id, again.id);
    assert_eq!(town.sum(|h| h.cheques.len()), 2 * cheques);
}

#[tokio::test]
async fn cheques_to_a_host_only_ever_rise_even_after_the_book_is_lost() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    put(&renter, file(dir.path(), LEN), false)
        .await
        .expect("holds");
    let other = town.renter(&dir.path().join("other"));
    other.recover().await.expect("holds");
    put(&other, file(dir.path(), 1000), false)
        .await
        .expect("holds");
    for host in lock(&town.hosts).values() {
        let sums: Vec<_> = host.cheques.iter().map(|c| c.cheque.cumulative).collect();
        assert!(sums.is_sorted_by(|a, b| a < b), "{sums:?}");
    }
}

#[tokio::test]
async fn a_removed_object_is_closed_at_every_host_and_forgotten() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let gone = put(&renter, file(dir.path(), 1000), false)
        .await
        .expect("holds");
    let deleted = renter.delete(gone.id).await.expect("holds");
    assert_eq!((deleted.places.len(), deleted.silent()), (6, 0));
    assert_eq!(town.sum(|h| h.closed), 6);
    let unknown = renter.stat(gone.id);
    assert!(matches!(unknown, Err(Error::Unknown { .. })));

    // What hosts signed is there until it is dropped; then nothing is known of the object.
    let drop_before = |ms| renter.forget_deletions(ms).expect("holds");
    assert_eq!(drop_before(deleted.asked_ms), 0);
    let again = renter.delete(gone.id).await.expect("holds");
    assert_eq!(again, deleted);
    assert_eq!(drop_before(deleted.asked_ms + 1), 1);
    let unknown = renter.delete(gone.id).await;
    assert!(matches!(unknown, Err(Error::Unknown { .. })));
}

#[tokio::test]
async fn the_keys_alone_bring_objects_back() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let kept = put(&renter, file(dir.path(), LEN), false)
        .await
        .expect("holds");
    let empty = town.renter(&dir.path().join("empty"));
    assert_eq!(empty.recover().await.expect("holds").objects, 1);
    assert_eq!(
        get(&empty, kept.id, None).await.expect("holds"),
        content(LEN)
    );
}

#[tokio::test]
async fn a_put_that_failed_goes_on_without_sending_finished_shards_again() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let (progress, _watched) = watch::channel(Progress::default());
    let session = renter
        .begin(&request(file(dir.path(), 100_000), false))
        .expect("holds");
    town.mood(1, Mood::Dead);
    assert!(renter.resume(session, &progress).await.is_err());
    let before = town.sum(|h| h.bodies);
    town.mood(1, Mood::Good);
    drop(renter);
    let renter = town.renter(&dir.path().join("home"));
    let done = renter.resume(session, &progress).await.expect("holds");
    let most = lock(&town.hosts).values().map(|h| h.bodies).sum::<usize>();
    assert!((6..=12 - before).contains(&most), "{before} then {most}");
    assert_eq!(
        get(&renter, done.id, None).await.expect("holds"),
        content(100_000)
    );
}
