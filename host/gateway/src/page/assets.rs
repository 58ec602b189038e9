//! The page's own files, and the headers of every answer.
//!
//! The files are part of this program and hold nothing of the renter, so they are served before a
//! sign-in. Scripts and styles come from here alone, nothing is framed, text is never markup.

use bytes::Bytes;
use hyper::Response;
use hyper::header::{
    CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    REFERRER_POLICY, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use s3s::Body;

use super::Answer;
use super::refusal::Refusal;

/// What browsers may do with the page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self'; base-uri 'none'; form-action 'none'; \
    frame-ancestors 'none'; require-trusted-types-for 'script'; trusted-types 'none'";
/// What they may do with bytes of an object: keep them.
pub(super) const BYTES_POLICY: &str = "default-src 'none'; frame-ancestors 'none'; sandbox";

/// One file of the page.
pub(super) struct Asset {
    /// Its path.
    pub(super) name: &'static str,
    kind: &'static str,
    /// What it says.
    pub(super) text: &'static str,
}

/// A file of host/gateway/page with its media type.
macro_rules! asset {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../../page/", $name)),
        }
    };
}

/// A file of host/web, which the dashboard has too.
macro_rules! shared {
    ($name:literal, $kind:expr) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../../../web/", $name)),
        }
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";
const STYLE: &str = "text/css; charset=utf-8";

/// Every file but the page itself.
pub(super) const ASSETS: [Asset; 19] = [
    shared!("style.css", STYLE),
    shared!("icon.svg", "image/svg+xml"),
    shared!("dom.mjs", SCRIPT),
    shared!("money.mjs", SCRIPT),
    shared!("words.mjs", SCRIPT),
    asset!("page.css", STYLE),
    asset!("app.mjs", SCRIPT),
    asset!("api.mjs", SCRIPT),
    asset!("browse.mjs", SCRIPT),
    asset!("check.mjs", SCRIPT),
    asset!("costs.mjs", SCRIPT),
    asset!("drills.mjs", SCRIPT),
    asset!("object.mjs", SCRIPT),
    asset!("releases.mjs", SCRIPT),
    asset!("upload.mjs", SCRIPT),
    asset!("vendor/noble-hashes-2.4.0/sha2.js", SCRIPT),
    asset!("vendor/noble-hashes-2.4.0/_md.js", SCRIPT),
    asset!("vendor/noble-hashes-2.4.0/_u64.js", SCRIPT),
    asset!("vendor/noble-hashes-2.4.0/utils.js", SCRIPT),
];

/// The page.
pub(super) const PAGE: &str = include_str!("../../page/index.html");

/// Sets a header; a value that no header can say is left out.
pub(super) fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

/// The file of a path.
pub(super) fn file(path: &str) -> Answer {
    let (kind, text) = match path {
        "/" => ("text/html; charset=utf-8", PAGE),
        _ => {
            let name = path.strip_prefix("/page/").unwrap_or_default();
            let Some(asset) = ASSETS.iter().find(|asset| asset.name == name) else {
                return Refusal::nothing("the page has no such file").into_answer();
            };
            (asset.kind, asset.text)
        }
    };
    let bytes = Bytes::from_static(text.as_bytes());
    let mut answer = Response::new(Body::from(bytes));
    let headers = answer.headers_mut();
    put(headers, CONTENT_TYPE, kind);
    // A new program has new files under the same names.
    put(headers, CACHE_CONTROL, "no-cache");
    answer
}

/// What every answer says; a policy of its own stays.
pub(super) fn fix_headers(headers: &mut HeaderMap) {
    let fixed = [
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
        (REFERRER_POLICY, "no-referrer"),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
        (PERMISSIONS, "camera=(), geolocation=(), microphone=()"),
    ];
    for (name, value) in fixed {
        headers.insert(name, HeaderValue::from_static(value));
    }
    for (name, value) in [
        (CONTENT_SECURITY_POLICY, POLICY),
        (CACHE_CONTROL, "no-store"),
    ] {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
}

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");
