//! The answer with something's bytes: whole, a range, only its head, or that the client has it.
//!
//! Bytes whose SHA-256 is known and that are up to a MiB are fetched whole and held to it before
//! one leaves; of longer ones every unit is verified before it leaves. Who may not see, and what
//! is blocked, is decided before anything is fetched.

use std::ops::Range;

use hyper::header::{
    ACCEPT_RANGES, AUTHORIZATION, CACHE_CONTROL, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, ETAG,
    HeaderMap, IF_NONE_MATCH, IF_RANGE, RANGE, X_CONTENT_TYPE_OPTIONS,
};
use hyper::{Response, StatusCode};
use s3s::Body;
use s3s::dto::StreamingBlob;
use sha2::{Digest, Sha256};

use super::words::range_of;
use super::{Answer, Asked, TODAY, plain, put, unauthorised};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::Piece;

/// Longest file that is hashed whole before a byte leaves.
const WHOLE_LEN: u64 = 1 << 20;

/// Bytes that a path means.
pub(crate) struct Thing {
    /// Where they are.
    pub(crate) pieces: Vec<Piece>,
    /// How many.
    pub(crate) len: u64,
    /// Whether the one piece is a zstd frame of them.
    pub(crate) packed: bool,
    /// Entity tag without quotes.
    pub(crate) tag: String,
    /// Content type.
    pub(crate) kind: String,
    /// What caches are told.
    pub(crate) cache: &'static str,
    /// Only with a token.
    pub(crate) private: bool,
    /// SHA-256 in hex, where it was signed for.
    pub(crate) sha256: Option<String>,
    /// Names it may be blocked by.
    pub(crate) names: Vec<String>,
}

fn text(headers: &HeaderMap, name: hyper::header::HeaderName) -> Option<&str> {
    headers.get(name).and_then(|value| value.to_str().ok())
}

/// Whether a list of entity tags names this one.
fn names(tags: &str, tag: &str) -> bool {
    tags.split(',')
        .map(|one| one.trim().trim_start_matches("W/"))
        .any(|one| one == "*" || one == tag)
}

impl Gateway {
    /// Whether a request shows a token of ours.
    pub(super) fn may_see(&self, asked: &Asked<'_>) -> Result<bool, Error> {
        let given = text(asked.headers, AUTHORIZATION);
        match given.and_then(|words| words.strip_prefix("Bearer ")) {
            Some(token) => self.knows_token(token),
            None => Ok(false),
        }
    }

    /// Answers with `thing`; ranges and conditions only where `status` is OK.
    pub(crate) async fn send_thing(
        &self,
        asked: &Asked<'_>,
        thing: &Thing,
        status: StatusCode,
    ) -> Result<Answer, Error> {
        if thing.private && !self.may_see(asked)? {
            return Ok(unauthorised());
        }
        for name in &thing.names {
            if let Some(why) = self.blocked(name)? {
                return Ok(plain(StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS, &why));
            }
        }
        let tag = format!("\"{}\"", thing.tag);
        let plainly = status == StatusCode::OK;
        let known = text(asked.headers, IF_NONE_MATCH).filter(|_| plainly);
        let ranged = text(asked.headers, RANGE).filter(|_| plainly);
        // A range of another version is no use: then the whole comes.
        let same = text(asked.headers, IF_RANGE).is_none_or(|wanted| wanted == tag);
        let ranged = ranged.filter(|_| same);
        let mut answer = if known.is_some_and(|tags| names(tags, &tag)) {
            let mut answer = Response::new(Body::empty());
            *answer.status_mut() = StatusCode::NOT_MODIFIED;
            answer
        } else if let Some(words) = ranged {
            let Some(range) = range_of(words, thing.len) else {
                let mut answer = plain(StatusCode::RANGE_NOT_SATISFIABLE, "outside the file");
                let whole = format!("bytes */{}", thing.len);
                put(answer.headers_mut(), CONTENT_RANGE, &whole);
                return Ok(answer);
            };
            let said = format!("bytes {}-{}/{}", range.start, range.end - 1, thing.len);
            let mut answer = self.body_of(asked, thing, range).await?;
            *answer.status_mut() = StatusCode::PARTIAL_CONTENT;
            put(answer.headers_mut(), CONTENT_RANGE, &said);
            answer
        } else {
            let mut answer = self.body_of(asked, thing, 0..thing.len).await?;
            *answer.status_mut() = status;
            answer
        };
        let headers = answer.headers_mut();
        put(headers, ETAG, &tag);
        put(headers, ACCEPT_RANGES, "bytes");
        put(
            headers,
            CACHE_CONTROL,
            if plainly { thing.cache } else { TODAY },
        );
        put(headers, CONTENT_TYPE, &thing.kind);
        put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        Ok(answer)
    }

    async fn body_of(
        &self,
        asked: &Asked<'_>,
        thing: &Thing,
        range: Range<u64>,
    ) -> Result<Answer, Error> {
        let len = range.end - range.start;
        let mut answer = match (&thing.sha256, thing.pieces.as_slice()) {
            _ if asked.head || len == 0 => Response::new(Body::empty()),
            (Some(sha256), [piece]) if thing.len <= WHOLE_LEN => {
                let bytes = match thing.packed {
                    true => self.unpacked(piece, thing.len).await?,
                    false => self.whole(piece).await?,
                };
                if hex::encode(Sha256::digest(&bytes)) != *sha256 {
                    let why = format!("{} does not have its signed SHA-256", piece.object);
                    return Err(Error::NotRead { why });
                }
                let place = |at: u64| usize::try_from(at).unwrap_or(usize::MAX).min(bytes.len());
                let run = bytes.slice(place(range.start)..place(range.end));
                Response::new(Body::from(run))
            }
            (_, [piece]) if thing.packed => {
                let body = self.read_packed(piece, thing.len, range).await?;
                Response::new(Body::from(StreamingBlob::wrap(body)))
            }
            (_, pieces) => {
                let body = self.read(pieces, range).await?;
                Response::new(Body::from(StreamingBlob::wrap(body)))
            }
        };
        put(answer.headers_mut(), CONTENT_LENGTH, &len.to_string());
        Ok(answer)
    }
}

#[cfg(test)]
mod tests;
