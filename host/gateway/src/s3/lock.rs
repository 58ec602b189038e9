//! Object lock: retention by mode and date, legal hold, and the default of a bucket. Clocks are
//! the gateway's: what a locked version may not do is refused here, before the network hears.

use s3s::dto::{
    DefaultRetention, GetObjectLegalHoldInput, GetObjectLegalHoldOutput,
    GetObjectLockConfigurationInput, GetObjectLockConfigurationOutput, GetObjectRetentionInput,
    GetObjectRetentionOutput, ObjectLockConfiguration, ObjectLockEnabled, ObjectLockLegalHold,
    ObjectLockLegalHoldStatus, ObjectLockMode, ObjectLockRetention, ObjectLockRetentionMode,
    ObjectLockRule, PutObjectLegalHoldInput, PutObjectLegalHoldOutput,
    PutObjectLockConfigurationInput, PutObjectLockConfigurationOutput, PutObjectRetentionInput,
    PutObjectRetentionOutput, Timestamp,
};
use s3s::{S3Result, s3_error};

use super::words::{millis, moment};
use crate::gateway::Gateway;
use crate::rows::{AccessKey, Bucket, Entry, LockMode, Versioning};

/// Milliseconds of a day.
const DAY_MS: u64 = 86_400_000;

/// What a write asks for.
pub(super) struct Asked {
    pub(super) mode: Option<String>,
    pub(super) until: Option<Timestamp>,
    pub(super) hold: Option<ObjectLockLegalHoldStatus>,
}

fn mode_of(word: &str) -> S3Result<LockMode> {
    match word {
        ObjectLockMode::GOVERNANCE => Ok(LockMode::Governance),
        ObjectLockMode::COMPLIANCE => Ok(LockMode::Compliance),
        _ => Err(s3_error!(InvalidArgument, "GOVERNANCE or COMPLIANCE")),
    }
}

fn is_on(status: &ObjectLockLegalHoldStatus) -> bool {
    status.as_str() == ObjectLockLegalHoldStatus::ON
}

/// Locks a fresh entry as asked, else as its bucket has it by default. Errors: InvalidRequest in
/// a bucket without locks, InvalidArgument for half a lock or a date gone by.
pub(super) fn set(entry: &mut Entry, bucket: &Bucket, asked: Asked, now_ms: u64) -> S3Result<()> {
    let wants = asked.mode.is_some() || asked.until.is_some() || asked.hold.is_some();
    if wants && !bucket.lock {
        return Err(s3_error!(InvalidRequest, "the bucket has no object lock"));
    }
    entry.lock = match (asked.mode, asked.until) {
        (Some(mode), Some(until)) => {
            let until = millis(&until);
            if until <= now_ms {
                return Err(s3_error!(
                    InvalidArgument,
                    "the date to retain until is gone by"
                ));
            }
            Some((mode_of(&mode)?, until))
        }
        (None, None) => bucket
            .lock_default
            .map(|(mode, days)| (mode, now_ms.saturating_add(days.saturating_mul(DAY_MS)))),
        _ => return Err(s3_error!(InvalidArgument, "a lock is a mode and a date")),
    };
    entry.hold = asked.hold.as_ref().is_some_and(is_on);
    Ok(())
}

/// Errors: AccessDenied while a version is locked; `lifting` lifts governance alone.
pub(crate) fn must_be_free(entry: &Entry, now_ms: u64, lifting: bool) -> S3Result<()> {
    if entry.hold {
        return Err(s3_error!(AccessDenied, "the version is under legal hold"));
    }
    match entry.lock {
        Some((mode, until)) if until > now_ms => {
            if mode == LockMode::Governance && lifting {
                return Ok(());
            }
            Err(s3_error!(
                AccessDenied,
                "the version is locked until {until} ms since 1970"
            ))
        }
        _ => Ok(()),
    }
}

fn word(mode: LockMode) -> &'static str {
    match mode {
        LockMode::Governance => ObjectLockMode::GOVERNANCE,
        LockMode::Compliance => ObjectLockMode::COMPLIANCE,
    }
}

/// The mode of a version.
pub(super) fn said_mode(entry: &Entry) -> Option<ObjectLockMode> {
    entry
        .lock
        .map(|(mode, _)| ObjectLockMode::from_static(word(mode)))
}

/// The hold of a version, when there is one.
pub(super) fn said_hold(entry: &Entry) -> Option<ObjectLockLegalHoldStatus> {
    let on = ObjectLockLegalHoldStatus::ON;
    entry
        .hold
        .then(|| ObjectLockLegalHoldStatus::from_static(on))
}

/// Whether a retention may take the place of another.
fn may_change(now: Option<(LockMode, u64)>, new: Option<(LockMode, u64)>, now_ms: u64) -> bool {
    match now {
        Some((LockMode::Compliance, until)) if until > now_ms => {
            new.is_some_and(|(mode, later)| mode == LockMode::Compliance && later >= until)
        }
        _ => true,
    }
}

