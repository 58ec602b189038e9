//! Listings: keys in order, with prefixes folded at the delimiter; one walk for all forms.
//!
//! A folded prefix is stepped over, not through: a listing of a bucket's top costs one scan for
//! each prefix it says, however many keys stand behind it.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use s3s::dto::{
    CommonPrefix, DeleteMarkerEntry, EncodingType, ListObjectVersionsInput,
    ListObjectVersionsOutput, ListObjectsInput, ListObjectsOutput, ListObjectsV2Input,
    ListObjectsV2Output, Object, ObjectStorageClass, ObjectVersion, ObjectVersionStorageClass,
    Owner,
};
use s3s::{S3Result, s3_error};

use super::words::{encode, etag, moment, signed};
use crate::entries::fault;
use crate::gateway::Gateway;
use crate::rows::{self, AccessKey, Entry};

/// Most entries of one answer.
const KEYS_MAX: usize = 1000;
/// Rows read at once.
const BATCH: usize = 256;

/// What is asked for.
#[derive(Debug, Default)]
pub(crate) struct Asked {
    pub(crate) prefix: String,
    pub(crate) delimiter: Option<String>,
    /// Keys and folded prefixes up to and with this one were said already.
    pub(crate) after: Option<String>,
    pub(crate) most: usize,
}

/// One line of a listing.
pub(crate) enum Line {
    Key(String, Box<Entry>),
    Prefix(String),
}

impl Line {
    /// The key, or the folded prefix.
    pub(crate) fn name(&self) -> &str {
        match self {
            Self::Key(name, _) | Self::Prefix(name) => name,
        }
    }
}

/// How many entries an answer may have.
fn most(asked: Option<i32>) -> S3Result<usize> {
    let asked = asked.map(usize::try_from).transpose();
    let asked = asked.map_err(|_| s3_error!(InvalidArgument, "max-keys is not negative"))?;
    Ok(asked.unwrap_or(KEYS_MAX).min(KEYS_MAX))
}

fn said_most(most: usize) -> i32 {
    i32::try_from(most).unwrap_or(i32::MAX)
}

fn is_url(encoding: Option<&EncodingType>) -> bool {
    encoding.is_some_and(|encoding| encoding.as_str() == EncodingType::URL)
}

/// A name as an answer says it.
fn said(name: &str, url: bool) -> String {
    if url { encode(name) } else { name.to_owned() }
}

/// The prefix a key is folded into.
fn fold<'a>(key: &'a str, prefix: &str, delimiter: Option<&str>) -> Option<&'a str> {
    let delimiter = delimiter.filter(|delimiter| !delimiter.is_empty())?;
    let rest = key.get(prefix.len()..)?;
    let at = rest.find(delimiter)?;
    key.get(..prefix.len() + at + delimiter.len())
}

fn split(lines: Vec<Line>, url: bool) -> (Vec<Object>, Vec<CommonPrefix>) {
    let (mut keys, mut prefixes) = (Vec::new(), Vec::new());
    for line in lines {
        match line {
            Line::Prefix(name) => prefixes.push(CommonPrefix {
                prefix: Some(said(&name, url)),
            }),
            Line::Key(name, entry) => keys.push(Object {
                key: Some(said(&name, url)),
                e_tag: Some(etag(&entry.etag)),
                last_modified: Some(moment(entry.modified_ms)),
                size: Some(signed(entry.len)),
                storage_class: Some(ObjectStorageClass::from_static(
                    ObjectStorageClass::STANDARD,
                )),
                ..Object::default()
            }),
        }
    }
    (keys, prefixes)
}

