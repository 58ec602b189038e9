//! Events are what the log says, in order, within their bound.

use tracing_subscriber::layer::SubscriberExt;

use super::*;

#[test]
fn warnings_become_events_with_their_fields_and_debug_lines_do_not() {
    let events = Events::default();
    let subscriber = tracing_subscriber::registry().with(events.clone());
    tracing::subscriber::with_default(subscriber, || {
        tracing::debug!("not worth telling");
        tracing::warn!(volume = "volume-1", "volume left out");
        tracing::error!("the ledger does not commit");
    });
    let (past, _) = events.after(0);
    let said: Vec<_> = past
        .iter()
        .map(|e| (e.severity, e.message.as_str()))
        .collect();
    let expected = [
        (Severity::Warning, "volume left out volume=\"volume-1\""),
        (Severity::Error, "the ledger does not commit"),
    ];
    assert_eq!(said, expected);
    assert_eq!(events.grave(), 2);
}

#[test]
fn only_the_newest_are_kept_and_numbers_go_on() {
    let events = Events::default();
    for _ in 0..KEPT_MAX + 5 {
        events.tell(Severity::Notice, "test", "again".into());
    }
    let (past, _) = events.after(0);
    assert_eq!(past.len(), KEPT_MAX);
    assert_eq!(past[0].sequence, 6);
    let (none, _) = events.after(past[KEPT_MAX - 1].sequence);
    assert!(none.is_empty());
}

#[test]
fn a_follower_hears_what_comes_after_it_asked() {
    let events = Events::default();
    let (_, mut follow) = events.after(0);
    events.tell(Severity::Warning, "test", "now".into());
    assert_eq!(follow.try_recv().expect("one event").message, "now");
}

#[test]
fn a_long_message_is_cut_at_a_letter() {
    let long = "ü".repeat(MESSAGE_MAX);
    let cut = clipped(long);
    assert!(cut.len() <= MESSAGE_MAX && cut.ends_with('ü'));
}
