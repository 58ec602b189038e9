//! Goal: the order of asking follows what was seen. Method: times by hand.

use std::time::Duration;

use host_core::PeerId;

use super::{FIRST_PATIENCE, PATIENCE_MIN, Pace};

const LEN: u64 = 1 << 20;

fn host(n: u8) -> PeerId {
    PeerId([n; 33])
}

fn ms(n: u64) -> Duration {
    Duration::from_millis(n)
}

#[test]
fn an_unknown_host_is_expected_to_be_half_as_fast_as_the_middle_one_and_a_late_one_slower() {
    let mut pace = Pace::default();
    assert!(pace.expects(&host(9), LEN) < 1e-9);
    for (n, time) in [(1, 10), (2, 100), (3, 1000)] {
        pace.gave(host(n), LEN, ms(1), ms(time));
    }
    let expects = |pace: &Pace, n| pace.expects(&host(n), LEN);
    assert!(expects(&pace, 1) < expects(&pace, 9) && expects(&pace, 9) < expects(&pace, 3));
    let (before, middle) = (expects(&pace, 1), expects(&pace, 9));
    pace.is_late(host(1), ms(2000));
    assert!(expects(&pace, 1) > before + 1.9);
    assert!(
        (expects(&pace, 9) - middle).abs() < 1e-9,
        "a late one moves no other"
    );
    pace.gave(host(1), LEN, ms(1), ms(10));
    assert!(expects(&pace, 1) < before + 0.1);
}

#[test]
fn patience_is_twice_the_middle_time_once_half_are_there() {
    let mut pace = Pace::default();
    assert_eq!(pace.patience(&[], 10, LEN), FIRST_PATIENCE);
    let times = [ms(1000), ms(3000), ms(2000), ms(9000), ms(100)];
    assert_eq!(pace.patience(&times, 10, LEN), ms(4000));
    assert_eq!(pace.patience(&times[..4], 10, LEN), FIRST_PATIENCE);
    assert_eq!(pace.patience(&[ms(1); 5], 10, LEN), PATIENCE_MIN);
    pace.gave(host(1), LEN, ms(200), ms(1200));
    let patience = pace.patience(&[], 10, LEN);
    assert!((ms(2399)..=ms(2401)).contains(&patience), "{patience:?}");
}

#[test]
fn failing_is_pardoned_and_lying_never() {
    let mut pace = Pace::default();
    pace.failed(host(1));
    pace.lied(host(2));
    assert!(!pace.trusts(&host(1)) && !pace.trusts(&host(2)) && pace.trusts(&host(3)));
    pace.pardon();
    assert!(pace.trusts(&host(1)) && !pace.trusts(&host(2)));
}
