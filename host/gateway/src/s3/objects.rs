//! Objects: put, got, headed, copied, deleted, tagged.

use std::ops::Range;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use host_ledger::catalogue::RowChange;
use s3s::dto::{
    Checksum, CopyObjectInput, CopyObjectOutput, CopyObjectResult, CopySource, DeleteObjectInput,
    DeleteObjectOutput, DeleteObjectTaggingInput, DeleteObjectTaggingOutput, DeleteObjectsInput,
    DeleteObjectsOutput, DeletedObject, ETagCondition, Error as SaidError, GetObjectInput,
    GetObjectOutput, GetObjectTaggingInput, GetObjectTaggingOutput, HeadObjectInput,
    HeadObjectOutput, MetadataDirective, PutObjectInput, PutObjectOutput, PutObjectTaggingInput,
    PutObjectTaggingOutput, StreamingBlob, TaggingDirective, Timestamp,
};
use s3s::{S3Error, S3Result, s3_error};

use super::lock;
use super::words::{
    check_key, check_sums, etag, hasher, header_tags, http_date, meta, millis, moment, object_tags,
    signed, tag_set,
};
use crate::entries::{Conditions, NULL, fault};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{AccessKey, Entry};
use crate::spool::{self, Spooled};

/// Most keys of one request that deletes many.
const DELETES_MAX: usize = 1000;
/// Longest body of one request.
pub(crate) const BODY_LEN_MAX: u64 = 5 << 30;

/// What a request says a read must find.
pub(super) struct ReadConditions {
    pub(super) if_match: Option<ETagCondition>,
    pub(super) if_none_match: Option<ETagCondition>,
    pub(super) if_modified_since: Option<Timestamp>,
    pub(super) if_unmodified_since: Option<Timestamp>,
}

impl ReadConditions {
    /// Errors: PreconditionFailed; `unchanged` when the client has it already.
    pub(super) fn check(&self, entry: &Entry, unchanged: fn() -> S3Error) -> S3Result<()> {
        let is = |condition: &ETagCondition| {
            let wanted = condition.as_etag();
            wanted.is_none_or(|wanted| wanted.value() == entry.etag)
        };
        let second = entry.modified_ms / 1000;
        let newer = |at: &Timestamp| second > millis(at) / 1000;
        match (&self.if_match, &self.if_unmodified_since) {
            (Some(condition), _) if !is(condition) => return Err(s3_error!(PreconditionFailed)),
            (None, Some(at)) if newer(at) => return Err(s3_error!(PreconditionFailed)),
            _ => (),
        }
        match (&self.if_none_match, &self.if_modified_since) {
            (Some(condition), _) if is(condition) => Err(unchanged()),
            (None, Some(at)) if !newer(at) => Err(unchanged()),
            _ => Ok(()),
        }
    }
}

fn not_modified() -> S3Error {
    s3_error!(NotModified)
}

fn precondition() -> S3Error {
    s3_error!(PreconditionFailed)
}

/// Standard headers as the catalogue keeps them.
pub(super) fn headers(
    pairs: [(&str, Option<String>); 6],
) -> std::collections::BTreeMap<String, String> {
    let given = pairs.into_iter().filter_map(|(name, value)| {
        let mut value = value?;
        if name == "content-encoding" {
            // The framing of a signed upload is not the object's.
            let words = value.split(',').map(str::trim);
            value = words
                .filter(|word| *word != "aws-chunked")
                .collect::<Vec<_>>()
                .join(", ");
        }
        (!value.is_empty()).then(|| (name.to_owned(), value))
    });
    given.collect()
}

/// The version id S3 says of an entry.
pub(super) fn said_version(entry: &Entry) -> Option<String> {
    (entry.version != NULL).then(|| entry.version.clone())
}

fn header(entry: &Entry, name: &str) -> Option<String> {
    entry.headers.get(name).cloned()
}

