//! Facts and their merge: clocks, absent observers, liars.

use host_core::PeerId;
use host_core::witness::{ScoreRules, Watched};
use proptest::prelude::{prop_assert, proptest};

use super::{Facts, facts, merge, middle, version};

fn watched(seen: u32) -> Watched {
    Watched {
        host: PeerId([2; 33]),
        first_ms: 0,
        last_ms: 600_000,
        from_ms: 0,
        seen,
        beats: seen.into(),
        version: "holdfast/1.2.3".into(),
        down: Some(7),
        up: None,
    }
}

#[test]
fn half_of_the_slots_is_half_of_the_uptime() {
    let told = facts(&watched(5), 600_000, &ScoreRules::default());
    assert_eq!(told.uptime, 5_000);
    assert_eq!(told.heard_ms, 300_000);
}

#[test]
fn more_heartbeats_than_slots_are_not_more_than_all() {
    let told = facts(&watched(400), 600_000, &ScoreRules::default());
    assert_eq!(told.uptime, 10_000);
}

#[test]
fn an_observer_cannot_count_further_back_than_the_window() {
    let at = 100 * 86_400_000;
    let mut of = watched(43_200);
    of.last_ms = at;
    let told = facts(&of, at, &ScoreRules::default());
    assert_eq!(told.uptime, 10_000, "thirty days of minutes");
    assert_eq!(told.age_ms, at);
}

#[test]
fn a_version_reads_with_and_without_a_name() {
    assert_eq!(version("holdfast/1.2.3"), Some(1 << 32 | 2));
    assert_eq!(version("1.2"), Some(1 << 32 | 2));
    assert_eq!(version("nonsense"), None);
}

#[test]
fn a_host_only_one_of_three_hubs_knows_has_nothing() {
    // A lying hub invents a splendid host; the two others answered and never heard of it.
    let splendid = facts(&watched(10), 600_000, &ScoreRules::default());
    let merged = merge(&[Some(splendid), None, None]);
    assert_eq!((merged.uptime, merged.age_ms, merged.heard_ms), (0, 0, 0));
}

#[test]
fn the_middle_of_two_is_half_way() {
    assert_eq!(middle(vec![0, 10]), 5);
    assert_eq!(middle(vec![3]), 3);
    assert_eq!(middle(Vec::new()), 0);
}

proptest! {
    /// Goal: fewer than half the hubs cannot move a fact outside what honest ones say. Method:
    /// honest uptimes in a range, liars anywhere, any order.
    #[test]
    fn a_minority_of_liars_stays_within_the_honest(
        honest in proptest::collection::vec(4_000u64..9_000, 3..8),
        lies in proptest::collection::vec(0u64..=10_000, 0..2),
    ) {
        let of = |uptime| Some(Facts { uptime, ..Facts::default() });
        let told: Vec<_> = lies.iter().chain(&honest).copied().map(of).collect();
        let merged = merge(&told).uptime;
        let (low, high) = (honest.iter().min(), honest.iter().max());
        prop_assert!(Some(&merged) >= low && Some(&merged) <= high);
    }
}
