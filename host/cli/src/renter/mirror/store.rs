//! One run of a mirror: what is new or has changed is stored, each file a put of its own. A file
//! whose mark did not change is not read again, one that was touched and has the same bytes is not
//! stored again, and a put that was cut off is gone on with.

use std::path::Path;

use host_core::ObjectId;
use host_core::agreement::PayMode;
use host_renter::{Progress, PutRequest, Renter, SessionId, State};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::Mirror;
use super::canon::{Canon, Held};
use super::record::Known;
use crate::print;
use crate::renter::home::Home;
use crate::renter::{log, retain};

#[derive(Debug, Default, Serialize)]
struct RunSaid {
    files: usize,
    unchanged: usize,
    stored: usize,
    bytes: u64,
    /// Files that the canonical copy has no more.
    gone: Vec<String>,
    /// Objects that were deleted.
    deleted: usize,
    /// What could not be stored, and why.
    failed: Vec<String>,
}

/// Stores what is new or changed; false where a file failed.
pub(super) async fn run(home: Home, name: &str, prune: bool, json: bool) -> anyhow::Result<bool> {
    let mut mirror = Mirror::open(home, name)?;
    let noted = log::asked(&mirror.home, "mirror", name, json!({ "prune": prune }))?;
    let ended = async {
        let canon = mirror.canon()?;
        let held = canon.list().await?;
        let (renter, net) = mirror.home.renter().await?;
        let ended = store_all(&mut mirror, &renter, (&canon, &held), prune).await;
        net.stop().await;
        ended
    };
    let said = noted.ended(ended.await, |said| json!(said))?;
    print::either(json, &said, |said| {
        let mut lines = vec![format!(
            "{} files, {} unchanged, {} stored ({} bytes), {} gone, {} objects deleted",
            said.files,
            said.unchanged,
            said.stored,
            said.bytes,
            said.gone.len(),
            said.deleted
        )];
        lines.extend(said.failed.iter().map(|why| format!("  failed: {why}")));
        lines.join("\n")
    })?;
    Ok(said.failed.is_empty())
}

async fn store_all(
    mirror: &mut Mirror,
    renter: &Renter,
    (canon, held): (&Canon, &[Held]),
    prune: bool,
) -> anyhow::Result<RunSaid> {
    let mut said = RunSaid {
        files: held.len(),
        ..RunSaid::default()
    };
    for one in held {
        // One file that fails keeps no other away.
        match store_one(mirror, renter, (canon, one), prune).await {
            Ok(Stored::Unchanged) => said.unchanged += 1,
            Ok(Stored::New { deleted }) => {
                said.stored += 1;
                said.bytes += one.bytes;
                said.deleted += usize::from(deleted);
            }
            Err(error) => said.failed.push(format!("{}: {error:#}", one.path)),
        }
    }
    let is_there = |path: &String| held.binary_search_by(|one| one.path.cmp(path)).is_ok();
    said.gone = mirror.record.files.keys().cloned().collect();
    said.gone.retain(|path| !is_there(path));
    for path in said.gone.iter().filter(|_| prune) {
        match drop_one(mirror, renter, path).await {
            Ok(deleted) => said.deleted += usize::from(deleted),
            Err(error) => said.failed.push(format!("{path}: {error:#}")),
        }
    }
    Ok(said)
}

enum Stored {
    Unchanged,
    New { deleted: bool },
}

