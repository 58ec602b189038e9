//! Goal: the choice is a function of the seed and the set of announcements, bounded and spread.
//! Method: hundreds of made-up hosts; their signatures are checked elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use host_core::announce::{Announcement, HostOffer};
use host_core::identity::Signature;
use host_core::{Address, Amount, PeerId};

use super::super::{Chosen, Wanted, prefix};
use super::Choice;
use crate::error::Error;

fn host(n: u32) -> Announcement {
    let mut peer = [2; 33];
    peer[1..5].copy_from_slice(&n.to_be_bytes());
    let [_, _, c, d] = n.to_be_bytes();
    let offer = HostOffer {
        peer: PeerId(peer),
        addrs: vec![format!("/ip4/11.{c}.{d}.1/tcp/4001")],
        price: Amount(1_000_000),
        egress_price: Amount::ZERO,
        free: 1 << 40,
        used: 0,
        payout: Address([8; 20]),
        version: concat!("holdfast/", env!("CARGO_PKG_VERSION")).into(),
        epochs_max: 100,
        at_ms: 1,
        instance: [0; 16],
        generation: 0,
        leaving: false,
    };
    Announcement {
        offer,
        signature: Signature([0; 65]),
    }
}

fn wanted(need: usize) -> Wanted {
    Wanted {
        need,
        bytes: 1 << 20,
        epochs: 30,
        price_max: Some(Amount(2_000_000)),
    }
}

fn choose<'a>(
    need: usize,
    apart: bool,
    seed: u8,
    hosts: impl IntoIterator<Item = &'a Announcement>,
) -> Result<Chosen, Error> {
    let mut choice = Choice::new(wanted(need), apart, [seed; 32]);
    for host in hosts {
        choice.take(host);
        assert!(choice.held.len() <= need * 8 + 64, "held stays bounded");
    }
    choice.pick()
}

fn names(chosen: &Chosen) -> Vec<PeerId> {
    chosen.hosts.iter().map(|host| host.offer.peer).collect()
}

#[test]
fn the_order_of_arrival_and_repetition_change_nothing_and_the_seed_everything() {
    let hosts: Vec<_> = (0..2_000).map(host).collect();
    let first = choose(30, true, 1, &hosts).expect("holds");
    let back = choose(30, true, 1, hosts.iter().rev().chain(&hosts)).expect("holds");
    let other = choose(30, true, 2, &hosts).expect("holds");
    assert_eq!(first, back);
    assert_eq!((first.fit, first.known), (2_000, 2_000));
    assert!((30..=68).contains(&first.hosts.len()));
    assert_ne!(names(&first), names(&other));
}

#[test]
fn hosts_that_do_not_fit_are_counted_and_never_chosen() {
    let mut hosts: Vec<_> = (0..100).map(host).collect();
    for (n, host) in hosts.iter_mut().enumerate() {
        match n % 5 {
            0 => host.offer.free = 1,
            1 => host.offer.price = Amount(2_000_001),
            2 => host.offer.epochs_max = 29,
            3 => host.offer.leaving = true,
            _ => {}
        }
    }
    let chosen = choose(20, true, 1, &hosts).expect("holds");
    assert_eq!(
        (chosen.fit, chosen.known, chosen.hosts.len()),
        (20, 100, 20)
    );
    let short = choose(21, true, 1, &hosts);
    assert!(matches!(
        short,
        Err(Error::TooFewHosts { need: 21, have: 20 })
    ));
}

#[test]
fn on_a_public_network_one_prefix_gives_one_host_however_many_stand_in_it() {
    let mut hosts: Vec<_> = (0..2_000).map(host).collect();
    for host in hosts.iter_mut().skip(40) {
        host.offer.addrs = vec!["/ip4/12.1.1.9/tcp/4001".into()];
    }
    let chosen = choose(30, true, 1, &hosts).expect("holds");
    let mut seen = BTreeSet::new();
    for host in &chosen.hosts {
        for prefix in prefix::of(&host.offer.addrs) {
            assert!(seen.insert(prefix), "a prefix twice");
        }
    }
    assert_eq!(chosen.hosts.len(), 41);
    let short = choose(42, true, 1, &hosts);
    assert!(matches!(
        short,
        Err(Error::TooFewPrefixes {
            need: 42,
            fit: 2_000,
            have: 41
        })
    ));
    assert!(
        choose(42, false, 1, &hosts).is_ok(),
        "a private one does not ask"
    );
}

#[test]
fn a_second_address_in_a_taken_prefix_is_seen_too() {
    let mut hosts: Vec<_> = (0..3).map(host).collect();
    let shared = hosts[0].offer.addrs[0].clone();
    hosts[1].offer.addrs.push(shared);
    let short = choose(3, true, 1, &hosts);
    assert!(matches!(short, Err(Error::TooFewPrefixes { have: 2, .. })));
}

#[test]
fn the_newest_word_of_the_latest_copy_stands_whatever_hub_had_it() {
    let mut words: Vec<Announcement> = Vec::new();
    for (generation, at_ms, free) in [(0, 9, 1 << 40), (1, 3, 1 << 40), (1, 4, 5)] {
        let mut word = host(0);
        (word.offer.generation, word.offer.at_ms) = (generation, at_ms);
        word.offer.free = free;
        words.push(word);
    }
    for order in [[0, 1, 2], [2, 1, 0], [1, 2, 0], [2, 0, 1]] {
        let mut choice = Choice::new(wanted(1), true, [1; 32]);
        for at in order {
            choice.take(&words[at]);
        }
        let full = choice.pick();
        assert!(
            matches!(full, Err(Error::TooFewHosts { have: 0, .. })),
            "{order:?}"
        );
    }
    let chosen = choose(1, true, 1, &words[..2]).expect("holds");
    assert_eq!(chosen.hosts[0], words[1]);
}

#[test]
fn a_cheap_host_comes_early_more_often_and_a_free_one_not_always() {
    let mut hosts: Vec<_> = (0..60).map(host).collect();
    hosts[0].offer.price = Amount(250_000);
    hosts[1].offer.price = Amount::ZERO;
    hosts[2].offer.price = Amount(2_000_000);
    let mut early: BTreeMap<usize, usize> = BTreeMap::new();
    for seed in 0..200 {
        let chosen = choose(10, true, seed, &hosts).expect("holds");
        for (n, host) in hosts.iter().enumerate().take(4) {
            let at = names(&chosen)
                .iter()
                .position(|peer| *peer == host.offer.peer);
            *early.entry(n).or_default() += usize::from(at.is_some_and(|at| at < 10));
        }
    }
    let (quarter, nothing, double, usual) = (early[&0], early[&1], early[&2], early[&3]);
    assert!(usual * 6 / 5 < quarter, "{early:?}");
    assert!(quarter < nothing && nothing < 180, "{early:?}");
    assert!(double * 3 / 2 < quarter, "{early:?}");
}
