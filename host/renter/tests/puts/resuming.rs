//! Cut off anywhere, gone on with: no agreement is left over, no cheque is paid twice.

use std::time::Duration;

use host_core::seams::Clock;
use host_renter::{Code, Error, Progress, SessionId, ShardState, State};
use tokio::sync::watch;

use crate::town::{Mood, Town, VAULT, lock};
use crate::{content, file, get, request, work};

const LEN: usize = 5_000_000;

/// Works on a session until `stop` says so, then drops everything, as kill -9 would.
async fn work_until(
    town: &std::sync::Arc<Town>,
    home: &std::path::Path,
    session: SessionId,
    stop: impl Fn(&Progress) -> bool,
) {
    let renter = town.renter(home);
    let (progress, mut watched) = watch::channel(Progress::default());
    let work = renter.resume(session, &progress);
    tokio::select! {
        _ = work => {}
        _ = watched.wait_for(|at| stop(at)) => {}
    }
}

/// Goal: kill -9 costs at most the work in hand. Method: a put is cut after each shard in turn,
/// sent, stored or paid; the next run ends it with one agreement a shard, all of them paid once.
#[tokio::test]
async fn a_put_cut_anywhere_ends_with_one_paid_agreement_a_shard() {
    let (town, dir) = (Town::new(7).await, tempfile::tempdir().expect("made"));
    let home = dir.path().join("home");
    let request = request(file(dir.path(), LEN), false, 30);
    let session = town.renter(&home).begin(&request).expect("begun");
    for cut in 1..8 {
        work_until(&town, &home, session, |at| at.bytes_moved > cut * 400_000).await;
        work_until(&town, &home, session, |at| at.shards_stored > cut / 2).await;
        work_until(&town, &home, session, |at| at.shards_paid > cut).await;
    }
    let renter = town.renter(&home);
    let (progress, _watched) = watch::channel(Progress::default());
    let done = match renter.resume(session, &progress).await {
        Ok(done) => Some(done),
        Err(Error::Ended { .. }) => None,
        Err(error) => panic!("{error}"),
    };
    let told = renter.session(session).expect("reads");
    assert_eq!(told.state(), State::Completed);
    let object = told.object.expect("an object");
    assert_eq!(get(&renter, object).await.expect("got"), content(LEN));
    let rows = town.agreements();
    let shards = told.shards();
    assert_eq!(rows.len(), shards.len());
    assert!(done.is_none_or(|done| done.shards == shards.len() as u64));
    for (_, row) in &rows {
        let one_epoch = row.signed.terms.cost_of(1).expect("a sum");
        assert_eq!((row.paid, row.paid_through), (one_epoch, 6), "paid once");
    }
    let paid: u128 = rows.iter().map(|(_, row)| row.paid.0).sum();
    assert_eq!(
        town.counted(VAULT).0,
        paid,
        "nothing was promised for nothing"
    );
}

/// Goal: a cheque whose answer was lost with the process is the same cheque again. Method: every
/// host dies once it took the cheque; the next run finds them alive.
#[tokio::test]
async fn a_cheque_whose_answer_was_lost_is_handed_over_again_and_counts_once() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let home = dir.path().join("home");
    town.mood(6, Mood::DiesPaid);
    let request = request(file(dir.path(), 100_000), false, 30);
    let renter = town.renter(&home);
    let session = renter.begin(&request).expect("begun");
    let (progress, _watched) = watch::channel(Progress::default());
    let cut = tokio::select! {
        ended = renter.resume(session, &progress) => ended.err(),
        () = town.clock.sleep(Duration::from_secs(300)) => None,
    };
    drop(renter);
    assert!(cut.is_none_or(|error| error.code() == Code::NoHostForShard));
    let promised = town.counted(VAULT);
    town.mood(6, Mood::Good);
    let renter = town.renter(&home);
    let done = renter.resume(session, &progress).await.expect("put");
    assert_eq!(done.shards, 6);
    assert_eq!(done.issued, town.counted(VAULT));
    let rows = town.agreements();
    let paid: u128 = rows.iter().map(|(_, row)| row.paid.0).sum();
    assert!(
        promised.0 <= paid && rows.len() == 6,
        "{promised} then {paid}"
    );
}

