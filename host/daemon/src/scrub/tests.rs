//! Passes across restarts and clocks, and a store whose drives rot or are to be emptied.

use super::*;

const DAY: u64 = 86_400;

#[test]
fn a_pass_goes_on_after_a_restart_where_it_was() {
    let dir = tempfile::tempdir().expect("a directory");
    let mut pass = Pass::read(dir.path());
    assert!(pass.is_due(100) && !pass.is_under_way());
    pass.begin(100, false);
    pass.checked(ShardId([7; 32]), 50);
    pass.bad(VolumeId([1; 16]));
    pass.write(dir.path()).expect("written");
    let again = Pass::read(dir.path());
    assert_eq!(again, pass);
    assert!(again.is_under_way());
    assert_eq!(again.after(), Some(ShardId([7; 32])));
    assert!(again.was_bad(&VolumeId([1; 16])) && !again.was_bad(&VolumeId([2; 16])));
}

#[test]
fn a_file_that_does_not_read_begins_anew() {
    let dir = tempfile::tempdir().expect("a directory");
    for text in ["", "{", "[]", "{\"begun\": -1}", "{\"after\": 5}"] {
        std::fs::write(dir.path().join(PASS_FILE), text).expect("written");
        assert_eq!(Pass::read(dir.path()), Pass::default(), "{text}");
    }
    std::fs::write(
        dir.path().join(PASS_FILE),
        "{\"begun\": 5, \"after\": \"zz\"}",
    )
    .expect("written");
    assert_eq!(Pass::read(dir.path()).after(), None);
}

#[test]
fn passes_begin_every_ten_days_and_a_clock_that_goes_back_changes_little() {
    let mut pass = Pass::default();
    pass.begin(1000 * DAY, false);
    pass.end(1003 * DAY);
    assert!(!pass.is_under_way() && !pass.is_due(1005 * DAY));
    assert!(pass.is_due(1011 * DAY));
    // Two days back is nothing; a month back is a reason to begin.
    assert!(!pass.is_due(998 * DAY) && pass.is_due(970 * DAY));
    pass.begin(970 * DAY, false);
    assert!(pass.is_under_way());
    assert_eq!(pass.elapsed(970 * DAY), Duration::ZERO);
}

#[test]
fn two_passes_in_one_second_are_two() {
    let mut pass = Pass::default();
    pass.begin(50, true);
    pass.end(50);
    assert!(!pass.is_under_way());
    pass.begin(50, true);
    assert!(pass.is_under_way() && pass.hurried);
}
