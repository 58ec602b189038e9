//! Access keys: who may do what to which buckets, how often, and how much they may hold. Secrets
//! are sealed with the gateway's key; SigV4 needs them back, so that hashing is not enough.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use host_ledger::catalogue::{RowChange, counters};
use s3s::access::{S3Access, S3AccessContext};
use s3s::auth::{S3Auth, SecretKey};
use s3s::{S3Result, s3_error};

use crate::catalogue::commit;
use crate::entries::fault;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{self, AccessKey};
use crate::seal::{open, seal};

/// What a new key may do.
#[derive(Debug, Clone, Default, serde::Serialize, serde::Deserialize)]
pub struct NewKey {
    /// Who it is for.
    pub name: String,
    /// Buckets it may touch; empty for all.
    pub buckets: Vec<String>,
    /// Only reading.
    pub read_only: bool,
    /// Bytes its buckets may hold.
    pub quota: Option<u64>,
    /// Requests a second.
    pub rate: Option<u32>,
}

/// A key as it is told once.
#[derive(Debug, Clone, serde::Serialize)]
pub struct Secret {
    /// Its id.
    pub access_key: String,
    /// Its secret.
    pub secret_key: String,
}

/// How many requests each key has left in this second.
#[derive(Default)]
pub(crate) struct Rates(Mutex<HashMap<String, (u64, u32)>>);

impl Rates {
    /// Counts a request in second `now`; false when the bound is reached.
    pub(crate) fn take(&self, id: &str, now: u64, bound: u32) -> bool {
        let mut seconds = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let at = seconds.entry(id.to_owned()).or_insert((now, 0));
        if at.0 != now {
            *at = (now, 0);
        }
        at.1 = at.1.saturating_add(1);
        at.1 <= bound
    }
}

impl AccessKey {
    /// Whether it may touch a bucket.
    pub(crate) fn reaches(&self, bucket: &str) -> bool {
        let fits = |pattern: &String| match pattern.strip_suffix('*') {
            Some(beginning) => bucket.starts_with(beginning),
            None => pattern == bucket,
        };
        self.buckets.is_empty() || self.buckets.iter().any(fits)
    }
}

impl Gateway {
    /// Makes an access key; its secret is told only now. Durable when it returns.
    pub async fn new_key(&self, wanted: NewKey) -> Result<Secret, Error> {
        let inner = &self.inner;
        let mut secret = [0; 30];
        inner.entropy.fill(&mut secret);
        let access_key = format!("HF{}", &self.draw_name()[..18].to_uppercase());
        let secret_key = STANDARD.encode(secret);
        let (entropy, bound) = (inner.entropy.as_ref(), access_key.as_bytes());
        let sealed = seal(&inner.seal, entropy, bound, secret_key.as_bytes())?;
        let row = AccessKey {
            sealed,
            name: wanted.name,
            buckets: wanted.buckets,
            read_only: wanted.read_only,
            quota: wanted.quota,
            rate: wanted.rate,
            created_ms: self.now_ms(),
        };
        let mut change = RowChange::default();
        let at = rows::access_key(&access_key);
        change.write.insert(at, Some(rows::to_bytes(&row)));
        commit(&inner.rows, change).await?;
        Ok(Secret {
            access_key,
            secret_key,
        })
    }

    /// Every access key, without secrets.
    pub fn list_keys(&self) -> Result<Vec<(String, AccessKey)>, Error> {
        let end = rows::after(rows::KEYS);
        let found = self.inner.rows.scan(rows::KEYS, &end, usize::MAX)?;
        let read = found.into_iter().map(|(key, value)| {
            let id = String::from_utf8_lossy(key.get(1..).unwrap_or_default()).into_owned();
            Ok((id, rows::of_bytes(&key, &value)?))
        });
        read.collect()
    }

