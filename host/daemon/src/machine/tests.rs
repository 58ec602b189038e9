//! Board levels become pressure, and a restart for memory is not repeated within the hour.

use super::*;

#[test]
fn every_level_has_its_pressure_in_the_same_order() {
    let all = Level::ALL.map(pressure);
    assert!(all.is_sorted());
    for (level, pressure) in Level::ALL.iter().zip(all) {
        assert_eq!(level.label(), pressure.label());
    }
}

#[test]
fn a_restart_for_memory_waits_an_hour_for_the_next() {
    let dir = tempfile::tempdir().expect("a directory");
    assert!(may_restart(dir.path()));
    note_restart(dir.path());
    assert!(!may_restart(dir.path()));
    let long_ago = vitals::seconds(SystemTime::now()) - RESTART_PAUSE;
    std::fs::write(dir.path().join(RESTART_FILE), long_ago.to_string()).expect("written");
    assert!(may_restart(dir.path()));
    std::fs::write(dir.path().join(RESTART_FILE), "garbage").expect("written");
    assert!(may_restart(dir.path()));
}

#[test]
fn a_life_that_was_cut_off_is_told_and_a_clean_one_is_not() {
    let dir = tempfile::tempdir().expect("a directory");
    let now = |second| Now {
        mono: Duration::from_secs(second),
        unix_s: 1_700_000_000 + second,
    };
    let open = |second| Watch::open(Options::new(dir.path().join(BOARD_DIR)), now(second));
    let (watch, past) = open(0);
    assert_eq!(tell_past(&past), None, "there was no life before");
    assert!(watch.close(now(1)), "the last line is on the drive");
    let (mut watch, past) = open(2);
    assert_eq!(tell_past(&past), None, "it ended on purpose");
    let seen = seen_in(watch.step(now(3), Said::default()));
    assert!(seen.pressure < Pressure::Restart);
    drop(watch);
    let (_, past) = open(4);
    let told = tell_past(&past).expect("nobody closed it");
    assert!(told.starts_with("the host was killed or died"), "{told}");
}
