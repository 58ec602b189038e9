//! Buckets of a key, and their keys by prefix.

use host_ledger::catalogue::counters;
use hyper::StatusCode;
use s3s::S3Result;
use s3s::dto::CreateBucketInput;
use serde_json::{Value, json};

use super::stored::worst;
use super::{Answered, Asked, Caller, Page, Refusal, said};
use crate::entries::fault;
use crate::rows::{self, Bucket, Versioning};
use crate::s3::listing::{Asked as Wanted, Line};

/// Most lines of one answer.
const LINES_MAX: u64 = 500;
/// Lines where a page asks for no number.
const LINES: u64 = 100;

fn one(name: &str, row: &Bucket, usage: Option<&[u8]>) -> Value {
    let (objects, bytes) = usage.map_or((0, 0), counters);
    json!({
        "name": name, "objects": objects, "bytes": bytes, "created_ms": row.created_ms,
        "versioned": row.versioning == Versioning::On, "locks": row.lock,
    })
}

impl Page {
    /// Every bucket that the key reaches.
    pub(super) fn buckets(&self, caller: &Caller) -> Answered {
        let held = &self.gateway.inner.rows;
        let end = rows::after(rows::BUCKETS);
        let found = held.scan(rows::BUCKETS, &end, usize::MAX)?;
        let mut buckets = Vec::new();
        for (key, value) in found {
            let row: Bucket = rows::of_bytes(&key, &value)?;
            let name = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            if caller.key.reaches(&name) {
                let usage = held.get(&rows::usage(&name))?;
                buckets.push(one(&name, &row, usage.as_deref()));
            }
        }
        Ok(said(&json!({ "buckets": buckets })))
    }

    /// Makes a bucket. Errors: AccessDenied, InvalidBucketName, BucketAlreadyOwnedByYou.
    pub(super) async fn make_bucket(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let bucket = asked.query.need("bucket")?;
        caller.must_write(bucket)?;
        if !s3s::path::check_bucket_name(bucket) {
            let words = "a bucket's name has 3 to 63 small letters, digits, dots and dashes";
            let status = StatusCode::BAD_REQUEST;
            return Err(Refusal::new(status, "InvalidBucketName", words));
        }
        let input = CreateBucketInput {
            bucket: bucket.to_owned(),
            ..CreateBucketInput::default()
        };
        let making = self.gateway.create_bucket(input, Some(caller.key.clone()));
        let subject = format!("/{bucket}");
        self.noted(caller, "create-bucket", &subject, making)
            .await?;
        Ok(said(&json!({ "bucket": bucket })))
    }

    /// Does what the log of actions must know of.
    pub(super) async fn noted<T>(
        &self,
        caller: &Caller,
        action: &str,
        subject: &str,
        work: impl Future<Output = S3Result<T>>,
    ) -> Result<T, Refusal> {
        let by = format!("page {}", caller.id);
        let asked = self.gateway.asked(action, &by, subject, vec![Value::Null]);
        let noted = asked.await?;
        let ended = work.await;
        let how = match &ended {
            Ok(_) => Ok(Value::Null),
            Err(error) => Err(error.to_string()),
        };
        self.gateway.ended(noted, how).await.map_err(fault)?;
        Ok(ended?)
    }

    /// Keys and folded prefixes of a bucket, in order, with the health of each as last seen.
    pub(super) fn list(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let bucket = asked.query.need("bucket")?;
        caller.must_reach(bucket)?;
        let most = asked.query.number("most", 1..=LINES_MAX, LINES)?;
        let wanted = Wanted {
            prefix: asked.query.get("prefix").unwrap_or_default().to_owned(),
            delimiter: Some("/".to_owned()),
            after: asked.query.get("after").map(str::to_owned),
            most: usize::try_from(most).unwrap_or(usize::MAX),
        };
        let (lines, more) = self.gateway.walk(bucket, &wanted)?;
        let next = lines
            .last()
            .filter(|_| more)
            .map(|line| line.name().to_owned());
        let (mut prefixes, mut keys) = (Vec::new(), Vec::new());
        for line in lines {
            match line {
                Line::Prefix(name) => prefixes.push(json!(name)),
                Line::Key(name, entry) => keys.push(json!({
                    "key": name, "bytes": entry.len, "modified_ms": entry.modified_ms,
                    "digest": entry.meta.contains_key(super::objects::DIGEST),
                    "health": worst(&self.gateway, &entry)?,
                })),
            }
        }
        Ok(said(
            &json!({ "prefixes": prefixes, "keys": keys, "next": next }),
        ))
    }
}