    /// Takes a key back; requests signed with it are refused from then on. Errors: NoKey.
    pub async fn revoke_key(&self, id: &str) -> Result<(), Error> {
        let at = rows::access_key(id);
        if self.inner.rows.get(&at)?.is_none() {
            return Err(Error::NoKey { id: id.to_owned() });
        }
        let mut change = RowChange::default();
        change.write.insert(at, None);
        commit(&self.inner.rows, change).await?;
        Ok(())
    }

    pub(crate) fn secret(&self, id: &str) -> Result<Option<String>, Error> {
        let at = rows::access_key(id);
        let Some(row) = self.row::<AccessKey>(&at)? else {
            return Ok(None);
        };
        let opened = open(&self.inner.seal, id.as_bytes(), &row.sealed);
        let opened = opened.ok_or_else(|| Error::Row {
            key: format!("access key {id}"),
            why: "its secret does not open with this catalogue's key".to_owned(),
        })?;
        Ok(Some(String::from_utf8_lossy(&opened).into_owned()))
    }

    /// The key a request was signed with. Errors: AccessDenied without one.
    pub(crate) fn signer(&self, id: Option<&str>) -> S3Result<(String, AccessKey)> {
        let id = id.ok_or_else(|| s3_error!(AccessDenied, "requests must be signed"))?;
        let row = self.row(&rows::access_key(id)).map_err(fault)?;
        let row = row.ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok((id.to_owned(), row))
    }

    /// Errors: QuotaExceeded (a code of our own) when the buckets of a key would hold more than
    /// it may.
    pub(crate) fn within_quota(&self, key: &AccessKey, more: u64) -> S3Result<()> {
        let Some(quota) = key.quota else {
            return Ok(());
        };
        let mut held = 0_u64;
        let end = rows::after(b"c");
        let found = self.inner.rows.scan(b"c", &end, usize::MAX);
        for (name, value) in found.map_err(fault)? {
            let bucket = String::from_utf8_lossy(name.get(1..).unwrap_or_default()).into_owned();
            if key.reaches(&bucket) {
                held = held.saturating_add(u64::try_from(counters(&value).1).unwrap_or(0));
            }
        }
        if held.saturating_add(more) <= quota {
            return Ok(());
        }
        let code = s3s::S3ErrorCode::Custom("QuotaExceeded".into());
        let words = format!("the key may hold {quota} bytes, {held} are held, {more} were asked");
        let mut error = s3s::S3Error::with_message(code, words);
        error.set_status_code(hyper::StatusCode::FORBIDDEN);
        Err(error)
    }
}

#[async_trait::async_trait]
impl S3Auth for Gateway {
    async fn get_secret_key(&self, access_key: &str) -> S3Result<SecretKey> {
        let secret = self.secret(access_key).map_err(fault)?;
        let secret = secret.ok_or_else(|| s3_error!(InvalidAccessKeyId))?;
        Ok(SecretKey::from(secret))
    }
}

/// Operations that change nothing: what a read-only key may do.
fn only_reads(operation: &str) -> bool {
    ["Get", "Head", "List"]
        .iter()
        .any(|verb| operation.starts_with(verb))
}

#[async_trait::async_trait]
impl S3Access for Gateway {
    async fn check(&self, request: &mut S3AccessContext<'_>) -> S3Result<()> {
        let signed = request
            .credentials()
            .map(|signed| signed.access_key.clone());
        let (id, key) = self.signer(signed.as_deref())?;
        let operation = request.s3_op().name();
        if let Some(bucket) = request.s3_path().get_bucket_name()
            && !key.reaches(bucket)
        {
            return Err(s3_error!(AccessDenied, "this key may not touch {bucket}"));
        }
        if key.read_only && !only_reads(operation) {
            return Err(s3_error!(AccessDenied, "this key may only read"));
        }
        if let Some(rate) = key.rate
            && !self.inner.rates.take(&id, self.now_ms() / 1000, rate)
        {
            return Err(s3_error!(
                SlowDown,
                "this key may ask {rate} times a second"
            ));
        }
        request.extensions_mut().insert(key);
        Ok(())
    }
}

#[cfg(test)]
mod tests;
