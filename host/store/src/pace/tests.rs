//! A pass ends in time where the drive allows it, and never takes more than its share.

use super::*;

/// Walks a pass of `count` looks; how long it took, and the drive's busy share in thousandths.
fn walk(count: u64, bytes: u64, took: Duration) -> (Duration, u128, bool) {
    let (mut elapsed, mut busy, mut behind) = (Duration::ZERO, Duration::ZERO, false);
    for done in 1..=count {
        elapsed += took;
        busy += took;
        let at = Standing {
            elapsed,
            left: (count - done) * bytes,
            read: bytes,
            took,
        };
        let pace = pace(&at);
        behind |= pace.behind;
        elapsed += pace.wait;
    }
    (
        elapsed,
        busy.as_micros() * 1000 / elapsed.as_micros().max(1),
        behind,
    )
}

#[test]
fn a_pass_of_many_shards_ends_within_fourteen_days_at_a_small_share() {
    let (elapsed, share, behind) = walk(200_000, 2 << 20, Duration::from_millis(5));
    assert!(elapsed <= PASS_WITHIN, "{elapsed:?}");
    assert!(
        elapsed >= Duration::from_secs(86_400),
        "spread: {elapsed:?}"
    );
    assert!(share <= 100 && !behind, "{share}");
}

#[test]
fn a_pass_of_a_few_shards_does_not_wait_for_days() {
    let (elapsed, _, _) = walk(10, 4096, Duration::from_millis(1));
    assert!(
        elapsed <= WAIT_MAX * 10 + Duration::from_secs(1),
        "{elapsed:?}"
    );
}

#[test]
fn a_drive_too_slow_for_the_deadline_is_told_and_not_overrun() {
    let (elapsed, share, behind) = walk(100_000, 64 << 20, Duration::from_secs(4));
    assert!(behind && elapsed > PASS_WITHIN);
    assert!(share <= 101, "{share}");
}

#[test]
fn no_numbers_overflow() {
    let most = Standing {
        elapsed: Duration::MAX,
        left: u64::MAX,
        read: u64::MAX,
        took: Duration::MAX / 16,
    };
    assert!(pace(&most).behind);
    let none = Standing {
        elapsed: Duration::ZERO,
        left: 0,
        read: 0,
        took: Duration::ZERO,
    };
    assert!(!pace(&none).behind);
}
