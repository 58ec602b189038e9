//! Goal: each rule about documents can fail. Method: one document with one wrong thing.

use super::{advisories, civil, expired, formats, links, titles};
use crate::tree::tests::tree;

#[test]
fn a_document_has_one_title_on_its_first_line() {
    let count = |text: &str| titles(&tree(&[("docs/a.md", text)])).faults.len();
    assert_eq!(count("# One\n\n## Part\n\n```\n# no title\n```\n"), 0);
    assert_eq!(count("# One\n\n# Two\n"), 1);
    assert_eq!(count("text\n"), 1);
}

#[test]
fn a_document_that_is_named_must_exist() {
    let named = "//! See docs/formats/extent.md.\n";
    assert_eq!(links(&tree(&[("host/x/src/a.rs", named)])).faults.len(), 1);
    let files = [
        ("host/x/src/a.rs", named),
        ("docs/formats/extent.md", "# Extent\n"),
    ];
    assert!(links(&tree(&files)).faults.is_empty());
}

#[test]
fn a_format_needs_a_source_that_points_at_it() {
    assert_eq!(formats(&tree(&[])).faults.len(), 1);
    let lonely = [("docs/formats/extent.md", "# Extent\n")];
    assert_eq!(formats(&tree(&lonely)).faults.len(), 1);
    let told = [
        lonely[0],
        ("host/x/src/a.rs", "//! docs/formats/extent.md\n"),
    ];
    assert!(formats(&tree(&told)).faults.is_empty());
}

#[test]
fn an_ignored_advisory_needs_a_reason_and_an_end_to_come() {
    let with = |reason: &str| {
        let text = format!("[advisories]\nignore = [{{ id = \"R\", reason = \"{reason}\" }}]\n");
        expired(&text, (2026, 11, 21)).len()
    };
    assert_eq!(with("unmaintained, no way round it; until 2027-01-31"), 0);
    assert_eq!(with("unmaintained; until 2026-11-20"), 1);
    assert_eq!(with("unmaintained"), 1);
    assert_eq!(advisories(&tree(&[])).faults.len(), 1);
}

#[test]
fn days_become_dates() {
    assert_eq!(civil(0), (1970, 1, 1));
    assert_eq!(civil(11_016), (2000, 2, 29));
    assert_eq!(civil(20_778), (2026, 11, 21));
}
