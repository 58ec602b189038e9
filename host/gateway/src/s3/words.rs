//! Words of S3 and of the catalogue, each as the other's.

use std::collections::BTreeMap;
use std::time::{Duration, UNIX_EPOCH};

use s3s::checksum::ChecksumHasher;
use s3s::crypto::{Checksum as _, Crc32, Crc32c, Crc64Nvme, Sha1, Sha256};
use s3s::dto::{Checksum, ETag, Tag, Timestamp, TimestampFormat};
use s3s::{S3Result, s3_error};

/// Longest key, in bytes.
const KEY_LEN_MAX: usize = 1024;
/// Most tags of an object.
const TAGS_MAX: usize = 10;
/// Most bytes of a client's metadata.
const META_LEN_MAX: usize = 2048;

/// A moment of the catalogue.
pub(super) fn moment(ms: u64) -> Timestamp {
    Timestamp::from(UNIX_EPOCH + Duration::from_millis(ms))
}

/// Milliseconds since 1970 of a moment of S3, to the second below.
pub(super) fn millis(at: &Timestamp) -> u64 {
    let mut text = Vec::new();
    let told = at.format(TimestampFormat::EpochSeconds, &mut text);
    let text = String::from_utf8_lossy(&text).into_owned();
    let seconds = text.split('.').next().and_then(|run| run.parse().ok());
    told.ok().and(seconds).map_or(0, |s: u64| s * 1000)
}

/// A moment as a header's text.
pub(super) fn http_date(at: &Timestamp) -> String {
    let mut text = Vec::new();
    let _into_memory = at.format(TimestampFormat::HttpDate, &mut text);
    String::from_utf8_lossy(&text).into_owned()
}

/// An entity tag.
pub(super) fn etag(hex: &str) -> ETag {
    ETag::Strong(hex.to_owned())
}

/// A count or length where S3 has a signed one.
pub(crate) fn signed(len: u64) -> i64 {
    i64::try_from(len).unwrap_or(i64::MAX)
}

/// Errors: KeyTooLongError, InvalidArgument for a key with a zero byte, which no listing can say.
pub(crate) fn check_key(key: &str) -> S3Result<()> {
    if key.len() > KEY_LEN_MAX {
        return Err(s3_error!(KeyTooLongError));
    }
    if key.is_empty() || key.contains('\0') {
        return Err(s3_error!(
            InvalidArgument,
            "a key is text without zero bytes"
        ));
    }
    Ok(())
}

/// Metadata as the catalogue keeps it. Errors: MetadataTooLarge.
pub(super) fn meta<M>(given: Option<M>) -> S3Result<BTreeMap<String, String>>
where
    M: IntoIterator<Item = (String, String)>,
{
    let meta: BTreeMap<String, String> = given.into_iter().flatten().collect();
    let len: usize = meta
        .iter()
        .map(|(name, value)| name.len() + value.len())
        .sum();
    if len > META_LEN_MAX {
        return Err(s3_error!(MetadataTooLarge));
    }
    Ok(meta)
}

/// Tags as the catalogue keeps them. Errors: InvalidTag.
pub(super) fn tags(given: Vec<Tag>, most: usize) -> S3Result<BTreeMap<String, String>> {
    let mut tags = BTreeMap::new();
    for tag in given {
        let name = tag.key.unwrap_or_default();
        let value = tag.value.unwrap_or_default();
        let fits = (1..=128).contains(&name.len()) && value.len() <= 256;
        if !fits || tags.insert(name, value).is_some() {
            return Err(s3_error!(InvalidTag));
        }
    }
    if tags.len() > most {
        return Err(s3_error!(InvalidTag, "at most {most} tags"));
    }
    Ok(tags)
}

/// Tags of an object.
pub(super) fn object_tags(given: Vec<Tag>) -> S3Result<BTreeMap<String, String>> {
    tags(given, TAGS_MAX)
}

/// Tags of the header `x-amz-tagging`, which are written as a query.
pub(super) fn header_tags(text: Option<&str>) -> S3Result<BTreeMap<String, String>> {
    let pairs = text.unwrap_or_default().split('&');
    let pairs = pairs.filter(|pair| !pair.is_empty()).map(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        Tag {
            key: Some(decode(name)),
            value: Some(decode(value)),
        }
    });
    object_tags(pairs.collect())
}

/// Tags as S3 says them.
pub(super) fn tag_set(tags: &BTreeMap<String, String>) -> Vec<Tag> {
    let pairs = tags.iter().map(|(name, value)| Tag {
        key: Some(name.clone()),
        value: Some(value.clone()),
    });
    pairs.collect()
}

/// Text of its form in a query; what is no form stays as it is.
fn decode(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let Some((&first, tail)) = rest.split_first() {
        rest = tail;
        let digits = tail.get(..2).filter(|_| first == b'%');
        let digits = digits.and_then(|two| std::str::from_utf8(two).ok());
        match digits.and_then(|two| u8::from_str_radix(two, 16).ok()) {
            Some(byte) => {
                bytes.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => bytes.push(if first == b'+' { b' ' } else { first }),
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

/// Text as listings with `encoding-type=url` say it.
pub(crate) fn encode(text: &str) -> String {
    let mut said = String::with_capacity(text.len());
    for byte in text.bytes() {
        let plain = byte.is_ascii_alphanumeric() || b"-_.*/".contains(&byte);
        if plain {
            said.push(char::from(byte));
        } else {
            said.push_str(&format!("%{byte:02X}"));
        }
    }
    said
}

/// What computes the sums a request gives.
pub(super) fn hasher(given: &Checksum) -> ChecksumHasher {
    ChecksumHasher {
        crc32: given.checksum_crc32.as_ref().map(|_| Crc32::new()),
        crc32c: given.checksum_crc32c.as_ref().map(|_| Crc32c::new()),
        sha1: given.checksum_sha1.as_ref().map(|_| Sha1::new()),
        sha256: given.checksum_sha256.as_ref().map(|_| Sha256::new()),
        crc64nvme: given.checksum_crc64nvme.as_ref().map(|_| Crc64Nvme::new()),
    }
}

/// Errors: BadDigest when a sum is not the one that was given.
pub(super) fn check_sums(given: &Checksum, found: &Checksum) -> S3Result<()> {
    let sums = |sum: &Checksum| {
        [
            sum.checksum_crc32.clone(),
            sum.checksum_crc32c.clone(),
            sum.checksum_sha1.clone(),
            sum.checksum_sha256.clone(),
            sum.checksum_crc64nvme.clone(),
        ]
    };
    let (given, found) = (sums(given), sums(found));
    let wrong = given
        .iter()
        .zip(&found)
        .any(|(given, found)| given.is_some() && given != found);
    if wrong {
        return Err(s3_error!(
            BadDigest,
            "the body does not have the checksum given"
        ));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
