//! Health is the worst of its checks, and says so in the draft's shape.

use std::time::{Duration, SystemTime};

use super::*;

fn at() -> SystemTime {
    SystemTime::UNIX_EPOCH + Duration::from_secs(1_700_000_000)
}

#[test]
fn the_worst_check_decides_and_is_named() {
    let checks = vec![
        (
            "ledger:commits".to_owned(),
            Check::seen("datastore", 7, at()),
        ),
        (
            "chain:head_age".to_owned(),
            Check::seen("component", 900, at())
                .in_unit("s")
                .judged(Standing::Warn, "no endpoint answers"),
        ),
        (
            "volume:state".to_owned(),
            Check::seen("datastore", "lost", at())
                .of("volume-1")
                .judged(Standing::Fail, "the drive does not open; replace it"),
        ),
    ];
    let health = Health::join("0.1.0", "peer".into(), checks);
    assert_eq!(health.status, Standing::Fail);
    assert_eq!(health.status.http_status(), 503);
    let output = health.output.expect("a failing host says why");
    assert_eq!(output, "volume:state: the drive does not open; replace it");
}

#[test]
fn no_checks_pass_and_a_warning_still_answers_two_hundred() {
    let health = Health::join("0.1.0", "peer".into(), Vec::new());
    assert_eq!((health.status, health.output), (Standing::Pass, None));
    assert_eq!(Standing::Warn.http_status(), 200);
}

#[test]
fn the_json_has_the_names_of_the_draft() {
    let check = Check::seen("system", 0.5, at()).in_unit("ratio").of("cpu0");
    let health = Health::join("0.1.0", "peer".into(), vec![("cpu:load".into(), check)]);
    let json = serde_json::to_value(&health).expect("health is plain JSON");
    assert_eq!(json["releaseId"], "0.1.0");
    let check = &json["checks"]["cpu:load"][0];
    assert_eq!(check["componentId"], "cpu0");
    assert_eq!(check["observedUnit"], "ratio");
    assert_eq!(check["time"], "2023-11-14T22:13:20Z");
    assert!(check.get("output").is_none());
}
