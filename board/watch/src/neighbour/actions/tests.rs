//! Goal: acts are asked for in their order, bounded, and not again before their pause.

use super::*;
use crate::neighbour::Stats;

fn table(thresholds: [u32; 3]) -> Table {
    Table {
        family: Family::V4,
        entries: 600,
        thresholds,
        stats: Stats::default(),
    }
}

/// Entries of ours, `failed` of them failed, on interface 7.
fn own(failed: u32) -> OwnEntries {
    OwnEntries {
        failed: [failed, 0],
        by_interface: vec![(7, failed)],
        ..OwnEntries::default()
    }
}

#[test]
fn a_narrow_table_is_widened_once_and_asked_again_after_a_pause() {
    let mut pauses = Pauses::default();
    let narrow = table([128, 512, 1024]);
    let widen = Action::Widen {
        family: Family::V4,
        thresholds: WIDE,
    };
    assert_eq!(
        pauses.for_table(Duration::ZERO, Alarm::Warn, narrow),
        [widen]
    );
    let soon = Duration::from_secs(1);
    assert_eq!(pauses.for_table(soon, Alarm::Warn, narrow), []);
    let later = Duration::from_secs(5);
    assert_eq!(pauses.for_table(later, Alarm::Warn, narrow), [widen]);
}

#[test]
fn thresholds_grow_to_the_widest_and_never_beyond() {
    assert_eq!(wider([128, 512, 1024], Alarm::Warn), Some(WIDE));
    assert_eq!(wider(WIDE, Alarm::Act), None);
    assert_eq!(wider(WIDE, Alarm::Critical), Some(WIDEST));
    assert_eq!(wider(WIDEST, Alarm::Critical), None);
    let huge = [1, 40_000, 1 << 31];
    assert_eq!(wider(huge, Alarm::Critical), None);
}

#[test]
fn an_operators_wider_limit_is_never_narrowed() {
    let own = [0, 1_000, 500_000];
    let asked = wider(own, Alarm::Warn);
    assert_eq!(asked, Some([4_096, 16_384, 500_000]));
}

#[test]
fn a_quiet_table_asks_for_nothing() {
    let mut pauses = Pauses::default();
    let narrow = table([128, 512, 1024]);
    assert_eq!(pauses.for_table(Duration::ZERO, Alarm::Quiet, narrow), []);
    assert_eq!(
        pauses.flush(Duration::ZERO, Alarm::Quiet, Some(&own(50))),
        None
    );
    assert_eq!(
        pauses.flush(Duration::ZERO, Alarm::Act, Some(&own(0))),
        None
    );
}

#[test]
fn a_flush_waits_ten_seconds_for_the_next() {
    let mut pauses = Pauses::default();
    let at = Duration::from_secs;
    let action = Action::FlushFailed {
        failed: 5,
        interface: 7,
    };
    assert_eq!(pauses.flush(at(1), Alarm::Act, Some(&own(5))), Some(action));
    assert!(pauses.flush(at(9), Alarm::Act, Some(&own(5))).is_none());
    assert!(pauses.flush(at(11), Alarm::Act, Some(&own(5))).is_some());
}
