//! What a body says of itself.

use hyper::header::HeaderValue;

use super::*;

fn headers(name: &'static str, value: &str) -> HeaderMap {
    let mut headers = HeaderMap::new();
    headers.insert(name, HeaderValue::from_str(value).unwrap());
    headers
}

#[test]
fn a_body_says_its_length_and_it_is_bounded() {
    assert_eq!(len_of(&headers("content-length", "7")).unwrap(), 7);
    let most = BODY_LEN_MAX + 1;
    let refused = len_of(&headers("content-length", &most.to_string())).unwrap_err();
    assert_eq!(refused.status, StatusCode::PAYLOAD_TOO_LARGE);
    for odd in ["-1", "x", ""] {
        let refused = len_of(&headers("content-length", odd)).unwrap_err();
        assert_eq!(refused.status, StatusCode::LENGTH_REQUIRED);
    }
}

#[test]
fn a_digest_is_one_or_is_refused() {
    let digest = "ab".repeat(32);
    let read = digest_of(&headers(SAID_DIGEST, &digest)).unwrap();
    assert_eq!(read, Some([0xab; 32]));
    assert_eq!(digest_of(&HeaderMap::new()).unwrap(), None);
    for odd in ["", "ab", &"g".repeat(64), &"ab".repeat(33)] {
        assert_eq!(
            digest_of(&headers(SAID_DIGEST, odd)).unwrap_err().code,
            "InvalidDigest"
        );
    }
}
