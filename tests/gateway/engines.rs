//! What every engine of the catalogue must do, on each of them; and what a database adds: a server
//! that is killed, that does not flush, that somebody pretends to be.

use std::sync::Arc;

use host_gateway::{Catalogue, Postgres, Rows};
use host_ledger::catalogue::{RowChange, counters};

use crate::database::Server;

fn put(key: &[u8], value: &[u8]) -> RowChange {
    RowChange {
        write: [(key.to_vec(), Some(value.to_vec()))].into(),
        ..RowChange::default()
    }
}

/// Both engines, empty; what they stand on lives as long as the work.
fn on_both(work: impl Fn(Arc<dyn Rows>)) {
    let dir = tempfile::tempdir().expect("a directory");
    let file = Catalogue::open(&dir.path().join("rows.redb"), 1 << 20).expect("opens");
    work(Arc::new(file));
    let server = Server::start(&[]);
    work(Arc::new(server.open()));
}

#[test]
fn both_engines_keep_the_promises_of_a_catalogue() {
    on_both(|rows| {
        outrun(rows.as_ref());
        order(rows.as_ref());
        counts(rows.as_ref());
        strange(rows.as_ref());
        much(rows.as_ref());
        race(&rows);
    });
}

/// A change that was outrun writes nothing.
fn outrun(rows: &dyn Rows) {
    assert!(rows.commit(&put(b"a", b"1")).expect("commits"));
    let mut second = put(b"b", b"2");
    second.expect = vec![(b"a".to_vec(), None)];
    assert!(!rows.commit(&second).expect("answers"));
    assert_eq!(rows.get(b"b").expect("reads"), None);
    second.expect = vec![(b"a".to_vec(), Some(b"1".to_vec())), (b"b".to_vec(), None)];
    assert!(rows.commit(&second).expect("commits"));
    assert_eq!(rows.get(b"b").expect("reads"), Some(b"2".to_vec()));
}

/// Rows come in the order of their bytes, within their bounds.
fn order(rows: &dyn Rows) {
    let keys: [&[u8]; 5] = [b"o", b"o\0", b"o\0\xff", b"o\x01", b"p"];
    for key in keys.iter().rev() {
        rows.commit(&put(key, b"x")).expect("commits");
    }
    let found = |from: &[u8], until: &[u8], limit| -> Vec<Vec<u8>> {
        let found = rows.scan(from, until, limit).expect("scans");
        found.into_iter().map(|(key, _)| key).collect()
    };
    assert_eq!(found(b"o", b"q", usize::MAX), keys);
    assert_eq!(found(b"o\0", b"p", 2), keys[1..3]);
    assert!(found(b"p", b"o", 9).is_empty());
}

/// Counters add up, on what the same change writes too.
fn counts(rows: &dyn Rows) {
    for step in [(1, 100), (1, 50), (-1, -100)] {
        let change = RowChange {
            add: [(b"n".to_vec(), step)].into(),
            ..RowChange::default()
        };
        assert!(rows.commit(&change).expect("commits"));
    }
    let now = rows.get(b"n").expect("reads").expect("there");
    assert_eq!(counters(&now), (1, 50));
    let again = RowChange {
        write: [(b"n".to_vec(), None)].into(),
        add: [(b"n".to_vec(), (2, 2))].into(),
        ..RowChange::default()
    };
    assert!(rows.commit(&again).expect("commits"));
    let now = rows.get(b"n").expect("reads").expect("there");
    assert_eq!(counters(&now), (2, 2));
}

/// Empty values, long keys, every byte.
fn strange(rows: &dyn Rows) {
    let every: Vec<u8> = (0..=u8::MAX).collect();
    let long = every.repeat(5);
    for (key, value) in [(&long, Vec::new()), (&every, long.repeat(800))] {
        assert!(rows.commit(&put(key, &value)).expect("commits"));
        assert_eq!(rows.get(key).expect("reads"), Some(value));
    }
    let gone = RowChange {
        write: [(long.clone(), None)].into(),
        ..RowChange::default()
    };
    assert!(rows.commit(&gone).expect("commits"));
    assert_eq!(rows.get(&long).expect("reads"), None);
}

