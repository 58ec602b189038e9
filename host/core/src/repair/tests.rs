//! One object on four hosts, two guards, one moved shard; then everything that must not count.

use super::{
    DomainRule, GuardOrder, Moved, NamedGuard, Repair, RepairGrant, SignedGrant, SignedOrder,
    SignedRepair,
};
use crate::amount::Amount;
use crate::challenge::{Challenge, Finding, SignedVerdict, Verdict};
use crate::codec;
use crate::error::Error;
use crate::geometry::{Codec, Geometry};
use crate::identity::SecretKey;
use crate::ids::{AgreementDigest, Digest32, NetworkId, ShardId};
use crate::object::{Cipher, Descriptor, Place, Placement, Segment, SignedPlacement};
use crate::receipt::{Receipt, ReceiptBody};

const NETWORK: NetworkId = NetworkId([7; 32]);
const CHAIN: u64 = 31_337;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("a scalar of the curve")
}

fn place(index: u16, host: u8, agreement: u8) -> Place {
    Place {
        segment: 0,
        index,
        host: key(host).peer_id(),
        addrs: vec!["/ip4/10.0.0.1/tcp/4001".into()],
        agreement: AgreementDigest([agreement; 32]),
    }
}

fn descriptor() -> Descriptor {
    let geometry = Geometry {
        codec: Codec::of_counts(2, 2),
        data: 2,
        parity: 2,
        ..Geometry::standard()
    };
    let segment = Segment {
        len: 1000,
        shards: (0..4).map(|index| ShardId([index; 32])).collect(),
    };
    Descriptor {
        version: 1,
        geometry,
        cipher: Cipher::None,
        len: 1000,
        segments: vec![segment],
        sha256: Some([0; 32]),
    }
}

fn order() -> SignedOrder {
    let (owner, descriptor) = (key(1), descriptor());
    let placement = Placement {
        object: descriptor.id(),
        owner: owner.address(),
        version: 5,
        end_epoch: 100,
        places: (0..4u8).map(|n| place(n.into(), 10 + n, 20 + n)).collect(),
    };
    let guards = [key(2), key(3)].map(|guard| NamedGuard {
        peer: guard.peer_id(),
        addrs: Vec::new(),
    });
    let grant = RepairGrant {
        object: descriptor.id(),
        guard: key(2).peer_id(),
        max_price: Amount(9),
        bytes_per_epoch: 1 << 30,
        budget: Amount(500),
        min_stake: Amount(0),
        failure_domain_rule: DomainRule::Host,
        expiry: 50,
    };
    let order = GuardOrder {
        descriptor: codec::to_bytes(&descriptor),
        placement: SignedPlacement::sign(placement, &NETWORK, &owner),
        ends: vec![100; 4],
        guards: guards.to_vec(),
        round_s: 60,
        leaves: 8,
        margin: 5,
        price: Amount(1),
        grants: vec![SignedGrant::sign(grant, CHAIN, &owner).expect("keys")],
        serial: 0,
    };
    SignedOrder::sign(order, &NETWORK, &owner)
}

fn missed(guard: u8, of: &Place, finding: Finding) -> SignedVerdict {
    let challenge = Challenge {
        guard: key(guard).peer_id(),
        host: of.host,
        agreement: of.agreement,
        shard: ShardId([u8::try_from(of.index).expect("small"); 32]),
        shard_len: descriptor().geometry.shard_len(1000),
        seed: Digest32([guard; 32]),
        leaves: 8,
        at_ms: 1,
        until_ms: 2,
    };
    let verdict = Verdict {
        challenge,
        finding,
        proof: None,
        why: "silent".into(),
        at_ms: 3,
    };
    SignedVerdict::sign(verdict, &NETWORK, &key(guard))
}

