//! When something is past its days.

use super::*;

#[test]
fn a_rule_counts_whole_days_and_none_is_never() {
    assert!(!is_past(Some(1), 0, DAY_MS - 1));
    assert!(is_past(Some(1), 0, DAY_MS));
    assert!(!is_past(None, 0, u64::MAX));
    assert!(!is_past(Some(u64::MAX), 5, u64::MAX - 1));
}
