//! The way back: both sides compared, one file from whichever has it, all of them elsewhere. What
//! comes from either side counts only with the SHA-256 that was stored.

use std::path::Path;

use anyhow::{Context, bail};
use host_renter::{Progress, Renter};
use serde::Serialize;
use serde_json::json;
use tokio::sync::watch;

use super::Mirror;
use super::canon::{Canon, Held};
use super::record::Known;
use crate::print;
use crate::renter::home::Home;
use crate::renter::log;

#[derive(Debug, Serialize)]
struct CheckSaid {
    files: usize,
    deep: bool,
    /// Files that differ, and how.
    drift: Vec<Drift>,
}

#[derive(Debug, Serialize)]
struct Drift {
    path: String,
    what: String,
}

#[derive(Debug, Serialize)]
struct GetSaid {
    path: String,
    bytes: u64,
    sha256: String,
    /// `holdfast` or `canonical copy`.
    from: &'static str,
    /// Why not from Holdfast.
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct RestoreSaid {
    written: usize,
    there_already: usize,
    failed: Vec<String>,
}

/// What both sides have of a file, byte by byte.
async fn compare(mirror: &Mirror, canon: &Canon, renter: &Renter, known: &Known) -> Option<String> {
    let spooled = mirror.scratch();
    let read = canon.fetch(&known.path, &spooled).await;
    let _ = std::fs::remove_file(&spooled);
    match read {
        Err(error) => return Some(format!("{error:#}")),
        Ok((_, sha256)) if sha256 != known.sha256 => {
            return Some(format!(
                "the canonical copy has SHA-256 {sha256}, {} was stored",
                known.sha256
            ));
        }
        Ok(_) => {}
    }
    let Some(object) = known.object else {
        return Some("it is not stored yet".to_owned());
    };
    let (progress, _watched) = watch::channel(Progress::default());
    let nowhere = Box::new(std::io::sink());
    match renter.get(object, None, nowhere, &progress).await {
        Err(error) => Some(format!("Holdfast does not give it back: {error}")),
        Ok(got) if hex::encode(got.sha256) != known.sha256 => Some(format!(
            "Holdfast has SHA-256 {}, {} was stored",
            hex::encode(got.sha256),
            known.sha256
        )),
        Ok(_) => None,
    }
}

/// Compares both sides; false where they drift apart, which goes into the log of actions.
pub(super) async fn check(home: Home, name: &str, deep: bool, json: bool) -> anyhow::Result<bool> {
    let mirror = Mirror::look(home, name)?;
    let canon = mirror.canon()?;
    let held = canon.list().await?;
    let mut drift: Vec<Drift> = Vec::new();
    let mut say = |path: &str, what: &str| {
        let (path, what) = (path.to_owned(), what.to_owned());
        drift.push(Drift { path, what });
    };
    for one in &held {
        match mirror.record.files.get(&one.path) {
            Some(known) if known.object.is_none() => say(&one.path, "it is not stored yet"),
            None => say(&one.path, "it is not stored yet"),
            Some(known) if known.mark != one.mark || known.bytes != one.bytes => {
                say(&one.path, "it changed since it was stored");
            }
            Some(_) => {}
        }
    }
    for path in mirror.record.files.keys() {
        if held.binary_search_by(|one| one.path.cmp(path)).is_err() {
            say(path, "the canonical copy has it no more");
        }
    }
    if deep {
        let (renter, net) = mirror.home.renter().await?;
        for known in mirror.record.files.values() {
            let told = drift.iter().any(|drift| drift.path == known.path);
            if let Some(what) = compare(&mirror, &canon, &renter, known)
                .await
                .filter(|_| !told)
            {
                let path = known.path.clone();
                drift.push(Drift { path, what });
            }
        }
        net.stop().await;
    }
    if !drift.is_empty() {
        let detail = json!({ "files": drift.len(), "deep": deep });
        log::asked(&mirror.home, "drift", name, detail)?.ended(Ok(()), |()| json!(null))?;
    }
    let said = CheckSaid {
        files: held.len(),
        deep,
        drift,
    };
    print::either(json, &said, |said| {
        let how = if said.deep {
            "every byte"
        } else {
            "names and marks"
        };
        let mut lines = vec![format!(
            "{} files by {how}, {} drift apart",
            said.files,
            said.drift.len()
        )];
        let told = said.drift.iter();
        lines.extend(told.map(|drift| format!("  {}: {}", drift.path, drift.what)));
        lines.join("\n")
    })?;
    Ok(said.drift.is_empty())
}

/// Gets a file from Holdfast into `out`; its length and SHA-256. Nothing stays under `out` when it
/// fails.
async fn from_holdfast(
    renter: &Renter,
    known: &Known,
    out: &Path,
) -> anyhow::Result<(u64, String)> {
    let object = known.object.context("it is not stored yet")?;
    let file = std::fs::File::create(out).with_context(|| format!("making {}", out.display()))?;
    let (progress, _watched) = watch::channel(Progress::default());
    let got = renter.get(object, None, Box::new(file), &progress).await;
    let got = match got {
        Ok(got) if hex::encode(got.sha256) == known.sha256 => got,
        other => {
            let _ = std::fs::remove_file(out);
            other?;
            bail!("its SHA-256 is not the one that was stored");
        }
    };
    Ok((got.bytes, known.sha256.clone()))
}

/// Gets one file, from whichever side has it.
pub(super) async fn get(
    home: Home,
    name: &str,
    path: &str,
    output: &Path,
    json: bool,
) -> anyhow::Result<bool> {
    let mirror = Mirror::look(home, name)?;
    let known = mirror.record.files.get(path);
    let known = known.with_context(|| format!("{name} knows no file {path}"))?;
    let fresh = output.with_extension("holdfast-part");
    // A home whose network does not answer still has the canonical copy.
    let first = async {
        let (renter, net) = mirror.home.renter().await?;
        let got = from_holdfast(&renter, known, &fresh).await;
        net.stop().await;
        got
    };
    let (from, why, (bytes, sha256)) = match first.await {
        Ok(got) => ("holdfast", None, got),
        Err(error) => {
            let got = async { mirror.canon()?.fetch(path, &fresh).await }.await;
            let got = got.with_context(|| format!("Holdfast does not give it: {error:#}"))?;
            if got.1 != known.sha256 {
                std::fs::remove_file(&fresh)?;
                bail!(
                    "Holdfast does not give it ({error:#}), and the canonical copy is another file \
                     by now: SHA-256 {}, {} was stored",
                    got.1,
                    known.sha256
                );
            }
            ("canonical copy", Some(format!("{error:#}")), got)
        }
    };
    std::fs::rename(&fresh, output).with_context(|| format!("naming {}", output.display()))?;
    let said = GetSaid {
        path: path.to_owned(),
        bytes,
        sha256,
        from,
        why,
    };
    print::either(json, &said, |said| {
        let why = said.why.as_ref().map(|why| format!(": {why}"));
        let (bytes, sha256, from) = (said.bytes, &said.sha256, said.from);
        let why = why.unwrap_or_default();
        format!("{bytes} bytes, sha256 {sha256}, from {from}{why}")
    })?;
    Ok(true)
}

/// Writes every file elsewhere; false where one failed.
pub(super) async fn restore(home: Home, name: &str, to: &str, json: bool) -> anyhow::Result<bool> {
    let mirror = Mirror::look(home, name)?;
    let to = Canon::open(to)?;
    let there = to.list().await?;
    let (renter, net) = mirror.home.renter().await?;
    let mut said = RestoreSaid {
        written: 0,
        there_already: 0,
        failed: Vec::new(),
    };
    for known in mirror.record.files.values() {
        match restore_one(&mirror, &renter, (&to, &there), known).await {
            Ok(true) => said.written += 1,
            Ok(false) => said.there_already += 1,
            Err(error) => said.failed.push(format!("{}: {error:#}", known.path)),
        }
    }
    let _ = std::fs::remove_file(mirror.scratch());
    net.stop().await;
    print::either(json, &said, |said| {
        let mut lines = vec![format!(
            "{} files written, {} were there already",
            said.written, said.there_already
        )];
        lines.extend(said.failed.iter().map(|why| format!("  failed: {why}")));
        lines.join("\n")
    })?;
    Ok(said.failed.is_empty())
}

/// Writes a file where it is not there with these bytes; whether it was written.
async fn restore_one(
    mirror: &Mirror,
    renter: &Renter,
    (to, there): (&Canon, &[Held]),
    known: &Known,
) -> anyhow::Result<bool> {
    let spooled = mirror.scratch();
    let at = there.binary_search_by(|one| one.path.cmp(&known.path));
    let held = at.ok().and_then(|at| there.get(at));
    if held.is_some_and(|held| held.bytes == known.bytes)
        && to.fetch(&known.path, &spooled).await?.1 == known.sha256
    {
        return Ok(false);
    }
    from_holdfast(renter, known, &spooled).await?;
    to.give(&known.path, &spooled).await?;
    Ok(true)
}
