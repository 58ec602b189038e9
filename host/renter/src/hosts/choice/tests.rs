//! Goal: the choice is a function of the seed and the set of announcements, bounded and spread.
//! Method: hundreds of made-up hosts; their signatures are checked elsewhere.

use std::collections::{BTreeMap, BTreeSet};

use host_core::announce::{Announcement, HostOffer};
use host_core::identity::Signature;
use host_core::{Address, Amount, PeerId};

use host_score::{Facts, score};

use super::super::{Chosen, PlacementPolicy, Wanted, prefix};
use super::{Choice, Constraint, Standing};
use crate::error::Error;

fn host(n: u32) -> Announcement {
    let mut peer = [2; 33];
    peer[1..5].copy_from_slice(&n.to_be_bytes());
    let [_, b, c, d] = n.to_be_bytes();
    let offer = HostOffer {
        peer: PeerId(peer),
        addrs: vec![format!("/ip4/11.{c}.{d}.1/tcp/4001")],
        price: Amount(1_000_000),
        egress_price: Amount::ZERO,
        free: 1 << 40,
        used: 0,
        payout: Address([8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, b, c, d]),
        version: concat!("holdfast/", env!("CARGO_PKG_VERSION")).into(),
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

fn wanted(need: usize) -> Wanted {
    Wanted {
        need,
        bytes: 1 << 20,
        epochs: 30,
        price_max: Some(Amount(2_000_000)),
        parity: need / 3 * 2,
        policy: PlacementPolicy::default(),
    }
}

fn choose<'a>(
    need: usize,
    apart: bool,
    seed: u8,
    hosts: impl IntoIterator<Item = &'a Announcement>,
) -> Result<Chosen, Error> {
    let judged = hosts.into_iter().map(|host| (host, None));
    pick(wanted(need), apart, 0, seed, judged)
}

fn pick<'a>(
    wanted: Wanted,
    apart: bool,
    bar: u32,
    seed: u8,
    hosts: impl IntoIterator<Item = (&'a Announcement, Standing)>,
) -> Result<Chosen, Error> {
    let bound = wanted.need * 17 + 128;
    let mut choice = Choice::new(wanted, apart, bar, [seed; 32]);
    for (host, standing) in hosts {
        choice.take(host, standing);
        assert!(choice.held() <= bound, "held stays bounded");
    }
    choice.pick(1)
}

/// A host all hubs have known for a month, or for a day less than none.
fn known(long: bool) -> Standing {
    let rules = host_core::witness::ScoreRules::default();
    let facts = Facts {
        uptime: if long { 10_000 } else { 3_000 },
        age_ms: if long { 30 * 86_400_000 } else { 0 },
        heard_ms: if long { u64::MAX } else { 0 },
        version: u64::MAX,
        ..Facts::default()
    };
    Some((facts, score(&facts, &rules)))
}

/// What a refused choice says: the constraint and how many it leaves out.
fn refused(chosen: Result<Chosen, Error>) -> (&'static str, usize) {
    match chosen {
        Err(Error::TooStrict {
            constraint,
            left_out,
            ..
        }) => (constraint, left_out),
        other => unreachable!("{other:?}"),
    }
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
    assert_eq!(refused(short).1, 20, "each of the four leaves out as many");
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
        let mut choice = Choice::new(wanted(1), true, 0, [1; 32]);
        for at in order {
            choice.take(&words[at], None);
        }
        let full = choice.pick(1);
        assert!(
            matches!(full, Err(Error::TooStrict { have: 0, .. })),
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

#[test]
fn an_impossible_policy_is_refused_with_its_key() {
    let hosts: Vec<_> = (0..60).map(host).collect();
    let policies = [
        (
            PlacementPolicy {
                regions: vec!["eu".into()],
                ..PlacementPolicy::default()
            },
            "regions",
        ),
        (
            PlacementPolicy {
                networks: vec!["10.0.0.0/8".into()],
                ..PlacementPolicy::default()
            },
            "networks",
        ),
        (
            PlacementPolicy {
                networks_denied: vec!["11.0.0.0/8".into()],
                ..PlacementPolicy::default()
            },
            "networks",
        ),
        (
            PlacementPolicy {
                stake_min: Amount(1),
                ..PlacementPolicy::default()
            },
            "stake_min",
        ),
        (
            PlacementPolicy {
                price_max: Some(Amount(7)),
                ..PlacementPolicy::default()
            },
            "price_max",
        ),
        (
            PlacementPolicy {
                hosts: vec![PeerId([9; 33])],
                ..PlacementPolicy::default()
            },
            "hosts",
        ),
        (
            PlacementPolicy {
                blocked: hosts.iter().map(|host| host.offer.peer).collect(),
                ..PlacementPolicy::default()
            },
            "blocked",
        ),
    ];
    for (policy, key) in policies {
        let wanted = Wanted {
            policy,
            ..wanted(30)
        };
        let all = hosts.iter().map(|host| (host, None));
        assert_eq!(refused(pick(wanted, true, 0, 1, all)), (key, 60));
    }
}

#[test]
fn named_hosts_and_no_others_are_chosen() {
    let hosts: Vec<_> = (0..60).map(host).collect();
    let names_of: Vec<PeerId> = hosts.iter().take(6).map(|host| host.offer.peer).collect();
    let policy = PlacementPolicy {
        hosts: names_of.clone(),
        ..PlacementPolicy::default()
    };
    let wanted = Wanted {
        policy,
        ..wanted(6)
    };
    let all = hosts.iter().map(|host| (host, None));
    let chosen = pick(wanted, true, 0, 1, all).expect("holds");
    let got: BTreeSet<PeerId> = names(&chosen).into_iter().collect();
    assert_eq!(got, names_of.into_iter().collect());
    assert_eq!(chosen.evidence.left_out[&Constraint::Named], 54);
}

#[test]
fn a_thousand_hosts_of_one_operator_keep_no_more_than_its_share() {
    // Sybils: one payout account, every host in a rack of its own.
    let mut hosts: Vec<_> = (0..1_040).map(host).collect();
    for sybil in hosts.iter_mut().skip(40) {
        sybil.offer.payout = Address([6; 20]);
    }
    let chosen = choose(30, true, 3, &hosts).expect("holds");
    let own = |host: &&Announcement| host.offer.payout == Address([6; 20]);
    let share = chosen.hosts.iter().filter(own).count();
    assert!(share <= 5, "a quarter of the parity, not {share}");
    let short = choose(30, true, 3, hosts.iter().skip(30));
    assert!(matches!(
        short,
        Err(Error::TooFewOperators { bound: 5, .. })
    ));
}

#[test]
fn below_the_bar_only_the_lane_is_open_and_above_it_all() {
    let hosts: Vec<_> = (0..200).map(host).collect();
    let half = |n: usize| known(n.is_multiple_of(2));
    let judged = hosts.iter().enumerate().map(|(n, host)| (host, half(n)));
    let chosen = pick(wanted(30), true, 7, 1, judged).expect("holds");
    let ranked = &chosen.evidence.ranked;
    let newcomers = ranked.iter().filter(|reason| reason.newcomer).count();
    assert!(newcomers <= 3, "{newcomers} in a lane of three");
    assert!(
        ranked
            .iter()
            .all(|r| r.newcomer == (r.score != Some(9_000)))
    );
    let young = hosts.iter().map(|host| (host, known(false)));
    assert_eq!(refused(pick(wanted(30), true, 7, 1, young)).0, "score_min");
    let young = hosts.iter().map(|host| (host, known(false)));
    assert!(pick(wanted(30), true, 0, 1, young).is_ok(), "no bar");
}

#[test]
fn a_newcomer_needs_twice_the_stake() {
    let mut hosts: Vec<_> = (0..40).map(host).collect();
    for host in &mut hosts {
        host.offer.claims = Some(host_core::announce::Claims {
            stake: Amount(100),
            ..Default::default()
        });
    }
    let policy = PlacementPolicy {
        stake_min: Amount(100),
        ..PlacementPolicy::default()
    };
    let wanted = Wanted {
        policy,
        ..wanted(30)
    };
    let judged = hosts
        .iter()
        .enumerate()
        .map(|(n, host)| (host, known(n < 30)));
    let chosen = pick(wanted, true, 8, 1, judged).expect("holds");
    assert_eq!(chosen.evidence.left_out[&Constraint::Stake], 10);
}

#[test]
fn a_good_score_draws_more_than_a_bad_one() {
    // Goal: of two halves alike but for their score, the better one takes clearly more places.
    let hosts: Vec<_> = (0..400).map(host).collect();
    let mut good = 0;
    for seed in 0..20 {
        let judged = hosts.iter().enumerate();
        let judged = judged.map(|(n, host)| (host, known(n.is_multiple_of(2))));
        let chosen = pick(wanted(30), true, 0, seed, judged).expect("holds");
        let first = chosen.evidence.ranked.iter().take(30);
        good += first.filter(|reason| reason.score == Some(9_000)).count();
    }
    assert!(good > 600 * 6 / 10, "{good} of 600");
}
