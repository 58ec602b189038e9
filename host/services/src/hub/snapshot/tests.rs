//! Goal: what was listed is listed again after a restart; damage and other networks are told
//! apart. Method: a file in a temporary folder, one flipped byte at every position.

use super::*;
use host_core::announce::HostOffer;
use host_core::identity::SecretKey;
use host_core::{Address, Amount};
use host_net::Policy;

const NOW: u64 = 1_800_000_000_000;

fn empty(name: &str) -> Directory {
    Directory::new(NetworkId::of_name(name), Policy { private: true }, 100)
}

fn filled(count: u8) -> Directory {
    let mut directory = empty("test");
    for seed in 1..=count {
        let key = SecretKey::from_bytes(&[seed; 32]).expect("a scalar");
        let offer = HostOffer {
            peer: key.peer_id(),
            addrs: vec!["/ip4/127.0.0.1/tcp/4001".to_owned()],
            price: Amount(u128::from(seed)),
            egress_price: Amount::ZERO,
            free: 1,
            used: 2,
            payout: Address::ZERO,
            version: "v".to_owned(),
            epochs_max: 3,
            at_ms: NOW,
            instance: [7; 16],
            generation: 0,
            leaving: false,
            claims: None,
        };
        let word = Announcement::sign(offer, &directory.network(), &key);
        directory
            .announce(key.peer_id(), word, NOW)
            .expect("listed");
    }
    directory
}

#[test]
fn a_saved_directory_is_listed_again() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("directory");
    let before = filled(5);
    save(&path, &encode(&before)).expect("saved");
    save(&path, &encode(&before)).expect("saved over the old one");
    let mut after = empty("test");
    assert_eq!(load(&path, &mut after, NOW + 1).expect("loaded"), 5);
    assert!(before.all().eq(after.all()));
    let mut late = empty("test");
    assert_eq!(load(&path, &mut late, NOW + 3_600_000).expect("loaded"), 0);
}

#[test]
fn a_missing_file_is_an_empty_directory() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("directory");
    assert_eq!(load(&path, &mut empty("test"), NOW).expect("empty"), 0);
}

#[test]
fn any_damaged_byte_is_noticed() {
    let bytes = encode(&filled(2));
    decode(&bytes).expect("whole");
    for position in 0..bytes.len() {
        let mut damaged = bytes.clone();
        damaged[position] ^= 1;
        assert!(matches!(decode(&damaged), Err(Error::Snapshot { .. })));
        assert!(decode(&bytes[..position]).is_err());
    }
}

#[test]
fn the_file_of_another_network_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("directory");
    save(&path, &encode(&filled(1))).expect("saved");
    let error = load(&path, &mut empty("other"), NOW);
    assert!(matches!(error, Err(Error::OtherNetwork { .. })));
}
