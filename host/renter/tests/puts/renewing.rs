//! Terms that are extended without the file.

use host_core::Amount;
use host_renter::RenewRequest;

use crate::town::{EPOCH, Mood, Town, lock};
use crate::{content, file, get, request, work};

const LEN: usize = 3_000_000;

const fn days(days: u64, cap: Option<Amount>) -> RenewRequest {
    RenewRequest {
        days,
        price_max: None,
        cap,
    }
}

/// Goal: an object lives on without its file and without a byte moved. Method: put, remove the
/// file, renew; the hosts hold one paid agreement a shard, of the new term, and the file comes back.
#[tokio::test]
async fn a_term_is_extended_where_the_object_is_and_the_old_agreements_are_closed() {
    let (town, dir) = (Town::new(7).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let path = file(dir.path(), LEN);
    let first = work(&renter, &request(path.clone(), false, 3)).await;
    let first = first.expect("put");
    std::fs::remove_file(&path).expect("removed");
    let (bodies, before) = (town.bodies(), renter.stat(first.id).expect("known"));
    let renewed = renter.renew(first.id, &days(30, None)).await;
    let renewed = renewed.expect("renewed");
    assert_eq!((renewed.leases, renewed.silent), (before.places.len(), 0));
    assert_eq!(renewed.left, Vec::<String>::new());
    assert_eq!(town.bodies(), bodies, "no byte of a shard moved");
    let after = renter.stat(first.id).expect("known");
    assert!(after.end_epoch > before.end_epoch);
    assert_eq!(renewed.end_epoch, after.end_epoch);
    let rows = town.agreements();
    assert_eq!(rows.len(), after.places.len(), "one agreement a shard");
    for (_, row) in rows {
        assert_eq!(row.signed.terms.end_epoch, after.end_epoch);
        assert_eq!(row.paid, row.signed.terms.cost_of(1).expect("a sum"));
    }
    assert_eq!(get(&renter, first.id).await.expect("got"), content(LEN));
    let again = renter.renew(first.id, &days(3, None)).await;
    assert!(again.is_err(), "shorter than what there is");
}

#[tokio::test]
async fn a_renewal_above_its_cap_is_not_begun_and_a_due_one_stops_at_the_cap() {
    let (town, dir) = (Town::new(7).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let one = work(&renter, &request(file(dir.path(), LEN), false, 3)).await;
    let two = work(&renter, &request(file(dir.path(), LEN + 1), false, 3)).await;
    let (one, two) = (one.expect("put"), two.expect("put"));
    let rows = town.agreements().len();
    let poor = renter.renew(one.id, &days(30, Some(Amount(1)))).await;
    let poor = poor.expect("answered");
    assert_eq!((poor.leases, poor.left.len()), (0, 1));
    assert!(poor.cost > Amount(1));
    assert_eq!(town.agreements().len(), rows, "nothing was agreed");

    // Nothing ends within an epoch; both end within the week; the money lasts for one.
    let rich = days(30, Some(Amount(poor.cost.0 * 3 / 2)));
    assert_eq!(renter.renew_due(0, &rich).await.expect("looked"), []);
    let all = renter.renew_due(7 * 86_400 / EPOCH, &rich).await;
    let all = all.expect("renewed");
    let done: Vec<_> = all.iter().filter(|one| one.leases > 0).collect();
    assert_eq!((all.len(), done.len()), (2, 1), "{all:?}");
    let ends = |id| renter.stat(id).expect("known").end_epoch;
    assert_ne!(ends(one.id), ends(two.id));
}

/// Goal: what a silent host keeps is told, and the rest is extended. Method: one host is dead.
#[tokio::test]
async fn a_shard_whose_host_is_silent_keeps_its_term_and_is_told() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let first = work(&renter, &request(file(dir.path(), LEN), false, 3)).await;
    let first = first.expect("put");
    let before = renter.stat(first.id).expect("known");
    *lock(&town.hosts[&before.places[0].host].mood) = Mood::Dead;
    let renewed = renter.renew(first.id, &days(30, None)).await;
    let renewed = renewed.expect("renewed");
    assert_eq!((renewed.leases, renewed.left.len()), (5, 1));
    // The object is as safe as its first end says.
    assert_eq!(renewed.end_epoch, before.end_epoch);
    let after = renter.stat(first.id).expect("known");
    let old = after.places.iter().filter(|p| before.places.contains(p));
    assert_eq!(old.count(), 1, "the silent host's place stands");
    assert_eq!(get(&renter, first.id).await.expect("got"), content(LEN));
}
