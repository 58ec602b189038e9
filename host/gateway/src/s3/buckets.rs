//! Buckets: made, listed, emptied, and what is set on them.

use std::collections::BTreeMap;

use host_ledger::catalogue::RowChange;
use s3s::dto::{
    AbortIncompleteMultipartUpload, Bucket as SaidBucket, BucketVersioningStatus,
    CreateBucketInput, CreateBucketOutput, DeleteBucketInput, DeleteBucketLifecycleInput,
    DeleteBucketLifecycleOutput, DeleteBucketOutput, DeleteBucketTaggingInput,
    DeleteBucketTaggingOutput, ExpirationStatus, GetBucketLifecycleConfigurationInput,
    GetBucketLifecycleConfigurationOutput, GetBucketLocationInput, GetBucketLocationOutput,
    GetBucketTaggingInput, GetBucketTaggingOutput, GetBucketVersioningInput,
    GetBucketVersioningOutput, HeadBucketInput, HeadBucketOutput, LifecycleExpiration,
    LifecycleRule, LifecycleRuleFilter, ListBucketsInput, ListBucketsOutput,
    NoncurrentVersionExpiration, Owner, PutBucketLifecycleConfigurationInput,
    PutBucketLifecycleConfigurationOutput, PutBucketTaggingInput, PutBucketTaggingOutput,
    PutBucketVersioningInput, PutBucketVersioningOutput,
};
use s3s::{S3Result, s3_error};

use super::words::{moment, tag_set, tags};
use crate::catalogue::commit;
use crate::entries::fault;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{self, AccessKey, Bucket, Expiry, Versioning};

/// Most tags of a bucket.
const TAGS_MAX: usize = 50;
/// Most lifecycle rules of a bucket.
const RULES_MAX: usize = 100;
/// Tries at one bucket.
const TRIES_MAX: u32 = 16;

fn days(count: Option<i32>) -> S3Result<Option<u64>> {
    match count {
        Some(count) if count < 1 => Err(s3_error!(InvalidArgument, "days are positive")),
        count => Ok(count.and_then(|count| u64::try_from(count).ok())),
    }
}

fn said_days(count: Option<u64>) -> Option<i32> {
    count.map(|count| i32::try_from(count).unwrap_or(i32::MAX))
}

/// A rule as the catalogue keeps it. Errors: NotImplemented for what no rule here can do.
fn expiry(rule: LifecycleRule) -> S3Result<Expiry> {
    let beyond = rule.transitions.is_some() || rule.noncurrent_version_transitions.is_some();
    let filter = rule.filter.unwrap_or_default();
    let narrow = filter.and.is_some()
        || filter.tag.is_some()
        || filter.object_size_greater_than.is_some()
        || filter.object_size_less_than.is_some();
    let expiration = rule.expiration.unwrap_or_default();
    let dated = expiration.date.is_some();
    if beyond || narrow || dated {
        let words = "rules here expire by days and prefix; no transitions, dates, tags or sizes";
        return Err(s3_error!(NotImplemented, "{words}"));
    }
    let older = rule.noncurrent_version_expiration;
    let upload = rule.abort_incomplete_multipart_upload;
    Ok(Expiry {
        id: rule.id.unwrap_or_default(),
        enabled: rule.status.as_str() == ExpirationStatus::ENABLED,
        prefix: filter.prefix.or(rule.prefix).unwrap_or_default(),
        days: days(expiration.days)?,
        older_days: days(older.and_then(|older| older.noncurrent_days))?,
        upload_days: days(upload.and_then(|upload| upload.days_after_initiation))?,
    })
}

fn said_rule(rule: &Expiry) -> LifecycleRule {
    let status = match rule.enabled {
        true => ExpirationStatus::ENABLED,
        false => ExpirationStatus::DISABLED,
    };
    LifecycleRule {
        id: Some(rule.id.clone()),
        status: ExpirationStatus::from_static(status),
        filter: Some(LifecycleRuleFilter {
            prefix: Some(rule.prefix.clone()),
            ..LifecycleRuleFilter::default()
        }),
        prefix: None,
        expiration: rule.days.map(|_| LifecycleExpiration {
            days: said_days(rule.days),
            ..LifecycleExpiration::default()
        }),
        noncurrent_version_expiration: rule.older_days.map(|_| NoncurrentVersionExpiration {
            noncurrent_days: said_days(rule.older_days),
            ..NoncurrentVersionExpiration::default()
        }),
        abort_incomplete_multipart_upload: rule.upload_days.map(|_| {
            AbortIncompleteMultipartUpload {
                days_after_initiation: said_days(rule.upload_days),
            }
        }),
        noncurrent_version_transitions: None,
        transitions: None,
    }
}

