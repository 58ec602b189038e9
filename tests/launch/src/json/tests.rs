//! Goal: reports are read whole, and what is no JSON is refused. Method: small texts.

use super::flatten;

#[test]
fn nested_names_become_dotted_names() {
    let flat =
        flatten(r#"{"hosts": {"started": 30}, "get": {"sha256": "ab\n"}, "list": [1, -2.5e3]}"#)
            .expect("this is JSON");
    assert_eq!(flat["hosts.started"], "30");
    assert_eq!(flat["get.sha256"], "ab\n");
    assert_eq!(flat["list.1"], "-2.5e3");
}

#[test]
fn a_flat_report_reads_like_a_nested_one() {
    let flat = flatten(r#"{"hosts.started": 30}"#).expect("this is JSON");
    assert_eq!(flat["hosts.started"], "30");
}

#[test]
fn what_is_no_json_is_refused() {
    for text in [
        "",
        "{",
        r#"{"a" 1}"#,
        r#"{"a": 1,}"#,
        "[1 2]",
        "{} x",
        "nonsense",
        r#"{"a": "b}"#,
    ] {
        assert!(flatten(text).is_none(), "{text:?} was taken");
    }
}

#[test]
fn nesting_without_end_is_refused() {
    assert!(flatten(&"[".repeat(100_000)).is_none());
}
