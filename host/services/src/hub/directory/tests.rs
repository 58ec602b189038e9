//! Goal: only a host's own fresh word is listed, and pages stay below one frame. Method: keys
//! made from small seeds, a clock that is a number.

use super::*;
use host_core::announce::HostOffer;
use host_core::identity::SecretKey;
use host_core::wire::{self, HubReply};
use host_core::{Address, Amount};

const NOW: u64 = 1_800_000_000_000;
const TTL: u64 = limits::ANNOUNCE_TTL.as_millis() as u64;

fn network() -> NetworkId {
    NetworkId::of_name("test")
}

fn directory(hosts_max: usize) -> Directory {
    Directory::new(network(), Policy { private: true }, hosts_max)
}

fn key(seed: u32) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[..4].copy_from_slice(&seed.to_be_bytes());
    SecretKey::from_bytes(&bytes).expect("a scalar")
}

fn offer(key: &SecretKey, at_ms: u64) -> HostOffer {
    HostOffer {
        peer: key.peer_id(),
        addrs: vec!["/ip4/127.0.0.1/tcp/4001".to_owned()],
        price: Amount(1),
        egress_price: Amount::ZERO,
        free: 1 << 40,
        used: 0,
        payout: Address::ZERO,
        version: "holdfast/0.1.0".to_owned(),
        epochs_max: 30,
        at_ms,
        instance: [7; 16],
        generation: 0,
        leaving: false,
        claims: None,
    }
}

fn word(seed: u32, at_ms: u64) -> Announcement {
    let key = key(seed);
    Announcement::sign(offer(&key, at_ms), &network(), &key)
}

fn tell(directory: &mut Directory, word: Announcement, now_ms: u64) -> Result<(), Error> {
    let from = word.offer.peer;
    directory.announce(from, word, now_ms)
}

#[test]
fn newer_word_replaces_older_and_older_is_stale() {
    let mut hub = directory(10);
    tell(&mut hub, word(1, NOW), NOW).expect("listed");
    tell(&mut hub, word(1, NOW), NOW + 1).expect("the same again");
    tell(&mut hub, word(1, NOW + 5), NOW + 5).expect("newer");
    let error = tell(&mut hub, word(1, NOW + 2), NOW + 6);
    assert!(matches!(error, Err(Error::Stale { by_ms: 3 })));
    let page = hub.page(None, 10, NOW + 6);
    assert_eq!(page.hosts, vec![word(1, NOW + 5)]);
}

#[test]
fn forged_word_is_not_listed() {
    let mut hub = directory(10);
    let mut cheaper = word(1, NOW);
    cheaper.offer.price = Amount(0);
    assert!(matches!(
        tell(&mut hub, cheaper, NOW),
        Err(Error::Value(host_core::Error::Signature { .. }))
    ));
    let (thief, victim) = (key(2), key(1));
    let stolen = Announcement::sign(offer(&victim, NOW), &network(), &thief);
    assert!(tell(&mut hub, stolen, NOW).is_err());
    assert!(hub.is_empty());
}

#[test]
fn word_brought_by_another_peer_is_refused() {
    let mut hub = directory(10);
    let error = hub.announce(key(2).peer_id(), word(1, NOW), NOW);
    assert!(matches!(error, Err(Error::NotItself { .. })));
}

#[test]
fn word_for_another_network_is_refused() {
    let mut hub = directory(10);
    let key = key(1);
    let other = NetworkId::of_name("other");
    let word = Announcement::sign(offer(&key, NOW), &other, &key);
    assert!(tell(&mut hub, word, NOW).is_err());
}

#[test]
fn word_further_than_ten_minutes_from_the_clock_is_refused() {
    let mut hub = directory(10);
    for at in [NOW - CLOCK_OFF_MAX_MS - 1, NOW + CLOCK_OFF_MAX_MS + 1] {
        assert!(matches!(
            tell(&mut hub, word(1, at), NOW),
            Err(Error::Clock { .. })
        ));
    }
    tell(&mut hub, word(1, NOW - CLOCK_OFF_MAX_MS + 1), NOW).expect("just inside");
}

#[test]
fn host_is_gone_once_its_time_is_over_even_with_a_fast_clock() {
    let mut hub = directory(10);
    tell(&mut hub, word(1, NOW), NOW).expect("listed");
    tell(&mut hub, word(2, NOW + CLOCK_OFF_MAX_MS), NOW).expect("listed");
    assert_eq!(hub.page(None, 10, NOW + TTL - 1).hosts.len(), 2);
    assert!(hub.page(None, 10, NOW + TTL).hosts.is_empty());
    assert_eq!(hub.expire(NOW + TTL), 2);
    assert!(hub.is_empty());
}

