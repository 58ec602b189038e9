//! The root of trust: which keys sign what, and how many must. It is written unsigned, every
//! holder of a root key adds a signature, and an image carries it in its verified root.
//!
//! What a release refuses of a root stands here too: marks of tests, thresholds below two where a
//! person signs, and keys that were made on the machine that builds.

use std::collections::HashMap;
use std::num::NonZeroU64;
use std::path::Path;

use serde_json::Value;
use tough::schema::{RoleKeys, RoleType, Root, Signed};

use crate::error::Error;
use crate::keys::{Record, Role, TEST_MARK};

/// How long metadata of tests holds.
pub(crate) const TEST_EXPIRES: &str = "2036-01-01T00:00:00Z";
/// The word in a signed root under which it says where its keys were made.
const MADE_ON: &str = "holdfast-made-on";

/// What a root of trust is made of.
pub(crate) struct Plan<'a> {
    /// The keys it names.
    pub(crate) records: &'a [Record],
    /// How many must sign; roles of Secure Boot have no meaning here.
    pub(crate) thresholds: &'a [(Role, u64)],
    /// One more than the root before it.
    pub(crate) version: NonZeroU64,
    /// Until when it holds.
    pub(crate) expires: &'a str,
}

/// The root, unsigned.
///
/// # Errors
/// `Keys` when a role has fewer keys than its threshold, or when marked keys meet others.
pub(crate) fn root(plan: &Plan<'_>) -> Result<Signed<Root>, Error> {
    let mut keys = HashMap::new();
    let mut roles = HashMap::new();
    let mut made_on = serde_json::Map::new();
    for role in Role::ALL {
        let Some(kind) = role.of_update() else {
            continue;
        };
        let mut keyids = Vec::new();
        for record in plan.records.iter().filter(|record| record.role == role) {
            let Some(key) = &record.key else { continue };
            let id = key.key_id().map_err(Error::signing)?;
            let text = board_slot::cmdline::hex(&id);
            made_on.insert(text, record.made_on.clone().into());
            keys.insert(id.clone(), key.clone());
            keyids.push(id);
        }
        let asked = plan.thresholds.iter().find(|(of, _)| *of == role);
        let threshold = asked.map_or(1, |(_, count)| *count);
        let named = keyids.len() as u64;
        if named < threshold || threshold == 0 {
            return Err(Error::Keys {
                what: format!("role {}", role.word()),
                why: format!("{threshold} signatures are asked for, {named} keys are named"),
            });
        }
        let role_keys = RoleKeys {
            keyids,
            threshold: NonZeroU64::new(threshold).unwrap_or(NonZeroU64::MIN),
            _extra: HashMap::new(),
        };
        roles.insert(kind, role_keys);
    }
    let mut extra = HashMap::from([(MADE_ON.to_owned(), Value::Object(made_on))]);
    if plan.records.iter().any(|record| record.test) {
        extra.insert(TEST_MARK.to_owned(), true.into());
    }
    let root = Root {
        spec_version: "1.0.0".to_owned(),
        consistent_snapshot: true,
        version: plan.version,
        expires: plan.expires.parse().map_err(Error::signing)?,
        keys,
        roles,
        _extra: extra,
    };
    Ok(Signed {
        signed: root,
        signatures: Vec::new(),
    })
}

/// Reads a root of trust that its own keys have signed.
///
/// # Errors
/// `List` when it is none; `Keys` when too few of its keys have signed it.
pub(crate) fn read(path: &Path, text: &[u8]) -> Result<Root, Error> {
    let root: Signed<Root> = serde_json::from_slice(text).map_err(|why| Error::List {
        path: path.to_owned(),
        why: why.to_string(),
    })?;
    root.signed.verify_role(&root).map_err(|why| Error::Keys {
        what: path.display().to_string(),
        why: why.to_string(),
    })?;
    Ok(root.signed)
}

/// Whether a root is one of tests.
pub(crate) fn is_test(root: &Root) -> bool {
    root._extra.contains_key(TEST_MARK)
}

/// Refuses a root that a release may not carry; `machine` is the one that builds.
///
/// # Errors
/// `TestMark`.
pub(crate) fn fit_for_release(root: &Root, machine: &str) -> Result<(), Error> {
    let refuse = |what| Err(Error::TestMark { what });
    if is_test(root) {
        return refuse("keys that are marked as a test");
    }
    let threshold = |kind| root.roles.get(&kind).map_or(0, |role| role.threshold.get());
    if threshold(RoleType::Root) < 2 || threshold(RoleType::Targets) < 2 {
        return refuse("a threshold below two");
    }
    let places = root._extra.get(MADE_ON).and_then(Value::as_object);
    let made_on = |id: &str| places.and_then(|places| places.get(id)?.as_str());
    for id in root.keys.keys() {
        match made_on(&board_slot::cmdline::hex(id)) {
            None | Some("") => return refuse("keys that do not say where they were made"),
            Some(place) if place == machine => {
                return refuse("keys that were made on the machine that builds it");
            }
            Some(_) => {}
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