/// The bytes a part number means.
fn of_part(entry: &Entry, number: i32) -> S3Result<Range<u64>> {
    let index = usize::try_from(number - 1)
        .map_err(|_| s3_error!(InvalidArgument, "there is no such part"))?;
    if entry.parts.is_empty() && index == 0 {
        return Ok(0..entry.len);
    }
    let len = entry
        .parts
        .get(index)
        .ok_or_else(|| s3_error!(InvalidArgument, "there is no such part"))?;
    let start: u64 = entry.parts.iter().take(index).sum();
    Ok(start..start + len)
}

/// The bytes a request means, and whether they are a part of the whole.
fn bytes_asked(
    entry: &Entry,
    range: Option<&s3s::dto::Range>,
    part: Option<i32>,
) -> S3Result<(Range<u64>, bool)> {
    match (range, part) {
        (Some(_), Some(_)) => Err(s3_error!(InvalidRequest, "a range or a part number")),
        (Some(range), None) => Ok((range.check(entry.len)?, true)),
        (None, Some(number)) => Ok((of_part(entry, number)?, true)),
        (None, None) => Ok((0..entry.len, false)),
    }
}

fn said_range(range: &Range<u64>, len: u64) -> String {
    format!(
        "bytes {}-{}/{len}",
        range.start,
        range.end.saturating_sub(1)
    )
}

fn tag_count(entry: &Entry) -> Option<i32> {
    let count = i32::try_from(entry.tags.len()).unwrap_or(i32::MAX);
    (count > 0).then_some(count)
}

impl Gateway {
    /// Takes a request's body in and checks it against what the request says of it.
    pub(super) async fn take_body(
        &self,
        body: Option<StreamingBlob>,
        md5: Option<&str>,
        given: &Checksum,
    ) -> S3Result<Spooled> {
        let body = body.ok_or_else(|| s3_error!(IncompleteBody))?;
        let dir = &self.inner.options.spool;
        let taken = spool::take(body, dir, &self.draw_name(), hasher(given)).await;
        let spooled = taken.map_err(|error| match error {
            Error::Body { why } if why.contains("checksum") => {
                let code = s3s::S3ErrorCode::Custom("XAmzContentSHA256Mismatch".into());
                let mut error = S3Error::with_message(code, why);
                error.set_status_code(hyper::StatusCode::BAD_REQUEST);
                error
            }
            other => fault(other),
        })?;
        if let Some(md5) = md5 {
            let wanted = STANDARD.decode(md5).map_err(|_| s3_error!(InvalidDigest))?;
            if wanted != spooled.md5 {
                return Err(s3_error!(BadDigest));
            }
        }
        check_sums(given, &spooled.checksum)?;
        if spooled.len > BODY_LEN_MAX {
            return Err(s3_error!(EntityTooLarge));
        }
        Ok(spooled)
    }

    pub(super) fn check_quota(&self, signer: Option<&AccessKey>, more: u64) -> S3Result<()> {
        signer.map_or(Ok(()), |signer| self.within_quota(signer, more))
    }

