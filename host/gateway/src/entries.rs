//! Entries come, are replaced and go: each change is one commit that expects what it read, so
//! that two writers of one key cannot lose each other's word.
//!
//! A version's row is its key's current row or one of its older rows; its uses of stored objects
//! are named after its number, which never changes, so that moving it touches no use.

use host_ledger::catalogue::RowChange;
use s3s::dto::ETagCondition;
use s3s::{S3Error, S3Result, s3_error};

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{self, Bucket, Entry, Versioning};
use crate::uses;

/// Tries at one key before a writer is told to come again.
const TRIES_MAX: u32 = 32;
/// The version id where versions are not kept.
pub(crate) const NULL: &str = "null";

/// A version as it stands in the catalogue.
pub(crate) struct Held {
    /// The key of its row.
    pub(crate) row: Vec<u8>,
    /// The row's bytes.
    pub(crate) value: Vec<u8>,
    /// What they say.
    pub(crate) entry: Entry,
}

/// What a write asks of the present state.
#[derive(Debug, Clone, Default)]
pub(crate) struct Conditions {
    pub(crate) if_match: Option<ETagCondition>,
    pub(crate) if_none_match: Option<ETagCondition>,
}

fn matches(condition: &ETagCondition, etag: &str) -> bool {
    condition
        .as_etag()
        .is_none_or(|wanted| wanted.value() == etag)
}

impl Conditions {
    fn check(&self, now: Option<&Entry>) -> S3Result<()> {
        let now = now.filter(|entry| !entry.marker);
        if let Some(condition) = &self.if_match {
            match now {
                None => return Err(s3_error!(NoSuchKey)),
                Some(entry) if !matches(condition, &entry.etag) => {
                    return Err(s3_error!(PreconditionFailed));
                }
                Some(_) => (),
            }
        }
        match (&self.if_none_match, now) {
            (Some(condition), Some(entry)) if matches(condition, &entry.etag) => {
                Err(s3_error!(PreconditionFailed))
            }
            _ => Ok(()),
        }
    }
}

/// A gateway's fault as the client sees it.
pub(crate) fn fault(error: Error) -> S3Error {
    match &error {
        Error::Body { .. } => s3_error!(IncompleteBody, "{error}"),
        Error::Contended { .. } => s3_error!(OperationAborted, "{error}"),
        Error::Database { .. } => {
            tracing::error!(err = %error, "catalogue refuses a request");
            s3_error!(
                ServiceUnavailable,
                "the catalogue does not answer; try again"
            )
        }
        Error::Renter(_)
        | Error::NotStored { .. }
        | Error::GivenBack { .. }
        | Error::NotRead { .. } => {
            tracing::warn!(err = %error, "network refuses a request");
            s3_error!(ServiceUnavailable, "{error}")
        }
        _ => {
            tracing::error!(err = %error, "gateway fails a request");
            s3_error!(InternalError, "{error}")
        }
    }
}

/// Where a version's uses are named.
fn of_uses(bucket: &str, key: &str, entry: &Entry) -> Vec<u8> {
    rows::older(bucket, key, Some(entry.seq))
}

fn count(change: &mut RowChange, bucket: &str, entry: &Entry, sign: i64) {
    let bytes = i64::try_from(entry.len).unwrap_or(i64::MAX);
    let objects = i64::from(!entry.marker);
    let sum = change.add.entry(rows::usage(bucket)).or_default();
    sum.0 += sign * objects;
    sum.1 += sign * bytes;
}

impl Gateway {
    /// Adds the uses of an entry to a change. Errors: GivenBack.
    fn take_up(
        &self,
        change: &mut RowChange,
        bucket: &str,
        key: &str,
        entry: &Entry,
    ) -> Result<(), Error> {
        let row = of_uses(bucket, key, entry);
        for piece in &entry.pieces {
            uses::take(self.inner.rows.as_ref(), change, &piece.object, &row)?;
        }
        count(change, bucket, entry, 1);
        Ok(())
    }

    /// Takes the uses of an entry out, its key with them, in a change.
    pub(crate) fn let_go(&self, change: &mut RowChange, bucket: &str, key: &str, entry: &Entry) {
        let row = of_uses(bucket, key, entry);
        let now = self.now_ms();
        for piece in &entry.pieces {
            uses::leave(change, &piece.object, &row, now);
            self.inner.cache.forget(&(piece.object, piece.offset));
        }
        count(change, bucket, entry, -1);
    }

    /// A bucket. Errors: NoSuchBucket.
    pub(crate) fn bucket(&self, name: &str) -> S3Result<Bucket> {
        let found = self.row(&rows::bucket(name)).map_err(fault)?;
        found.ok_or_else(|| s3_error!(NoSuchBucket))
    }

