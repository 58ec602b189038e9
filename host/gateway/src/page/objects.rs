//! One object: what it is, its bytes, its end.
//!
//! Invariant: bytes come as something to keep, never as a page: a type that nothing runs, an
//! attachment, a policy of their own.

use hyper::Response;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use s3s::Body;
use s3s::dto::{DeleteObjectInput, StreamingBlob};
use serde_json::{Value, json};

use super::assets::{BYTES_POLICY, put};
use super::{Answer, Answered, Asked, Caller, Page, said};
use crate::rows::{Entry, LockMode, Piece};
use crate::s3::words::encode;

/// The metadata that holds a digest.
pub(super) const DIGEST: &str = "sha256";
/// Pieces that are told of.
const PIECES: usize = 200;

/// A name that a disk takes, whatever the key was.
fn file_name(key: &str) -> &str {
    let last = key.rsplit(['/', '\\']).find(|part| !part.is_empty());
    last.filter(|name| !matches!(*name, "." | ".."))
        .unwrap_or("download")
}

/// Text as a header's extended value takes it: letters, digits and escapes.
fn escaped(text: &str) -> String {
    let bytes = text.bytes().map(|byte| match byte {
        plain if plain.is_ascii_alphanumeric() => char::from(plain).to_string(),
        other => format!("%{other:02X}"),
    });
    bytes.collect()
}

/// An answer with bytes to keep.
pub(super) fn to_keep(name: &str, len: u64, body: Body) -> Answer {
    let mut answer = Response::new(body);
    let headers = answer.headers_mut();
    put(headers, CONTENT_TYPE, "application/octet-stream");
    put(headers, CONTENT_LENGTH, &len.to_string());
    put(headers, CONTENT_SECURITY_POLICY, BYTES_POLICY);
    let name = escaped(file_name(name));
    let kept = format!("attachment; filename*=UTF-8''{name}");
    put(headers, CONTENT_DISPOSITION, &kept);
    answer
}

fn to_json(bucket: &str, key: &str, entry: &Entry) -> Value {
    let pieces = entry.pieces.iter().take(PIECES).map(|piece| {
        json!({
            "object": piece.object, "offset": piece.offset, "bytes": piece.len,
            "shared": piece.key.is_some(),
        })
    });
    let lock = entry.lock.map(|(mode, until_ms)| {
        let firm = mode == LockMode::Compliance;
        json!({ "until_ms": until_ms, "compliance": firm })
    });
    json!({
        "bucket": bucket, "key": key, "bytes": entry.len, "modified_ms": entry.modified_ms,
        "etag": entry.etag, "version": entry.version, "headers": entry.headers,
        "metadata": entry.meta, "sha256": entry.meta.get(DIGEST), "lock": lock,
        "hold": entry.hold, "pieces": pieces.collect::<Vec<_>>(),
        "piece_count": entry.pieces.len(),
    })
}

impl Page {
    /// The bytes of some pieces, to keep. Errors: ServiceUnavailable when they cannot be had.
    pub(super) async fn bytes(&self, name: &str, pieces: &[Piece], len: u64) -> Answered {
        let body = match len {
            0 => Body::empty(),
            _ => {
                let read = self.gateway.read(pieces, 0..len).await?;
                Body::from(StreamingBlob::wrap(read))
            }
        };
        Ok(to_keep(name, len, body))
    }

    /// A packed file of `len` bytes, to be kept under `name`.
    pub(super) async fn packed(&self, name: &str, piece: &Piece, len: u64) -> Answered {
        let read = self.gateway.read_packed(piece, len, 0..len).await?;
        Ok(to_keep(name, len, Body::from(StreamingBlob::wrap(read))))
    }

    /// What is known of an object, without asking a host.
    pub(super) async fn object(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let (bucket, key) = (asked.query.need("bucket")?, asked.query.need("key")?);
        caller.must_reach(bucket)?;
        let entry = self.gateway.found(bucket, key, None)?.entry;
        let mut value = to_json(bucket, key, &entry);
        if let Some(all) = value.as_object_mut() {
            all.insert("stored".to_owned(), self.stored_of(&entry).await);
        }
        Ok(said(&value))
    }

    /// An object's bytes.
    pub(super) async fn body(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let (bucket, key) = (asked.query.need("bucket")?, asked.query.need("key")?);
        caller.must_reach(bucket)?;
        let entry = self.gateway.found(bucket, key, None)?.entry;
        self.bytes(key, &entry.pieces, entry.len).await
    }

    /// Deletes an object, as S3 does: where versions are kept a marker comes in its place.
    pub(super) async fn delete(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let (bucket, key) = (asked.query.need("bucket")?, asked.query.need("key")?);
        caller.must_write(bucket)?;
        // Said here: a page that shows a key which is gone is told so.
        self.gateway.found(bucket, key, None)?;
        let input = DeleteObjectInput {
            bucket: bucket.to_owned(),
            key: key.to_owned(),
            ..DeleteObjectInput::default()
        };
        let deleting = self.gateway.delete_object(input, Some(caller.key.clone()));
        let subject = format!("/{bucket}/{}", encode(key));
        let gone = self
            .noted(caller, "delete-object", &subject, deleting)
            .await?;
        let marked = gone.delete_marker.unwrap_or(false);
        Ok(said(&json!({ "deleted": key, "marker": marked })))
    }
}

#[cfg(test)]
mod tests;