/// A change of as many rows as the largest upload has parts.
fn much(rows: &dyn Rows) {
    let key = |index: u32| [&b"w"[..], &index.to_be_bytes()].concat();
    let mut change = RowChange::default();
    for index in 0..10_000 {
        change.write.insert(key(index), Some(vec![7; 64]));
        change.expect.push((key(index), None));
    }
    assert!(rows.commit(&change).expect("commits"));
    assert!(!rows.commit(&change).expect("answers"));
    let found = rows.scan(b"w", b"x", usize::MAX).expect("scans");
    assert_eq!(found.len(), 10_000);
}

/// Writers that race for one row lose no step, whichever way they take.
fn race(rows: &Arc<dyn Rows>) {
    let (writers, steps) = (6, 20);
    std::thread::scope(|scope| {
        for _ in 0..writers {
            scope.spawn(|| (0..steps).for_each(|_| step(rows.as_ref())));
        }
    });
    let text = rows.get(b"race").expect("reads").expect("there");
    let sum: u64 = String::from_utf8(text)
        .expect("text")
        .parse()
        .expect("a number");
    assert_eq!(sum, writers * steps);
    let count = rows.get(b"race-count").expect("reads").expect("there");
    assert_eq!(counters(&count).0, 120);
}

fn step(rows: &dyn Rows) {
    loop {
        let now = rows.get(b"race").expect("reads");
        let text = now
            .clone()
            .map(|text| String::from_utf8(text).expect("text"));
        let next = text.map_or(0_u64, |text| text.parse().expect("a number")) + 1;
        let mut change = put(b"race", next.to_string().as_bytes());
        change.expect.push((b"race".to_vec(), now));
        change.add.insert(b"race-count".to_vec(), (1, 0));
        if rows.commit(&change).expect("answers") {
            return;
        }
    }
}

#[test]
fn what_a_database_acknowledged_survives_its_death_and_the_gateway_goes_on() {
    // Goal: flushed, then said; and a connection that died is replaced. Method: a server whose
    // settings would let a commit wait ten seconds for the disk is ended right after the answer.
    let lazy = ["wal_writer_delay=10s", "wal_writer_flush_after=1GB"];
    let mut server = Server::start(&lazy);
    server.say("ALTER DATABASE postgres SET synchronous_commit = off");
    let rows = server.open();
    for round in 0..5_u8 {
        assert!(rows.commit(&put(&[b'k', round], b"kept")).expect("commits"));
        server.kill();
        let down = rows.get(b"k").expect_err("nobody is there");
        assert!(
            down.to_string().contains("the catalogue's database"),
            "{down}"
        );
        server.run(&lazy);
        let found = rows.get(&[b'k', round]).expect("answers again");
        assert_eq!(found, Some(b"kept".to_vec()), "round {round}");
    }
}

#[test]
fn a_database_that_does_not_flush_is_refused() {
    let mut server = Server::start(&["fsync=off"]);
    let refused = Postgres::open(&server.near()).err().expect("refused");
    assert!(refused.to_string().contains("fsync"), "{refused}");
    server.kill();
    server.run(&[]);
    drop(server.open());
    server.say("UPDATE holdfast_rows SET value = '2' WHERE key = '\\x00666f726d6174'");
    let newer = Postgres::open(&server.near()).err().expect("refused");
    assert!(newer.to_string().contains("upgrade"), "{newer}");
}

#[test]
fn a_database_elsewhere_must_prove_its_name() {
    let server = Server::start(&[]);
    let rows = Postgres::open(&server.over_tls("localhost")).expect("opens");
    assert!(rows.commit(&put(b"a", b"1")).expect("commits"));
    let safe = server.say(
        "SELECT count(*) FROM pg_stat_ssl s JOIN pg_stat_activity a \
        USING (pid) WHERE s.ssl AND a.application_name = 'holdfast-gateway'",
    );
    assert_ne!(safe, "0");
    // Another authority than the one that signed.
    let other = Server::start(&[]);
    let mut pretends = server.over_tls("localhost");
    pretends.authority = other.over_tls("localhost").authority;
    let refused = Postgres::open(&pretends).err().expect("refused");
    assert!(refused.to_string().contains("connecting"), "{refused}");
    let mut wrong = server.near();
    wrong.password = Some("guessed".to_owned());
    let refused = Postgres::open(&wrong).err().expect("refused").to_string();
    assert!(refused.contains("password"), "{refused}");
    assert!(!refused.contains("guessed"), "{refused}");
}
