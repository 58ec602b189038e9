//! What can be said without a server; the rest is the tier `gateway`'s (tests/gateway/engines.rs).

use super::*;

fn rows(pairs: &[(&[u8], &[u8])]) -> BTreeMap<Vec<u8>, Vec<u8>> {
    let owned = |(key, value): &(&[u8], &[u8])| (key.to_vec(), value.to_vec());
    pairs.iter().map(owned).collect()
}

#[test]
fn a_counter_stands_on_what_the_same_change_writes() {
    let change = RowChange {
        write: [(b"n".to_vec(), None)].into(),
        add: [(b"n".to_vec(), (2, 5)), (b"m".to_vec(), (1, -1))].into(),
        ..RowChange::default()
    };
    let found = rows(&[
        (b"n", &counter_bytes((7, 7))),
        (b"m", &counter_bytes((7, 7))),
    ]);
    let left = outcome(&change, &found).expect("nothing was expected");
    assert_eq!(left[&b"n".to_vec()], Some(counter_bytes((2, 5))));
    assert_eq!(left[&b"m".to_vec()], Some(counter_bytes((8, 6))));
}

#[test]
fn what_a_change_expects_is_compared_whole() {
    let found = rows(&[(b"a", b"1")]);
    let expects = |key: &[u8], value: Option<&[u8]>| {
        let change = RowChange {
            expect: vec![(key.to_vec(), value.map(<[u8]>::to_vec))],
            ..RowChange::default()
        };
        outcome(&change, &found).is_some()
    };
    assert!(expects(b"a", Some(b"1")) && expects(b"b", None));
    assert!(!expects(b"a", None) && !expects(b"a", Some(b"12")) && !expects(b"b", Some(b"")));
}

#[test]
fn an_address_that_would_leak_is_refused_before_it_is_asked() {
    // Goal: no password on a command line, and none in plain over a wire. Method: both are refused
    // though nobody listens there.
    let open = |url: &str| {
        let at = PostgresAt {
            url: url.to_owned(),
            password: None,
            authority: None,
        };
        Postgres::open(&at).err().map(|error| error.to_string())
    };
    let inside = open("postgres://holdfast:secret@127.0.0.1:1/holdfast").expect("refused");
    assert!(
        inside.contains("password") && !inside.contains("secret"),
        "{inside}"
    );
    let away = open("postgres://holdfast@192.0.2.1/holdfast").expect("refused");
    assert!(away.contains("authority"), "{away}");
    let near = open("postgres://holdfast@127.0.0.1:1/holdfast").expect("nobody there");
    assert!(near.contains("connecting"), "{near}");
}
