//! Goal: a slow leak is told and breathing is not. Method: six hours of made points.

use super::*;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;
const GIB: u64 = 1 << 30;

fn run(rule: SlopeRule, points: impl IntoIterator<Item = (u64, u32)>, most: u64) -> Option<Leak> {
    let mut slope = Slope::new(rule);
    let mut leak = None;
    for (n, (bytes, peers)) in (0_u32..).zip(points) {
        leak = slope.observe(STEP * n, bytes, peers, most);
    }
    leak
}

#[test]
fn a_leak_of_16_mib_an_hour_is_told_with_the_hours_left() {
    let points = (0..96).map(|n| (200 * MIB + n * MIB, 50));
    let leak = run(SlopeRule::ANON, points, GIB).unwrap();
    assert_eq!((leak.of, leak.bytes_per_hour), (LeakOf::Own, 16 * MIB));
    assert_eq!(leak.hours_left, 45);
}

#[test]
fn wild_points_do_not_move_the_slope() {
    let points = (0..96).map(|n| match n % 4 {
        0 => (900 * MIB, 50),
        _ => (200 * MIB, 50),
    });
    assert_eq!(run(SlopeRule::ANON, points, GIB), None);
}

#[test]
fn growth_with_the_number_of_peers_is_no_leak() {
    let points = (0_u32..96).map(|n| (u64::from(n) * 2 * MIB, 10 + n * 10));
    assert_eq!(run(SlopeRule::ANON, points, GIB), None);
}

#[test]
fn three_hours_of_points_are_needed() {
    let points = (0..47).map(|n| (n * 10 * MIB, 5));
    assert_eq!(run(SlopeRule::ANON, points, GIB), None);
}

#[test]
fn kernel_memory_that_grows_slowly_but_long_is_told() {
    let points = (0..96).map(|n| (GIB + n * MIB, 5));
    let leak = run(SlopeRule::KERNEL, points, 64 * GIB).unwrap();
    assert_eq!(leak.of, LeakOf::Kernel);
    let points = (0..96).map(|n| (GIB + n * MIB / 4, 5));
    assert_eq!(run(SlopeRule::KERNEL, points, 64 * GIB), None);
}

proptest! {
    #[test]
    fn no_points_panic(points in prop::collection::vec(any::<(u64, u32)>(), 0..120)) {
        let _leak = run(SlopeRule::ANON, points, u64::MAX);
    }

    #[test]
    fn breathing_within_8_mib_is_no_leak(points in prop::collection::vec(0..8 * MIB, 0..120)) {
        let points = points.into_iter().map(|bytes| (500 * MIB + bytes, 3));
        prop_assert_eq!(run(SlopeRule::ANON, points, GIB), None);
    }
}
