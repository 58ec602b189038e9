//! What a hub counts, on virtual time: slots, windows, forgeries, measurements.

use host_core::agreement::{Agreement, PayMode};
use host_core::identity::SecretKey;
use host_core::neighbourhood::Neighbourhood;
use host_core::receipt::{Receipt, ReceiptBody};
use host_core::witness::{ScoreRules, SpeedBody, SpeedWord};
use host_core::{Address, AgreementId, Amount, NetworkId, ShardId};
use host_score::{Line, OWN_GROUP, facts, score};

use super::{Caller, Witness};

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;
const CHAIN: u64 = 31_337;

fn key(n: u8) -> SecretKey {
    SecretKey::from_bytes(&[n; 32]).expect("a scalar")
}

fn network() -> NetworkId {
    NetworkId::of_name("test")
}

fn witness() -> Witness {
    Witness::new(network(), CHAIN, key(1), ScoreRules::default(), 100)
}

/// A measurement by renter `by` of host `host`, with its evidence.
fn word(by: u8, host: u8, at_ms: u64, micros: u64) -> SpeedWord {
    let (renter, host) = (key(by), key(host));
    let agreement = Agreement {
        network: network(),
        id: AgreementId([by; 32]),
        renter: renter.address(),
        host: host.address(),
        payout: Address::ZERO,
        shard: ShardId([7; 32]),
        shard_len: 1 << 20,
        codec: 1,
        price: Amount(1),
        start_epoch: 0,
        end_epoch: 9,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: 0,
    };
    let receipt = ReceiptBody {
        agreement: agreement.digest(CHAIN),
        shard: agreement.shard,
        len: agreement.shard_len,
        end_epoch: agreement.end_epoch,
    };
    let body = SpeedBody {
        host: host.peer_id(),
        receipt: Receipt::sign(receipt, &network(), &host),
        agreement,
        up: true,
        bytes: 1 << 20,
        micros,
        at_ms,
    };
    SpeedWord::sign(body, &network(), &renter)
}

#[test]
fn a_day_of_heartbeats_makes_a_score_and_a_minute_less_none() {
    // Goal: both sides of the warm-up and of the bar, through the hub's own counts.
    let (mut hub, host, rules) = (witness(), key(2).peer_id(), ScoreRules::default());
    let judged = |hub: &Witness, now: u64| {
        let watched = hub.watched(&host, now).expect("counted");
        score(&facts(&watched, now, &rules), &rules)
    };
    let start = 40 * DAY;
    for minute in 0..1_439 {
        hub.beat(host, "holdfast/0.1.0", start + minute * MINUTE);
    }
    let before = judged(&hub, start + 1_438 * MINUTE);
    assert_eq!((before.warm, before.total), (false, 0));
    hub.beat(host, "holdfast/0.1.0", start + 1_439 * MINUTE);
    let after = judged(&hub, start + 1_439 * MINUTE);
    assert_eq!(
        (after.warm, after.total),
        (true, 7_000),
        "no speed, no age yet"
    );
    assert!(!after.reaches(8));
    let mut fast = witness();
    for minute in 0..1_440 {
        fast.beat(host, "holdfast/0.1.0", start + minute * MINUTE);
    }
    let now = start + 1_439 * MINUTE;
    let mut down = word(3, 2, now, 1_000);
    down.body.up = false;
    let down = SpeedWord::sign(down.body, &network(), &key(3));
    fast.speed(down, None, now).expect("taken");
    fast.speed(word(3, 2, now, 1_000), None, now)
        .expect("taken");
    assert!(judged(&fast, now).reaches(8));
}

#[test]
fn speaking_often_counts_once_a_slot() {
    let (mut hub, host) = (witness(), key(2).peer_id());
    for second in 0..60 {
        hub.beat(host, "v/0.1", 10 * DAY + second * 1000);
    }
    let told = hub.watched(&host, 10 * DAY + 59_000).expect("counted");
    assert_eq!((told.seen, told.beats), (1, 1));
}

#[test]
fn silence_of_half_the_window_halves_uptime_and_an_older_silence_is_forgotten() {
    let (mut hub, host, rules) = (witness(), key(2).peer_id(), ScoreRules::default());
    let start = 100 * DAY;
    for minute in 0..15 * 1_440 {
        hub.beat(host, "v/0.1", start + minute * MINUTE);
    }
    let silent = hub
        .watched(&host, start + 30 * DAY - MINUTE)
        .expect("counted");
    let uptime = facts(&silent, start + 30 * DAY - MINUTE, &rules).uptime;
    assert!((4_990..=5_010).contains(&uptime), "{uptime}");
    for minute in 30 * 1_440..61 * 1_440 {
        hub.beat(host, "v/0.1", start + minute * MINUTE);
    }
    let now = start + 61 * DAY - MINUTE;
    let back = facts(&hub.watched(&host, now).expect("counted"), now, &rules);
    assert!(back.uptime >= 9_990, "{}", back.uptime);
}

