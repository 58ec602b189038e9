//! Goal: sizes are what an editor shows. Method: small sources.

use super::{documented, functions, percentile};
use crate::source::Source;

#[test]
fn a_function_is_measured_from_its_name_to_its_brace() {
    let found = functions("fn a() {\n    b();\n}\n\nfn c(x: [u8; 3]) -> u8 { 1 }\n");
    let sizes: Vec<_> = found
        .iter()
        .map(|f| (f.name.as_str(), f.line, f.len))
        .collect();
    assert_eq!(sizes, [("a", 1, 3), ("c", 5, 1)]);
}

#[test]
fn a_declaration_and_a_function_type_have_no_body() {
    assert!(functions("trait A { fn b(&self) -> u8; }\ntype C = fn (u8);").is_empty());
}

#[test]
fn documentation_is_counted_past_attributes() {
    let text =
        "/// Told.\n#[derive(Debug)]\npub struct A;\n\npub fn b() {}\npub(crate) fn c() {}\n";
    assert_eq!(documented(&Source::new("host/x/src/lib.rs", text)), (2, 1));
}

#[test]
fn percentiles_of_nothing_are_zero() {
    assert_eq!(percentile(&[], 50), 0);
    assert_eq!(percentile(&[1, 2, 3, 4, 5], 50), 3);
    assert_eq!(percentile(&[1, 2, 3, 4, 5], 100), 5);
}
