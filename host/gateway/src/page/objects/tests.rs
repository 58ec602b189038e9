//! Names that a key gives a file, and what a browser may do with bytes.

use hyper::header::HeaderValue;

use super::*;

#[test]
fn a_hostile_key_gives_a_harmless_name() {
    for (key, name) in [
        ("docs/a.txt", "a.txt"),
        ("../../etc/passwd", "passwd"),
        ("..\\..\\boot.ini", "boot.ini"),
        ("a/..", "download"),
        ("/", "download"),
        ("folder/", "folder"),
    ] {
        assert_eq!(file_name(key), name, "{key}");
    }
}

#[test]
fn bytes_come_to_be_kept_and_never_as_a_page() {
    let long = "\u{1F980}".repeat(256);
    for key in [
        "<img src=x onerror=alert(1)>.html",
        "a\"; filename=\"b.exe",
        "x\r\ny",
        &long,
    ] {
        let answer = to_keep(key, 3, Body::from(b"abc".to_vec()));
        let said = |name| answer.headers().get(name).map(HeaderValue::as_bytes);
        assert_eq!(said(CONTENT_TYPE), Some(&b"application/octet-stream"[..]));
        assert_eq!(said(CONTENT_LENGTH), Some(&b"3"[..]));
        let kept = String::from_utf8_lossy(said(CONTENT_DISPOSITION).unwrap()).into_owned();
        let name = kept.strip_prefix("attachment; filename*=UTF-8''").unwrap();
        let plain = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'%';
        assert!(name.bytes().all(plain), "{kept}");
        let policy = String::from_utf8_lossy(said(CONTENT_SECURITY_POLICY).unwrap()).into_owned();
        assert!(policy.contains("sandbox") && policy.contains("default-src 'none'"));
    }
}
