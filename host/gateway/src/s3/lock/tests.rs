//! Who may lift which lock.

use super::*;

fn locked(mode: LockMode) -> Entry {
    Entry {
        lock: Some((mode, 1000)),
        ..Entry::default()
    }
}

#[test]
fn governance_is_lifted_by_who_may_and_compliance_by_nobody() {
    assert!(must_be_free(&locked(LockMode::Governance), 999, false).is_err());
    assert!(must_be_free(&locked(LockMode::Governance), 999, true).is_ok());
    assert!(must_be_free(&locked(LockMode::Compliance), 999, true).is_err());
    assert!(must_be_free(&locked(LockMode::Compliance), 1000, false).is_ok());
}

#[test]
fn a_legal_hold_has_no_end_of_its_own() {
    let held = Entry {
        hold: true,
        ..Entry::default()
    };
    assert!(must_be_free(&held, u64::MAX, true).is_err());
}

#[test]
fn compliance_may_only_grow() {
    let now = Some((LockMode::Compliance, 1000));
    assert!(!may_change(now, None, 10));
    assert!(!may_change(now, Some((LockMode::Governance, 2000)), 10));
    assert!(!may_change(now, Some((LockMode::Compliance, 999)), 10));
    assert!(may_change(now, Some((LockMode::Compliance, 1000)), 10));
    assert!(may_change(now, None, 1000));
}

#[test]
fn a_bucket_locks_what_asks_for_nothing() {
    let bucket = Bucket {
        lock: true,
        lock_default: Some((LockMode::Governance, 2)),
        ..Bucket::default()
    };
    let asked = Asked {
        mode: None,
        until: None,
        hold: None,
    };
    let mut entry = Entry::default();
    set(&mut entry, &bucket, asked, 5).expect("fits");
    assert_eq!(entry.lock, Some((LockMode::Governance, 5 + 2 * DAY_MS)));
}
