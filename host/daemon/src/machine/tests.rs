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
fn one_look_at_this_machine_gives_readings_or_names_the_gap() {
    let mut dogs = Dogs {
        memory: Memory::open(memory::Roots::default()),
        neighbours: Neighbours::default(),
        blind: false,
    };
    let seen = look(&mut dogs, Duration::from_secs(1), 0, false);
    assert!(!seen.neighbours.is_empty() || !seen.gaps.is_empty());
    assert!(seen.pressure < Pressure::Restart);
}
