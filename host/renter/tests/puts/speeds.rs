//! What hubs are told of the hosts' lines.

use std::collections::BTreeSet;

use host_core::PeerId;

use crate::town::{CHAIN, Mood, Town, lock};
use crate::{content, file, get, request, work};

const LEN: usize = 3_000_000;

/// Goal: a host whose renters put and get gets its speeds, on evidence that any hub can check, and
/// no more often than the scores count. Method: one put, two gets; the hub writes down what comes.
#[tokio::test]
async fn hubs_are_told_how_fast_hosts_were_with_the_hosts_own_receipts() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let done = work(&renter, &request(file(dir.path(), LEN), false, 30)).await;
    let object = done.expect("put").id;
    assert_eq!(renter.tell_speeds().await, 6, "one word a host");

    // Another run of the program: the receipts come from the book.
    let renter = town.renter(&dir.path().join("home"));
    assert_eq!(get(&renter, object).await.expect("got"), content(LEN));
    let down = renter.tell_speeds().await;
    assert!(down >= 3, "{down} of the three shards that were needed");
    let words = lock(&town.speeds).clone();
    let id = town.network.id();
    for word in &words {
        assert_eq!(word.check(&id, CHAIN), Ok(()));
    }
    let of = |up: bool| -> BTreeSet<PeerId> {
        let words = words.iter().filter(|word| word.body.up == up);
        words.map(|word| word.body.host).collect()
    };
    assert_eq!(of(true).len(), 6);
    assert_eq!(of(false).len(), down);

    assert_eq!(get(&renter, object).await.expect("got"), content(LEN));
    let again = renter.tell_speeds().await;
    let others = 6 - down;
    assert!(again <= others, "nobody is told of twice so soon");
    assert_eq!(renter.tell_speeds().await, 0, "nothing new");
}

#[tokio::test]
async fn nothing_is_said_of_a_host_that_never_gave_a_receipt() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    town.mood(1, Mood::DiesAfterAgree);
    // Five hosts are left for six shards: the put may end either way, what is said may not.
    let _ended = work(&renter, &request(file(dir.path(), LEN), false, 30)).await;
    renter.tell_speeds().await;
    let words = lock(&town.speeds).clone();
    for word in &words {
        assert_eq!(*lock(&town.hosts[&word.body.host].mood), Mood::Good);
    }
}
