//! Every missing point is explained, and none that is not missing.

use host_core::witness::ScoreRules;
use proptest::prelude::{prop_assert, prop_assert_eq, proptest};

use super::explain;
use crate::bands::{POINTS, score};
use crate::facts::Facts;

#[test]
fn a_host_nobody_heard_is_told_so() {
    let rules = ScoreRules::default();
    let facts = Facts {
        silent_ms: u64::MAX,
        ..Facts::default()
    };
    let missing = explain(&facts, &score(&facts, &rules), &rules);
    let first = missing.first().expect("all is missing");
    assert_eq!((first.part.as_str(), first.points), ("uptime", 6_000));
    assert!(first.cause.contains("no observer"), "{}", first.cause);
}

proptest! {
    /// Goal: score and missing points add up to all. Method: any facts of a warm host.
    #[test]
    fn points_and_missing_points_add_up(
        uptime in 0u64..=10_000, age_ms: u32, version in 0u64..3, down: u32, up: u32,
    ) {
        let rules = ScoreRules::default();
        let facts = Facts {
            uptime,
            age_ms: u64::from(age_ms),
            heard_ms: u64::MAX,
            silent_ms: 0,
            version,
            down: down.into(),
            up: up.into(),
        };
        let of = score(&facts, &rules);
        let missing = explain(&facts, &of, &rules);
        let sum: u32 = missing.iter().map(|entry| entry.points).sum();
        prop_assert_eq!(of.total + sum, POINTS);
        prop_assert!(missing.iter().all(|entry| !entry.remedy.is_empty()));
    }
}
