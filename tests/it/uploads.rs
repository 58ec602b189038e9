//! Uploads that are wrong in some way: refused with their code, and the host is as it was before.

use host_core::agreement::Agreement;
use host_core::wire::RefusalCode;
use host_core::{Amount, NetworkId};
use host_transfer::upload::Opened;

use crate::stage::{Caller, Host, Plan, Shape, Town, block_on, noise, refusal, shard_of, until};
use std::time::Duration;

fn town(name: &str) -> Town {
    Town::start(
        name,
        Shape {
            hosts: 1,
            ..Shape::default()
        },
    )
}

fn refused(caller: &Caller, host: &Host, terms: &Agreement, bytes: &[u8]) -> Option<RefusalCode> {
    block_on(caller.store(host, terms, bytes))
        .err()
        .as_ref()
        .and_then(refusal)
}

#[test]
fn terms_that_do_not_fit_are_refused_with_their_code_before_a_byte_moves() {
    // Goal: every rule of admission has its own word. Method: one wrong term at a time.
    let town = town("wrong-terms");
    let host = &town.hosts[0];
    let before = host.status();
    let caller = Caller::stranger(&town.network);
    let bytes = noise("wrong terms", 80_000);
    let good = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    type Spoil = fn(&mut Agreement);
    let spoils: [(&str, RefusalCode, Spoil); 7] = [
        ("another network", RefusalCode::Network, |terms| {
            terms.network = NetworkId([1; 32])
        }),
        ("another host", RefusalCode::Network, |terms| {
            terms.host.0[0] ^= 1
        }),
        ("too cheap", RefusalCode::Price, |terms| terms.price.0 -= 1),
        ("begins late", RefusalCode::Term, |terms| {
            terms.start_epoch += 5
        }),
        ("ends before it begins", RefusalCode::Term, |terms| {
            terms.end_epoch = terms.start_epoch
        }),
        ("lasts too long", RefusalCode::Term, |terms| {
            terms.end_epoch += 2_000_000
        }),
        ("somebody else's hand", RefusalCode::Signature, |terms| {
            terms.renter.0[0] ^= 1
        }),
    ];
    for (what, code, spoil) in spoils {
        let mut terms = good.clone();
        spoil(&mut terms);
        assert_eq!(refused(&caller, host, &terms, &bytes), Some(code), "{what}");
    }
    let mut long = good.clone();
    long.shard_len = host_core::limits::SHARD_LEN_MAX + 1;
    assert!(
        refused(&caller, host, &long, &bytes).is_some(),
        "longer than any shard"
    );
    let after = host.status();
    assert_eq!(
        (after.agreements, after.used, after.free),
        (0, before.used, before.free)
    );
}

#[test]
fn bytes_that_are_not_the_promised_shard_are_refused_and_keep_no_space() {
    // Goal: a host signs only for what it has. Method: one bit off, one byte short, one too many,
    // and a renter that goes away in the middle; afterwards the free space is what it was.
    let town = town("wrong-bytes");
    let host = &town.hosts[0];
    let before = host.status();
    let caller = Caller::stranger(&town.network);
    let bytes = noise("wrong bytes", 400_000);
    let terms = || caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    let mut flipped = bytes.clone();
    flipped[123_456] ^= 1;
    assert_eq!(
        refused(&caller, host, &terms(), &flipped),
        Some(RefusalCode::Root)
    );
    assert!(block_on(caller.store(host, &terms(), &bytes[..399_999])).is_err());
    assert!(block_on(caller.store(host, &terms(), &[&bytes[..], b"x"].concat())).is_err());
    let left = terms();
    block_on(async {
        match caller.open(host, &left).await.expect("terms fit") {
            Opened::Send(mut stream) => stream.send(&bytes[..200_000]).await.expect("sent"),
            Opened::Stored(_) => panic!("nothing is stored yet"),
        }
    });
    until("the reservations are gone", Duration::from_secs(10), || {
        let status = host.status();
        (status.free == before.free && status.agreements == 0).then_some(())
    });
    block_on(caller.store(host, &left, &bytes)).expect("the honest upload is taken");
    assert_eq!((host.status().shards, host.status().agreements), (1, 1));
}

#[test]
fn a_full_host_says_so_and_takes_shards_again_after_a_removal() {
    // Goal: a full disk is a word, not a crash. Method: a volume of 16 MiB, shards of 3 MiB until
    // the host refuses for space; it still serves, and one removal makes room for one more.
    let volumes = vec!["volume-0=16 MiB".to_owned()];
    let shape = Shape {
        hosts: 1,
        plan: Plan {
            volumes,
            ..Plan::default()
        },
        ..Shape::default()
    };
    let town = Town::start("full", shape);
    let host = &town.hosts[0];
    let caller = Caller::stranger(&town.network);
    let shard = |index: usize| noise(&format!("full {index}"), 3 << 20);
    let store = |index: usize| {
        let bytes = shard(index);
        let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
        block_on(caller.store(host, &terms, &bytes)).map(|_| terms)
    };
    let mut kept = Vec::new();
    let full = loop {
        match store(kept.len()) {
            Ok(terms) => kept.push(terms),
            Err(error) => break error,
        }
        assert!(kept.len() < 6, "16 MiB cannot hold six shards of 3 MiB");
    };
    assert_eq!(refusal(&full), Some(RefusalCode::Space), "{full}");
    assert_eq!(host.status().shards, kept.len() as u64);
    let digest = kept[0].digest(crate::stage::CHAIN_ID);
    let (id, to) = (town.network.id(), host.addr());
    let gone = host_transfer::delete::close(&caller.net, &to, &id, digest, &caller.key);
    assert!(block_on(gone).expect("removed").freed);
    store(kept.len()).expect("there is room again");
}

#[test]
fn a_host_that_is_closed_to_new_agreements_still_serves_what_it_has() {
    // Goal: an operator can drain a host. Method: store, set offer.open, be refused, read.
    let mut town = town("closed");
    let caller = Caller::stranger(&town.network);
    let bytes = noise("closed", 90_000);
    let host = &mut town.hosts[0];
    let terms = caller.terms(host, shard_of(&bytes), bytes.len() as u64);
    block_on(caller.store(host, &terms, &bytes)).expect("stored");
    host.stop();
    let dir = host.dir.to_string_lossy().into_owned();
    crate::stage::holdfast(
        None,
        &["config", "--dir", &dir, "set", "offer.open", "false"],
    )
    .well();
    host.start();
    let other = noise("closed, later", 90_000);
    let terms = caller.terms(host, shard_of(&other), other.len() as u64);
    assert_eq!(
        refused(&caller, host, &terms, &other),
        Some(RefusalCode::Quota)
    );
    assert_eq!(block_on(caller.fetch(host, &bytes)), bytes);
    assert_eq!(host.status().shards, 1);
    assert_eq!(Amount::ZERO, host.status().received);
}
