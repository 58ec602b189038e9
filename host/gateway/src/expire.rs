//! Lifecycle: what a bucket's rules say is too old goes, as if its owner deleted it. Locks hold.

use crate::error::Error;
use crate::gateway::Gateway;
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
            for rule in row.lifecycle.iter().filter(|rule| rule.enabled) {
                gone += self.expire_current(&name, &row, rule).await?;
                gone += self.expire_older(&name, rule).await?;
                gone += self.expire_uploads(&name, rule).await?;
            }
        }
        Ok(gone)
    }

    async fn expire_current(
        &self,
        bucket: &str,
        of: &Bucket,
        rule: &Expiry,
    ) -> Result<usize, Error> {
        let base = rows::current(bucket, "").len();
        let mut from = rows::current(bucket, &rule.prefix);
        let end = rows::after(&from);
        let (now, mut gone) = (self.now_ms(), 0);
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
                gone += usize::from(deleted);
            }
        }
        Ok(gone)
    }

    async fn expire_older(&self, bucket: &str, rule: &Expiry) -> Result<usize, Error> {
        let base = rows::older_from(bucket, "").len();
        let mut from = rows::older_from(bucket, &rule.prefix);
        let end = rows::after(&from);
        let (now, mut gone) = (self.now_ms(), 0);
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
                gone += usize::from(deleted.is_ok());
            }
        }
        Ok(gone)
    }

    async fn expire_uploads(&self, bucket: &str, rule: &Expiry) -> Result<usize, Error> {
        if rule.upload_days.is_none() {
            return Ok(0);
        }
        let from = rows::upload(bucket, "");
        let (now, mut gone) = (self.now_ms(), 0);
        for (row, value) in self
            .inner
            .rows
            .scan(&from, &rows::after(&from), usize::MAX)?
        {
            let upload: Upload = rows::of_bytes(&row, &value)?;
            let fits = upload.key.starts_with(&rule.prefix);
            if fits && is_past(rule.upload_days, upload.begun_ms, now) {
                let id = String::from_utf8_lossy(row.get(from.len()..).unwrap_or_default());
                gone += usize::from(self.drop_upload(bucket, &id).await.is_ok());
            }
        }
        Ok(gone)
    }
}

#[cfg(test)]
mod tests;
