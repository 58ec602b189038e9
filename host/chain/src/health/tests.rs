//! Facts of an endpoint's record; the clock is a value, nothing waits.
use super::*;

#[test]
fn rests_double_are_spread_and_have_an_end() {
    let now = Instant::now();
    let mut health = Health::new();
    let mut last = Duration::ZERO;
    for failure in 0..20 {
        health.failed(now, 255);
        let rest = health.rests(now).unwrap() - now;
        assert!(rest >= last && rest <= REST_MAX, "{failure}: {rest:?}");
        last = rest;
    }
    let mut calm = Health::new();
    calm.failed(now, 0);
    assert_eq!(calm.rests(now), Some(now + REST_MIN / 2));
    assert_eq!(calm.rests(now + REST_MIN), None);
    health.answered(Duration::from_millis(1));
    assert_eq!((health.rests(now), health.failures()), (None, 0));
}

#[test]
fn a_broken_connection_takes_the_admission_back() {
    let mut health = Health::new();
    assert!(!health.admitted());
    health.admit();
    assert!(health.admitted());
    health.failed(Instant::now(), 7);
    assert!(!health.admitted());
}

#[test]
fn quarantine_outlives_failures_and_ends_by_itself() {
    let now = Instant::now();
    let mut health = Health::new();
    health.quarantine(now, "chain id 5".into());
    health.failed(now, 0);
    assert_eq!(health.quarantined(now), Some("chain id 5"));
    assert_eq!(health.quarantined(now + QUARANTINE), None);
}

#[test]
fn slow_failing_and_lagging_endpoints_score_worse() {
    let mut fast = Health::new();
    let mut slow = Health::new();
    for _ in 0..20 {
        fast.answered(Duration::from_millis(5));
        slow.answered(Duration::from_millis(400));
    }
    assert!(fast.score(0) < slow.score(0));
    fast.saw_head(10);
    slow.saw_head(100);
    assert!(fast.score(100) > slow.score(100));
    let mut failing = Health::new();
    failing.failed(Instant::now(), 1);
    assert!(failing.score(0) > slow.score(0));
}
