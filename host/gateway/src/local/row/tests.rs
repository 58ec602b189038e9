//! What an order may say, which word a put has, when it is due.

use super::*;
use crate::local::fault::Own;

fn order(text: &str) -> Result<(), String> {
    let order: Order = serde_json::from_str(text).map_err(|error| error.to_string())?;
    order.check().map_err(|fault| fault.trouble.message)
}

#[test]
fn an_order_that_does_not_hold_is_refused_and_says_why() {
    assert_eq!(order(r#"{"name":"a b.txt","length":1}"#), Ok(()));
    let full = r#"{"name":"a","length":9,"days":1,"data":2,"parity":2,"price_max":"5","cap":"7",
        "retain_days":3,"sha256":"SHA"}"#;
    assert_eq!(order(&full.replace("SHA", &"ab".repeat(32))), Ok(()));
    for odd in [
        r#"{"name":"","length":1}"#,
        r#"{"name":"a/b","length":1}"#,
        r#"{"name":"..","length":1}"#,
        r#"{"name":"a\u0000","length":1}"#,
        r#"{"name":"a","length":0}"#,
        r#"{"name":"a","length":-1}"#,
        r#"{"name":"a","length":1.5}"#,
        r#"{"name":"a","length":18446744073709551615}"#,
        r#"{"name":"a","length":99999999999999999999}"#,
        r#"{"name":"a","length":1,"days":0}"#,
        r#"{"name":"a","length":1,"days":18446744073709551615}"#,
        r#"{"name":"a","length":1,"data":0}"#,
        r#"{"name":"a","length":1,"data":65535,"parity":65535}"#,
        r#"{"name":"a","length":1,"data":65536}"#,
        r#"{"name":"a","length":1,"retain_days":0}"#,
        r#"{"name":"a","length":1,"sha256":"ab"}"#,
        r#"{"name":"a","length":1,"cap":"-1"}"#,
        r#"{"name":"a","length":1,"sise":1}"#,
        r#"{"name":"a"}"#,
        "[]",
        "",
    ] {
        assert!(order(odd).is_err(), "{odd}");
    }
    let long = format!(r#"{{"name":"{}","length":1}}"#, "a".repeat(256));
    assert!(order(&long).is_err());
}

fn row() -> Row {
    let order = serde_json::from_str(r#"{"name":"a","length":4}"#).unwrap();
    Row::new(order, 1000)
}

#[test]
fn a_row_survives_its_file_and_says_where_it_stands() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.json");
    let mut row = row();
    assert_eq!(row.state(), "receiving");
    row.received = 4;
    row.storing = true;
    row.write(&path).unwrap();
    let mut back = Row::read(&path).unwrap();
    assert_eq!((back.received, back.state()), (4, "storing"));
    back.trouble = Some(*Fault::own(Own::BodyDiffers, "why").trouble);
    assert_eq!(back.state(), "failed");
    assert_eq!(back.to_json("x")["error"]["code"], "body-differs");
    back.whole = true;
    assert_eq!(back.state(), "stored");
    std::fs::write(&path, b"{").unwrap();
    assert!(Row::read(&path).is_err());
}

#[test]
fn time_forgets_what_is_unfinished_and_goes_on_with_what_is_to_be_stored() {
    let mut row = row();
    assert_eq!(row.due(1000 + UNFINISHED_MS - 1), Due::Nothing);
    assert_eq!(row.due(1000 + UNFINISHED_MS), Due::Forget);
    assert_eq!(row.due(0), Due::Nothing, "a clock that went back");
    row.storing = true;
    assert_eq!(row.due(1001), Due::Store, "a gateway that was killed");
    row.trouble = Some(*Fault::own(Own::OverCap, "why").trouble);
    assert_eq!(row.due(1001), Due::Nothing, "a person must act");
    row.object = Some(ObjectId([7; 32]));
    assert_eq!(
        row.due(1000 + UNFINISHED_MS),
        Due::Store,
        "never forgotten half stored"
    );
    row.whole = true;
    assert_eq!(row.due(1000 + STORED_MS - 1), Due::Nothing);
    assert_eq!(row.due(1000 + STORED_MS), Due::Forget);
}
