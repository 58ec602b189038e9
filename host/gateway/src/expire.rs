//! Lifecycle: what a bucket's rules say is too old goes, as if its owner deleted it. Locks hold.
//! What went is written into the log of actions once it went: a round tries again what is locked.

use serde_json::{Value, json};

use crate::error::Error;
use crate::gateway::Gateway;
use crate::noted::in_runs;
use crate::rows::{self, Bucket, Entry, Expiry, Upload, Versioning};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;
/// Rows read at once.
const BATCH: usize = 256;

/// Whether something of `then_ms` is past its days.
fn is_past(days: Option<u64>, then_ms: u64, now_ms: u64) -> bool {
    days.is_some_and(|days| then_ms.saturating_add(days.saturating_mul(DAY_MS)) <= now_ms)
}

impl Gateway {
    /// One round over every bucket with rules in force. Returns how many things went.
    pub(crate) async fn expire(&self) -> Result<usize, Error> {
        let end = rows::after(rows::BUCKETS);
        let mut gone = 0;
        for (key, value) in self.inner.rows.scan(rows::BUCKETS, &end, usize::MAX)? {
            let row: Bucket = rows::of_bytes(&key, &value)?;
            let name = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            let mut names = Vec::new();
            for rule in row.lifecycle.iter().filter(|rule| rule.enabled) {
                self.expire_current(&name, &row, rule, &mut names).await?;
                self.expire_older(&name, rule, &mut names).await?;
                self.expire_uploads(&name, rule, &mut names).await?;
            }
            if !names.is_empty() {
                gone += names.len();
                let runs = in_runs(names.into_iter());
                self.told("expire", "lifecycle", &name, runs).await?;
            }
        }
        Ok(gone)
    }

    async fn expire_current(
        &self,
        bucket: &str,
        of: &Bucket,
        rule: &Expiry,
        gone: &mut Vec<Value>,
    ) -> Result<(), Error> {
        let base = rows::current(bucket, "").len();
        let mut from = rows::current(bucket, &rule.prefix);
        let end = rows::after(&from);
        let now = self.now_ms();
        while rule.days.is_some() {
            let found = self.inner.rows.scan(&from, &end, BATCH)?;
            let Some((last, _)) = found.last() else {
                break;
            };
            from = [last.as_slice(), &[0]].concat();
            for (row, value) in found {
                let entry: Entry = rows::of_bytes(&row, &value)?;
                if entry.marker || !is_past(rule.days, entry.modified_ms, now) {
                    continue;
                }
                let key = String::from_utf8_lossy(row.get(base..).unwrap_or_default()).into_owned();
                let deleted = match of.versioning {
                    Versioning::Off => self
                        .delete_version(bucket, &key, &entry.version, false)
                        .await
                        .is_ok(),
                    _ => self.delete(bucket, &key).await.is_ok(),
                };
                if deleted {
                    gone.push(json!({ "key": key, "version": entry.version }));
                }
            }
        }
        Ok(())
    }

    async fn expire_older(
        &self,
        bucket: &str,
        rule: &Expiry,
        gone: &mut Vec<Value>,
    ) -> Result<(), Error> {
        let base = rows::older_from(bucket, "").len();
        let mut from = rows::older_from(bucket, &rule.prefix);
        let end = rows::after(&from);
        let now = self.now_ms();
        while rule.older_days.is_some() {
            let found = self.inner.rows.scan(&from, &end, BATCH)?;
            let Some((last, _)) = found.last() else {
                break;
            };
            from = [last.as_slice(), &[0]].concat();
            for (row, value) in found {
                let entry: Entry = rows::of_bytes(&row, &value)?;
                if !is_past(rule.older_days, entry.modified_ms, now) {
                    continue;
                }
                let key = row.len().checked_sub(9).and_then(|end| row.get(base..end));
                let key = String::from_utf8_lossy(key.unwrap_or_default()).into_owned();
                let deleted = self
                    .delete_version(bucket, &key, &entry.version, false)
                    .await;
                if deleted.is_ok() {
                    gone.push(json!({ "key": key, "version": entry.version }));
                }
            }
        }
        Ok(())
    }

    async fn expire_uploads(
        &self,
        bucket: &str,
        rule: &Expiry,
        gone: &mut Vec<Value>,
    ) -> Result<(), Error> {
        if rule.upload_days.is_none() {
            return Ok(());
        }
        let from = rows::upload(bucket, "");
        let now = self.now_ms();
        for (row, value) in self
            .inner
            .rows
            .scan(&from, &rows::after(&from), usize::MAX)?
        {
            let upload: Upload = rows::of_bytes(&row, &value)?;
            let fits = upload.key.starts_with(&rule.prefix);
            if fits && is_past(rule.upload_days, upload.begun_ms, now) {
                let id = String::from_utf8_lossy(row.get(from.len()..).unwrap_or_default());
                if self.drop_upload(bucket, &id).await.is_ok() {
                    gone.push(json!({ "key": upload.key, "upload": id }));
                }
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
