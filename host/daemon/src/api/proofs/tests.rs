//! What health says of proofs.

use super::*;

fn standing(report: &Report) -> Standing {
    let check = check(Some(report), SystemTime::now());
    check.status
}

#[test]
fn a_late_proof_fails_health_and_missing_stake_warns() {
    let mut report = Report {
        phase: Phase::Due,
        slack: Some(4),
        ..Report::default()
    };
    assert_eq!(standing(&report), Standing::Pass);
    report.late = true;
    assert_eq!(standing(&report), Standing::Fail);
    report = Report {
        stake_short: Amount(7),
        uncommitted: 3,
        ..Report::default()
    };
    assert_eq!(standing(&report), Standing::Warn);
    let line = ProofsSaid::from(report).line();
    assert!(line.contains("stake is short of 7"), "{line}");
}

#[test]
fn every_reading_of_proofs_is_a_known_metric() {
    let mut into = Readings::default();
    readings(None, 3, &mut into);
    let text = into.text();
    for name in [
        "holdfast_proof_slack_seconds",
        "holdfast_proofs_missed_total",
    ] {
        assert!(text.contains(name), "{name} in {text}");
    }
}