impl Gateway {
    /// Changes a bucket's row.
    pub(super) async fn amend_bucket(
        &self,
        name: &str,
        mut edit: impl FnMut(&mut Bucket) -> S3Result<()>,
    ) -> S3Result<()> {
        let at = rows::bucket(name);
        for _ in 0..TRIES_MAX {
            let before = self.inner.rows.get(&at).map_err(fault)?;
            let before = before.ok_or_else(|| s3_error!(NoSuchBucket))?;
            let mut row: Bucket = rows::of_bytes(&at, &before).map_err(fault)?;
            edit(&mut row)?;
            let mut change = RowChange::default();
            change.expect.push((at.clone(), Some(before)));
            change.write.insert(at.clone(), Some(rows::to_bytes(&row)));
            if commit(&self.inner.rows, change).await.map_err(fault)? {
                return Ok(());
            }
        }
        Err(fault(Error::Contended {
            key: name.to_owned(),
            tries: TRIES_MAX,
        }))
    }

    pub(super) async fn list_buckets(
        &self,
        _input: ListBucketsInput,
        signer: Option<AccessKey>,
    ) -> S3Result<ListBucketsOutput> {
        let end = rows::after(rows::BUCKETS);
        let found = self.inner.rows.scan(rows::BUCKETS, &end, usize::MAX);
        let mut buckets = Vec::new();
        for (key, value) in found.map_err(fault)? {
            let row: Bucket = rows::of_bytes(&key, &value).map_err(fault)?;
            let name = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            if signer.as_ref().is_some_and(|signer| signer.reaches(&name)) {
                buckets.push(SaidBucket {
                    creation_date: Some(moment(row.created_ms)),
                    name: Some(name),
                    ..SaidBucket::default()
                });
            }
        }
        Ok(ListBucketsOutput {
            buckets: Some(buckets),
            owner: Some(Owner {
                display_name: None,
                id: Some("holdfast".to_owned()),
            }),
            ..ListBucketsOutput::default()
        })
    }

