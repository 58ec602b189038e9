//! Broken hosts get the right cause on top.

use std::collections::BTreeMap;

use host_core::announce::{Announcement, HostOffer};
use host_core::identity::Signature;
use host_core::witness::ScoreRules;
use host_core::{Address, Amount, PeerId};
use host_score::{Facts, explain, score};

use super::{Findings, Market, causes};

fn word() -> Announcement {
    let offer = HostOffer {
        peer: PeerId([2; 33]),
        addrs: vec!["/ip4/11.1.1.1/tcp/4001".into()],
        price: Amount(100),
        egress_price: Amount::ZERO,
        free: 1 << 40,
        used: 0,
        payout: Address::ZERO,
        version: "holdfast/9.9".into(),
        epochs_max: 100,
        at_ms: 1,
        instance: [0; 16],
        generation: 0,
        leaving: false,
        claims: None,
    };
    Announcement {
        offer,
        signature: Signature([0; 65]),
    }
}

/// A host nothing is wrong with, on a network with a bar.
fn sound() -> Findings {
    let facts = Facts {
        uptime: 10_000,
        age_ms: u64::MAX,
        heard_ms: u64::MAX,
        silent_ms: 0,
        version: u64::MAX,
        down: u64::MAX,
        up: u64::MAX,
    };
    with_facts(facts)
}

fn with_facts(facts: Facts) -> Findings {
    let rules = ScoreRules::default();
    let score = score(&facts, &rules);
    Findings {
        word: Some(word()),
        listing: 2,
        hubs: 2,
        judged: Some((facts, score)),
        bar: 8,
        missing: explain(&facts, &score, &rules),
        stake: Some((Amount(10), Amount(10))),
        reachable: BTreeMap::from([("/ip4/11.1.1.1/tcp/4001".to_owned(), true)]),
        market: Some(Market {
            hosts: 10,
            median: Amount(100),
            cheaper: 3,
        }),
    }
}

fn top(found: &Findings) -> (&'static str, u32) {
    let first = causes(found).into_iter().next().expect("a cause");
    (first.about, first.weight)
}

#[test]
fn nothing_is_said_of_a_sound_host() {
    assert_eq!(causes(&sound()), Vec::new());
}

#[test]
fn what_keeps_every_agreement_away_comes_first() {
    let mut unlisted = sound();
    unlisted.word = None;
    assert_eq!(top(&unlisted), ("listing", 100));
    let mut leaving = sound();
    leaving.word.as_mut().expect("a word").offer.leaving = true;
    assert_eq!(top(&leaving), ("listing", 100));
    let mut shut = sound();
    shut.reachable.values_mut().for_each(|open| *open = false);
    assert_eq!(top(&shut), ("reachability", 95));
    let circuit = "/ip4/12.1.1.1/tcp/4002/p2p/relay/p2p-circuit";
    shut.reachable.insert(circuit.to_owned(), true);
    let relayed = causes(&shut);
    let cause = relayed.iter().find(|one| one.about == "reachability");
    assert!(cause.is_some_and(|one| one.weight == 25 && one.cause.contains("relay")));
    let mut full = sound();
    full.word.as_mut().expect("a word").offer.free = 0;
    assert_eq!(top(&full), ("space", 90));
}

#[test]
fn a_missing_score_a_missing_stake_and_a_high_price_are_told_in_this_order() {
    let facts = Facts {
        uptime: 5_000,
        heard_ms: u64::MAX,
        ..Facts::default()
    };
    let mut found = with_facts(facts);
    found.stake = Some((Amount(1), Amount(10)));
    found.word.as_mut().expect("a word").offer.price = Amount(300);
    let abouts: Vec<&str> = causes(&found).iter().map(|cause| cause.about).collect();
    assert_eq!(abouts.first(), Some(&"score"));
    let at = |about| abouts.iter().position(|a| *a == about).expect("told");
    assert!(at("stake") < at("price"), "{abouts:?}");
}

#[test]
fn above_the_bar_a_missing_point_weighs_less_than_a_price() {
    let mut found = sound();
    if let Some((facts, _)) = &mut found.judged {
        facts.down = 0;
    }
    let facts = found.judged.map(|(facts, _)| facts).expect("judged");
    let mut found = with_facts(facts);
    found.word.as_mut().expect("a word").offer.price = Amount(110);
    assert_eq!(top(&found), ("price", 35));
}
