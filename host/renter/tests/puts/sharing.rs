//! An object handed on: another wallet reads it with nothing but the line; a deletion takes the
//! capsules and their keys with it.

use std::sync::{Arc, Mutex};

use host_core::{Address, ObjectId};
use host_renter::{Error, Progress, Renter};
use tokio::sync::watch;

use crate::town::{Mood, Town, lock};
use crate::{Sink, content, file, get, request, work};

const LEN: usize = 9_000_000;
const OTHER_VAULT: Address = Address([8; 20]);

async fn read(renter: &Renter, line: &str, range: Option<std::ops::Range<u64>>) -> Vec<u8> {
    let bytes = Arc::new(Mutex::new(Vec::new()));
    let (progress, _watched) = watch::channel(Progress::default());
    let shared = renter.open_share(line).await.expect("opens");
    let out = Box::new(Sink(Arc::clone(&bytes)));
    let got = renter.get_shared(&shared, range, out, &progress).await;
    assert_eq!(got.expect("got").bytes, lock(&bytes).len() as u64);
    lock(&bytes).clone()
}

fn objects(renter: &Renter) -> Vec<ObjectId> {
    let rows = renter.ls().expect("lists");
    rows.into_iter().map(|row| row.id).collect()
}

/// Goal: who has the line reads the object, or bytes of it, and needs nothing else of the owner.
/// Method: sealed and open, whole line and capsule, read by another wallet; the hosts' own ledgers
/// say that a whole line stores nothing.
#[tokio::test]
async fn another_wallet_reads_what_was_handed_on() {
    for public in [false, true] {
        let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
        let renter = town.renter(&dir.path().join("home"));
        let stranger = town.renter_of(&dir.path().join("strange"), 5001, OTHER_VAULT);
        let asked = request(file(dir.path(), LEN), public, 3);
        let id = work(&renter, &asked).await.expect("put").id;
        let before = town.agreements().len();
        let whole = renter.share(id, true, None).await.expect("shared");
        assert!(whole.capsule.is_none() && town.agreements().len() == before);
        let short = renter.share(id, false, None).await.expect("shared");
        let capsule = short.capsule.expect("a line this long has a capsule");
        assert_eq!(town.agreements().len(), before + 5);
        assert!(short.line.len() < 1200, "{}", short.line.len());
        assert!(whole.line.len() > short.line.len());
        for line in [&whole.line, &short.line] {
            assert_eq!(read(&stranger, line, None).await, content(LEN));
            let range = read(&stranger, line, Some(70_000..8_900_000)).await;
            assert_eq!(range, content(LEN)[70_000..8_900_000]);
        }
        assert_eq!(objects(&stranger), []);
        assert_eq!(renter.stat(capsule).expect("known").places.len(), 5);
    }
}

/// Goal: a deletion destroys what a line leads to, in the home that made it and in one brought back
/// from the phrase, and says how often the object was handed on. Method: two lines, then the
/// deletion, in either home; the stranger asks again.
#[tokio::test]
async fn a_deletion_takes_the_capsules_along() {
    for recovered in [false, true] {
        let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
        let mut renter = town.renter(&dir.path().join("home"));
        let stranger = town.renter_of(&dir.path().join("strange"), 5001, OTHER_VAULT);
        let asked = request(file(dir.path(), LEN), false, 3);
        let id = work(&renter, &asked).await.expect("put").id;
        let first = renter.share(id, false, None).await.expect("shared");
        let second = renter.share(id, false, None).await.expect("shared");
        assert!(first.capsule != second.capsule && objects(&renter).len() == 3);
        if recovered {
            renter = town.renter(&dir.path().join("again"));
            assert_eq!(renter.recover().await.expect("back").objects, 3);
        }
        let deleted = renter.delete(id).await.expect("deleted");
        assert_eq!((deleted.silent(), deleted.shares()), (0, 2));
        assert_eq!((objects(&renter), town.agreements().len()), (vec![], 0));
        for share in [first, second] {
            let opened = stranger.open_share(&share.line).await;
            assert!(matches!(opened, Err(Error::TooFewShards { .. })));
        }
    }
}

/// Goal: sharing that was cut off is gone on with, and given up with the object. Method: hosts die
/// under the capsule's put; once they come back and it ends, once the object is deleted before.
#[tokio::test]
async fn a_capsule_whose_put_was_cut_off_ends_with_its_object() {
    for ends in [true, false] {
        let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
        let home = dir.path().join("home");
        let renter = town.renter(&home);
        let asked = request(file(dir.path(), LEN), false, 3);
        let id = work(&renter, &asked).await.expect("put").id;
        town.mood(8, Mood::Stalls(0));
        assert!(renter.share(id, false, None).await.is_err());
        town.mood(8, Mood::Good);
        let lines = || std::fs::read_dir(home.join("shares")).map(Iterator::count);
        assert_eq!(lines().expect("reads"), 2, "the line, and that it was made");
        if ends {
            let share = renter.share(id, false, None).await.expect("shared");
            assert!(share.capsule.is_some());
            assert_eq!(objects(&renter).len(), 2, "one capsule");
            assert_eq!(lines().expect("reads"), 1, "the line is gone");
        }
        let deleted = renter.delete(id).await.expect("deleted");
        assert_eq!((deleted.silent(), deleted.shares()), (0, 1));
        assert_eq!(lines().expect("reads"), 0);
        assert_eq!((objects(&renter), town.agreements().len()), (vec![], 0));
    }
}

/// Goal: a line of another network, cut, or of nothing is refused by name. Method: each of them.
#[tokio::test]
async fn what_is_no_line_of_this_network_is_refused() {
    let (town, dir) = (Town::new(8).await, tempfile::tempdir().expect("made"));
    let renter = town.renter(&dir.path().join("home"));
    let asked = request(file(dir.path(), LEN), false, 3);
    let id = work(&renter, &asked).await.expect("put").id;
    let share = renter.share(id, true, None).await.expect("shared");
    let cut = &share.line[..share.line.len() - 9];
    for line in ["", "holdfast:1:", cut, "holdfast:2:AAAA"] {
        let refused = renter.open_share(line).await.expect_err("is refused");
        assert_eq!(refused.code().word(), "share-wrong", "{refused}");
    }
    assert_eq!(get(&renter, id).await.expect("got"), content(LEN));
}