#[test]
fn a_statement_is_signed_and_a_changed_count_shows() {
    let (mut hub, host) = (witness(), key(2).peer_id());
    hub.beat(host, "v/0.1", DAY);
    let (mut said, ..) = hub.look(&host, DAY);
    assert_eq!(said.check(&network()), Ok(()));
    said.body.hosts[0].beats += 1;
    assert!(said.check(&network()).is_err(), "a forged count");
}

#[test]
fn a_measurement_without_the_hosts_receipt_is_refused() {
    let (mut hub, host) = (witness(), key(2).peer_id());
    hub.beat(host, "v/0.1", DAY);
    let good = word(3, 2, DAY, 1_000);
    let mut receipt_of_another = good.body.clone();
    receipt_of_another.receipt = word(3, 4, DAY, 1_000).body.receipt;
    let forged = SpeedWord::sign(receipt_of_another, &network(), &key(3));
    assert!(hub.speed(forged, None, DAY).is_err());
    let not_the_renter = SpeedWord::sign(good.body.clone(), &network(), &key(5));
    assert!(hub.speed(not_the_renter, None, DAY).is_err());
    assert!(
        hub.speed(good.clone(), None, DAY + 25 * 3_600_000).is_err(),
        "a day late"
    );
    assert!(hub.speed(good, None, DAY).is_ok());
}

#[test]
fn one_renter_has_one_voice_however_often_it_speaks() {
    let (mut hub, host) = (witness(), key(2).peer_id());
    hub.beat(host, "v/0.1", DAY);
    for n in 0..20 {
        hub.speed(word(3, 2, DAY + n, 100), None, DAY + n)
            .expect("taken");
    }
    hub.speed(word(4, 2, DAY, 1_000_000), None, DAY)
        .expect("taken");
    hub.speed(word(5, 2, DAY, 1_000_000), None, DAY)
        .expect("taken");
    let told = hub.watched(&host, DAY).expect("counted");
    assert_eq!(told.up, Some(1 << 20), "two calm voices against a loud one");
}

/// Goal: a host that invents renters in its rack does not outvote two real ones, nor push them out.
/// Method: a hundred accounts of one neighbourhood and of the host's own, against two elsewhere.
#[test]
fn a_crowd_of_one_neighbourhood_neither_outvotes_nor_displaces_others() {
    let near = |third: u8| Some(Neighbourhood::V4([203, 0, third]));
    let (mut hub, peer) = (witness(), key(2).peer_id());
    let host = Caller {
        peer,
        near: near(1),
    };
    hub.beat(host, "v/0.1", DAY);
    hub.speed(word(3, 2, DAY, 1_000_000), near(3), DAY)
        .expect("taken");
    hub.speed(word(4, 2, DAY, 1_000_000), near(4), DAY)
        .expect("taken");
    for by in 10..110 {
        let from = near(if by % 2 == 0 { 1 } else { 9 });
        hub.speed(word(by, 2, DAY, 100), from, DAY).expect("taken");
    }
    let told = hub.watched(&peer, DAY).expect("counted");
    assert_eq!(
        told.up,
        Some(1 << 20),
        "two voices against one, its own not heard"
    );
    let (said, words, groups) = hub.look(&peer, DAY);
    let again = words
        .iter()
        .zip(&groups)
        .map(|(word, group)| Line::of(word, *group));
    assert_eq!(
        host_score::middle(again),
        said.body.hosts[0].up,
        "anyone can make it again"
    );
    assert!(words.len() <= 64 && groups.contains(&OWN_GROUP));
}

#[test]
fn a_host_does_not_measure_itself() {
    let mut hub = witness();
    hub.beat(key(2).peer_id(), "v/0.1", DAY);
    assert!(hub.speed(word(2, 2, DAY, 100), None, DAY).is_err());
}

/// Goal: voices survive a restart with where they came from.
#[test]
fn neighbourhoods_come_back_from_the_file() {
    use crate::hub::snapshot;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("counts");
    let (mut hub, host) = (witness(), key(2).peer_id());
    hub.beat(host, "v/0.1", DAY);
    let near = Some(Neighbourhood::V6([1, 2, 3, 4, 5, 6]));
    hub.speed(word(3, 2, DAY, 100), near, DAY).expect("taken");
    snapshot::save(&path, &snapshot::encode_counts(&hub)).expect("saved");
    let mut again = witness();
    snapshot::load_counts(&path, &mut again).expect("read");
    assert_eq!(again.look(&host, DAY), hub.look(&host, DAY));
}

#[test]
fn counts_come_back_from_their_file_and_another_networks_are_refused() {
    use crate::hub::snapshot;
    let folder = tempfile::tempdir().expect("a folder");
    let path = folder.path().join("counts");
    let (mut hub, host) = (witness(), key(2).peer_id());
    hub.beat(host, "v/0.1", DAY);
    snapshot::save(&path, &snapshot::encode_counts(&hub)).expect("saved");
    let mut again = witness();
    assert_eq!(snapshot::load_counts(&path, &mut again).expect("read"), 1);
    assert_eq!(again.watched(&host, DAY), hub.watched(&host, DAY));
    let other = NetworkId::of_name("other");
    let mut other = Witness::new(other, CHAIN, key(1), ScoreRules::default(), 9);
    assert!(snapshot::load_counts(&path, &mut other).is_err());
}
