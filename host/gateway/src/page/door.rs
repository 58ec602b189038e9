//! Who asks: the sign-in, the cookie, the origin, and what the key behind them may touch.
//!
//! Invariants: a secret is compared in constant time and neither logged nor said again; a request
//! that changes something comes from a page of this origin, which the browser says and no other
//! page can; every request counts against its key's rate, as S3's do.

use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{COOKIE, HOST, HeaderMap, ORIGIN};
use ring::hmac;
use serde::Deserialize;
use serde_json::{Value, json};

use super::Page;
use super::refusal::Refusal;
use super::sessions::Token;
use crate::inlet::small;
use crate::rows::AccessKey;

/// The cookie's name.
const NAME: &str = "holdfast_page";
/// Longest sign-in.
const SIGN_IN_LEN: usize = 4 << 10;

/// Who asks.
pub(super) struct Caller {
    /// The access key's id.
    pub(super) id: String,
    /// What it may do, as the catalogue says now.
    pub(super) key: AccessKey,
}

/// What a sign-in says. No Debug: a secret is in it.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignIn {
    access_key: String,
    secret_key: String,
}

impl Caller {
    /// Errors: AccessDenied for a bucket the key does not reach.
    pub(super) fn must_reach(&self, bucket: &str) -> Result<(), Refusal> {
        match self.key.reaches(bucket) {
            true => Ok(()),
            false => Err(Refusal::denied(format!(
                "this key may not touch {bucket}; who runs the gateway makes one that may"
            ))),
        }
    }

    /// The same, for what changes something. Errors: AccessDenied.
    pub(super) fn must_write(&self, bucket: &str) -> Result<(), Refusal> {
        self.must_reach(bucket)?;
        match self.key.read_only {
            true => Err(Refusal::denied(
                "this key may only read; who runs the gateway makes one that may write",
            )),
            false => Ok(()),
        }
    }

    /// Whether the key is for everything of this renter, the wallet's figures too.
    pub(super) fn sees_all(&self) -> bool {
        self.key.buckets.is_empty()
    }

    pub(super) fn to_json(&self) -> Value {
        json!({
            "access_key": self.id, "name": self.key.name, "buckets": self.key.buckets,
            "read_only": self.key.read_only, "quota": self.key.quota, "rate": self.key.rate,
        })
    }
}

/// The one value of a header; none when it is there twice, or no text.
fn one(headers: &HeaderMap, name: impl hyper::header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?;
    match values.next() {
        Some(_) => None,
        None => value.to_str().ok(),
    }
}

/// Whether the browser says that a page of this origin asks. The scheme is the proxy's.
fn is_own(headers: &HeaderMap) -> bool {
    let origin = one(headers, ORIGIN).and_then(|origin| {
        let plain = origin.strip_prefix("http://");
        plain.or_else(|| origin.strip_prefix("https://"))
    });
    match (origin, one(headers, HOST)) {
        (Some(origin), Some(host)) => !host.is_empty() && origin.eq_ignore_ascii_case(host),
        _ => false,
    }
}

/// Errors: AccessDenied when another page asks; for what changes something also when nobody says
/// which page does.
pub(super) fn must_be_own(headers: &HeaderMap, changes: bool) -> Result<(), Refusal> {
    let site = one(headers, "sec-fetch-site");
    let fits = match site {
        // A person who types an address, or opens a link of the page in a tab.
        Some("none") => !changes,
        Some(site) => site == "same-origin",
        None => !headers.contains_key("sec-fetch-site"),
    };
    match fits && (!changes || is_own(headers)) {
        true => Ok(()),
        false => Err(Refusal::denied(
            "only the page itself may ask this; a proxy before it must pass `Host` on",
        )),
    }
}

