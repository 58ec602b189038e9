//! Locks that a class gives, and what it keeps.

use super::*;

fn class(text: &str) -> Class {
    let text = format!("kind = \"holdfast classes 1\"\nversion = 1\n[class.one]\n{text}");
    let all = host_release::Classes::parse(&text).expect("reads");
    all.get("one").expect("is there").clone()
}

#[test]
fn a_class_adds_to_what_a_bucket_asks_and_takes_nothing_away() {
    let kept = class("public = false\nretain_days = 2\nhold = true");
    let mut fresh = Entry::default();
    hold(("one", &kept), None, &mut fresh, 1000).expect("new");
    assert_eq!(fresh.lock, Some((LockMode::Compliance, 1000 + 2 * DAY_MS)));
    assert!(fresh.hold);
    let later = 9 * DAY_MS;
    fresh.lock = Some((LockMode::Governance, later));
    hold(("one", &kept), None, &mut fresh, 1000).expect("new");
    assert_eq!(fresh.lock, Some((LockMode::Compliance, later)));
}

#[test]
fn a_key_is_written_once_unless_its_class_says_otherwise() {
    let (once, often) = (
        class("public = true"),
        class("public = true\nreplaced = true"),
    );
    let (there, gone) = (
        Entry::default(),
        Entry {
            marker: true,
            ..Entry::default()
        },
    );
    let write = |class: &Class, now: Option<&Entry>, marker: bool| {
        let mut fresh = Entry {
            marker,
            ..Entry::default()
        };
        hold(("one", class), now, &mut fresh, 1000).is_ok()
    };
    assert!(write(&once, None, false) && write(&once, Some(&gone), false));
    assert!(!write(&once, Some(&there), false));
    assert!(
        write(&once, Some(&there), true),
        "a marker keeps the version it hides"
    );
    assert!(write(&often, Some(&there), false));
}
