//! Goal: whatever text comes as a line, it is read or refused in words; what is read is within the
//! object. Method: a line of a small object, changed at every character and in each field.

use host_core::codec;
use host_core::geometry::Geometry;
use host_core::object::{Cipher, Descriptor, Segment};
use host_core::{NetworkId, ObjectId, PeerId, ShardId};

use super::{Shared, Spot};
use crate::record::Secret;

fn descriptor(len: u64) -> Vec<u8> {
    let geometry = Geometry::standard();
    let shards = vec![ShardId([7; 32]); usize::from(geometry.total())];
    codec::to_bytes(&Descriptor {
        version: 1,
        geometry,
        cipher: Cipher::None,
        len,
        segments: vec![Segment { len, shards }],
        sha256: Some([5; 32]),
    })
}

fn shared() -> Shared {
    Shared {
        network: NetworkId([1; 32]),
        descriptor: descriptor(1000),
        secret: Secret {
            name: "report.pdf".into(),
            len: 1000,
            sha256: [2; 32],
            key: [3; 32],
            prefix: [4; 7],
            stored_ms: 5,
        },
        end_epoch: 9,
        hosts: vec![PeerId([6; 33])],
        spots: vec![Spot {
            segment: 0,
            index: 29,
            host: 0,
        }],
        leads: false,
    }
}

#[test]
fn a_line_comes_back_and_tells_what_it_is_of_without_the_key() {
    let line = shared().to_line();
    let again = Shared::parse(&format!("  {line}\n")).expect("reads");
    assert!(again == shared());
    assert_eq!(again.id(), ObjectId::of_descriptor(&descriptor(1000)));
    assert_eq!((again.name(), again.bytes()), ("report.pdf", 1000));
    assert!(!format!("{again:?}").contains("3, 3"));
}

#[test]
fn no_change_of_a_character_panics_and_a_cut_line_is_refused() {
    let line = shared().to_line();
    for at in 0..line.len() {
        assert!(Shared::parse(&line[..at]).is_err(), "cut at {at}");
        for other in ["A", "_", "=", " "] {
            let mut changed = line.clone();
            changed.replace_range(at..=at, other);
            let _ = Shared::parse(&changed);
        }
    }
}

#[test]
fn what_contradicts_itself_is_refused() {
    let refused = |change: fn(&mut Shared)| {
        let mut one = shared();
        change(&mut one);
        Shared::parse(&one.to_line()).expect_err("is refused")
    };
    // A length of its own would have a get walk segments that are not there.
    refused(|one| one.secret.len = u64::MAX);
    refused(|one| one.secret.len = 999);
    refused(|one| one.spots[0].segment = 1);
    refused(|one| one.spots[0].index = 30);
    refused(|one| one.spots[0].host = 1);
    refused(|one| one.descriptor.truncate(40));
}
