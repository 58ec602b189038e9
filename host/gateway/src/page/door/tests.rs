//! Which requests come from the page itself, which cookie counts, what a key may touch.

use hyper::header::HeaderValue;

use super::*;

fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in pairs {
        headers.append(*name, HeaderValue::from_str(value).unwrap());
    }
    headers
}

#[test]
fn only_the_pages_own_origin_changes_anything() {
    let host = ("host", "127.0.0.1:9001");
    for own in [
        vec![host, ("origin", "http://127.0.0.1:9001")],
        vec![
            ("host", "Store.example"),
            ("origin", "https://store.example"),
        ],
        vec![
            host,
            ("origin", "http://127.0.0.1:9001"),
            ("sec-fetch-site", "same-origin"),
        ],
    ] {
        assert!(must_be_own(&headers(&own), true).is_ok(), "{own:?}");
    }
    for foreign in [
        vec![host],
        vec![host, ("origin", "null")],
        vec![host, ("origin", "http://127.0.0.1:9000")],
        vec![host, ("origin", "http://127.0.0.1:9001.evil.example")],
        vec![host, ("origin", "ftp://127.0.0.1:9001")],
        vec![
            host,
            ("origin", "http://127.0.0.1:9001"),
            ("sec-fetch-site", "same-site"),
        ],
        vec![
            host,
            ("origin", "http://127.0.0.1:9001"),
            ("sec-fetch-site", "none"),
        ],
        vec![
            host,
            ("origin", "http://127.0.0.1:9001"),
            ("origin", "http://evil.example"),
        ],
        vec![host, ("host", "b"), ("origin", "http://b")],
        vec![("origin", "http://127.0.0.1:9001")],
        vec![("host", ""), ("origin", "http://")],
    ] {
        assert!(
            must_be_own(&headers(&foreign), true).is_err(),
            "{foreign:?}"
        );
    }
}

#[test]
fn reads_need_no_origin_but_another_site_is_refused() {
    assert!(must_be_own(&headers(&[]), false).is_ok());
    assert!(must_be_own(&headers(&[("sec-fetch-site", "none")]), false).is_ok());
    for site in ["cross-site", "same-site"] {
        assert!(must_be_own(&headers(&[("sec-fetch-site", site)]), false).is_err());
    }
}

#[test]
fn the_cookie_goes_out_for_scripts_unseen_and_comes_back_among_others() {
    let drawn = [0xab; 32];
    let set = cookie(&drawn, false);
    assert!(set.contains("HttpOnly") && set.contains("SameSite=Strict"));
    assert!(!set.contains("Secure") && cookie(&drawn, true).contains("; Secure"));
    let pair = set.split(';').next().unwrap();
    let all = format!("theme=dark; {pair}; x=y");
    assert_eq!(token(&headers(&[("cookie", &all)])), Some(drawn));
    for odd in [
        "holdfast_page=",
        "holdfast_page=zz",
        "holdfast_pages=abab",
        "",
        "holdfast_page",
    ] {
        assert_eq!(token(&headers(&[("cookie", odd)])), None, "{odd}");
    }
    assert!(came_by_tls(&headers(&[("x-forwarded-proto", "https")])));
    assert!(!came_by_tls(&headers(&[])));
}

#[test]
fn a_key_writes_where_it_reaches_and_only_if_it_may() {
    let key = |buckets: &[&str], read_only| Caller {
        id: "HF".to_owned(),
        key: AccessKey {
            sealed: String::new(),
            name: String::new(),
            buckets: buckets.iter().map(|&name| name.to_owned()).collect(),
            read_only,
            quota: None,
            rate: None,
            created_ms: 0,
        },
    };
    let one = key(&["ci-*"], false);
    assert!(one.must_write("ci-7").is_ok() && one.must_write("docs").is_err());
    assert!(!one.sees_all() && key(&[], true).sees_all());
    let reader = key(&["docs"], true);
    assert!(reader.must_reach("docs").is_ok() && reader.must_write("docs").is_err());
    let said = reader.to_json().to_string();
    assert!(!said.contains("sealed"), "{said}");
}
