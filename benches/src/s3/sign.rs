//! Signature Version 4 of requests whose headers are host, date and the body's SHA-256. Signed
//! before the clock runs: what is measured is a server, not a client.
//!
//! Source: AWS General Reference, "Create a signed AWS API request".

use std::time::{Duration, SystemTime};

use ring::digest::{SHA256, digest};
use ring::hmac::{HMAC_SHA256, Key, sign};

/// Who signs, for whom.
#[derive(Debug, Clone)]
pub(crate) struct Signer {
    /// Id of the access key.
    pub(crate) access_key: String,
    /// Its secret.
    pub(crate) secret_key: String,
    /// The server's region.
    pub(crate) region: String,
    /// Where the server is, `IP:PORT`.
    pub(crate) host: String,
}

const SIGNED: &str = "host;x-amz-content-sha256;x-amz-date";

impl Signer {
    /// The head of a request at `at`, its empty line included. `path` needs no escapes.
    pub(crate) fn head(&self, method: &str, path: &str, body: &[u8], at: SystemTime) -> Vec<u8> {
        let (host, hash, time) = (&self.host, hex_sha256(body), stamp(at));
        let day = time.get(..8).unwrap_or_default();
        let headers = format!("host:{host}\nx-amz-content-sha256:{hash}\nx-amz-date:{time}\n");
        let canonical = format!("{method}\n{path}\n\n{headers}\n{SIGNED}\n{hash}");
        let scope = format!("{day}/{}/s3/aws4_request", self.region);
        let hashed = hex_sha256(canonical.as_bytes());
        let text = format!("AWS4-HMAC-SHA256\n{time}\n{scope}\n{hashed}");
        let mut key = format!("AWS4{}", self.secret_key).into_bytes();
        for word in [day, &self.region, "s3", "aws4_request"] {
            key = mac(&key, word.as_bytes());
        }
        let signature = hex::encode(mac(&key, text.as_bytes()));
        let (id, len) = (&self.access_key, body.len());
        format!(
            "{method} {path} HTTP/1.1\r\nhost: {host}\r\nx-amz-content-sha256: {hash}\r\n\
             x-amz-date: {time}\r\nauthorization: AWS4-HMAC-SHA256 Credential={id}/{scope}, \
             SignedHeaders={SIGNED}, Signature={signature}\r\ncontent-length: {len}\r\n\r\n"
        )
        .into_bytes()
    }
}

fn mac(key: &[u8], bytes: &[u8]) -> Vec<u8> {
    sign(&Key::new(HMAC_SHA256, key), bytes).as_ref().to_vec()
}

fn hex_sha256(bytes: &[u8]) -> String {
    hex::encode(digest(&SHA256, bytes))
}

/// `YYYYMMDDTHHMMSSZ`. Days become dates as in Howard Hinnant's `civil_from_days`, for dates after
/// 1970.
fn stamp(at: SystemTime) -> String {
    let since = at.duration_since(SystemTime::UNIX_EPOCH);
    let seconds = since.unwrap_or(Duration::ZERO).as_secs();
    let (days, rest) = (seconds / 86_400 + 719_468, seconds % 86_400);
    let (era, of_era) = (days / 146_097, days % 146_097);
    let year = (of_era - of_era / 1460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let from_march = (5 * of_year + 2) / 153;
    let day = of_year - (153 * from_march + 2) / 5 + 1;
    let month = if from_march < 10 {
        from_march + 3
    } else {
        from_march - 9
    };
    let year = year + era * 400 + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3600, rest / 60 % 60, rest % 60);
    format!("{year:04}{month:02}{day:02}T{hour:02}{minute:02}{second:02}Z")
}

#[cfg(test)]
mod tests;