impl Gateway {
    pub(super) async fn get_object_lock_configuration(
        &self,
        input: GetObjectLockConfigurationInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetObjectLockConfigurationOutput> {
        let row = self.bucket(&input.bucket)?;
        if !row.lock {
            return Err(s3_error!(ObjectLockConfigurationNotFoundError));
        }
        let rule = row.lock_default.map(|(mode, days)| ObjectLockRule {
            default_retention: Some(DefaultRetention {
                days: i32::try_from(days).ok(),
                mode: Some(ObjectLockRetentionMode::from_static(word(mode))),
                years: None,
            }),
        });
        Ok(GetObjectLockConfigurationOutput {
            object_lock_configuration: Some(ObjectLockConfiguration {
                object_lock_enabled: Some(ObjectLockEnabled::from_static(
                    ObjectLockEnabled::ENABLED,
                )),
                rule,
            }),
        })
    }

    pub(super) async fn put_object_lock_configuration(
        &self,
        input: PutObjectLockConfigurationInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutObjectLockConfigurationOutput> {
        let rule = input.object_lock_configuration.unwrap_or_default().rule;
        let rule = rule.and_then(|rule| rule.default_retention);
        let wanted = rule.map(|rule| {
            let mode = rule.mode.as_ref().map(ObjectLockRetentionMode::as_str);
            let days = rule
                .days
                .or_else(|| rule.years.map(|years| years.saturating_mul(365)));
            let days = days
                .and_then(|days| u64::try_from(days).ok())
                .filter(|days| *days > 0);
            let days = days.ok_or_else(|| s3_error!(InvalidArgument, "days are positive"))?;
            Ok::<_, s3s::S3Error>((mode_of(mode.unwrap_or_default())?, days))
        });
        let wanted = wanted.transpose()?;
        self.amend_bucket(&input.bucket, |row| {
            if row.versioning != Versioning::On {
                return Err(s3_error!(InvalidBucketState, "locks need versions"));
            }
            row.lock = true;
            row.lock_default = wanted;
            Ok(())
        })
        .await?;
        Ok(PutObjectLockConfigurationOutput::default())
    }

    pub(super) async fn get_object_retention(
        &self,
        input: GetObjectRetentionInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetObjectRetentionOutput> {
        let entry = self
            .found(&input.bucket, &input.key, input.version_id.as_deref())?
            .entry;
        let (mode, until) = entry
            .lock
            .ok_or_else(|| s3_error!(NoSuchObjectLockConfiguration))?;
        Ok(GetObjectRetentionOutput {
            retention: Some(ObjectLockRetention {
                mode: Some(ObjectLockRetentionMode::from_static(word(mode))),
                retain_until_date: Some(moment(until)),
            }),
        })
    }

    pub(super) async fn put_object_retention(
        &self,
        input: PutObjectRetentionInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutObjectRetentionOutput> {
        if !self.bucket(&input.bucket)?.lock {
            return Err(s3_error!(InvalidRequest, "the bucket has no object lock"));
        }
        let wanted = input.retention.unwrap_or_default();
        let wanted = match (wanted.mode, wanted.retain_until_date) {
            (Some(mode), Some(until)) => Some((mode_of(mode.as_str())?, millis(&until))),
            (None, None) => None,
            _ => return Err(s3_error!(MalformedXML)),
        };
        let lifting = input.bypass_governance_retention.unwrap_or(false);
        let now = self.now_ms();
        let version = input.version_id.as_deref();
        self.amend(&input.bucket, &input.key, version, |entry| {
            let shorter = entry.lock.is_some_and(|(_, until)| {
                until > now && wanted.is_none_or(|(_, later)| later < until)
            });
            let free = may_change(entry.lock, wanted, now) && (lifting || !shorter);
            if !free {
                return Err(s3_error!(AccessDenied, "the version is locked for longer"));
            }
            entry.lock = wanted;
            Ok(())
        })
        .await?;
        Ok(PutObjectRetentionOutput::default())
    }

    pub(super) async fn get_object_legal_hold(
        &self,
        input: GetObjectLegalHoldInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<GetObjectLegalHoldOutput> {
        let entry = self
            .found(&input.bucket, &input.key, input.version_id.as_deref())?
            .entry;
        let status = match entry.hold {
            true => ObjectLockLegalHoldStatus::ON,
            false => ObjectLockLegalHoldStatus::OFF,
        };
        Ok(GetObjectLegalHoldOutput {
            legal_hold: Some(ObjectLockLegalHold {
                status: Some(ObjectLockLegalHoldStatus::from_static(status)),
            }),
        })
    }

    pub(super) async fn put_object_legal_hold(
        &self,
        input: PutObjectLegalHoldInput,
        _signer: Option<AccessKey>,
    ) -> S3Result<PutObjectLegalHoldOutput> {
        if !self.bucket(&input.bucket)?.lock {
            return Err(s3_error!(InvalidRequest, "the bucket has no object lock"));
        }
        let status = input.legal_hold.unwrap_or_default().status;
        let hold = status.as_ref().is_some_and(is_on);
        if !hold {
            self.may_lift(&input.bucket)?;
        }
        let version = input.version_id.as_deref();
        self.amend(&input.bucket, &input.key, version, |entry| {
            entry.hold = hold;
            Ok(())
        })
        .await?;
        Ok(PutObjectLegalHoldOutput::default())
    }
}

#[cfg(test)]
mod tests;
