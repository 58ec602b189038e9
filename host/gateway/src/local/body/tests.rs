//! Which body is taken: where it begins, how long it may be, and of which put.

use super::*;

fn row(length: u64, received: u64) -> Row {
    let order = serde_json::from_str(&format!(r#"{{"name":"a","length":{length}}}"#)).unwrap();
    let mut row = Row::new(order, 1);
    row.received = received;
    row
}

fn code(row: &Row, offset: u64, len: Option<u64>) -> (String, Option<u64>) {
    let fault = check(row, offset, len).unwrap_err();
    (fault.trouble.code, fault.received)
}

#[test]
fn a_body_begins_where_the_last_one_ended_and_ends_with_the_put() {
    let open = row(10, 4);
    assert!(check(&open, 4, Some(6)).is_ok() && check(&open, 4, None).is_ok());
    assert!(check(&open, 4, Some(0)).is_ok());
    for wrong in [0, 3, 5, 10, 11, u64::MAX] {
        assert_eq!(
            code(&open, wrong, Some(1)),
            ("offset-wrong".to_owned(), Some(4))
        );
    }
    for long in [7, u64::MAX] {
        assert_eq!(
            code(&open, 4, Some(long)),
            ("body-long".to_owned(), Some(4))
        );
    }
    let mut closed = row(10, 10);
    assert_eq!(
        code(&closed, 10, Some(1)),
        ("body-long".to_owned(), Some(10))
    );
    closed.storing = true;
    assert_eq!(
        code(&closed, 10, Some(0)),
        ("put-settled".to_owned(), Some(10))
    );
}

#[test]
fn a_file_is_opened_at_what_counts_and_loses_what_does_not() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(&path, b"123456").unwrap();
    let mut file = open(&path, 3).unwrap();
    file.write_all(b"x").unwrap();
    assert_eq!(std::fs::read(&path).unwrap(), b"123x");
}
