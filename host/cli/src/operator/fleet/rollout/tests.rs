//! What ends a rollout and what does not.

use std::time::Duration;

use super::{First, Now, Plan, first, judge};
use crate::operator::fleet::far::Seen;

fn plan() -> Plan {
    Plan {
        version: "0.2.0".to_owned(),
        patience: Duration::from_secs(1),
        at_once: 1,
        again: false,
    }
}

fn seen(version: &str) -> Seen {
    let mut seen = Seen::silent("one", String::new());
    "pass".clone_into(&mut seen.health);
    version.clone_into(&mut seen.system.version);
    seen
}

#[test]
fn boxes_that_are_there_pinned_or_without_updater_are_passed_over() {
    assert_eq!(first(&plan(), &seen("0.1.0")), First::Go);
    assert_eq!(first(&plan(), &seen("0.2.0")), First::There);
    assert!(matches!(first(&plan(), &seen("")), First::Leave(_)));
    let mut pinned = seen("0.1.0");
    "0.1.0".clone_into(&mut pinned.system.pinned);
    assert!(matches!(first(&plan(), &pinned), First::Leave(_)));
    "0.2.0".clone_into(&mut pinned.system.pinned);
    assert_eq!(first(&plan(), &pinned), First::Go);
}

#[test]
fn a_box_that_fails_or_left_the_version_ends_it_before_anything_is_asked() {
    let mut sick = seen("0.1.0");
    "fail".clone_into(&mut sick.health);
    assert!(matches!(first(&plan(), &sick), First::End(_)));
    let mut left = seen("0.1.0");
    left.system.left.push("0.2.0".to_owned());
    assert!(matches!(first(&plan(), &left), First::End(_)));
    let again = Plan {
        again: true,
        ..plan()
    };
    assert_eq!(first(&again, &left), First::Go);
}

#[test]
fn a_trial_and_silence_are_waited_for_and_health_ends_the_wait() {
    let before = seen("0.1.0");
    assert_eq!(judge(&plan(), &before, None, 7), Now::Wait);
    let mut tries = seen("0.2.0");
    "0.2.0".clone_into(&mut tries.system.trial);
    assert_eq!(judge(&plan(), &before, Some(&tries), 7), Now::Wait);
    assert_eq!(judge(&plan(), &before, Some(&seen("0.2.0")), 7), Now::Done);
}

#[test]
fn a_refusal_a_return_and_a_failure_are_worse() {
    let mut before = seen("0.1.0");
    before.system.reasons.push("slot b: old".to_owned());
    let mut refused = before.clone();
    refused.system.wish = 7;
    "refused: metadata".clone_into(&mut refused.system.answer);
    assert!(matches!(
        judge(&plan(), &before, Some(&refused), 7),
        Now::Worse(_)
    ));
    assert_eq!(judge(&plan(), &before, Some(&refused), 8), Now::Wait);
    let mut back = before.clone();
    back.system.reasons.push("slot b: never healthy".to_owned());
    let Now::Worse(why) = judge(&plan(), &before, Some(&back), 7) else {
        panic!("a return is worse");
    };
    assert!(why.contains("never healthy"));
    let mut fails = seen("0.2.0");
    fails.system.reasons = before.system.reasons.clone();
    "fail".clone_into(&mut fails.health);
    assert!(matches!(
        judge(&plan(), &before, Some(&fails), 7),
        Now::Worse(_)
    ));
}

#[test]
fn a_worry_that_was_not_there_before_is_waited_out() {
    let mut before = seen("0.1.0");
    before.worries.push("chain:silence".to_owned());
    let mut now = seen("0.2.0");
    now.worries.push("chain:silence".to_owned());
    assert_eq!(judge(&plan(), &before, Some(&now), 7), Now::Done);
    now.worries.push("storage:volumes".to_owned());
    assert_eq!(judge(&plan(), &before, Some(&now), 7), Now::Wait);
}
