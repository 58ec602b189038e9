//! Goal: the dial budget stops, halves and grows as the reference says, and never passes its
//! ceiling. Method: traces of seconds.

use super::*;
use proptest::prelude::*;

fn second(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn the_safe_rate_is_the_limit_over_three_seconds() {
    assert_eq!([1024, 4096, 16384].map(safe_rate), [341, 1365, 5461]);
    assert_eq!([0, 24, 1024, 32768].map(dial_ceiling), [1, 1, 42, 64]);
}

#[test]
fn a_full_table_stops_dials_for_ten_seconds_then_half_remain() {
    let mut budget = DialBudget::default();
    assert_eq!(budget.step(second(0), Alarm::Quiet, 1024), 42);
    assert_eq!(budget.step(second(1), Alarm::Critical, 1024), 0);
    for n in 2..11 {
        assert_eq!(budget.step(second(n), Alarm::Critical, 1024), 0);
    }
    assert_eq!(budget.step(second(11), Alarm::Quiet, 1024), 22);
    assert_eq!(budget.step(second(12), Alarm::Quiet, 1024), 23);
}

#[test]
fn dead_dials_halve_each_second_down_to_one() {
    let mut budget = DialBudget::default();
    let rates: Vec<u32> = (0..7)
        .map(|n| budget.step(second(n), Alarm::Act, 1024))
        .collect();
    assert_eq!(rates, [21, 10, 5, 2, 1, 1, 1]);
}

#[test]
fn steps_within_one_second_count_once() {
    let mut budget = DialBudget::default();
    budget.step(second(1), Alarm::Act, 1024);
    assert_eq!(budget.step(second(1), Alarm::Act, 1024), 21);
    assert_eq!(budget.step(second(0), Alarm::Quiet, 1024), 21);
}

proptest! {
    #[test]
    fn the_budget_never_passes_its_ceiling(
        steps in prop::collection::vec((0_u64..100, 0_u8..4, any::<u32>()), 0..60),
    ) {
        let mut budget = DialBudget::default();
        for (at, alarm, limit) in steps {
            let alarm = [Alarm::Quiet, Alarm::Warn, Alarm::Act, Alarm::Critical]
                [usize::from(alarm)];
            prop_assert!(budget.step(second(at), alarm, limit) <= dial_ceiling(limit));
        }
    }
}
