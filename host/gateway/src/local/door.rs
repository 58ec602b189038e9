//! Who may ask: the bearer of the token in `api.token`, a program and no page of a browser.
//!
//! Invariants: the token is compared in constant time and neither logged nor said; a request that
//! names a host which is not this machine is refused, so that a page whose name was bound to
//! loopback reaches nothing, as is every request that a browser made for another page.

use std::io::Write;
use std::net::IpAddr;
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;

use host_core::seams::Entropy;
use hyper::header::{AUTHORIZATION, HOST, HeaderMap, ORIGIN};

use super::fault::{Fault, Own};
use crate::error::{Error, file};

/// The file of the token, in the gateway's directory.
const TOKEN_FILE: &str = "api.token";
/// Hex digits of a token; a shorter one in the file is refused.
const TOKEN_LEN: usize = 64;

/// What every request is held to.
pub(super) struct Door {
    token: String,
    /// Whether any name of this machine is one.
    anywhere: bool,
}

/// The token that is there, or a new one, durable before it counts.
fn token_of(dir: &Path, entropy: &dyn Entropy) -> Result<String, Error> {
    let path = dir.join(TOKEN_FILE);
    match std::fs::read_to_string(&path) {
        Ok(text) => return held(&path, text.trim()),
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file(&path)(error));
        }
        Err(_) => {}
    }
    let mut bytes = [0; TOKEN_LEN / 2];
    entropy.fill(&mut bytes);
    let token = hex::encode(bytes);
    let new = dir.join(format!("{TOKEN_FILE}.new"));
    match std::fs::remove_file(&new) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(file(&new)(error));
        }
        _ => {}
    }
    let mut options = std::fs::OpenOptions::new();
    options.write(true).create_new(true).mode(0o600);
    let mut made = options.open(&new).map_err(file(&new))?;
    made.write_all(token.as_bytes()).map_err(file(&new))?;
    made.sync_all().map_err(file(&new))?;
    std::fs::rename(&new, &path).map_err(file(&path))?;
    Ok(token)
}

fn held(path: &Path, token: &str) -> Result<String, Error> {
    let fits = token.len() >= TOKEN_LEN && token.bytes().all(|byte| byte.is_ascii_graphic());
    match fits {
        true => Ok(token.to_owned()),
        false => Err(Error::Refused {
            why: format!(
                "{} holds no token of {TOKEN_LEN} characters or more; remove it and a new one is \
                 made",
                path.display()
            ),
        }),
    }
}

/// Whether two texts are one, in a time that says nothing of where they part.
fn same(one: &str, other: &str) -> bool {
    let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest(one).as_ref() == digest(other).as_ref()
}

/// Whether a `Host` header names loopback.
fn is_loopback(host: &str) -> bool {
    let name = match host.strip_prefix('[') {
        Some(rest) => rest.split(']').next().unwrap_or(rest),
        None => host.rsplit_once(':').map_or(host, |(name, _)| name),
    };
    let addr = name.parse::<IpAddr>();
    addr.is_ok_and(|addr| addr.is_loopback()) || name.eq_ignore_ascii_case("localhost")
}

/// The one value of a header; none when it is there twice, or no text.
fn one(headers: &HeaderMap, name: impl hyper::header::AsHeaderName) -> Option<&str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok();
    value.filter(|_| values.next().is_none())
}

impl Door {
    /// Opens it with the token in `dir`, which is made where there is none. Errors: File, Refused.
    pub(super) fn open(dir: &Path, entropy: &dyn Entropy, anywhere: bool) -> Result<Self, Error> {
        let token = token_of(dir, entropy)?;
        Ok(Self { token, anywhere })
    }

    /// Errors: page-refused, token-wrong.
    pub(super) fn check(&self, headers: &HeaderMap) -> Result<(), Fault> {
        let named = one(headers, HOST);
        if !self.anywhere && !named.is_some_and(is_loopback) {
            let words = "the `host` header names no loopback address";
            return Err(Fault::own(Own::PageRefused, words));
        }
        let site = one(headers, "sec-fetch-site");
        let paged = headers.contains_key(ORIGIN)
            || headers.contains_key("sec-fetch-site") && site != Some("none");
        if paged {
            let words = "a page in a browser asks this, and only programs may";
            return Err(Fault::own(Own::PageRefused, words));
        }
        let given = one(headers, AUTHORIZATION).and_then(|words| words.strip_prefix("Bearer "));
        match given.is_some_and(|given| same(given.trim(), &self.token)) {
            true => Ok(()),
            false => Err(Fault::own(
                Own::TokenWrong,
                "the request bears no token of ours",
            )),
        }
    }
}

#[cfg(test)]
mod tests;
