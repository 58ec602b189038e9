//! The formula at its edges, on virtual time.

use host_core::PeerId;
use host_core::witness::{ScoreRules, Watched};

use super::{POINTS, Score, score};
use crate::facts::{Facts, facts};

const MINUTE: u64 = 60_000;
const DAY: u64 = 86_400_000;

/// A host that said a heartbeat in every minute up to `at_ms`, measured fast both ways.
fn steady(at_ms: u64) -> Score {
    let rules = ScoreRules::default();
    let minutes = at_ms / MINUTE;
    let in_window = minutes.min(43_200);
    let watched = Watched {
        host: PeerId([2; 33]),
        first_ms: 0,
        last_ms: at_ms,
        from_ms: 0,
        seen: u32::try_from(in_window).expect("a window of minutes"),
        beats: minutes,
        version: format!("holdfast/{}", env!("CARGO_PKG_VERSION")),
        down: Some(rules.speed_full),
        up: Some(rules.speed_full),
    };
    score(&facts(&watched, at_ms, &rules), &rules)
}

#[test]
fn a_score_is_nothing_until_a_day_of_heartbeats_is_there() {
    let before = steady(DAY - MINUTE);
    assert_eq!((before.total, before.warm), (0, false));
    assert_eq!(before.sum, 8_000, "what it will be");
    let after = steady(DAY);
    assert_eq!((after.total, after.warm), (8_000, true));
}

#[test]
fn a_steady_host_reaches_the_public_bar_with_its_first_score_and_all_points_at_three_weeks() {
    assert!(!steady(DAY - MINUTE).reaches(8));
    assert!(steady(DAY).reaches(8));
    assert!(!steady(DAY).reaches(9));
    assert_eq!(steady(7 * DAY).total, 9_000);
    assert_eq!(steady(21 * DAY).total, POINTS);
}

#[test]
fn time_offline_does_not_warm_a_host_up() {
    let rules = ScoreRules::default();
    let known_long = Facts {
        age_ms: 30 * DAY,
        heard_ms: DAY - MINUTE,
        ..Facts::default()
    };
    assert!(!score(&known_long, &rules).warm);
}

#[test]
fn bands_change_at_their_edges() {
    let rules = ScoreRules::default();
    let band = |uptime| {
        let [first, ..] = score(
            &Facts {
                uptime,
                ..Facts::default()
            },
            &rules,
        )
        .parts;
        first.band
    };
    let edges = [
        (10_000, 10),
        (9_900, 10),
        (9_899, 9),
        (9_500, 9),
        (9_499, 7),
        (9_000, 7),
        (8_999, 6),
        (8_000, 6),
        (7_999, 4),
        (6_000, 4),
        (5_999, 0),
        (0, 0),
    ];
    for (uptime, want) in edges {
        assert_eq!(band(uptime), want, "uptime {uptime}");
    }
}

#[test]
fn one_minor_version_behind_counts_half_and_a_later_one_in_full() {
    let rules = ScoreRules {
        version: Some("2.4".into()),
        ..ScoreRules::default()
    };
    let band = |major: u64, minor: u64| {
        let version = major << 32 | minor;
        let [_, _, third, ..] = score(
            &Facts {
                version,
                ..Facts::default()
            },
            &rules,
        )
        .parts;
        third.band
    };
    assert_eq!(band(2, 4), 10);
    assert_eq!(band(2, 9), 10);
    assert_eq!(band(2, 3), 5);
    assert_eq!(band(2, 2), 0);
    assert_eq!(band(1, 9), 0);
    assert_eq!(band(0, 0), 0);
}

#[test]
fn a_network_without_a_bar_takes_a_host_without_a_score() {
    assert!(steady(MINUTE).reaches(0));
}
