//! Channels, forwards and not back.

use super::*;

fn pointer(before: Option<&Seen>, manifest: &str) -> Pointer {
    let channel = ("net", "tool", "stable");
    Pointer::next(channel, before, ("1.0", manifest), (10, 1000))
}

#[test]
fn a_channel_moves_forward_only() {
    let first = pointer(None, "aa");
    let seen = first.follow(None, 10).expect("new");
    let second = pointer(Some(&seen), "bb");
    let seen = second.follow(Some(&seen), 10).expect("newer");
    assert_eq!(seen.number, 2);
    second.follow(Some(&seen), 10).expect("the same again");
    assert!(matches!(
        first.follow(Some(&seen), 10),
        Err(Error::Replayed { .. })
    ));
}

#[test]
fn two_pointers_of_one_number_and_an_old_one_are_refused() {
    let seen = pointer(None, "aa").follow(None, 10).expect("new");
    let other = pointer(None, "bb");
    assert!(matches!(
        other.follow(Some(&seen), 10),
        Err(Error::Forked { .. })
    ));
    assert!(matches!(
        other.follow(None, 1000),
        Err(Error::Expired { .. })
    ));
}

#[test]
fn a_pointer_reads_back() {
    let made = pointer(None, "aa");
    assert_eq!(Pointer::parse(&made.to_text()).expect("reads"), made);
    assert!(Pointer::parse("{}").is_err());
}
