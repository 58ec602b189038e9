//! Told of before the last shard has a host: what is promised then stands, whatever becomes of the
//! rest, and the rest is placed.

use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use host_core::Amount;
use host_renter::{
    Early, Error, Progress, PutDone, Recorded, Renter, Session, SessionId, ShardState, State,
};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::town::{Mood, Town, VAULT};
use crate::{content, file, get, request};

/// Two segments of six shards.
const LEN: usize = 5_500_000;

type Working = JoinHandle<Result<PutDone, Error>>;

/// Begins a put that goes on by itself, and waits until it is told of.
async fn told(renter: &Renter, dir: &Path, margin: u16) -> (SessionId, Recorded, Working) {
    let session = renter.begin(&request(file(dir, LEN), false, 30));
    let (session, renter) = (session.expect("begun"), renter.clone());
    let (early, told) = Early::new(margin);
    let working = tokio::spawn(async move {
        let (progress, _watched) = watch::channel(Progress::default());
        renter.resume_early(session, &progress, &early).await
    });
    (session, told.await.expect("told"), working)
}

/// The same, and everything is dropped then, as kill -9 would; and the file goes.
async fn cut(renter: &Renter, dir: &Path, margin: u16) -> (SessionId, Recorded) {
    let (session, recorded, working) = told(renter, dir, margin).await;
    working.abort();
    let _ended = working.await;
    std::fs::remove_file(file(dir, LEN)).expect("removed");
    (session, recorded)
}

async fn resume(renter: &Renter, session: SessionId) -> Result<PutDone, Error> {
    let (progress, _watched) = watch::channel(Progress::default());
    renter.resume(session, &progress).await
}

/// Every shard once, each agreement of a host one of the record's, paid for the first epoch.
fn is_whole(town: &Town, renter: &Renter, session: &Session, shards: usize) {
    let object = session.object.expect("an object");
    let places = renter.stat(object).expect("known").places;
    let mut indexes: Vec<_> = places.iter().map(|one| (one.segment, one.index)).collect();
    indexes.dedup();
    assert_eq!((places.len(), indexes.len()), (shards, shards));
    let rows = town.agreements();
    assert_eq!(rows.len(), shards, "no host keeps what nobody uses");
    let mut paid = 0;
    for (_, row) in &rows {
        assert!(places.iter().any(|place| place.agreement == row.digest));
        assert_eq!(row.paid, row.signed.terms.cost_of(1).expect("a sum"));
        paid += row.paid.0;
    }
    assert_eq!(town.counted(VAULT).0, paid, "nothing was paid twice");
    assert_eq!(session.state(), State::Completed);
    assert!(session.unreleased().is_empty());
}

/// Goal: two hosts of six that take nothing do not hold the word up, what it promises is real, and
/// the rest comes later without the file. Method: no host to spare; at the word the hosts' own
/// ledgers hold a paid agreement for each shard that counts, and nobody was left yet; the put ends
/// for want of hosts; then they are well again, and the object is in other hands for an epoch.
#[tokio::test]
async fn a_put_is_told_of_while_hosts_stall_and_is_brought_to_its_end_later() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(2, Mood::Stalls(0));
    let (session, recorded, working) = told(&renter, dir.path(), 1).await;
    let at = renter.session(session).expect("reads");
    let left = at.trials().into_iter();
    assert_eq!(
        left.filter(|row| row.state == ShardState::GivenUp).count(),
        0,
        "nobody was waited for"
    );
    let places = renter.stat(recorded.id).expect("known").places;
    let rows = town.agreements();
    for segment in 0..2 {
        let of = places.iter().filter(|place| place.segment == segment);
        let paid = of.filter(|place| {
            let row = rows.iter().find(|(_, row)| row.digest == place.agreement);
            row.is_some_and(|(host, row)| *host == place.host && row.paid > Amount::ZERO)
        });
        assert_eq!(paid.count(), 4, "segment {segment}");
    }
    assert!(recorded.waiting > 0);
    assert_eq!(
        get(&renter, recorded.id).await.expect("got").len(),
        content(LEN).len()
    );
    let busy = renter.delete(recorded.id).await;
    assert!(matches!(busy, Err(Error::Busy { .. })), "{busy:?}");

    let ended = working.await.expect("joined");
    assert!(
        matches!(ended, Err(Error::NoHostForShard { .. })),
        "{ended:?}"
    );
    assert!(renter.session(session).expect("reads").is_recorded());
    town.pass(1);
    let paid = renter.pay_due().await.expect("paid");
    assert_eq!((paid.due, paid.paid), (8, 8), "what is placed is paid");

    std::fs::remove_file(file(dir.path(), LEN)).expect("removed");
    town.mood(2, Mood::Good);
    let done = resume(&renter, session).await.expect("the rest");
    assert_eq!((done.id, done.shards), (recorded.id, 12));
    let at = renter.session(session).expect("reads");
    assert_eq!(at.state(), State::Completed);
    assert_eq!(town.agreements().len(), 12);
    assert_eq!(renter.stat(done.id).expect("known").places.len(), 12);
    assert_eq!(get(&renter, done.id).await.expect("got"), content(LEN));
    assert!(matches!(
        resume(&renter, session).await,
        Err(Error::Ended { .. })
    ));
}