    pub(crate) async fn put_object(
        &self,
        input: PutObjectInput,
        signer: Option<AccessKey>,
    ) -> S3Result<PutObjectOutput> {
        check_key(&input.key)?;
        let bucket = self.bucket(&input.bucket)?;
        let len = u64::try_from(input.content_length.unwrap_or(0)).unwrap_or(0);
        self.check_quota(signer.as_ref(), len)?;
        let mut entry = Entry {
            headers: headers([
                ("content-type", input.content_type),
                ("cache-control", input.cache_control),
                ("content-disposition", input.content_disposition),
                ("content-encoding", input.content_encoding),
                ("content-language", input.content_language),
                ("expires", input.expires.as_ref().map(http_date)),
            ]),
            meta: meta(input.metadata)?,
            tags: header_tags(input.tagging.as_deref())?,
            ..Entry::default()
        };
        let asked = lock::Asked {
            mode: input.object_lock_mode.map(|mode| mode.as_str().to_owned()),
            until: input.object_lock_retain_until_date,
            hold: input.object_lock_legal_hold_status,
        };
        lock::set(&mut entry, &bucket, asked, self.now_ms())?;
        let given = Checksum {
            checksum_crc32: input.checksum_crc32,
            checksum_crc32c: input.checksum_crc32c,
            checksum_crc64nvme: input.checksum_crc64nvme,
            checksum_sha1: input.checksum_sha1,
            checksum_sha256: input.checksum_sha256,
            ..Checksum::default()
        };
        let md5 = input.content_md5.as_deref();
        let spooled = self.take_body(input.body, md5, &given).await?;
        self.check_quota(signer.as_ref(), spooled.len)?;
        entry.len = spooled.len;
        entry.etag = hex::encode(spooled.md5);
        entry.modified_ms = self.now_ms();
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
        };
        let sums = spooled.checksum.clone();
        // On a task of its own: a client that goes must not leave half a put behind.
        let gateway = self.clone();
        let stored = tokio::spawn(async move {
            entry.pieces = gateway.stow(spooled.place).await.map_err(fault)?;
            let none = RowChange::default();
            let (bucket, key) = (&input.bucket, &input.key);
            gateway
                .replace(bucket, key, &entry, &conditions, &none)
                .await
        });
        let entry = stored.await.map_err(|_| fault(Error::Worker))??;
        Ok(PutObjectOutput {
            e_tag: Some(etag(&entry.etag)),
            version_id: said_version(&entry),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..PutObjectOutput::default()
        })
    }

    pub(super) async fn get_object(
        &self,
        input: GetObjectInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetObjectOutput> {
        let entry = self
            .found(&input.bucket, &input.key, input.version_id.as_deref())?
            .entry;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        conditions.check(&entry, not_modified)?;
        let (range, partial) = bytes_asked(&entry, input.range.as_ref(), input.part_number)?;
        let body = self
            .read(&entry.pieces, range.clone())
            .await
            .map_err(fault)?;
        Ok(GetObjectOutput {
            body: Some(StreamingBlob::wrap(body)),
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(signed(range.end - range.start)),
            content_range: partial.then(|| said_range(&range, entry.len)),
            content_type: input
                .response_content_type
                .or_else(|| header(&entry, "content-type")),
            cache_control: input
                .response_cache_control
                .or_else(|| header(&entry, "cache-control")),
            content_disposition: input
                .response_content_disposition
                .or_else(|| header(&entry, "content-disposition")),
            content_encoding: input
                .response_content_encoding
                .or_else(|| header(&entry, "content-encoding")),
            content_language: input
                .response_content_language
                .or_else(|| header(&entry, "content-language")),
            e_tag: Some(etag(&entry.etag)),
            last_modified: Some(moment(entry.modified_ms)),
            metadata: Some(entry.meta.clone().into_iter().collect()),
            tag_count: tag_count(&entry),
            parts_count: input.part_number.and(i32::try_from(entry.parts.len()).ok()),
            version_id: said_version(&entry),
            object_lock_mode: lock::said_mode(&entry),
            object_lock_retain_until_date: entry.lock.map(|(_, until)| moment(until)),
            object_lock_legal_hold_status: lock::said_hold(&entry),
            ..GetObjectOutput::default()
        })
    }

    pub(super) async fn head_object(
        &self,
        input: HeadObjectInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<HeadObjectOutput> {
        let entry = self
            .found(&input.bucket, &input.key, input.version_id.as_deref())?
            .entry;
        let conditions = ReadConditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
            if_modified_since: input.if_modified_since,
            if_unmodified_since: input.if_unmodified_since,
        };
        conditions.check(&entry, not_modified)?;
        let (range, partial) = bytes_asked(&entry, input.range.as_ref(), input.part_number)?;
        Ok(HeadObjectOutput {
            accept_ranges: Some("bytes".to_owned()),
            content_length: Some(signed(range.end - range.start)),
            content_range: partial.then(|| said_range(&range, entry.len)),
            content_type: header(&entry, "content-type"),
            cache_control: header(&entry, "cache-control"),
            content_disposition: header(&entry, "content-disposition"),
            content_encoding: header(&entry, "content-encoding"),
            content_language: header(&entry, "content-language"),
            e_tag: Some(etag(&entry.etag)),
            last_modified: Some(moment(entry.modified_ms)),
            metadata: Some(entry.meta.clone().into_iter().collect()),
            parts_count: input.part_number.and(i32::try_from(entry.parts.len()).ok()),
            version_id: said_version(&entry),
            object_lock_mode: lock::said_mode(&entry),
            object_lock_retain_until_date: entry.lock.map(|(_, until)| moment(until)),
            object_lock_legal_hold_status: lock::said_hold(&entry),
            ..HeadObjectOutput::default()
        })
    }

    /// The entry a copy names. Errors: NotImplemented for sources elsewhere.
    pub(super) fn source(
        &self,
        source: &CopySource,
        signer: Option<&AccessKey>,
    ) -> S3Result<Entry> {
        let CopySource::Bucket {
            bucket,
            key,
            version_id,
        } = source
        else {
            return Err(s3_error!(
                NotImplemented,
                "a copy's source is a bucket here"
            ));
        };
        if !signer.is_some_and(|signer| signer.reaches(bucket)) {
            return Err(s3_error!(AccessDenied, "this key may not touch {bucket}"));
        }
        Ok(self.found(bucket, key, version_id.as_deref())?.entry)
    }

    /// A copy names the same runs of the same stored objects; they stay until the last name goes.
    pub(super) async fn copy_object(
        &self,
        input: CopyObjectInput,
        signer: Option<AccessKey>,
    ) -> S3Result<CopyObjectOutput> {
        check_key(&input.key)?;
        let bucket = self.bucket(&input.bucket)?;
        let source = self.source(&input.copy_source, signer.as_ref())?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        conditions.check(&source, precondition)?;
        self.check_quota(signer.as_ref(), source.len)?;
        let mut entry = Entry {
            modified_ms: self.now_ms(),
            lock: None,
            hold: false,
            ..source.clone()
        };
        let directive = input
            .metadata_directive
            .as_ref()
            .map(MetadataDirective::as_str);
        if directive == Some(MetadataDirective::REPLACE) {
            entry.headers = headers([
                ("content-type", input.content_type),
                ("cache-control", input.cache_control),
                ("content-disposition", input.content_disposition),
                ("content-encoding", input.content_encoding),
                ("content-language", input.content_language),
                ("expires", input.expires.as_ref().map(http_date)),
            ]);
            entry.meta = meta(input.metadata)?;
        }
        let directive = input
            .tagging_directive
            .as_ref()
            .map(TaggingDirective::as_str);
        if directive == Some(TaggingDirective::REPLACE) {
            entry.tags = header_tags(input.tagging.as_deref())?;
        }
        let asked = lock::Asked {
            mode: input.object_lock_mode.map(|mode| mode.as_str().to_owned()),
            until: input.object_lock_retain_until_date,
            hold: input.object_lock_legal_hold_status,
        };
        lock::set(&mut entry, &bucket, asked, self.now_ms())?;
        let none = (Conditions::default(), RowChange::default());
        let made = self
            .replace(&input.bucket, &input.key, &entry, &none.0, &none.1)
            .await?;
        Ok(CopyObjectOutput {
            copy_object_result: Some(CopyObjectResult {
                e_tag: Some(etag(&made.etag)),
                last_modified: Some(moment(made.modified_ms)),
                ..CopyObjectResult::default()
            }),
            copy_source_version_id: said_version(&source),
            version_id: said_version(&made),
            ..CopyObjectOutput::default()
        })
    }

    pub(crate) async fn delete_object(
        &self,
        input: DeleteObjectInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<DeleteObjectOutput> {
        let lifting = input.bypass_governance_retention.unwrap_or(false);
        let version = input.version_id.as_deref();
        let (marker, version) = self
            .delete_one(&input.bucket, &input.key, version, lifting)
            .await?;
        Ok(DeleteObjectOutput {
            delete_marker: marker.then_some(true),
            version_id: version,
            ..DeleteObjectOutput::default()
        })
    }

    /// Whether what was made or deleted is a marker, and its version id.
    async fn delete_one(
        &self,
        bucket: &str,
        key: &str,
        version: Option<&str>,
        lifting: bool,
    ) -> S3Result<(bool, Option<String>)> {
        match version {
            None => {
                let made = self.delete(bucket, key).await?;
                Ok((made.is_some(), made.as_ref().and_then(said_version)))
            }
            Some(id) => {
                let gone = self.delete_version(bucket, key, id, lifting).await?;
                Ok((gone.is_some_and(|gone| gone.marker), Some(id.to_owned())))
            }
        }
    }

    pub(super) async fn delete_objects(
        &self,
        input: DeleteObjectsInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<DeleteObjectsOutput> {
        self.bucket(&input.bucket)?;
        if input.delete.objects.len() > DELETES_MAX {
            return Err(s3_error!(MalformedXML));
        }
        let lifting = input.bypass_governance_retention.unwrap_or(false);
        let quiet = input.delete.quiet.unwrap_or(false);
        let (mut deleted, mut errors) = (Vec::new(), Vec::new());
        for wanted in input.delete.objects {
            let version = wanted.version_id.as_deref();
            match self
                .delete_one(&input.bucket, &wanted.key, version, lifting)
                .await
            {
                Ok(_) if quiet => (),
                Ok((marker, id)) => deleted.push(DeletedObject {
                    delete_marker: marker.then_some(true),
                    delete_marker_version_id: id.filter(|_| marker),
                    key: Some(wanted.key),
                    version_id: wanted.version_id,
                }),
                Err(error) => errors.push(SaidError {
                    code: Some(error.code().as_str().to_owned()),
                    key: Some(wanted.key),
                    message: error.message().map(str::to_owned),
                    version_id: wanted.version_id,
                }),
            }
        }
        Ok(DeleteObjectsOutput {
            deleted: Some(deleted),
            errors: Some(errors),
            ..DeleteObjectsOutput::default()
        })
    }

    pub(super) async fn get_object_tagging(
        &self,
        input: GetObjectTaggingInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetObjectTaggingOutput> {
        let entry = self
            .found(&input.bucket, &input.key, input.version_id.as_deref())?
            .entry;
        Ok(GetObjectTaggingOutput {
            tag_set: tag_set(&entry.tags),
            version_id: said_version(&entry),
        })
    }

    pub(super) async fn put_object_tagging(
        &self,
        input: PutObjectTaggingInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutObjectTaggingOutput> {
        let tags = object_tags(input.tagging.tag_set)?;
        let version = input.version_id.as_deref();
        let edited = self.amend(&input.bucket, &input.key, version, |entry| {
            entry.tags.clone_from(&tags);
            Ok(())
        });
        Ok(PutObjectTaggingOutput {
            version_id: said_version(&edited.await?),
        })
    }

    pub(super) async fn delete_object_tagging(
        &self,
        input: DeleteObjectTaggingInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<DeleteObjectTaggingOutput> {
        let version = input.version_id.as_deref();
        let edited = self.amend(&input.bucket, &input.key, version, |entry| {
            entry.tags.clear();
            Ok(())
        });
        Ok(DeleteObjectTaggingOutput {
            version_id: said_version(&edited.await?),
        })
    }
}