/// The session's token of a request.
pub(super) fn token(headers: &HeaderMap) -> Option<Token> {
    let all = headers.get_all(COOKIE).iter();
    let all = all.filter_map(|value| value.to_str().ok());
    let mut pairs = all.flat_map(|line| line.split(';'));
    let found = pairs.find_map(|pair| pair.trim().strip_prefix(NAME)?.strip_prefix('='));
    hex::decode(found?).ok()?.try_into().ok()
}

/// Whether a proxy says that it took the request over TLS. Who says so without one only keeps the
/// cookie from himself.
pub(super) fn came_by_tls(headers: &HeaderMap) -> bool {
    one(headers, "x-forwarded-proto").is_some_and(|scheme| scheme == "https")
}

/// What sets the cookie.
pub(super) fn cookie(token: &Token, by_tls: bool) -> String {
    let secure = if by_tls { "; Secure" } else { "" };
    let token = hex::encode(token);
    format!("{NAME}={token}; Path=/; HttpOnly; SameSite=Strict{secure}")
}

/// What takes it away.
pub(super) fn no_cookie() -> &'static str {
    "holdfast_page=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0"
}

fn no_key() -> Refusal {
    let words = "no access key of this id has this secret";
    Refusal::new(StatusCode::UNAUTHORIZED, "NoSuchKey", words)
}

impl Page {
    /// Opens a session. Errors: NoSuchKey, SlowDown, InvalidRequest.
    pub(super) async fn opened(&self, body: Incoming) -> Result<(Caller, Token), Refusal> {
        let body = small(body, SIGN_IN_LEN).await.map_err(Refusal::odd)?;
        let given: SignIn = serde_json::from_slice(&body)
            .map_err(|_| Refusal::odd("a sign-in is JSON of access_key and secret_key"))?;
        let now = self.now();
        if !self.shared.sessions.may_try(&given.access_key, now) {
            let words = "too many sign-ins were tried; wait a minute";
            let status = StatusCode::TOO_MANY_REQUESTS;
            return Err(Refusal::new(status, "SlowDown", words));
        }
        let inner = &self.gateway.inner;
        let held = self.gateway.secret(&given.access_key)?;
        // Tags of a key drawn now: their comparison tells nothing of where secrets part.
        let mut drawn = [0; 32];
        inner.entropy.fill(&mut drawn);
        let drawn = hmac::Key::new(hmac::HMAC_SHA256, &drawn);
        let tag = hmac::sign(&drawn, held.as_deref().unwrap_or_default().as_bytes());
        let same = hmac::verify(&drawn, given.secret_key.as_bytes(), tag.as_ref()).is_ok();
        if held.is_none() || !same {
            return Err(no_key());
        }
        let (id, key) = self.gateway.signer(Some(&given.access_key))?;
        let mut token = [0; 32];
        inner.entropy.fill(&mut token);
        if !self.shared.sessions.begin(&token, &id, now) {
            return Err(Refusal::busy("too many sessions are open; sign in later"));
        }
        Ok((Caller { id, key }, token))
    }

    /// Who asks. Errors: NotSignedIn, SlowDown.
    pub(super) fn caller(&self, headers: &HeaderMap) -> Result<Caller, Refusal> {
        let nobody = || {
            let words = "sign in with an access key";
            Refusal::new(StatusCode::UNAUTHORIZED, "NotSignedIn", words)
        };
        let token = token(headers).ok_or_else(nobody)?;
        let id = self.shared.sessions.key_of(&token, self.now());
        let id = id.ok_or_else(nobody)?;
        let Ok((id, key)) = self.gateway.signer(Some(&id)) else {
            // Revoked meanwhile.
            self.shared.sessions.end(&token);
            return Err(nobody());
        };
        let second = self.gateway.now_ms() / 1000;
        match key.rate {
            Some(rate) if !self.gateway.inner.rates.take(&id, second, rate) => Err(Refusal::busy(
                format!("this key may ask {rate} times a second"),
            )),
            _ => Ok(Caller { id, key }),
        }
    }
}

#[cfg(test)]
mod tests;
