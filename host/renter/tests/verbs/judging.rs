//! Goal: how an object is said to be is what its hosts can show. Method: the town in every mood.

use tokio::sync::watch;

use host_renter::{Condition, Progress, PutRequest};

use crate::town::{Mood, Town, lock};

#[tokio::test]
async fn each_shard_is_alive_missing_lying_or_unreachable_by_what_its_host_shows() {
    let (town, dir) = (Town::new(7), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let path = dir.path().join("file");
    std::fs::write(&path, vec![7; 4_000_000]).expect("holds");
    let (progress, _watched) = watch::channel(Progress::default());
    let request = PutRequest {
        path,
        data: 2,
        parity: 5,
        days: 30,
        public: false,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    };
    let session = renter.begin(&request).expect("holds");
    let id = renter.resume(session, &progress).await.expect("holds").id;
    let end_epoch = renter.stat(id).expect("holds").end_epoch;

    let well = renter.health(id).await.expect("holds");
    assert_eq!(well.count(Condition::Alive), 14);
    assert_eq!((well.may_die, well.segments_lost), (Some(5), 0));
    assert_eq!((well.segments_asked, well.segments), (2, 2));
    // The town's head is block 100, its epochs have 20.
    assert_eq!(well.epochs_left, Some(end_epoch - 5));
    assert!(
        well.shards
            .iter()
            .all(|shard| shard.unit.is_some_and(|unit| unit < 16))
    );

    let hosts: Vec<_> = lock(&town.hosts).keys().copied().collect();
    {
        let mut set = lock(&town.hosts);
        set.get_mut(&hosts[0]).expect("holds").mood = Mood::Dead;
        set.get_mut(&hosts[1]).expect("holds").shards.clear();
        set.get_mut(&hosts[2]).expect("holds").mood = Mood::Twists;
    }
    let dials = *lock(&town.dials);
    let ill = renter.health(id).await.expect("holds");
    assert_eq!(ill.count(Condition::Unreachable), 2);
    assert_eq!(ill.count(Condition::Missing), 2);
    assert_eq!(ill.count(Condition::Lied), 2);
    assert_eq!((ill.may_die, ill.segments_lost), (Some(2), 0));
    assert!(*lock(&town.dials) - dials <= 14);

    town.mood(6, Mood::Dead);
    let lost = renter.health(id).await.expect("holds");
    assert_eq!((lost.may_die, lost.segments_lost), (Some(0), 2));
}

#[tokio::test]
async fn a_host_that_stalls_is_given_up_in_bounded_time() {
    let (town, dir) = (Town::new(6), tempfile::tempdir().expect("holds"));
    let renter = town.renter(&dir.path().join("home"));
    let path = dir.path().join("file");
    std::fs::write(&path, vec![7; 100_000]).expect("holds");
    let (progress, _watched) = watch::channel(Progress::default());
    let request = PutRequest {
        path,
        data: 3,
        parity: 3,
        days: 30,
        public: true,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    };
    let session = renter.begin(&request).expect("holds");
    let id = renter.resume(session, &progress).await.expect("holds").id;
    town.mood(2, Mood::Stalls);
    let health = renter.health(id).await.expect("holds");
    assert_eq!(health.count(Condition::Unreachable), 2);
    assert_eq!(health.may_die, Some(1));
}
