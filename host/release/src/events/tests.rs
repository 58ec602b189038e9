//! Entries become events, and moves of a channel a feed.

use serde_json::json;

use super::{Event, Kind, Teller, atom, date};
use crate::log::{Action, Entry, Turn};

fn entry(
    number: u64,
    action: &str,
    turn: Turn,
    of: Option<u64>,
    detail: serde_json::Value,
) -> Entry {
    Entry {
        number,
        before: String::new(),
        at_ms: 1_700_000_000_000 + number,
        what: Action {
            action: action.to_owned(),
            turn,
            of,
            by: "command".to_owned(),
            subject: "tool <stable>".to_owned(),
            detail,
        },
    }
}

fn told(entries: &[Entry]) -> Vec<Event> {
    let mut teller = Teller::default();
    let told = entries
        .iter()
        .filter_map(|entry| teller.tell(entry, &format!("hash{}", entry.number)));
    told.collect()
}

#[test]
fn what_was_done_is_an_event_with_what_was_asked_for() {
    // Goal: only what ended well is told, once, with the words of the asking and of the end.
    let events = told(&[
        entry(1, "publish", Turn::Asked, None, json!({ "days": 3 })),
        entry(2, "make-key", Turn::Done, None, json!(null)),
        entry(3, "channel", Turn::Asked, None, json!({ "version": "1" })),
        entry(4, "publish", Turn::Done, Some(1), json!({ "tree": "t" })),
        entry(5, "channel", Turn::Failed, Some(3), json!("disk full")),
        entry(6, "expiry", Turn::Done, None, json!({ "end_epoch": 9 })),
    ]);
    let short: Vec<_> = events
        .iter()
        .map(|event| (event.number, event.kind, event.id.as_str()))
        .collect();
    let expected = [
        (4, Kind::Published, "hash4"),
        (6, Kind::ExpiryNear, "hash6"),
    ];
    assert_eq!(short, expected);
    assert_eq!(events[0].detail["days"], 3);
    assert_eq!(events[0].detail["tree"], "t");
    let text = serde_json::to_value(&events[0]).expect("JSON");
    assert_eq!(text["kind"], Kind::Published.word());
}

#[test]
fn a_feed_has_the_moves_of_one_channel_the_newest_first() {
    let at = |number: u64, version: &str, action: &str| {
        let detail = json!({ "version": version, "number": number, "manifest": "aa" });
        entry(number, action, Turn::Done, None, detail)
    };
    let events = told(&[
        at(1, "1.0", "channel"),
        at(2, "2.0 & more", "channel"),
        at(3, "3.0", "publish"),
    ]);
    let feed = atom(
        "tool",
        "<stable>",
        Some("https://example.org/tool/"),
        &events,
    );
    let place = |what: &str| {
        feed.find(what)
            .unwrap_or_else(|| panic!("no {what} in {feed}"))
    };
    assert!(place("<title>tool 2.0 &amp; more</title>") < place("<title>tool 1.0</title>"));
    assert!(feed.contains("href=\"https://example.org/tool/2.0%20%26%20more/manifest.json\""));
    assert!(feed.contains("<id>urn:sha256:hash2</id>") && !feed.contains("3.0"));
    assert!(feed.contains("&lt;stable&gt;") && !feed.contains("<stable>"));
    assert_eq!(
        feed.matches("<entry>").count(),
        feed.matches("</entry>").count()
    );
    assert!(atom("tool", "other", None, &events).ends_with("</author>\n</feed>\n"));
}

#[test]
fn a_clock_that_is_off_makes_a_date_all_the_same() {
    assert_eq!(date(951_782_400_999), "2000-02-29T00:00:00Z");
    assert_eq!(date(u64::MAX), "9999-12-31T23:59:59Z");
}