/// Goal: the word is never given below what was asked for. Method: one host more stalls than may;
/// the put fails as ever, and nothing is written down.
#[tokio::test]
async fn with_one_shard_too_few_nothing_is_told() {
    for (stalled, margin) in [(3, 1), (2, 2), (1, 3)] {
        let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
        let renter = town.renter(&dir.path().join("home"));
        town.mood(stalled, Mood::Stalls(0));
        let session = renter.begin(&request(file(dir.path(), 100_000), false, 30));
        let session = session.expect("begun");
        let (progress, _watched) = watch::channel(Progress::default());
        let (early, told) = Early::new(margin);
        let ended = renter.resume_early(session, &progress, &early).await;
        assert!(
            matches!(ended, Err(Error::NoHostForShard { .. })),
            "{ended:?}"
        );
        assert!(!early.is_told());
        drop(early);
        assert!(told.await.is_err());
        assert_eq!(renter.ls().expect("reads"), []);
        assert!(!renter.session(session).expect("reads").is_recorded());
        let (_, silent) = renter.cancel(session).await.expect("cancelled");
        assert_eq!((silent, town.agreements().len()), (0, 0));
    }
}

/// Goal: shards that are only slower leave from memory. Method: hosts that sell reads, two of them
/// slow; after the word the put ends by itself, whole, with no read paid.
#[tokio::test]
async fn slower_shards_follow_without_a_read() {
    let town = Town::selling(6, Amount(1 << 30)).await;
    let dir = tempfile::tempdir().expect("made");
    let renter = town.renter(&dir.path().join("home"));
    town.mood(2, Mood::Slow(Duration::from_secs(1)));
    let (session, recorded, working) = told(&renter, dir.path(), 1).await;
    assert!(renter.stat(recorded.id).expect("known").places.len() < 12);
    let done = working.await.expect("joined").expect("put");
    assert_eq!((done.id, done.shards), (recorded.id, 12));
    assert_eq!(renter.paid_for_reads(), Amount::ZERO);
    let at = renter.session(session).expect("reads");
    is_whole(&town, &renter, &at, 12);
}

/// Goal: kill -9 after the word loses nothing and pays nothing twice. Method: everything is
/// dropped at the word, with shards agreed or half sent; the next process ends it without the file.
#[tokio::test]
async fn a_put_that_was_killed_after_the_word_is_ended_by_the_next_process() {
    for stalls in [0, 1, 3] {
        let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
        let home = dir.path().join("home");
        town.mood(2, Mood::Stalls(stalls));
        let (session, recorded) = cut(&town.renter(&home), dir.path(), 1).await;
        let renter = town.renter(&home);
        let got = get(&renter, recorded.id).await.expect("got");
        assert_eq!(got, content(LEN));
        town.mood(2, Mood::Good);
        let done = resume(&renter, session).await.expect("the rest");
        assert_eq!(done.id, recorded.id);
        let at = renter.session(session).expect("reads");
        is_whole(&town, &renter, &at, 12);
    }
}

/// Goal: an object that is given back takes its put with it. Method: told of, cut off and deleted;
/// the next run finds nothing to bring to its end, and giving it up leaves no agreement.
#[tokio::test]
async fn a_deleted_object_leaves_no_agreement_of_its_put() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(2, Mood::Stalls(1));
    let (session, recorded) = cut(&renter, dir.path(), 1).await;
    town.mood(2, Mood::Good);
    let deleted = renter.delete(recorded.id).await.expect("deleted");
    assert_eq!(deleted.silent(), 0);
    let gone = resume(&renter, session).await;
    assert!(matches!(gone, Err(Error::Unknown { .. })), "{gone:?}");
    let (_, silent) = renter.cancel(session).await.expect("cancelled");
    assert_eq!((silent, town.agreements().len()), (0, 0));
    let at = renter.session(session).expect("reads");
    assert_eq!(at.state(), State::Cancelled);
}

/// Goal: giving a put up that was told of gives back what no record names, and no more.
#[tokio::test]
async fn a_cancelled_put_that_was_told_of_keeps_its_object() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(2, Mood::Stalls(1));
    let (session, recorded) = cut(&renter, dir.path(), 1).await;
    town.mood(2, Mood::Good);
    let (_, silent) = renter.cancel(session).await.expect("cancelled");
    assert_eq!(silent, 0);
    let at = renter.session(session).expect("reads");
    let placed = renter.stat(recorded.id).expect("known").places.len();
    is_whole(&town, &renter, &at, placed);
    assert_eq!(get(&renter, recorded.id).await.expect("got"), content(LEN));
}

/// Goal: open data waits for every shard, as does who asks for all of them.
#[tokio::test]
async fn open_data_and_whoever_wants_every_shard_are_not_told_early() {
    for (public, margin) in [(true, 0), (false, 3)] {
        let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
        let town: Arc<Town> = town;
        let renter = town.renter(&dir.path().join("home"));
        let session = renter.begin(&request(file(dir.path(), 100_000), public, 30));
        let session = session.expect("begun");
        let (progress, _watched) = watch::channel(Progress::default());
        let (early, told) = Early::new(margin);
        let done = renter.resume_early(session, &progress, &early).await;
        assert_eq!(done.expect("put").shards, 6);
        drop(early);
        assert!(told.await.is_err());
    }
}