    fn held(&self, row: Vec<u8>) -> S3Result<Option<Held>> {
        let Some(value) = self.inner.rows.get(&row).map_err(fault)? else {
            return Ok(None);
        };
        let entry = rows::of_bytes(&row, &value).map_err(fault)?;
        Ok(Some(Held { row, value, entry }))
    }

    /// All older versions of a key, newest first.
    fn older(&self, bucket: &str, key: &str) -> S3Result<Vec<Held>> {
        let from = rows::older(bucket, key, None);
        let found = self.inner.rows.scan(&from, &rows::after(&from), usize::MAX);
        let held = found.map_err(fault)?.into_iter().map(|(row, value)| {
            let entry = rows::of_bytes(&row, &value).map_err(fault)?;
            Ok(Held { row, value, entry })
        });
        held.collect()
    }

    /// A version of a key. Errors: NoSuchVersion.
    fn version(&self, bucket: &str, key: &str, id: &str) -> S3Result<Held> {
        let current = self.held(rows::current(bucket, key))?;
        if let Some(held) = current.filter(|held| held.entry.version == id) {
            return Ok(held);
        }
        let mut older = self.older(bucket, key)?.into_iter();
        let found = older.find(|held| held.entry.version == id);
        found.ok_or_else(|| s3_error!(NoSuchVersion))
    }

    /// Makes `fresh` the current version of a key; `with` is written in the same commit. Its
    /// number and version id are given here. Errors: NoSuchBucket, PreconditionFailed, and the
    /// engine's.
    pub(crate) async fn replace(
        &self,
        bucket: &str,
        key: &str,
        fresh: &Entry,
        conditions: &Conditions,
        with: &RowChange,
    ) -> S3Result<Entry> {
        for _ in 0..TRIES_MAX {
            let mut change = with.clone();
            let written = self.plan_replace(bucket, key, fresh, conditions, &mut change)?;
            if commit(&self.inner.rows, change).await.map_err(fault)? {
                self.inner.garbage.notify_one();
                return Ok(written);
            }
        }
        Err(fault(Error::Contended {
            key: key.to_owned(),
            tries: TRIES_MAX,
        }))
    }

    fn plan_replace(
        &self,
        bucket: &str,
        key: &str,
        fresh: &Entry,
        conditions: &Conditions,
        change: &mut RowChange,
    ) -> S3Result<Entry> {
        let at = rows::bucket(bucket);
        let held = self.inner.rows.get(&at).map_err(fault)?;
        let held = held.ok_or_else(|| s3_error!(NoSuchBucket))?;
        let of: Bucket = rows::of_bytes(&at, &held).map_err(fault)?;
        let row = rows::current(bucket, key);
        let before = self.inner.rows.get(&row).map_err(fault)?;
        let now: Option<Entry> = before
            .as_deref()
            .map(|value| rows::of_bytes(&row, value))
            .transpose()
            .map_err(fault)?;
        conditions.check(now.as_ref())?;
        let mut entry = fresh.clone();
        self.hold_to_class(bucket, now.as_ref(), &mut entry)?;
        let last = now.as_ref().map_or(0, |entry| entry.seq);
        entry.seq = self.now_ms().max(last + 1);
        entry.version = match of.versioning {
            Versioning::On => format!("{:016x}{}", entry.seq, &self.draw_name()[..16]),
            Versioning::Off | Versioning::Suspended => NULL.to_owned(),
        };
        if let Some(now) = &now {
            if of.versioning == Versioning::Off || entry.version == now.version {
                crate::s3::lock::must_be_free(now, self.now_ms(), false)?;
                self.let_go(change, bucket, key, now);
            } else {
                let older = rows::older(bucket, key, Some(now.seq));
                change.write.insert(older, before.clone());
            }
        }
        if of.versioning == Versioning::Suspended {
            self.drop_older_null(bucket, key, change)?;
        }
        self.take_up(change, bucket, key, &entry).map_err(fault)?;
        change.expect.push((at, Some(held)));
        change.expect.push((row.clone(), before));
        change.write.insert(row, Some(rows::to_bytes(&entry)));
        Ok(entry)
    }

    /// With versions suspended there is one version without an id.
    fn drop_older_null(&self, bucket: &str, key: &str, change: &mut RowChange) -> S3Result<()> {
        for held in self.older(bucket, key)? {
            if held.entry.version == NULL {
                crate::s3::lock::must_be_free(&held.entry, self.now_ms(), false)?;
                self.let_go(change, bucket, key, &held.entry);
                change.expect.push((held.row.clone(), Some(held.value)));
                change.write.insert(held.row, None);
            }
        }
        Ok(())
    }

