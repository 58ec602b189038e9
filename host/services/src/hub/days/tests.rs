//! Roots of days: every host's proof holds, and no changed byte does.

use host_core::identity::SecretKey;
use host_core::witness::ScoreRules;
use host_core::{NetworkId, PeerId};
use proptest::prelude::{prop_assert, proptest};

use super::Days;
use crate::error::Error;

const DAY: u64 = 86_400_000;

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).expect("a scalar")
}

fn peer(n: u16) -> PeerId {
    let [a, b] = n.to_be_bytes();
    let mut peer = [2; 33];
    (peer[1], peer[2]) = (a, b);
    PeerId(peer)
}

fn network() -> NetworkId {
    NetworkId::of_name("test")
}

fn open(folder: &std::path::Path, now_ms: u64) -> Result<Days, Error> {
    Days::open(
        folder.to_owned(),
        network(),
        key(1),
        ScoreRules::default(),
        now_ms,
    )
}

proptest! {
    /// Goal: for any number of hosts each one's proof leads to the signed root, and a proof with a
    /// changed count or another host's path does not.
    #[test]
    fn every_host_of_a_day_can_show_it(count in 1u16..40, changed in 0u16..40) {
        let folder = tempfile::tempdir().expect("a folder");
        let mut days = open(folder.path(), 5 * DAY).expect("opens");
        for n in 0..count {
            days.beat(peer(n), 5 * DAY + u64::from(n) * 60_000).expect("counted");
        }
        let now = 6 * DAY + 1;
        for n in 0..count {
            let proof = days.proof(&peer(n), 5, now).expect("a proof");
            prop_assert!(proof.check(&network()).is_ok());
            prop_assert!(proof.check(&NetworkId::of_name("other")).is_err());
        }
        let mut proof = days.proof(&peer(changed % count), 5, now).expect("a proof");
        proof.leaf.beats += 1;
        prop_assert!(proof.check(&network()).is_err());
        proof.leaf.beats -= 1;
        proof.path.push(proof.leaf.hash());
        prop_assert!(proof.check(&network()).is_err());
    }
}

#[test]
fn the_running_day_has_no_root_and_survives_a_restart() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut days = open(folder.path(), 5 * DAY).expect("opens");
    days.beat(peer(1), 5 * DAY).expect("counted");
    let early = days.proof(&peer(1), 5, 5 * DAY + 1);
    assert!(matches!(early, Err(Error::NotKept { .. })));
    days.save(5 * DAY + 1).expect("saved");
    drop(days);
    let mut again = open(folder.path(), 5 * DAY + 2).expect("opens");
    again.beat(peer(1), 5 * DAY + 60_000).expect("counted");
    let proof = again.proof(&peer(1), 5, 6 * DAY).expect("a proof");
    assert_eq!(proof.leaf.beats, 2);
}

#[test]
fn a_day_that_ended_while_the_server_was_down_is_closed_at_its_next_word() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut days = open(folder.path(), 5 * DAY).expect("opens");
    days.beat(peer(1), 5 * DAY).expect("counted");
    days.save(5 * DAY).expect("saved");
    drop(days);
    let mut again = open(folder.path(), 9 * DAY).expect("opens");
    let proof = again.proof(&peer(1), 5, 9 * DAY).expect("a proof");
    assert!(proof.check(&network()).is_ok());
    let silent = again.proof(&peer(2), 5, 9 * DAY);
    assert!(matches!(silent, Err(Error::Uncounted { .. })));
}

#[test]
fn a_damaged_day_stops_the_start_and_says_so() {
    let folder = tempfile::tempdir().expect("a folder");
    let mut days = open(folder.path(), 5 * DAY).expect("opens");
    days.beat(peer(1), 5 * DAY).expect("counted");
    days.close(6 * DAY).expect("closed");
    let path = folder.path().join("5");
    let mut bytes = std::fs::read(&path).expect("written");
    bytes[60] ^= 1;
    std::fs::write(&path, bytes).expect("written");
    let opened = open(folder.path(), 6 * DAY);
    assert!(matches!(opened, Err(Error::Snapshot { .. })));
}
