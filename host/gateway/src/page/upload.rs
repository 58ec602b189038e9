//! A body from a browser: taken in as S3's are, within the key's quota, at a pace, and held to the
//! SHA-256 that the browser says it has.
//!
//! Invariants: what is recorded as `sha256` is the digest of the bytes that were stored; an object
//! that is there is replaced only when the page says so; a client that stops, or all but stops,
//! loses its place.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use hyper::StatusCode;
use hyper::body::Incoming;
use hyper::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderMap};
use s3s::Body;
use s3s::dto::{ETagCondition, PutObjectInput, StreamingBlob};
use serde_json::json;

use super::objects::DIGEST;
use super::{Answered, Asked, Caller, Page, Refusal, said};
use crate::inlet::{Paced, drain};
use crate::s3::objects::BODY_LEN_MAX;
use crate::s3::words::{check_key, signed};

/// The header that says the digest.
const SAID_DIGEST: &str = "x-holdfast-sha256";
/// Longest content type that is kept.
const KIND_LEN: usize = 200;

/// The length a body is said to have. Errors: MissingContentLength, EntityTooLarge.
fn len_of(headers: &HeaderMap) -> Result<u64, Refusal> {
    let said = headers
        .get(CONTENT_LENGTH)
        .and_then(|len| len.to_str().ok());
    let len: u64 = said.and_then(|len| len.parse().ok()).ok_or_else(|| {
        let status = StatusCode::LENGTH_REQUIRED;
        Refusal::new(status, "MissingContentLength", "say how long the body is")
    })?;
    match len <= BODY_LEN_MAX {
        true => Ok(len),
        false => Err(Refusal::new(
            StatusCode::PAYLOAD_TOO_LARGE,
            "EntityTooLarge",
            format!("one body has at most {BODY_LEN_MAX} bytes; S3 clients upload more in parts"),
        )),
    }
}

/// The digest a browser says, checked to be one. Errors: InvalidDigest.
fn digest_of(headers: &HeaderMap) -> Result<Option<[u8; 32]>, Refusal> {
    let Some(said) = headers.get(SAID_DIGEST) else {
        return Ok(None);
    };
    let bytes = hex::decode(said.as_bytes()).ok();
    let digest = bytes.and_then(|bytes| bytes.try_into().ok());
    digest.map(Some).ok_or_else(|| {
        let words = "the SHA-256 is 64 hex digits";
        Refusal::new(StatusCode::BAD_REQUEST, "InvalidDigest", words)
    })
}

fn kind_of(headers: &HeaderMap) -> Option<String> {
    let kind = headers.get(CONTENT_TYPE)?.to_str().ok()?;
    (kind.len() <= KIND_LEN).then(|| kind.to_owned())
}

/// What is to be done with a body.
struct Order {
    input: PutObjectInput,
    len: u64,
}

impl Page {
    /// Everything that can be refused before a byte is read.
    fn order(&self, caller: &Caller, asked: &Asked<'_>) -> Result<Order, Refusal> {
        let (bucket, key) = (asked.query.need("bucket")?, asked.query.need("key")?);
        caller.must_write(bucket)?;
        check_key(key)?;
        let len = len_of(asked.headers)?;
        let digest = digest_of(asked.headers)?;
        self.gateway.within_quota(&caller.key, len)?;
        let replaces = asked.query.get("replace") == Some("1");
        if !replaces && self.gateway.found(bucket, key, None).is_ok() {
            return Err(Refusal::new(
                StatusCode::CONFLICT,
                "AlreadyThere",
                "there is an object of this key; say that it is to be replaced",
            ));
        }
        self.gateway.bucket(bucket)?;
        let recorded = digest.map(|digest| (DIGEST.to_owned(), hex::encode(digest)));
        let input = PutObjectInput {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            content_length: Some(signed(len)),
            content_type: kind_of(asked.headers),
            checksum_sha256: digest.map(|digest| STANDARD.encode(digest)),
            metadata: recorded.map(|pair| [pair].into_iter().collect()),
            if_none_match: (!replaces).then_some(ETagCondition::Any),
            ..PutObjectInput::default()
        };
        Ok(Order { input, len })
    }

    /// Stores a body as an object. The answer comes after the hosts' receipts.
    pub(super) async fn upload(
        &self,
        caller: &Caller,
        asked: &Asked<'_>,
        body: Incoming,
    ) -> Answered {
        let turn = self.shared.uploads.try_acquire();
        let turn = turn.map_err(|_| Refusal::busy("other uploads are under way; try again"));
        let order = turn.and_then(|turn| Ok((turn, self.order(caller, asked)?)));
        let (_turn, Order { mut input, len }) = match order {
            Ok(order) => order,
            Err(refusal) => {
                drain(body).await;
                return Err(refusal);
            }
        };
        let (key, digest) = (input.key.clone(), input.checksum_sha256.is_some());
        let paced = Paced::new(Body::from(body), len);
        input.body = Some(StreamingBlob::wrap(paced));
        let put = self
            .gateway
            .put_object(input, Some(caller.key.clone()))
            .await?;
        let etag = put.e_tag.map(|etag| etag.value().to_owned());
        Ok(said(&json!({
            "key": key, "bytes": len, "etag": etag, "digest_recorded": digest,
        })))
    }
}

#[cfg(test)]
mod tests;