/// Goal: a put that was left for days goes on, although hosts no longer take its old terms. Method:
/// cut it with shards in flight, let four epochs pass, resume on exactly as many hosts as needed.
#[tokio::test]
async fn a_put_left_for_epochs_goes_on_under_new_terms() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let home = dir.path().join("home");
    let request = request(file(dir.path(), LEN), false, 30);
    let session = town.renter(&home).begin(&request).expect("begun");
    work_until(&town, &home, session, |at| at.bytes_moved > 1_500_000).await;
    town.pass(4);
    let renter = town.renter(&home);
    let (progress, _watched) = watch::channel(Progress::default());
    let done = renter.resume(session, &progress).await.expect("put");
    assert_eq!(town.agreements().len() as u64, done.shards);
    assert_eq!(get(&renter, done.id).await.expect("got"), content(LEN));
    let paid = renter.pay_due().await.expect("paid");
    assert_eq!(paid.due, paid.paid);
    assert!(
        town.agreements()
            .iter()
            .all(|(_, row)| row.paid_through == 10)
    );
}

/// Goal: giving up gives back. Method: cut a put in the middle, cancel it while one host is dead,
/// and again when it lives; no host holds anything, and the session is over.
#[tokio::test]
async fn a_cancelled_put_is_released_everywhere_also_what_was_in_flight() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let home = dir.path().join("home");
    let request = request(file(dir.path(), LEN), false, 30);
    let session = town.renter(&home).begin(&request).expect("begun");
    work_until(&town, &home, session, |at| at.shards_paid >= 7).await;
    let renter = town.renter(&home);
    town.mood(1, Mood::Dead);
    let (_, silent) = renter.cancel(session).await.expect("cancelled");
    assert!(silent > 0);
    assert_eq!(
        renter.session(session).expect("reads").state(),
        State::Cancelled
    );
    town.mood(1, Mood::Good);
    let (closed, silent) = renter.cancel(session).await.expect("asked again");
    assert!(closed > 0 && silent == 0);
    assert_eq!(town.agreements(), []);
    let over = renter.cancel(session).await;
    assert!(matches!(over, Err(Error::Ended { .. })));
    let told = renter.session(session).expect("reads");
    let released = told
        .shards()
        .iter()
        .all(|row| row.state == ShardState::Released);
    assert!(released && told.places.is_empty());
}

/// Goal: sums to a host only rise, whoever signs. Method: two renters on one home put at once, to
/// the same hosts, on ways where cheques may overtake each other, one answer lost; no host refuses
/// a cheque, none is paid twice.
#[tokio::test]
async fn two_processes_of_one_home_never_cross_their_cheques() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let home = dir.path().join("home");
    town.mood(6, Mood::Jumbles);
    town.mood(1, Mood::LosesAnswer);
    let (one, two) = (town.renter(&home), town.renter(&home));
    let (first, second) = (
        request(file(dir.path(), LEN), false, 30),
        request(file(dir.path(), LEN + 1), false, 30),
    );
    let (first, second) = tokio::join!(work(&one, &first), work(&two, &second));
    let (first, second) = (first.expect("put"), second.expect("put"));
    let rows = town.agreements();
    assert_eq!(rows.len() as u64, first.shards + second.shards);
    for (_, row) in &rows {
        assert_eq!(row.paid, row.signed.terms.cost_of(1).expect("a sum"));
    }
    let issued = host_renter::issued_total(&home, VAULT).expect("reads");
    assert_eq!(issued, town.counted(VAULT));
    for id in [first.id, second.id] {
        get(&one, id).await.expect("got");
    }
    assert!(*lock(&town.dials) > 0);
}
