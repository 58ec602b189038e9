//! Multipart uploads: every part is stored, receipted and paid when it is answered, so that an
//! upload goes on after any end of the gateway with the parts it lists.

use host_ledger::catalogue::RowChange;
use s3s::crypto::{Checksum as _, Md5};
use s3s::dto::{
    AbortMultipartUploadInput, AbortMultipartUploadOutput, Checksum, CommonPrefix,
    CompleteMultipartUploadInput, CompleteMultipartUploadOutput, CompletedPart, CopyPartResult,
    CreateMultipartUploadInput, CreateMultipartUploadOutput, ListMultipartUploadsInput,
    ListMultipartUploadsOutput, ListPartsInput, ListPartsOutput, MultipartUpload, Part as SaidPart,
    Range, UploadPartCopyInput, UploadPartCopyOutput, UploadPartInput, UploadPartOutput,
};
use s3s::{S3Result, s3_error};

use super::lock;
use super::objects::{BODY_LEN_MAX, ReadConditions, headers, said_version};
use super::words::{
    check_key, check_sums, etag, hasher, header_tags, http_date, meta, moment, signed,
};
use crate::catalogue::commit;
use crate::entries::{Conditions, fault};
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{self, AccessKey, Entry, Part, Upload};
use crate::spool;
use crate::uses;

/// Highest number of a part.
const PARTS_MAX: u16 = 10_000;
/// Least bytes of a part that is not the last.
const PART_LEN_MIN: u64 = 5 << 20;
/// Most lines of one answer.
const LINES_MAX: usize = 1000;

fn number_of(number: i32) -> S3Result<u16> {
    let number = u16::try_from(number).ok();
    let number = number.filter(|number| (1..=PARTS_MAX).contains(number));
    number.ok_or_else(|| s3_error!(InvalidArgument, "a part's number is 1 to {PARTS_MAX}"))
}

/// The parts of an upload with the rows they stand in.
type PartRows = Vec<(u16, Vec<u8>, Part)>;

/// Puts the parts a client names together. Errors: InvalidPart, InvalidPartOrder, EntityTooSmall.
fn join(entry: &mut Entry, named: &[CompletedPart], parts: &PartRows) -> S3Result<()> {
    if named.is_empty() {
        return Err(s3_error!(MalformedXML, "an upload has a part"));
    }
    if !named.is_sorted_by(|one, next| one.part_number < next.part_number) {
        return Err(s3_error!(InvalidPartOrder));
    }
    let mut sums = Md5::new();
    for (index, wanted) in named.iter().enumerate() {
        let number = number_of(wanted.part_number.unwrap_or(0))?;
        let found = parts.iter().find(|(at, _, _)| *at == number);
        let (_, _, part) = found.ok_or_else(|| s3_error!(InvalidPart))?;
        let is_it = |tag: &s3s::dto::ETag| tag.value() == part.etag;
        if !wanted.e_tag.as_ref().is_some_and(is_it) {
            return Err(s3_error!(InvalidPart));
        }
        if part.len < PART_LEN_MIN && index + 1 < named.len() {
            return Err(s3_error!(EntityTooSmall));
        }
        let md5 = hex::decode(&part.etag).map_err(|_| s3_error!(InvalidPart))?;
        sums.update(&md5);
        entry.len += part.len;
        entry.parts.push(part.len);
        entry.pieces.extend(part.pieces.iter().cloned());
    }
    entry.etag = format!("{}-{}", hex::encode(sums.finalize()), named.len());
    Ok(())
}

impl Gateway {
    fn upload(&self, bucket: &str, key: &str, id: &str) -> S3Result<Upload> {
        let found: Option<Upload> = self.row(&rows::upload(bucket, id)).map_err(fault)?;
        let found = found.filter(|upload| upload.key == key);
        found.ok_or_else(|| s3_error!(NoSuchUpload))
    }