impl Gateway {
    /// Lines in order, and whether there are more.
    pub(crate) fn walk(&self, bucket: &str, asked: &Asked) -> S3Result<(Vec<Line>, bool)> {
        self.bucket(bucket)?;
        if asked.most == 0 {
            return Ok((Vec::new(), false));
        }
        let base = rows::current(bucket, "").len();
        let end = rows::after(&rows::current(bucket, &asked.prefix));
        let mut from = rows::current(bucket, &asked.prefix);
        let delimiter = asked.delimiter.as_deref();
        if let Some(after) = &asked.after {
            // What was said last may be a folded prefix: all behind it was said with it.
            let next = match fold(after, &asked.prefix, delimiter) {
                Some(folded) if folded == after => rows::after(&rows::current(bucket, folded)),
                _ => [rows::current(bucket, after), vec![0]].concat(),
            };
            from = from.max(next);
        }
        let mut lines: Vec<Line> = Vec::new();
        loop {
            let found = self.inner.rows.scan(&from, &end, BATCH).map_err(fault)?;
            let Some((last, _)) = found.last() else {
                return Ok((lines, false));
            };
            let mut next = [last.as_slice(), &[0]].concat();
            for (row, value) in found {
                let key = String::from_utf8_lossy(row.get(base..).unwrap_or_default()).into_owned();
                let folded = fold(&key, &asked.prefix, delimiter).map(str::to_owned);
                let entry: Entry = rows::of_bytes(&row, &value).map_err(fault)?;
                if entry.marker {
                    continue;
                }
                if lines.len() >= asked.most {
                    return Ok((lines, true));
                }
                if let Some(folded) = folded {
                    next = rows::after(&rows::current(bucket, &folded));
                    lines.push(Line::Prefix(folded));
                    break;
                }
                lines.push(Line::Key(key, Box::new(entry)));
            }
            from = next;
        }
    }

