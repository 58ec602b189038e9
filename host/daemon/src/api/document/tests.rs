//! The document says of a number what its route takes.

use super::*;

#[test]
fn a_number_without_a_sign_ends_where_64_bits_end() {
    let (_, document) = crate::api::routes();
    let json = served(&document).expect("a document");
    let order = json["components"]["schemas"]["Order"].to_string();
    assert!(
        order.contains("\"maximum\":18446744073709551615"),
        "{order}"
    );
    let params = json["paths"]["/api/v1/report"]["get"]["parameters"].to_string();
    assert_eq!(
        params.matches("\"maximum\":18446744073709551615").count(),
        2
    );
    assert!(
        !json
            .to_string()
            .contains("\"format\":\"int64\",\"minimum\":0")
    );
}

#[test]
fn a_number_with_a_sign_keeps_its_format() {
    let mut signed = serde_json::json!({"type": "integer", "format": "int64"});
    let before = signed.clone();
    bound(&mut signed);
    assert_eq!(signed, before);
}
