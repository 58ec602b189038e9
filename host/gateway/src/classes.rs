//! Buckets that belong to a class of the home's policy: what is written into them is held to it,
//! and stays as long as it says.
//!
//! Enters: a write, a removal, an opening. Leaves: nothing, or an error that names class and rule.
//! Invariant: a class adds to what the bucket's own locks demand and takes nothing away. Does not:
//! bind who reaches the objects otherwise, or other gateways, whose homes have policies of their
//! own.

use host_release::Class;
use s3s::{S3Result, s3_error};

use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows::{Entry, LockMode};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Gives a fresh entry the locks of its class. Errors: AccessDenied when it would replace one that
/// the class keeps.
fn hold(
    (name, class): (&str, &Class),
    now: Option<&Entry>,
    fresh: &mut Entry,
    now_ms: u64,
) -> S3Result<()> {
    if fresh.marker {
        return Ok(());
    }
    if !class.replaced && now.is_some_and(|now| !now.marker) {
        return Err(s3_error!(
            AccessDenied,
            "class {name}, replaced: a key of this bucket is written once"
        ));
    }
    fresh.hold |= class.hold;
    if class.retain_days > 0 {
        let until = now_ms.saturating_add(class.retain_days.saturating_mul(DAY_MS));
        let asked = fresh.lock.map_or(0, |(_, asked)| asked);
        fresh.lock = Some((LockMode::Compliance, until.max(asked)));
    }
    Ok(())
}

impl Gateway {
    fn class_of(&self, bucket: &str) -> Option<(&str, &Class)> {
        self.inner.classes.as_ref()?.of_bucket(bucket)
    }

    /// Holds how this gateway stores to every class that has buckets. Errors: Release.
    pub(crate) fn check_classes(&self) -> Result<(), Error> {
        let options = &self.inner.options;
        let all = self.inner.classes.iter().flat_map(|all| &all.class);
        for (name, class) in all.filter(|(_, class)| !class.buckets.is_empty()) {
            class.admits_gateway(name, options.days, options.parity)?;
        }
        Ok(())
    }

    /// Holds a write to its bucket's class.
    pub(crate) fn hold_to_class(
        &self,
        bucket: &str,
        now: Option<&Entry>,
        fresh: &mut Entry,
    ) -> S3Result<()> {
        match self.class_of(bucket) {
            Some(class) => hold(class, now, fresh, self.now_ms()),
            None => Ok(()),
        }
    }

    /// Errors: AccessDenied for lifting a hold that the class demands.
    pub(crate) fn may_lift(&self, bucket: &str) -> S3Result<()> {
        match self.class_of(bucket) {
            Some((name, class)) if class.hold => Err(s3_error!(
                AccessDenied,
                "class {name}, hold: what is in this bucket is held"
            )),
            _ => Ok(()),
        }
    }

    /// Errors: Refused for opening a bucket of an encrypted class to everybody.
    pub(crate) fn may_open(&self, bucket: &str, private: bool) -> Result<(), Error> {
        match self.class_of(bucket) {
            Some((name, class)) if !class.public && !private => Err(Error::Refused {
                why: format!("class {name}, public: this class is encrypted: open it --private"),
            }),
            _ => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests;