    fn parts(&self, id: &str) -> S3Result<PartRows> {
        let from = rows::part(id, None);
        let found = self.inner.rows.scan(&from, &rows::after(&from), usize::MAX);
        let parts = found.map_err(fault)?.into_iter().map(|(row, value)| {
            let number = row.get(from.len()..).and_then(|run| run.try_into().ok());
            let number = number.map_or(0, u16::from_be_bytes);
            let part = rows::of_bytes(&row, &value).map_err(fault)?;
            Ok((number, row, part))
        });
        parts.collect()
    }

    /// Takes a part out in a change; what it named is given back unless something else names it.
    fn let_part_go(&self, change: &mut RowChange, row: &[u8], part: &Part) {
        let now = self.now_ms();
        for piece in &part.pieces {
            uses::leave(change, &piece.object, row, now);
        }
        change.write.insert(row.to_vec(), None);
    }

    pub(super) async fn create_multipart_upload(
        &self,
        input: CreateMultipartUploadInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<CreateMultipartUploadOutput> {
        check_key(&input.key)?;
        let bucket = self.bucket(&input.bucket)?;
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
        let id = self.draw_name();
        let row = Upload {
            key: input.key.clone(),
            begun_ms: self.now_ms(),
            entry,
        };
        let mut change = RowChange::default();
        let at = rows::upload(&input.bucket, &id);
        change.write.insert(at, Some(rows::to_bytes(&row)));
        commit(&self.inner.rows, change).await.map_err(fault)?;
        Ok(CreateMultipartUploadOutput {
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(id),
            ..CreateMultipartUploadOutput::default()
        })
    }

    /// Writes a part down in the place of one of the same number.
    async fn put_part(&self, bucket: &str, id: &str, number: u16, part: &Part) -> S3Result<()> {
        let at = rows::upload(bucket, id);
        let row = rows::part(id, Some(number));
        loop {
            let upload = self.inner.rows.get(&at).map_err(fault)?;
            let upload = upload.ok_or_else(|| s3_error!(NoSuchUpload))?;
            let before = self.inner.rows.get(&row).map_err(fault)?;
            let mut change = RowChange::default();
            if let Some(value) = &before {
                let old: Part = rows::of_bytes(&row, value).map_err(fault)?;
                self.let_part_go(&mut change, &row, &old);
            }
            for piece in &part.pieces {
                let rows = self.inner.rows.as_ref();
                uses::take(rows, &mut change, &piece.object, &row).map_err(fault)?;
            }
            change.write.insert(row.clone(), Some(rows::to_bytes(part)));
            change.expect.push((at.clone(), Some(upload)));
            change.expect.push((row.clone(), before));
            if commit(&self.inner.rows, change).await.map_err(fault)? {
                return Ok(());
            }
        }
    }

    pub(super) async fn upload_part(
        &self,
        input: UploadPartInput,
        signer: Option<AccessKey>,
    ) -> S3Result<UploadPartOutput> {
        let number = number_of(input.part_number)?;
        self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let len = u64::try_from(input.content_length.unwrap_or(0)).unwrap_or(0);
        self.check_quota(signer.as_ref(), len)?;
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
        let sums = spooled.checksum.clone();
        let tag = hex::encode(spooled.md5);
        let gateway = self.clone();
        let stored = tokio::spawn(async move {
            let part = Part {
                len: spooled.len,
                etag: hex::encode(spooled.md5),
                modified_ms: gateway.now_ms(),
                pieces: gateway.stow(spooled.place).await.map_err(fault)?,
            };
            let (bucket, id) = (&input.bucket, &input.upload_id);
            gateway.put_part(bucket, id, number, &part).await
        });
        stored.await.map_err(|_| fault(Error::Worker))??;
        Ok(UploadPartOutput {
            e_tag: Some(etag(&tag)),
            checksum_crc32: sums.checksum_crc32,
            checksum_crc32c: sums.checksum_crc32c,
            checksum_crc64nvme: sums.checksum_crc64nvme,
            checksum_sha1: sums.checksum_sha1,
            checksum_sha256: sums.checksum_sha256,
            ..UploadPartOutput::default()
        })
    }

    /// A part from bytes of another object: read, verified and stored anew, as a part's entity
    /// tag is the hash of its bytes.
    pub(super) async fn upload_part_copy(
        &self,
        input: UploadPartCopyInput,
        signer: Option<AccessKey>,
    ) -> S3Result<UploadPartCopyOutput> {
        let number = number_of(input.part_number)?;
        self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let source = self.source(&input.copy_source, signer.as_ref())?;
        let conditions = ReadConditions {
            if_match: input.copy_source_if_match,
            if_none_match: input.copy_source_if_none_match,
            if_modified_since: input.copy_source_if_modified_since,
            if_unmodified_since: input.copy_source_if_unmodified_since,
        };
        conditions.check(&source, || s3_error!(PreconditionFailed))?;
        let range = input.copy_source_range.as_deref().map(|text| {
            let range = Range::parse(text).map_err(|_| s3_error!(InvalidArgument))?;
            range.check(source.len).map_err(s3s::S3Error::from)
        });
        let range = range.transpose()?.unwrap_or(0..source.len);
        if range.end - range.start > BODY_LEN_MAX {
            return Err(s3_error!(EntityTooLarge));
        }
        self.check_quota(signer.as_ref(), range.end - range.start)?;
        let body = self.read(&source.pieces, range).await.map_err(fault)?;
        let dir = &self.inner.options.spool;
        let none = Checksum::default();
        let taken = spool::take(body, dir, &self.draw_name(), hasher(&none)).await;
        let spooled = taken.map_err(fault)?;
        check_sums(&none, &spooled.checksum)?;
        let (gateway, id) = (self.clone(), input.upload_id.clone());
        let stored = tokio::spawn(async move {
            let part = Part {
                len: spooled.len,
                etag: hex::encode(spooled.md5),
                modified_ms: gateway.now_ms(),
                pieces: gateway.stow(spooled.place).await.map_err(fault)?,
            };
            gateway.put_part(&input.bucket, &id, number, &part).await?;
            Ok::<_, s3s::S3Error>(part)
        });
        let part = stored.await.map_err(|_| fault(Error::Worker))??;
        Ok(UploadPartCopyOutput {
            copy_part_result: Some(CopyPartResult {
                e_tag: Some(etag(&part.etag)),
                last_modified: Some(moment(part.modified_ms)),
                ..CopyPartResult::default()
            }),
            copy_source_version_id: said_version(&source),
            ..UploadPartCopyOutput::default()
        })
    }

    pub(super) async fn complete_multipart_upload(
        &self,
        input: CompleteMultipartUploadInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<CompleteMultipartUploadOutput> {
        let at = rows::upload(&input.bucket, &input.upload_id);
        let upload = self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let parts = self.parts(&input.upload_id)?;
        let named = input.multipart_upload.and_then(|upload| upload.parts);
        let mut entry = upload.entry.clone();
        join(&mut entry, &named.unwrap_or_default(), &parts)?;
        entry.modified_ms = self.now_ms();
        // In one commit: the entry with its uses, the parts without theirs, no upload.
        let mut with = RowChange::default();
        with.expect
            .push((at.clone(), Some(rows::to_bytes(&upload))));
        for (_, row, part) in &parts {
            with.expect.push((row.clone(), Some(rows::to_bytes(part))));
            self.let_part_go(&mut with, row, part);
        }
        with.write.insert(at, None);
        let conditions = Conditions {
            if_match: input.if_match,
            if_none_match: input.if_none_match,
        };
        let made = self
            .replace(&input.bucket, &input.key, &entry, &conditions, &with)
            .await?;
        Ok(CompleteMultipartUploadOutput {
            location: Some(format!("/{}/{}", input.bucket, input.key)),
            bucket: Some(input.bucket),
            key: Some(input.key),
            e_tag: Some(etag(&made.etag)),
            version_id: said_version(&made),
            ..CompleteMultipartUploadOutput::default()
        })
    }

    pub(super) async fn abort_multipart_upload(
        &self,
        input: AbortMultipartUploadInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<AbortMultipartUploadOutput> {
        self.upload(&input.bucket, &input.key, &input.upload_id)?;
        self.drop_upload(&input.bucket, &input.upload_id).await?;
        Ok(AbortMultipartUploadOutput::default())
    }

    /// Gives an upload up, its parts with it.
    pub(crate) async fn drop_upload(&self, bucket: &str, id: &str) -> S3Result<()> {
        // Again when a part came between the look and the commit: without the upload's row none
        // comes any more.
        loop {
            let mut change = RowChange::default();
            for (_, row, part) in self.parts(id)? {
                self.let_part_go(&mut change, &row, &part);
            }
            change.write.insert(rows::upload(bucket, id), None);
            commit(&self.inner.rows, change).await.map_err(fault)?;
            self.inner.garbage.notify_one();
            if self.parts(id)?.is_empty() {
                return Ok(());
            }
        }
    }

    pub(super) async fn list_parts(
        &self,
        input: ListPartsInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<ListPartsOutput> {
        self.upload(&input.bucket, &input.key, &input.upload_id)?;
        let from = input.part_number_marker.unwrap_or(0);
        let most = usize::try_from(input.max_parts.unwrap_or(1000))
            .unwrap_or(0)
            .min(LINES_MAX);
        let parts = self.parts(&input.upload_id)?.into_iter();
        let mut parts = parts.filter(|(number, _, _)| i32::from(*number) > from);
        let said: Vec<SaidPart> = parts
            .by_ref()
            .take(most)
            .map(|(number, _, part)| SaidPart {
                e_tag: Some(etag(&part.etag)),
                last_modified: Some(moment(part.modified_ms)),
                part_number: Some(i32::from(number)),
                size: Some(signed(part.len)),
                ..SaidPart::default()
            })
            .collect();
        let more = parts.next().is_some();
        Ok(ListPartsOutput {
            is_truncated: Some(more),
            next_part_number_marker: said
                .last()
                .filter(|_| more)
                .and_then(|part| part.part_number),
            part_number_marker: input.part_number_marker,
            max_parts: i32::try_from(most).ok(),
            parts: Some(said),
            bucket: Some(input.bucket),
            key: Some(input.key),
            upload_id: Some(input.upload_id),
            ..ListPartsOutput::default()
        })
    }

    pub(super) async fn list_multipart_uploads(
        &self,
        input: ListMultipartUploadsInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<ListMultipartUploadsOutput> {
        self.bucket(&input.bucket)?;
        let from = rows::upload(&input.bucket, "");
        let found = self.inner.rows.scan(&from, &rows::after(&from), usize::MAX);
        let mut found: Vec<(String, Upload)> = found
            .map_err(fault)?
            .into_iter()
            .map(|(row, value)| {
                let id = row.get(from.len()..).unwrap_or_default();
                let id = String::from_utf8_lossy(id).into_owned();
                Ok((id, rows::of_bytes(&row, &value).map_err(fault)?))
            })
            .collect::<S3Result<_>>()?;
        let prefix = input.prefix.clone().unwrap_or_default();
        let marker = input.key_marker.clone().unwrap_or_default();
        found.retain(|(_, upload)| upload.key.starts_with(&prefix) && upload.key > marker);
        found.sort_by(|a, b| (&a.1.key, a.1.begun_ms).cmp(&(&b.1.key, b.1.begun_ms)));
        let more = found.len() > LINES_MAX;
        found.truncate(LINES_MAX);
        let said: Vec<MultipartUpload> = found
            .into_iter()
            .map(|(id, upload)| MultipartUpload {
                initiated: Some(moment(upload.begun_ms)),
                key: Some(upload.key),
                upload_id: Some(id),
                ..MultipartUpload::default()
            })
            .collect();
        Ok(ListMultipartUploadsOutput {
            is_truncated: Some(more),
            next_key_marker: said
                .last()
                .filter(|_| more)
                .and_then(|last| last.key.clone()),
            bucket: Some(input.bucket),
            key_marker: input.key_marker,
            prefix: input.prefix,
            uploads: Some(said),
            common_prefixes: None::<Vec<CommonPrefix>>,
            ..ListMultipartUploadsOutput::default()
        })
    }
}

#[cfg(test)]
mod tests;
