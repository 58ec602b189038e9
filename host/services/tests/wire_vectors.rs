//! Goal: the bytes printed in docs/formats/wire.md are the bytes this program writes and reads.
//! Origin of the vectors: this program; the announcement is signed by the marked test key of 32
//! bytes 0x01 for the network named `test`.

use host_core::announce::{Announcement, HostOffer};
use host_core::identity::{SecretKey, Signature};
use host_core::wire::{self, *};
use host_core::{Address, AgreementDigest, Amount, NetworkId, PeerId, ShardId, codec};

const TEXT: &str = include_str!("../../../docs/formats/wire.md");

/// The row of the table of vectors that carries this name.
fn printed(name: &str) -> String {
    let head = format!("| {name} | `");
    let row = TEXT.lines().find(|line| line.starts_with(&head));
    let row = row.unwrap_or_else(|| panic!("no row {name}"));
    row[head.len()..].trim_end_matches("` |").to_owned()
}

fn word() -> Announcement {
    let key = SecretKey::from_bytes(&[1; 32]).expect("the test key");
    let offer = HostOffer {
        peer: key.peer_id(),
        addrs: vec!["/ip4/127.0.0.1/tcp/4001".to_owned()],
        price: Amount(1000),
        egress_price: Amount::ZERO,
        free: 1 << 40,
        used: 0,
        payout: key.address(),
        version: "holdfast/0.1.0".to_owned(),
        epochs_max: 30,
        at_ms: 1_800_000_000_000,
        instance: [7; 16],
        generation: 0,
        leaving: false,
        claims: None,
    };
    Announcement::sign(offer, &NetworkId::of_name("test"), &key)
}

#[test]
fn printed_messages_are_the_written_ones() {
    let word = word();
    let refusal = Refusal {
        code: RefusalCode::Quota,
        text: "full".to_owned(),
    };
    let query = HubRequest::Query {
        after: None,
        limit: 100,
    };
    let find = HubRequest::Find {
        peer: word.offer.peer,
    };
    let page = HubReply::Page {
        hosts: Vec::new(),
        more: false,
    };
    let download = DownloadRequest {
        payer: None,
        shard: ShardId([2; 32]),
        offset: 0,
        len: 65_536,
    };
    let last = ChequeRequest::Last {
        vault: Address([3; 20]),
    };
    let paid = ChequeReply::Paid {
        cumulative: Amount(5),
    };
    let delete = DeleteRequest {
        agreement: AgreementDigest([4; 32]),
        signature: Signature([9; 65]),
    };
    let written = [
        ("offer", codec::to_bytes(&word.offer).into()),
        (
            "HubRequest::Announce",
            wire::message(&HubRequest::Announce(word)),
        ),
        ("HubRequest::Query", wire::message(&query)),
        ("HubRequest::Find", wire::message(&find)),
        ("HubReply::Listed", wire::message(&HubReply::Listed)),
        ("HubReply::Page", wire::message(&page)),
        (
            "HubReply::Refused",
            wire::message(&HubReply::Refused(refusal)),
        ),
        ("InfoRequest", wire::message(&InfoRequest {})),
        ("UploadRequest::End", wire::message(&UploadRequest::End)),
        ("DownloadRequest", wire::message(&download)),
        ("ChequeRequest::Last", wire::message(&last)),
        (
            "ChequeReply::Last",
            wire::message(&ChequeReply::Last { cheque: None }),
        ),
        ("ChequeReply::Paid", wire::message(&paid)),
        ("DeleteRequest", wire::message(&delete)),
        ("body `abc`", wire::body(b"abc").expect("short")),
    ];
    for (name, bytes) in written {
        assert_eq!(printed(name), hex::encode(&bytes), "{name}");
    }
}

#[test]
fn printed_announcement_is_signed_and_names_the_printed_ids() {
    let bytes = hex::decode(printed("HubRequest::Announce")).expect("hex");
    let request: HubRequest = codec::from_signed_bytes("request", &bytes).expect("canonical");
    let HubRequest::Announce(word) = request else {
        panic!("{request:?}");
    };
    let network = NetworkId::of_name("test");
    word.check(&network).expect("signed");
    assert_eq!(printed("network id of `test`"), network.to_string());
    assert_eq!(
        printed("peer id of the test key"),
        word.offer.peer.to_string()
    );
    let peer: PeerId = printed("peer id of the test key").parse().expect("a peer");
    assert_eq!(
        printed("multihash of the peer id"),
        hex::encode(peer.to_multihash())
    );
}

#[test]
fn messages_of_a_newer_peer_are_read_without_what_they_add() {
    // A field 7 in a map, and a third element in a variant's array.
    let with_field = hex::decode(
        "a40058200202020202020202020202020202020202020202020202020202020202020202010002190100076161",
    );
    let read: DownloadRequest =
        codec::from_bytes("request", &with_field.expect("hex")).expect("read");
    assert_eq!(read.len, 256);
    let query: HubRequest =
        codec::from_bytes("request", &[0x82, 1, 0x83, 0xf6, 0x18, 0x64, 0xf5]).expect("read");
    assert_eq!(
        query,
        HubRequest::Query {
            after: None,
            limit: 100
        }
    );
}