async fn store_one(
    mirror: &mut Mirror,
    renter: &Renter,
    (canon, held): (&Canon, &Held),
    prune: bool,
) -> anyhow::Result<Stored> {
    let before = mirror.record.files.get(&held.path).cloned();
    let same = |known: &&Known| known.mark == held.mark && known.bytes == held.bytes;
    let spooled = mirror.spooled(&held.path);
    let known = match before.as_ref().filter(same) {
        Some(known) if known.session.is_none() && known.object.is_some() => {
            return Ok(Stored::Unchanged);
        }
        // Cut off in its put: gone on with, if its bytes are still here.
        Some(known) if spooled.exists() && goes_on(renter, known) => known.clone(),
        _ => {
            if let Some(before) = &before {
                give_up(renter, before).await;
            }
            let (bytes, sha256) = canon.fetch(&held.path, &spooled).await?;
            let known = Known {
                path: held.path.clone(),
                bytes,
                mark: held.mark.clone(),
                sha256,
                session: None,
                object: before.as_ref().and_then(|before| before.object),
            };
            let is_same = |before: &Known| before.sha256 == known.sha256;
            if known.object.is_some() && before.as_ref().is_some_and(is_same) {
                // Touched, and not changed.
                std::fs::remove_file(&spooled)?;
                mirror.record.keep(known)?;
                return Ok(Stored::Unchanged);
            }
            begin(mirror, renter, known, &spooled)?
        }
    };
    let old = known.object;
    let object = finish(renter, &known).await?;
    mirror.record.keep(Known {
        session: None,
        object: Some(object),
        ..known
    })?;
    std::fs::remove_file(&spooled)?;
    let deleted = match old.filter(|old| prune && *old != object) {
        Some(old) => delete(mirror, renter, old).await?,
        None => false,
    };
    Ok(Stored::New { deleted })
}

/// Whether a file's put was begun and can end.
fn goes_on(renter: &Renter, known: &Known) -> bool {
    let session = known.session.as_deref().map(str::parse);
    let Some(Ok(session)) = session else {
        return false;
    };
    renter
        .session(session)
        .is_ok_and(|session| session.state() != State::Cancelled)
}

/// Gives the put of a file up that became another meanwhile. What hosts do not answer now ends
/// unpaid.
async fn give_up(renter: &Renter, before: &Known) {
    if let Some(Ok(session)) = before.session.as_deref().map(str::parse) {
        let _ = renter.cancel(session).await;
    }
}

/// Writes a put down, here and in the book; nothing leaves yet.
fn begin(
    mirror: &mut Mirror,
    renter: &Renter,
    known: Known,
    spooled: &Path,
) -> anyhow::Result<Known> {
    let head = &mirror.record.head;
    let session = renter.begin(&PutRequest {
        path: spooled.to_owned(),
        data: head.data,
        parity: head.parity,
        days: head.days,
        public: head.public,
        price_max: None,
        pay: PayMode::Cheque,
    })?;
    let known = Known {
        session: Some(session.to_string()),
        ..known
    };
    mirror.record.keep(known.clone())?;
    Ok(known)
}

/// Works on a file's put until it is stored.
async fn finish(renter: &Renter, known: &Known) -> anyhow::Result<ObjectId> {
    let session: SessionId = known.session.as_deref().unwrap_or_default().parse()?;
    if let Some(object) = renter.session(session)?.object {
        return Ok(object);
    }
    let (progress, _watched) = watch::channel(Progress::default());
    Ok(renter.resume(session, &progress).await?.id)
}

/// Deletes the object of a file that is gone, and forgets it.
async fn drop_one(mirror: &mut Mirror, renter: &Renter, path: &str) -> anyhow::Result<bool> {
    let known = mirror.record.files.get(path).cloned();
    let object = known.and_then(|known| known.object);
    let deleted = match object {
        Some(object) => delete(mirror, renter, object).await?,
        None => false,
    };
    mirror.record.forget(path)?;
    Ok(deleted)
}

/// Deletes an object, unless it is retained or another file is the same open object.
async fn delete(mirror: &Mirror, renter: &Renter, object: ObjectId) -> anyhow::Result<bool> {
    let files = mirror.record.files.values();
    if files.filter(|known| known.object == Some(object)).count() > 1 {
        return Ok(false);
    }
    retain::check(&mirror.home, object)?;
    match renter.delete(object).await {
        Ok(_) => Ok(true),
        Err(host_renter::Error::Unknown { .. }) => Ok(false),
        Err(error) => Err(error.into()),
    }
}
