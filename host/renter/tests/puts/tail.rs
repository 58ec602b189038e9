//! The long tail: who holds the others up is left, and owes and is owed nothing.

use std::time::Duration;

use host_core::seams::Clock;
use host_renter::{Code, PutDone, Renter, Session, ShardState, State};
use tokio::sync::watch;

use crate::town::{Mood, Town, VAULT};
use crate::{content, file, get, request};

const LEN: usize = 2_000_000;

/// Puts a file, and gives its session back beside what became of it.
async fn put(renter: &Renter, dir: &std::path::Path) -> (PutDone, Session) {
    let (progress, _watched) = watch::channel(host_renter::Progress::default());
    let session = renter
        .begin(&request(file(dir, LEN), false, 30))
        .expect("begun");
    let done = renter.resume(session, &progress).await.expect("put");
    (done, renter.session(session).expect("reads"))
}

/// Goal: one host that takes frames and then nothing does not hold a put for long. Method: stall
/// it before, inside and after the body; the file is stored on others, the clock shows about the
/// bound, and no host is left with an agreement nobody uses.
#[tokio::test]
async fn a_host_that_stalls_gives_its_shard_to_another() {
    for after in [0, 1, 3] {
        let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
        let renter = town.renter(&dir.path().join("home"));
        town.mood(2, Mood::Stalls(after));
        let began = town.clock.monotonic();
        let (done, session) = put(&renter, dir.path()).await;
        let took = town.clock.monotonic() - began;
        assert!(took < Duration::from_secs(60), "{took:?}");
        assert_eq!(session.state(), State::Completed);
        assert_eq!(get(&renter, done.id).await.expect("got"), content(LEN));
        assert!(
            session
                .shards()
                .iter()
                .all(|row| row.state == ShardState::Paid)
        );
        town.mood(2, Mood::Good);
        assert_eq!(town.agreements().len() as u64, done.shards, "{after}");
        assert!(session.unreleased().is_empty(), "{after}");
    }
}

/// Goal: a slow host holds its own shards up and not the segments behind them. Method: as many
/// hosts as shards, so that none can be left, and one that takes a second a frame; a file of two segments
/// takes that host the eleven seconds of its longer shard, not the sum of both.
#[tokio::test]
async fn the_next_segment_leaves_while_a_slow_host_takes_the_last() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(1, Mood::Slow(Duration::from_secs(1)));
    let began = town.clock.monotonic();
    let two = file(dir.path(), 5_500_000);
    let done = crate::work(&renter, &request(two, false, 30)).await;
    let took = town.clock.monotonic() - began;
    let done = done.expect("put");
    assert_eq!(done.shards, 12, "two segments of six");
    assert!(took > Duration::from_secs(10), "{took:?}");
    assert!(took < Duration::from_secs(17), "{took:?}");
    assert_eq!(get(&renter, done.id).await.expect("got").len(), 5_500_000);
}

/// Goal: slow is relative. Method: one host a hundred times slower than the others is left; when
/// every host is that slow, none is.
#[tokio::test]
async fn a_host_far_slower_than_the_others_is_left_and_a_slow_town_is_not() {
    let slow = Mood::Slow(Duration::from_secs(3));
    let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let peer = *town.hosts.keys().next().expect("one");
    town.mood(1, slow);
    let (done, session) = put(&renter, dir.path()).await;
    let kept = town.agreements().iter().filter(|row| row.0 == peer).count();
    assert_eq!(kept, 0, "the slow host keeps nothing");
    let left: Vec<_> = (session.trials().into_iter())
        .filter(|row| row.host == peer)
        .collect();
    assert!(
        left.iter().all(|row| row.state == ShardState::Released),
        "{left:?}"
    );
    assert!(
        left.iter().all(|row| row.code == Some(Code::HostTooSlow)),
        "{left:?}"
    );
    assert_eq!(get(&renter, done.id).await.expect("got"), content(LEN));

    let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(8, slow);
    let (_, session) = put(&renter, dir.path()).await;
    let paid = session.shards();
    assert!(paid.iter().all(|row| row.code.is_none()), "{paid:?}");
}

/// Goal: who is dead after signing costs a place and nothing else. Method: two hosts die once
/// they signed; the put ends, tells of them, and gives their agreements back once they live.
#[tokio::test]
async fn a_host_that_dies_after_it_agreed_is_released_when_it_is_back() {
    let (town, dir) = (Town::new(9).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(2, Mood::DiesAfterAgree);
    let (done, session) = put(&renter, dir.path()).await;
    assert_eq!(get(&renter, done.id).await.expect("got"), content(LEN));
    let loose = session.unreleased();
    assert!(loose.iter().all(|row| row.state == ShardState::GivenUp));
    town.mood(2, Mood::Good);
    let paid = renter.pay_due().await.expect("looked at");
    assert_eq!((paid.due, paid.released), (0, loose.len()));
    let session = renter.session(session.id).expect("reads");
    assert!(session.unreleased().is_empty());
    assert_eq!(town.agreements().len() as u64, done.shards);
}

/// Goal: a host whose cheque is under way is never cut. Method: one host answers cheques after a
/// minute, while the others are done at once and spare hosts stand by; it keeps its shards.
#[tokio::test]
async fn the_answer_to_a_cheque_is_waited_for() {
    let (town, dir) = (Town::new(9).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(9, Mood::SlowAnswer(Duration::from_secs(1)));
    town.mood(4, Mood::SlowAnswer(Duration::from_secs(60)));
    let (done, session) = put(&renter, dir.path()).await;
    assert_eq!(
        session.trials().len() as u64,
        done.shards,
        "nobody was left"
    );
    assert_eq!(town.agreements().len() as u64, done.shards);
    assert_eq!(town.counted(VAULT), done.issued);
}

/// Goal: a lost answer is asked for again at once. Method: every host's first answer to a cheque is
/// lost with the link; nobody is left for it and nothing is promised twice.
#[tokio::test]
async fn an_answer_lost_on_the_way_is_asked_for_again() {
    let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(8, Mood::LosesAnswer);
    let (done, session) = put(&renter, dir.path()).await;
    assert_eq!(
        session.trials().len() as u64,
        done.shards,
        "nobody was left"
    );
    assert_eq!(town.agreements().len() as u64, done.shards);
    assert_eq!(town.counted(VAULT), done.issued);
}
