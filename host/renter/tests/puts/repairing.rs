//! Shards whose hosts are gone are rebuilt on others; cut off anywhere, it is gone on with.

use std::collections::BTreeSet;
use std::future::Future;
use std::task::Poll;

use host_core::{ObjectId, PeerId};
use host_renter::Renter;

use crate::town::{Mood, Town, lock};
use crate::{content, file, get, request, work};

const LEN: usize = 3_000_000;

/// Puts a file and kills the hosts of two of its shards; who they were.
async fn wounded(town: &Town, renter: &Renter, dir: &std::path::Path) -> (ObjectId, Vec<PeerId>) {
    let done = work(renter, &request(file(dir, LEN), false, 30)).await;
    let object = done.expect("put").id;
    let places = renter.stat(object).expect("known").places;
    let first: Vec<PeerId> = places
        .iter()
        .filter(|place| place.segment == 0 && [1, 4].contains(&place.index))
        .map(|place| place.host)
        .collect();
    for peer in &first {
        *lock(&town.hosts[peer].mood) = Mood::Dead;
    }
    (object, first)
}

/// Every shard has one place, on a host that lives and keeps it under one paid agreement.
fn check(town: &Town, renter: &Renter, object: ObjectId, dead: &[PeerId]) {
    let places = renter.stat(object).expect("known").places;
    let spots: BTreeSet<_> = places.iter().map(|p| (p.segment, p.index)).collect();
    assert_eq!((spots.len(), places.len()), (6, 6), "one place a shard");
    assert!(places.iter().all(|place| !dead.contains(&place.host)));
    let rows = town.agreements();
    let living: Vec<_> = rows
        .iter()
        .filter(|(peer, _)| !dead.contains(peer))
        .collect();
    assert_eq!(living.len(), places.len(), "no agreement is left over");
    for (peer, row) in living {
        let here = places
            .iter()
            .any(|p| p.host == *peer && p.agreement == row.digest);
        assert!(here, "an agreement nobody counts on");
        assert_eq!(
            row.paid,
            row.signed.terms.cost_of(1).expect("a sum"),
            "paid once"
        );
    }
}

/// Polls a future so many times and drops it, as kill -9 would; its outcome when it ended before.
async fn cut<F: Future>(work: F, polls: usize) -> Option<F::Output> {
    let (mut work, mut left) = (Box::pin(work), polls);
    std::future::poll_fn(move |context| {
        if left == 0 {
            return Poll::Ready(None);
        }
        left -= 1;
        work.as_mut().poll(context).map(Some)
    })
    .await
}

/// Goal: lost shards come back from any others, encrypted data without opening it. Method: two
/// hosts die; the object is repaired, then two more of the first ones, and it is still whole.
#[tokio::test]
async fn lost_shards_are_rebuilt_on_other_hosts() {
    let (town, dir) = (Town::new(10).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let (object, dead) = wounded(&town, &renter, dir.path()).await;
    let before = renter.stat(object).expect("known").places;
    let done = renter.repair(object).await.expect("repaired");
    assert_eq!((done.repaired.len(), done.failed.len()), (2, 0));
    check(&town, &renter, object, &dead);
    let after = renter.stat(object).expect("known").places;
    // Three of four old ones die too: the two new ones and the last old one must serve.
    let old = before.iter().filter(|place| after.contains(place));
    for place in old.skip(1) {
        *lock(&town.hosts[&place.host].mood) = Mood::Dead;
    }
    assert_eq!(get(&renter, object).await.expect("got"), content(LEN));
}

#[tokio::test]
async fn an_object_that_is_well_is_not_touched() {
    let (town, dir) = (Town::new(7).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let done = work(&renter, &request(file(dir.path(), LEN), false, 30)).await;
    let object = done.expect("put").id;
    let (bodies, before) = (town.bodies(), renter.stat(object).expect("known"));
    let repaired = renter.repair(object).await.expect("looked");
    assert_eq!(repaired, host_renter::RepairDone::default());
    assert_eq!(
        (town.bodies(), renter.stat(object).expect("known")),
        (bodies, before)
    );
}

/// Goal: kill -9 at every step of a repair costs nothing but the work in hand. Method: the repair
/// is dropped after each number of polls in turn, each time on what the last one left.
#[tokio::test]
async fn a_repair_cut_anywhere_ends_with_one_paid_agreement_a_shard() {
    let (town, dir) = (Town::new(10).await, tempfile::tempdir().expect("made"));
    let home = dir.path().join("home");
    let renter = town.renter(&home);
    let (object, dead) = wounded(&town, &renter, dir.path()).await;
    for polls in 1..60 {
        let renter = town.renter(&home);
        if let Some(done) = cut(renter.repair(object), polls).await {
            done.expect("repaired");
        }
    }
    town.renter(&home).repair(object).await.expect("repaired");
    check(&town, &renter, object, &dead);
    assert_eq!(get(&renter, object).await.expect("got"), content(LEN));
}

/// Goal: a guard repairs with its own key and money what it cannot read, and gives it up again.
/// Method: a job made of the descriptor alone is run by another renter.
#[tokio::test]
async fn another_wallet_repairs_without_the_key_and_gives_up_again() {
    let (town, dir) = (Town::new(10).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let (object, dead) = wounded(&town, &renter, dir.path()).await;
    let health = renter.health(object).await.expect("asked");
    let of = |alive: bool| {
        let shards = health.shards.iter();
        let same = move |s: &&host_renter::ShardHealth| {
            (s.condition == host_renter::Condition::Alive) == alive
        };
        shards.filter(same).map(|s| s.place.clone()).collect()
    };
    let other = town.renter_of(&dir.path().join("other"), 5001, host_core::Address([8; 20]));
    let job = host_renter::RepairJob {
        descriptor: renter.descriptor(object).expect("known"),
        alive: of(true),
        lost: of(false),
        leaving: Vec::new(),
        keepers: Vec::new(),
        end_epoch: 60,
        price_max: None,
        doubling: false,
    };
    let done = other.repair_job(&job).await.expect("repaired");
    assert_eq!((done.repaired.len(), done.failed.len()), (2, 0));
    for one in &done.repaired {
        assert!(!dead.contains(&one.new.host));
        let at = usize::from(one.new.index);
        let named = job.descriptor.segments[0].shards[at];
        assert_eq!(one.receipt.body.shard, named);
    }
    assert_eq!(town.agreements().len(), 8);
    assert_eq!(other.give_up_repair(object).await.expect("closed"), (2, 0));
    assert_eq!(town.agreements().len(), 6);
}