#[test]
fn addresses_nobody_could_dial_are_refused() {
    let mut hub = Directory::new(network(), Policy { private: false }, 10);
    assert!(matches!(
        tell(&mut hub, word(1, NOW), NOW),
        Err(Error::Address { .. })
    ));
    let key = key(2);
    let mut nowhere = offer(&key, NOW);
    nowhere.addrs.clear();
    let nowhere = Announcement::sign(nowhere, &network(), &key);
    assert!(matches!(
        tell(&mut hub, nowhere, NOW),
        Err(Error::NoAddress)
    ));
}

#[test]
fn full_directory_refuses_newcomers_but_not_those_listed() {
    let mut hub = directory(2);
    tell(&mut hub, word(1, NOW), NOW).expect("first");
    tell(&mut hub, word(2, NOW), NOW).expect("second");
    let error = tell(&mut hub, word(3, NOW), NOW);
    assert!(matches!(error, Err(Error::Full { bound: 2 })));
    tell(&mut hub, word(2, NOW + 1), NOW + 1).expect("listed before");
    tell(&mut hub, word(3, NOW + TTL), NOW + TTL).expect("places of the gone are free");
}

#[test]
fn pages_of_ten_thousand_hosts_stay_below_a_frame_and_miss_nobody() {
    let mut hub = directory(limits::HUB_HOSTS_MAX);
    // One signature serves all: pages do not check it. Long addresses make pages end by bytes.
    let signature = word(1, NOW).signature;
    let long = format!("/dns4/{}.example/tcp/4001", "a".repeat(200));
    let all = (0..10_000u32).map(|index| {
        let mut bytes = [2; 33];
        bytes[1..5].copy_from_slice(&index.wrapping_mul(2_654_435_761).to_be_bytes());
        let mut offer = offer(&key(1), NOW);
        offer.peer = PeerId(bytes);
        offer.addrs = vec![long.clone(); 1 + index as usize % limits::ADDRS_MAX];
        Announcement { offer, signature }
    });
    hub.restore(all.collect(), NOW);
    let (mut seen, mut after, mut pages) = (0, None, 0);
    loop {
        let Page { hosts, more } = hub.page(after, u32::MAX, NOW);
        assert!(hosts.len() <= limits::HUB_PAGE_MAX && !hosts.is_empty());
        assert!(hosts.iter().map(|h| Some(h.offer.peer)).is_sorted());
        assert!(hosts.first().map(|host| host.offer.peer) > after);
        seen += hosts.len();
        pages += 1;
        after = hosts.last().map(|host| host.offer.peer);
        let frame = wire::message(&HubReply::Page { hosts, more });
        assert!(frame.len() <= limits::FRAME_LEN_MAX, "{}", frame.len());
        if !more {
            break;
        }
    }
    assert_eq!(seen, 10_000);
    assert!(pages > 10_000 / limits::HUB_PAGE_MAX);
}

#[test]
fn page_limit_is_kept_and_zero_counts_as_one() {
    let mut hub = directory(10);
    for seed in 1..=3 {
        tell(&mut hub, word(seed, NOW), NOW).expect("listed");
    }
    assert_eq!(hub.page(None, 2, NOW).hosts.len(), 2);
    assert!(hub.page(None, 2, NOW).more);
    assert_eq!(hub.page(None, 0, NOW).hosts.len(), 1);
    assert!(!hub.page(None, 3, NOW).more);
}

fn copy_word(seed: u32, at_ms: u64, generation: u64, leaving: bool) -> Announcement {
    let key = key(seed);
    let offer = HostOffer {
        instance: [generation as u8; 16],
        generation,
        leaving,
        claims: None,
        ..offer(&key, at_ms)
    };
    Announcement::sign(offer, &network(), &key)
}

#[test]
fn word_of_an_older_copy_never_replaces_a_later_copy() {
    let mut hub = directory(10);
    tell(&mut hub, copy_word(1, NOW + 9, 0, false), NOW).expect("listed");
    let later = copy_word(1, NOW, 1, false);
    tell(&mut hub, later.clone(), NOW).expect("a later copy, though signed earlier");
    let refused = tell(&mut hub, copy_word(1, NOW + 20, 0, false), NOW + 20);
    assert!(matches!(
        refused,
        Err(Error::OlderCopy {
            generation: 0,
            listed: 1
        })
    ));
    assert_eq!(hub.find(&key(1).peer_id(), NOW + 20), Some(later));
    assert_eq!(hub.find(&key(2).peer_id(), NOW), None);
    assert_eq!(hub.find(&key(1).peer_id(), NOW + TTL), None);
}

#[test]
fn a_host_that_leaves_is_found_but_in_no_query() {
    let mut hub = directory(10);
    tell(&mut hub, copy_word(1, NOW, 0, false), NOW).expect("listed");
    assert_eq!(hub.page(None, 10, NOW).hosts.len(), 1);
    let last = copy_word(1, NOW + 1, 0, true);
    tell(&mut hub, last.clone(), NOW + 1).expect("listed");
    assert!(hub.page(None, 10, NOW + 1).hosts.is_empty());
    assert_eq!(hub.find(&key(1).peer_id(), NOW + 1), Some(last));
}
