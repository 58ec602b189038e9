//! Goal: what others' servers take. Method: the worked example of AWS's own documents, whose
//! signing key and dates are known; a server takes or refuses the rest (`s3`'s own test).

use std::time::{Duration, SystemTime};

use super::{Signer, mac, stamp};

#[test]
fn the_signing_key_is_that_of_the_documents() {
    // Source: AWS General Reference, "Examples of how to derive a signing key": 2012-02-15,
    // us-east-1, iam.
    let mut key = b"AWS4wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY".to_vec();
    for word in ["20120215", "us-east-1", "iam", "aws4_request"] {
        key = mac(&key, word.as_bytes());
    }
    let known = "f4780e2d9f65fa895f9c67b32ce1baf0b0d8a43505a000a1a9e090d414db404d";
    assert_eq!(hex::encode(key), known);
}

#[test]
fn seconds_become_dates_on_both_sides_of_a_leap_day() {
    let at = |seconds| stamp(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds));
    assert_eq!(at(0), "19700101T000000Z");
    assert_eq!(at(951_782_399), "20000228T235959Z");
    assert_eq!(at(951_782_400), "20000229T000000Z");
    assert_eq!(at(1_709_251_200), "20240301T000000Z");
    assert_eq!(at(1_798_761_599), "20261231T235959Z");
}

#[test]
fn a_head_names_what_it_signs() {
    let signer = Signer {
        access_key: "ID".into(),
        secret_key: "secret".into(),
        region: "us-east-1".into(),
        host: "127.0.0.1:9000".into(),
    };
    let head = signer.head("PUT", "/b/k", b"body", SystemTime::UNIX_EPOCH);
    let head = String::from_utf8(head).expect("text");
    assert!(head.starts_with("PUT /b/k HTTP/1.1\r\nhost: 127.0.0.1:9000\r\n"));
    assert!(head.contains("Credential=ID/19700101/us-east-1/s3/aws4_request, "));
    assert!(head.ends_with("content-length: 4\r\n\r\n"));
    let other = signer.head("PUT", "/b/k", b"bodY", SystemTime::UNIX_EPOCH);
    assert_ne!(head.into_bytes(), other, "another body, another signature");
}