    pub(super) async fn list_objects_v2(
        &self,
        input: ListObjectsV2Input,
        _signer: Option<AccessKey>,
    ) -> S3Result<ListObjectsV2Output> {
        let token = input.continuation_token.as_deref().map(|token| {
            let bytes = URL_SAFE_NO_PAD.decode(token).ok();
            let text = bytes.and_then(|bytes| String::from_utf8(bytes).ok());
            text.ok_or_else(|| s3_error!(InvalidArgument, "that is no continuation token of ours"))
        });
        let asked = Asked {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after: token.transpose()?.or_else(|| input.start_after.clone()),
            most: most(input.max_keys)?,
        };
        let url = is_url(input.encoding_type.as_ref());
        let (lines, more) = self.walk(&input.bucket, &asked)?;
        let next = lines.last().filter(|_| more).map(Line::name);
        let next = next.map(|name| URL_SAFE_NO_PAD.encode(name));
        let count = said_most(lines.len());
        let (keys, prefixes) = split(lines, url);
        Ok(ListObjectsV2Output {
            name: Some(input.bucket),
            prefix: Some(said(&asked.prefix, url)),
            delimiter: input.delimiter.map(|text| said(&text, url)),
            start_after: input.start_after.map(|text| said(&text, url)),
            max_keys: Some(said_most(asked.most)),
            key_count: Some(count),
            continuation_token: input.continuation_token,
            is_truncated: Some(more),
            next_continuation_token: next,
            contents: Some(keys),
            common_prefixes: Some(prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectsV2Output::default()
        })
    }

    pub(super) async fn list_objects(
        &self,
        input: ListObjectsInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<ListObjectsOutput> {
        let asked = Asked {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after: input.marker.clone().filter(|marker| !marker.is_empty()),
            most: most(input.max_keys)?,
        };
        let url = is_url(input.encoding_type.as_ref());
        let (lines, more) = self.walk(&input.bucket, &asked)?;
        let next = lines
            .last()
            .filter(|_| more)
            .map(|line| said(line.name(), url));
        let (keys, prefixes) = split(lines, url);
        Ok(ListObjectsOutput {
            name: Some(input.bucket),
            prefix: Some(said(&asked.prefix, url)),
            delimiter: input.delimiter.map(|text| said(&text, url)),
            marker: Some(said(input.marker.as_deref().unwrap_or_default(), url)),
            max_keys: Some(said_most(asked.most)),
            is_truncated: Some(more),
            next_marker: next,
            contents: Some(keys),
            common_prefixes: Some(prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectsOutput::default()
        })
    }

    /// Every version of a key, newest first.
    fn versions(&self, bucket: &str, key: &str) -> S3Result<Vec<Entry>> {
        let mut entries: Vec<Entry> = Vec::new();
        entries.extend(self.row(&rows::current(bucket, key)).map_err(fault)?);
        let from = rows::older(bucket, key, None);
        let found = self.inner.rows.scan(&from, &rows::after(&from), usize::MAX);
        for (row, value) in found.map_err(fault)? {
            entries.push(rows::of_bytes(&row, &value).map_err(fault)?);
        }
        Ok(entries)
    }

    /// Keys that have a version, markers too: a key's last word is its current row.
    fn versioned_keys(&self, bucket: &str, prefix: &str) -> S3Result<Vec<String>> {
        self.bucket(bucket)?;
        let base = rows::current(bucket, "").len();
        let from = rows::current(bucket, prefix);
        let found = self.inner.rows.scan(&from, &rows::after(&from), usize::MAX);
        let keys = found.map_err(fault)?.into_iter().map(|(row, _)| {
            String::from_utf8_lossy(row.get(base..).unwrap_or_default()).into_owned()
        });
        Ok(keys.collect())
    }

    pub(super) async fn list_object_versions(
        &self,
        input: ListObjectVersionsInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<ListObjectVersionsOutput> {
        let prefix = input.prefix.clone().unwrap_or_default();
        let url = is_url(input.encoding_type.as_ref());
        let most = most(input.max_keys)?;
        let owner = || {
            Some(Owner {
                display_name: None,
                id: Some("holdfast".to_owned()),
            })
        };
        let (mut versions, mut markers, mut prefixes) = (Vec::new(), Vec::new(), Vec::new());
        let (mut count, mut next) = (0, None);
        let mut folded_last: Option<String> = None;
        for key in self.versioned_keys(&input.bucket, &prefix)? {
            if input
                .key_marker
                .as_ref()
                .is_some_and(|marker| key <= *marker)
            {
                continue;
            }
            if count >= most {
                // A key's versions are never parted: the next answer begins with the next key.
                next = folded_last.or_else(|| versions_last(&versions, &markers));
                break;
            }
            if let Some(folded) = fold(&key, &prefix, input.delimiter.as_deref()) {
                if folded_last.as_deref() != Some(folded) {
                    count += 1;
                    folded_last = Some(folded.to_owned());
                    prefixes.push(CommonPrefix {
                        prefix: Some(said(folded, url)),
                    });
                }
                continue;
            }
            for (index, entry) in self.versions(&input.bucket, &key)?.into_iter().enumerate() {
                count += 1;
                if entry.marker {
                    markers.push(DeleteMarkerEntry {
                        is_latest: Some(index == 0),
                        key: Some(said(&key, url)),
                        last_modified: Some(moment(entry.modified_ms)),
                        owner: owner(),
                        version_id: Some(entry.version),
                    });
                    continue;
                }
                let class = ObjectVersionStorageClass::STANDARD;
                versions.push(ObjectVersion {
                    e_tag: Some(etag(&entry.etag)),
                    is_latest: Some(index == 0),
                    key: Some(said(&key, url)),
                    last_modified: Some(moment(entry.modified_ms)),
                    owner: owner(),
                    size: Some(signed(entry.len)),
                    storage_class: Some(ObjectVersionStorageClass::from_static(class)),
                    version_id: Some(entry.version),
                    ..ObjectVersion::default()
                });
            }
        }
        Ok(ListObjectVersionsOutput {
            is_truncated: Some(next.is_some()),
            next_key_marker: next,
            name: Some(input.bucket),
            prefix: Some(said(&prefix, url)),
            delimiter: input.delimiter.map(|text| said(&text, url)),
            key_marker: input.key_marker,
            max_keys: Some(said_most(most)),
            versions: Some(versions),
            delete_markers: Some(markers),
            common_prefixes: Some(prefixes),
            encoding_type: input.encoding_type,
            ..ListObjectVersionsOutput::default()
        })
    }
}

/// The last key an answer says.
fn versions_last(versions: &[ObjectVersion], markers: &[DeleteMarkerEntry]) -> Option<String> {
    let version = versions.last().and_then(|last| last.key.clone());
    let marker = markers.last().and_then(|last| last.key.clone());
    version.max(marker)
}

#[cfg(test)]
mod tests;
