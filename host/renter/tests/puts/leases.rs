//! The same content again: at once, later, by another; leases that never touch each other.

use host_core::Address;
use host_renter::{Code, Error, Progress, Renter, SessionId};
use tokio::sync::watch;

use crate::town::{Mood, Town, VAULT, lock};
use crate::{content, file, get, request, work};

const LEN: usize = 3_000_000;
const OTHER_VAULT: Address = Address([8; 20]);

async fn resume(renter: &Renter, session: SessionId) -> Result<host_renter::PutDone, Error> {
    let (progress, _watched) = watch::channel(Progress::default());
    renter.resume(session, &progress).await
}

/// Goal: `--reuse` moves no byte and extends. Method: put, ask what is stored, lease again for a
/// longer term, open and sealed; the hosts hold one agreement a shard, of the new term.
#[tokio::test]
async fn a_lease_again_sends_nothing_and_the_placement_has_a_new_version_and_end() {
    for public in [false, true] {
        let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
        let renter = town.renter(&dir.path().join("home"));
        let short = request(file(dir.path(), LEN), public, 3);
        assert_eq!(renter.already(&short).await.expect("looked"), []);
        assert!(renter.begin_again(&short).await.expect("looked").is_none());
        let first = work(&renter, &short).await.expect("put");
        let known = renter.already(&short).await.expect("looked");
        assert_eq!((known.len(), known[0].object), (1, first.id));
        assert_eq!(known[0].end_epoch, first.end_epoch);
        assert!(known[0].until_ms.is_some());
        let (bodies, long) = (town.bodies(), request(file(dir.path(), LEN), public, 30));
        let session = renter
            .begin_again(&long)
            .await
            .expect("begun")
            .expect("known");
        let again = resume(&renter, session).await.expect("leased");
        assert_eq!((again.id, again.shards), (first.id, first.shards));
        assert!(again.end_epoch > first.end_epoch);
        assert_eq!(town.bodies(), bodies, "no byte of a shard moved");
        let rows = town.agreements();
        assert_eq!(rows.len() as u64, again.shards, "the old leases are closed");
        assert!(
            rows.iter()
                .all(|(_, row)| row.signed.terms.end_epoch == again.end_epoch)
        );
        assert_eq!(
            renter.stat(first.id).expect("known").end_epoch,
            again.end_epoch
        );
        assert_eq!(get(&renter, first.id).await.expect("got"), content(LEN));
        let session = renter
            .begin_again(&short)
            .await
            .expect("begun")
            .expect("known");
        let shorter = resume(&renter, session).await.expect_err("not longer");
        assert_eq!(shorter.code(), Code::AlreadyStored);
        assert_eq!(town.agreements().len() as u64, again.shards);
    }
}

/// Goal: a lease again heals. Method: one host is dead and one has lost its shard before the
/// lease; bytes move for those two alone, and the object is whole.
#[tokio::test]
async fn a_lease_again_sends_only_what_a_host_has_lost() {
    let (town, dir) = (Town::new(9).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let path = file(dir.path(), 100_000);
    let first = work(&renter, &request(path.clone(), false, 3))
        .await
        .expect("put");
    let keeper = town.agreements()[0].0;
    *lock(&town.hosts[&keeper].mood) = Mood::Dead;
    let bodies = town.bodies();
    let long = request(path, false, 30);
    let session = renter
        .begin_again(&long)
        .await
        .expect("begun")
        .expect("known");
    let again = resume(&renter, session).await.expect("leased");
    assert_eq!(again.shards, first.shards);
    assert_eq!(town.bodies(), bodies + 1, "one shard of one frame moved");
    let stat = renter.stat(first.id).expect("known");
    assert!(stat.places.iter().all(|place| place.host != keeper));
    assert_eq!(get(&renter, first.id).await.expect("got"), content(100_000));
}

/// Goal: the same content at once, by one home and by another, is so many leases. Method: three
/// puts of open data run together, two of one home, one of a stranger; each ends, each host keeps
/// one copy, and removal of one leaves the others whole.
#[tokio::test]
async fn the_same_content_at_once_and_by_another_is_a_lease_of_its_own() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let (home, strange) = (dir.path().join("home"), dir.path().join("strange"));
    let (one, two) = (town.renter(&home), town.renter(&home));
    let stranger = town.renter_of(&strange, 5001, OTHER_VAULT);
    let open = request(file(dir.path(), LEN), true, 30);
    let (a, b, c) = tokio::join!(work(&one, &open), work(&two, &open), work(&stranger, &open));
    let (a, b, c) = (a.expect("put"), b.expect("put"), c.expect("put"));
    assert!(a.id == b.id && b.id == c.id);
    assert_eq!(town.agreements().len() as u64, 3 * a.shards);
    let copies: u64 = (town.hosts.values())
        .map(|host| {
            host.desk
                .ledger()
                .read()
                .expect("reads")
                .totals()
                .expect("reads")
                .shards
        })
        .sum();
    assert!(copies >= a.shards && copies <= 3 * a.shards);
    one.delete(a.id).await.expect("removed");
    let left = town.agreements();
    assert_eq!(
        left.len() as u64,
        c.shards,
        "only the stranger's leases are left"
    );
    assert_eq!(get(&stranger, c.id).await.expect("got"), content(LEN));
    assert_eq!(town.counted(VAULT), a.issued.max(b.issued));
}