/// The repair of shard 1, from its old host to host 30.
fn repair() -> Repair {
    let (old, new) = (place(1, 11, 21), place(1, 30, 40));
    let body = ReceiptBody {
        agreement: new.agreement,
        shard: ShardId([1; 32]),
        len: descriptor().geometry.shard_len(1000),
        end_epoch: 100,
    };
    let verdicts = [2, 3].map(|guard| missed(guard, &old, Finding::Missed));
    Repair {
        object: descriptor().id(),
        base: 5,
        version: 1,
        guard: key(2).peer_id(),
        epoch: 20,
        spent: Amount(400),
        moved: vec![Moved {
            old,
            new,
            receipt: Receipt::sign(body, &NETWORK, &key(30)),
            verdicts: verdicts.to_vec(),
        }],
    }
}

fn check(repair: Repair) -> Result<(), Error> {
    SignedRepair::sign(repair, &NETWORK, &key(2)).check(&order().order, &NETWORK)
}

#[test]
fn an_order_gives_its_descriptor_back() {
    let order = order();
    assert_eq!(order.check(&NETWORK, CHAIN), Ok(descriptor()));
    assert!(order.check(&NETWORK, CHAIN + 1).is_err());
    assert!(order.check(&NetworkId([8; 32]), CHAIN).is_err());
}

#[test]
fn an_order_changed_at_any_byte_does_not_hold() {
    let bytes = codec::to_bytes(&order());
    for at in 0..bytes.len() {
        let mut changed = bytes.clone();
        changed[at] ^= 1;
        let read = codec::from_bytes::<SignedOrder>("order", &changed);
        let holds = read.is_ok_and(|order| order.check(&NETWORK, CHAIN).is_ok());
        assert!(!holds, "byte {at}");
    }
}

#[test]
fn a_repair_with_receipt_and_two_verdicts_counts() {
    check(repair()).expect("everything is shown");
}

#[test]
fn a_repair_needs_two_verdicts_of_two_named_guards() {
    let old = place(1, 11, 21);
    let sets = [
        vec![missed(2, &old, Finding::Missed)],
        // The same guard twice.
        vec![
            missed(2, &old, Finding::Missed),
            missed(2, &old, Finding::Wrong),
        ],
        // Somebody the owner did not name.
        vec![
            missed(2, &old, Finding::Missed),
            missed(9, &old, Finding::Missed),
        ],
        // One that says the shard is there.
        vec![
            missed(2, &old, Finding::Missed),
            missed(3, &old, Finding::Kept),
        ],
        // Verdicts of another place, shown again.
        [2, 3]
            .map(|guard| missed(guard, &place(2, 12, 22), Finding::Missed))
            .to_vec(),
    ];
    let mut old_one = missed(3, &old, Finding::Missed).verdict;
    old_one.at_ms += super::VERDICT_AGE_MS + 1;
    let late = SignedVerdict::sign(old_one, &NETWORK, &key(3));
    let replayed = vec![missed(2, &old, Finding::Missed), late];
    for verdicts in sets.into_iter().chain([replayed]) {
        let mut repair = repair();
        repair.moved[0].verdicts = verdicts;
        let why = check(repair).expect_err("too little is shown").to_string();
        assert!(why.contains("two verdicts"), "{why}");
    }
}

#[test]
fn a_repair_outside_its_grant_does_not_count() {
    let changes: [fn(&mut Repair); 6] = [
        |repair| repair.spent = Amount(501),
        |repair| repair.epoch = 50,
        |repair| repair.base = 4,
        |repair| repair.moved[0].old = place(1, 12, 21),
        |repair| repair.moved[0].new.index = 2,
        |repair| repair.moved[0].new.host = key(31).peer_id(),
    ];
    for change in changes {
        let mut repair = repair();
        change(&mut repair);
        let guard = key(2).peer_id();
        let why = check(repair);
        assert!(matches!(why, Err(Error::Repair { guard: named, .. }) if named == guard));
    }
}

#[test]
fn a_guard_without_a_grant_repairs_nothing() {
    let mut repair = repair();
    repair.guard = key(3).peer_id();
    let signed = SignedRepair::sign(repair, &NETWORK, &key(3));
    assert!(signed.check(&order().order, &NETWORK).is_err());
}