    pub(crate) async fn create_bucket(
        &self,
        input: CreateBucketInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<CreateBucketOutput> {
        let at = rows::bucket(&input.bucket);
        let lock = input.object_lock_enabled_for_bucket.unwrap_or(false);
        let row = Bucket {
            created_ms: self.now_ms(),
            lock,
            versioning: if lock {
                Versioning::On
            } else {
                Versioning::Off
            },
            ..Bucket::default()
        };
        let mut change = RowChange::default();
        change.expect.push((at.clone(), None));
        change.write.insert(at, Some(rows::to_bytes(&row)));
        if !commit(&self.inner.rows, change).await.map_err(fault)? {
            return Err(s3_error!(BucketAlreadyOwnedByYou));
        }
        Ok(CreateBucketOutput {
            location: Some(format!("/{}", input.bucket)),
        })
    }

    pub(super) async fn delete_bucket(
        &self,
        input: DeleteBucketInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<DeleteBucketOutput> {
        let at = rows::bucket(&input.bucket);
        let before = self.inner.rows.get(&at).map_err(fault)?;
        let before = before.ok_or_else(|| s3_error!(NoSuchBucket))?;
        // A write that comes meanwhile expects this row, and this commit expects it as it is: a
        // change of the row on every write would be dearer than looking twice.
        let spaces = [
            rows::current(&input.bucket, ""),
            rows::older_from(&input.bucket, ""),
            rows::upload(&input.bucket, ""),
        ];
        for from in spaces {
            let held = self.inner.rows.scan(&from, &rows::after(&from), 1);
            if !held.map_err(fault)?.is_empty() {
                return Err(s3_error!(BucketNotEmpty));
            }
        }
        let mut change = RowChange::default();
        change.expect.push((at.clone(), Some(before)));
        change.write.insert(at, None);
        change.write.insert(rows::usage(&input.bucket), None);
        if !commit(&self.inner.rows, change).await.map_err(fault)? {
            return Err(s3_error!(OperationAborted));
        }
        Ok(DeleteBucketOutput {})
    }

    pub(super) async fn head_bucket(
        &self,
        input: HeadBucketInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<HeadBucketOutput> {
        self.bucket(&input.bucket)?;
        Ok(HeadBucketOutput::default())
    }

    pub(super) async fn get_bucket_location(
        &self,
        input: GetBucketLocationInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetBucketLocationOutput> {
        self.bucket(&input.bucket)?;
        Ok(GetBucketLocationOutput::default())
    }

    pub(super) async fn get_bucket_versioning(
        &self,
        input: GetBucketVersioningInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetBucketVersioningOutput> {
        let status = match self.bucket(&input.bucket)?.versioning {
            Versioning::Off => None,
            Versioning::On => Some(BucketVersioningStatus::ENABLED),
            Versioning::Suspended => Some(BucketVersioningStatus::SUSPENDED),
        };
        Ok(GetBucketVersioningOutput {
            status: status.map(BucketVersioningStatus::from_static),
            ..GetBucketVersioningOutput::default()
        })
    }

    pub(super) async fn put_bucket_versioning(
        &self,
        input: PutBucketVersioningInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutBucketVersioningOutput> {
        let wanted = input.versioning_configuration.status;
        let wanted = match wanted.as_ref().map(BucketVersioningStatus::as_str) {
            Some(BucketVersioningStatus::ENABLED) => Versioning::On,
            Some(BucketVersioningStatus::SUSPENDED) => Versioning::Suspended,
            _ => return Err(s3_error!(IllegalVersioningConfigurationException)),
        };
        self.amend_bucket(&input.bucket, |row| {
            if row.lock && wanted != Versioning::On {
                return Err(s3_error!(InvalidBucketState));
            }
            row.versioning = wanted;
            Ok(())
        })
        .await?;
        Ok(PutBucketVersioningOutput {})
    }

    pub(super) async fn get_bucket_tagging(
        &self,
        input: GetBucketTaggingInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetBucketTaggingOutput> {
        let row = self.bucket(&input.bucket)?;
        if row.tags.is_empty() {
            return Err(s3_error!(NoSuchTagSet));
        }
        Ok(GetBucketTaggingOutput {
            tag_set: tag_set(&row.tags),
        })
    }

    pub(super) async fn put_bucket_tagging(
        &self,
        input: PutBucketTaggingInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutBucketTaggingOutput> {
        let wanted = tags(input.tagging.tag_set, TAGS_MAX)?;
        self.amend_bucket(&input.bucket, |row| {
            row.tags.clone_from(&wanted);
            Ok(())
        })
        .await?;
        Ok(PutBucketTaggingOutput {})
    }

    pub(super) async fn delete_bucket_tagging(
        &self,
        input: DeleteBucketTaggingInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<DeleteBucketTaggingOutput> {
        self.amend_bucket(&input.bucket, |row| {
            row.tags = BTreeMap::new();
            Ok(())
        })
        .await?;
        Ok(DeleteBucketTaggingOutput {})
    }

    pub(super) async fn get_bucket_lifecycle_configuration(
        &self,
        input: GetBucketLifecycleConfigurationInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetBucketLifecycleConfigurationOutput> {
        let row = self.bucket(&input.bucket)?;
        if row.lifecycle.is_empty() {
            return Err(s3_error!(NoSuchLifecycleConfiguration));
        }
        Ok(GetBucketLifecycleConfigurationOutput {
            rules: Some(row.lifecycle.iter().map(said_rule).collect()),
            ..GetBucketLifecycleConfigurationOutput::default()
        })
    }

    pub(super) async fn put_bucket_lifecycle_configuration(
        &self,
        input: PutBucketLifecycleConfigurationInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutBucketLifecycleConfigurationOutput> {
        let given = input.lifecycle_configuration.unwrap_or_default().rules;
        if given.is_empty() || given.len() > RULES_MAX {
            return Err(s3_error!(InvalidArgument, "one to {RULES_MAX} rules"));
        }
        let rules: S3Result<Vec<Expiry>> = given.into_iter().map(expiry).collect();
        let rules = rules?;
        self.amend_bucket(&input.bucket, |row| {
            row.lifecycle.clone_from(&rules);
            Ok(())
        })
        .await?;
        Ok(PutBucketLifecycleConfigurationOutput::default())
    }

    pub(super) async fn delete_bucket_lifecycle(
        &self,
        input: DeleteBucketLifecycleInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<DeleteBucketLifecycleOutput> {
        self.amend_bucket(&input.bucket, |row| {
            row.lifecycle = Vec::new();
            Ok(())
        })
        .await?;
        Ok(DeleteBucketLifecycleOutput {})
    }
}
