//! Who comes in: the token as a file, names, origins.

use hyper::header::HeaderValue;

use super::*;

struct Counted;

impl Entropy for Counted {
    fn fill(&self, bytes: &mut [u8]) {
        for (byte, value) in bytes.iter_mut().zip(1..) {
            *byte = value;
        }
    }
}

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn a_token_is_made_once_for_its_owner_alone_and_kept() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let door = Door::open(dir.path(), &Counted, false).unwrap();
    let path = dir.path().join(TOKEN_FILE);
    let mode = std::fs::metadata(&path).unwrap().permissions().mode();
    assert_eq!((mode & 0o777, door.token.len()), (0o600, TOKEN_LEN));
    let own = "ab".repeat(40);
    std::fs::write(&path, format!("{own}\n")).unwrap();
    assert_eq!(Door::open(dir.path(), &Counted, false).unwrap().token, own);
    std::fs::write(&path, "short").unwrap();
    assert!(Door::open(dir.path(), &Counted, false).is_err());
}

#[test]
fn only_a_program_that_bears_the_token_and_calls_loopback_comes_in() {
    let dir = tempfile::tempdir().unwrap();
    let door = Door::open(dir.path(), &Counted, false).unwrap();
    let bearer = format!("Bearer {}", door.token);
    let (host, token) = (
        ("host", "127.0.0.1:9002"),
        ("authorization", bearer.as_str()),
    );
    for fits in [
        "127.0.0.1:9002",
        "localhost:9002",
        "[::1]:9002",
        "LOCALHOST",
        "127.9.0.1",
    ] {
        assert!(
            door.check(&headers(&[("host", fits), token])).is_ok(),
            "{fits}"
        );
    }
    for odd in [
        "evil.example:9002",
        "",
        "[::2]:9002",
        "10.0.0.1",
        "localhost.evil.example",
    ] {
        let refused = door.check(&headers(&[("host", odd), token])).unwrap_err();
        assert_eq!(refused.trouble.code, "page-refused", "{odd}");
    }
    for (name, value) in [
        ("origin", "http://127.0.0.1:9002"),
        ("origin", "null"),
        ("sec-fetch-site", "cross-site"),
        ("sec-fetch-site", "same-origin"),
    ] {
        let refused = door
            .check(&headers(&[host, token, (name, value)]))
            .unwrap_err();
        assert_eq!(refused.trouble.code, "page-refused", "{name} {value}");
    }
    for wrong in [
        "",
        "Bearer",
        "Bearer ",
        "Bearer 00",
        &bearer[..bearer.len() - 1],
        "Basic eA==",
    ] {
        let refused = door
            .check(&headers(&[host, ("authorization", wrong)]))
            .unwrap_err();
        assert_eq!(refused.trouble.code, "token-wrong", "{wrong}");
    }
    assert!(
        door.check(&headers(&[host, token, token])).is_err(),
        "said twice"
    );
    assert!(door.check(&headers(&[token])).is_err(), "no host");
    let open = Door {
        anywhere: true,
        ..door
    };
    assert!(
        open.check(&headers(&[("host", "box.example"), token]))
            .is_ok()
    );
}
