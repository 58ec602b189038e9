//! When sessions end, how many there are, how often a sign-in is tried.

use super::*;

const START: Duration = Duration::from_secs(1000);

fn token(number: u16) -> Token {
    let mut token = [7; 32];
    token[..2].copy_from_slice(&number.to_be_bytes());
    token
}

#[test]
fn a_session_ends_when_it_is_idle_old_or_signed_out() {
    let sessions = Sessions::default();
    for number in 0..3 {
        assert!(sessions.begin(&token(number), "key", START));
    }
    let key = Some("key".to_owned());
    assert_eq!(sessions.key_of(&token(0), START + IDLE / 2), key);
    assert_eq!(
        sessions.key_of(&token(0), START + IDLE + IDLE / 4),
        key,
        "it was used"
    );
    assert_eq!(sessions.key_of(&token(1), START + IDLE), None, "it was not");
    sessions.end(&token(2));
    assert_eq!(sessions.key_of(&token(2), START), None);
    assert_eq!(sessions.key_of(&token(9), START), None, "it never was");
    let mut now = START;
    while now < START + LIFE - IDLE / 2 {
        now += IDLE / 2;
        sessions.key_of(&token(0), now);
    }
    assert_eq!(
        sessions.key_of(&token(0), START + LIFE),
        None,
        "a day is the end"
    );
}

#[test]
fn sessions_are_bounded_and_one_key_turns_only_its_own_out() {
    let sessions = Sessions::default();
    assert!(sessions.begin(&token(60_000), "other", START));
    for number in 0..u16::try_from(SESSIONS_OF_KEY).unwrap() + 3 {
        let now = START + Duration::from_secs(number.into());
        assert!(sessions.begin(&token(number), "small", now));
    }
    let now = START + Duration::from_secs(60);
    assert!(sessions.key_of(&token(60_000), now).is_some());
    assert!(
        sessions.key_of(&token(0), now).is_none(),
        "the oldest made place"
    );
    assert!(sessions.key_of(&token(18), now).is_some());
    let mut number = 100;
    while sessions.begin(&token(number), &format!("key {number}"), now) {
        number += 1;
    }
    assert_eq!(sessions.held().sessions.len(), SESSIONS);
    assert!(
        sessions.begin(&token(number), "late", START + LIFE),
        "all others are over"
    );
}

#[test]
fn tries_are_bounded_by_key_and_in_all_and_begin_anew_each_minute() {
    let sessions = Sessions::default();
    for _ in 0..TRIES_OF_KEY {
        assert!(sessions.may_try("a", START));
    }
    assert!(!sessions.may_try("a", START));
    assert!(sessions.may_try("b", START));
    let mut number = 0;
    while sessions.may_try(&format!("{number}"), START) {
        number += 1;
    }
    assert!(number < 60, "{number}");
    assert!(sessions.held().tries.by_key.len() <= 60);
    assert!(sessions.may_try("a", START + Duration::from_secs(MINUTE_S)));
}