/// Goal: later is a lease of its own too, and the end of one is not the end of the other. Method:
/// the same open content twice, one after the other, other terms; the first is past its end, the
/// second reads on.
#[tokio::test]
async fn the_end_of_one_lease_never_touches_the_other() {
    let (town, dir) = (Town::new(6).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let path = file(dir.path(), LEN);
    let short = work(&renter, &request(path.clone(), true, 2))
        .await
        .expect("put");
    let bodies = town.bodies();
    let stranger = town.renter_of(&dir.path().join("strange"), 5001, OTHER_VAULT);
    let long = work(&stranger, &request(path, true, 30))
        .await
        .expect("put");
    assert!(long.end_epoch > short.end_epoch);
    assert!(town.bodies() <= 2 * bodies);
    let now = 5 + short.end_epoch;
    town.pass(now);
    let ended: Vec<_> = (town.agreements().into_iter())
        .filter(|(_, row)| row.signed.terms.end_epoch == short.end_epoch)
        .collect();
    for (peer, row) in ended {
        let fact = host_ledger::Fact::AgreementClosed {
            agreement: row.digest,
            state: host_ledger::AgreementState::Expired,
        };
        let ledger = town.hosts[&peer].desk.ledger();
        ledger.commit(vec![fact]).await.expect("committed");
    }
    assert_eq!(town.agreements().len() as u64, long.shards);
    assert_eq!(get(&stranger, long.id).await.expect("got"), content(LEN));
}

/// Goal: a deletion leaves no journal that names the file once every host has answered, keeps it
/// while one is silent, and a host that is gone for good is waited for until the term's end alone.
/// Method: two objects; one is deleted with all hosts there, the other with one dead.
#[tokio::test]
async fn a_deletion_takes_the_journals_and_waits_for_no_host_beyond_the_term() {
    let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
    let (home, path) = (dir.path().join("home"), file(dir.path(), LEN));
    let renter = town.renter(&home);
    let journals = || std::fs::read_dir(home.join("sessions")).map(Iterator::count);
    let first = work(&renter, &request(path.clone(), false, 3)).await;
    let second = work(&renter, &request(path, false, 3)).await.expect("put");
    assert_eq!(journals().expect("reads"), 2);
    let gone = renter
        .delete(first.expect("put").id)
        .await
        .expect("deleted");
    assert_eq!((gone.silent(), journals().expect("reads")), (0, 1));

    let holder = renter.stat(second.id).expect("known").places[0].host;
    *lock(&town.hosts[&holder].mood) = Mood::Dead;
    let gone = renter.delete(second.id).await.expect("deleted");
    assert!(gone.silent() > 0);
    assert_eq!(journals().expect("reads"), 1, "its terms may be needed");
    assert!(!renter.has_run_out(&gone).await);
    town.pass(second.end_epoch);
    assert!(renter.has_run_out(&gone).await);
}