    /// Deletes a key: where versions are kept a marker comes instead. Gives the marker's version
    /// id back, if one was made.
    pub(crate) async fn delete(&self, bucket: &str, key: &str) -> S3Result<Option<Entry>> {
        let of = self.bucket(bucket)?;
        if of.versioning != Versioning::Off {
            let marker = Entry {
                marker: true,
                modified_ms: self.now_ms(),
                ..Entry::default()
            };
            let none = (Conditions::default(), RowChange::default());
            let made = self.replace(bucket, key, &marker, &none.0, &none.1).await?;
            return Ok(Some(made));
        }
        let row = rows::current(bucket, key);
        for _ in 0..TRIES_MAX {
            let Some(value) = self.inner.rows.get(&row).map_err(fault)? else {
                return Ok(None);
            };
            let entry: Entry = rows::of_bytes(&row, &value).map_err(fault)?;
            crate::s3::lock::must_be_free(&entry, self.now_ms(), false)?;
            let mut change = RowChange::default();
            self.let_go(&mut change, bucket, key, &entry);
            change.expect.push((row.clone(), Some(value)));
            change.write.insert(row.clone(), None);
            if commit(&self.inner.rows, change).await.map_err(fault)? {
                self.inner.garbage.notify_one();
                return Ok(None);
            }
        }
        Err(fault(Error::Contended {
            key: key.to_owned(),
            tries: TRIES_MAX,
        }))
    }

    /// Deletes one version for good; the next older one becomes current when it was. Gives what
    /// it was back. Errors: AccessDenied when it is locked and `lifting` does not lift it.
    pub(crate) async fn delete_version(
        &self,
        bucket: &str,
        key: &str,
        id: &str,
        lifting: bool,
    ) -> S3Result<Option<Entry>> {
        self.bucket(bucket)?;
        for _ in 0..TRIES_MAX {
            let Held { row, value, entry } = match self.version(bucket, key, id) {
                Ok(found) => found,
                Err(error) if *error.code() == s3s::S3ErrorCode::NoSuchVersion => return Ok(None),
                Err(error) => return Err(error),
            };
            crate::s3::lock::must_be_free(&entry, self.now_ms(), lifting)?;
            let mut change = RowChange::default();
            self.let_go(&mut change, bucket, key, &entry);
            change.expect.push((row.clone(), Some(value)));
            change.write.insert(row.clone(), None);
            if row == rows::current(bucket, key) {
                let from = rows::older(bucket, key, None);
                let next = self.inner.rows.scan(&from, &rows::after(&from), 1);
                if let Some((older, value)) = next.map_err(fault)?.pop() {
                    change.expect.push((older.clone(), Some(value.clone())));
                    change.write.insert(older, None);
                    change.write.insert(row, Some(value));
                }
            }
            if commit(&self.inner.rows, change).await.map_err(fault)? {
                self.inner.garbage.notify_one();
                return Ok(Some(entry));
            }
        }
        Err(fault(Error::Contended {
            key: key.to_owned(),
            tries: TRIES_MAX,
        }))
    }

    /// Changes a version in its place: tags, locks.
    pub(crate) async fn amend(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        mut edit: impl FnMut(&mut Entry) -> S3Result<()>,
    ) -> S3Result<Entry> {
        for _ in 0..TRIES_MAX {
            let found = self.found(bucket, key, version)?;
            let (row, mut entry) = (found.row, found.entry);
            edit(&mut entry)?;
            let mut change = RowChange::default();
            change.expect.push((row.clone(), Some(found.value)));
            change.write.insert(row, Some(rows::to_bytes(&entry)));
            if commit(&self.inner.rows, change).await.map_err(fault)? {
                return Ok(entry);
            }
        }
        Err(fault(Error::Contended {
            key: key.to_owned(),
            tries: TRIES_MAX,
        }))
    }

    /// The version a request means. Errors: NoSuchBucket, NoSuchKey, NoSuchVersion,
    /// MethodNotAllowed for a marker.
    pub(crate) fn found(&self, bucket: &str, key: &str, version: Option<&str>) -> S3Result<Held> {
        self.bucket(bucket)?;
        match version {
            Some(id) => {
                let found = self.version(bucket, key, id)?;
                match found.entry.marker {
                    true => Err(s3_error!(MethodNotAllowed)),
                    false => Ok(found),
                }
            }
            None => {
                let found = self.held(rows::current(bucket, key))?;
                let found = found.filter(|held| !held.entry.marker);
                found.ok_or_else(|| s3_error!(NoSuchKey))
            }
        }
    }
}
