//! What answers mean, and what a trial is judged by.

use super::{Fitness, judge, parse, worse};

fn health(volumes: u64, clock: &str) -> String {
    format!(
        r#"{{"status":"warn","checks":{{
            "storage:volumes":[{{"observedValue":{volumes},"status":"pass"}}],
            "chain:silence":[{{"status":"warn","output":"never"}}],
            "clock:skew":[{{"status":"{clock}","output":"an hour off"}}]}}}}"#
    )
}

#[test]
fn an_answer_has_a_status_and_a_body() {
    assert_eq!(
        parse("HTTP/1.0 200 OK\r\n\r\nready\n"),
        Ok((200, "ready\n".into()))
    );
    assert!(parse("").is_err());
    assert!(parse("HTTP/1.0 200 OK\r\n").is_err());
}

#[test]
fn a_volume_that_served_before_is_missed_in_the_trial() {
    let before = judge(&health(2, "pass")).unwrap();
    assert_eq!(before.volumes, 2);
    let now = judge(&health(1, "pass")).unwrap();
    assert!(
        worse(Some(&before), &now)
            .unwrap_err()
            .contains("1 volumes serve")
    );
    assert_eq!(worse(Some(&now), &before), Ok(()));
    assert_eq!(worse(None, &Fitness::default()), Ok(()));
}

#[test]
fn a_warning_that_stood_before_is_not_the_new_versions_fault() {
    let good = judge(&health(1, "pass")).unwrap();
    let late = judge(&health(1, "warn")).unwrap();
    assert_eq!(
        worse(Some(&good), &late),
        Err("clock:skew: an hour off".into())
    );
    assert_eq!(worse(Some(&late), &late), Ok(()));
}

#[test]
fn a_host_that_fails_says_why() {
    let said = judge(r#"{"status":"fail","output":"no room"}"#);
    assert_eq!(said, Err("no room".into()));
    assert!(judge("ready").is_err());
}
