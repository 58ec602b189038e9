//! Which of many transfers stands for a host.

use std::time::Duration;

use host_core::identity::SecretKey;

use super::Speeds;

#[test]
fn the_best_transfer_of_each_direction_stands_and_a_short_one_says_nothing() {
    // Goal: lines shared by many transfers do not make hosts slow. Method: three of one host.
    let host = SecretKey::from_bytes(&[3; 32]).expect("a scalar").peer_id();
    let speeds = Speeds::default();
    speeds.came(host, 1 << 20, Duration::from_secs(4));
    speeds.came(host, 1 << 20, Duration::from_secs(1));
    speeds.came(host, 1 << 20, Duration::from_secs(9));
    speeds.came(host, 60 << 10, Duration::from_micros(1));
    let fresh = speeds.lock();
    assert_eq!(fresh.best.len(), 1);
    let best = fresh.best.get(&(host, false)).expect("measured");
    assert_eq!((best.bytes, best.micros), (1 << 20, 1_000_000));
}
