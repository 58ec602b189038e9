//! Goal: what is broken is found, what is well is not. Method: health and readings made by hand.

use std::time::SystemTime;

use host_api::Check;
use host_api::alerts::RULES;

use super::*;

fn healthy() -> Health {
    Health::join("1", "peer".into(), Vec::new())
}

fn rules_of(sight: &mut Sight, now: u64, readings: &Readings) -> Vec<String> {
    let broken = sight.look(now, &healthy(), readings, &RULES, 300);
    broken.into_iter().map(|one| one.rule).collect()
}

#[test]
fn a_check_that_fails_is_critical_and_named_with_its_remedy() {
    let check = Check::seen("datastore", "lost", SystemTime::UNIX_EPOCH)
        .of("v1")
        .judged(Standing::Fail, "replace the drive");
    let health = Health::join("1", "peer".into(), vec![("volume:state".into(), check)]);
    let broken = Sight::default().look(0, &health, &Readings::default(), &RULES, 300);
    let wanted = Broken {
        rule: "volume:state".into(),
        subject: "v1".into(),
        urgency: Urgency::Critical,
        summary: "replace the drive".into(),
        lasting: 30,
    };
    assert_eq!(broken, [wanted]);
}

#[test]
fn a_metric_over_its_bound_breaks_its_rule_and_no_other() {
    let mut readings = Readings::default();
    readings.put("holdfast_volumes_missing", 1.0);
    readings.put("holdfast_health", 2.0);
    readings.put("holdfast_ready", 1.0);
    let found = rules_of(&mut Sight::default(), 0, &readings);
    assert_eq!(
        found,
        ["VolumeMissing"],
        "health itself is told check by check"
    );
}

#[test]
fn a_count_that_rises_is_broken_for_ten_minutes_and_one_that_stands_never() {
    let mut sight = Sight::default();
    let reading = |value: f64| {
        let mut readings = Readings::default();
        readings.put_for("holdfast_neighbour_refusals", "ipv4", value);
        readings
    };
    for now in 0..1_000 {
        assert!(rules_of(&mut sight, now, &reading(7.0)).is_empty());
    }
    assert_eq!(
        rules_of(&mut sight, 1_001, &reading(8.0)),
        ["NeighbourRefused"]
    );
    assert_eq!(
        rules_of(&mut sight, 1_400, &reading(8.0)),
        ["NeighbourRefused"]
    );
    for now in 1_401..3_000 {
        rules_of(&mut sight, now, &reading(8.0));
    }
    assert!(rules_of(&mut sight, 3_001, &reading(8.0)).is_empty());
    assert!(
        rules_of(&mut sight, 3_002, &reading(0.0)).is_empty(),
        "a reboot is no rise"
    );
}

#[test]
fn an_error_of_the_log_stands_for_ten_minutes_and_a_warning_not_at_all() {
    let mut sight = Sight::default();
    let event = |severity| Event {
        sequence: 1,
        boot: 1,
        time: String::new(),
        severity,
        component: "host_store".into(),
        message: "a drive does not answer".into(),
    };
    sight.event(0, &event(Severity::Warning));
    assert!(rules_of(&mut sight, 1, &Readings::default()).is_empty());
    sight.event(10, &event(Severity::Error));
    assert_eq!(
        rules_of(&mut sight, 11, &Readings::default()),
        ["log:error"]
    );
    assert!(rules_of(&mut sight, 700, &Readings::default()).is_empty());
}
