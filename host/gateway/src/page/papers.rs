//! Signed papers: releases with their manifests, and reports of restore drills.
//!
//! A manifest leaves as the bytes that were signed, with the signature and the key, so that the
//! browser checks it by itself. A report is held to this renter's own key here. Invariant: what is
//! private, and what is about more than a key's buckets, only a key to everything sees.

use std::path::{Path, PathBuf};

use host_release::{self as release, Drill, PublishKey};
use hyper::StatusCode;
use serde_json::{Value, json};

use super::{Answered, Asked, Caller, Page, Refusal, said};
use crate::shown::Shown;

/// Longest manifest that a page is given.
const MANIFEST_LEN: usize = 16 << 20;
/// Reports that are told of, the newest ones, and the longest of them.
const DRILLS: usize = 200;
const DRILL_LEN: u64 = 8 << 20;
/// Files of a drill that are named because they did not match.
const FAULTS: usize = 50;

/// One report. None when it is no report at all.
fn drill(path: &Path, key: &PublishKey) -> Option<Value> {
    if std::fs::metadata(path).ok()?.len() > DRILL_LEN {
        return None;
    }
    let text = std::fs::read_to_string(path).ok()?;
    let drill: Drill = serde_json::from_str(&text).ok()?;
    let beside = PathBuf::from(format!("{}.sig", path.display()));
    let signature = match std::fs::read_to_string(&beside) {
        Err(_) => "missing",
        Ok(signature) => match key.verify(release::REPORT, text.as_bytes(), &signature) {
            Ok(()) => "good",
            Err(_) => "wrong",
        },
    };
    let faults = drill.files.iter().filter(|file| !file.matches);
    let faults: Vec<_> = faults.take(FAULTS).collect();
    Some(json!({
        "name": drill.name, "version": drill.version, "manifest": drill.manifest,
        "begun_ms": drill.begun_ms, "seconds": drill.seconds,
        "objective_seconds": drill.objective_seconds, "files_of": drill.files_of,
        "files": drill.files.len(), "bytes": drill.bytes, "passed": drill.passed(),
        "faults": faults, "signature": signature,
    }))
}

/// Every report of a folder, newest first; none when there is no folder.
fn drills_in(folder: &Path, key: &PublishKey) -> Vec<Value> {
    let items = std::fs::read_dir(folder).into_iter().flatten().flatten();
    let is_report = |name: &str| name.starts_with("drill-") && name.ends_with(".json");
    let mut paths: Vec<(String, PathBuf)> = items
        .map(|item| (item.file_name().to_string_lossy().into_owned(), item.path()))
        .filter(|(name, _)| is_report(name))
        .collect();
    // Names hold milliseconds of equal length: their order is that of time.
    paths.sort_unstable_by(|a, b| b.cmp(a));
    let newest = paths.into_iter().take(DRILLS);
    newest.filter_map(|(_, path)| drill(&path, key)).collect()
}

impl Page {
    /// What rehearsals of restores said.
    pub(super) async fn drills(&self, caller: &Caller) -> Answered {
        if !caller.sees_all() {
            return Err(Refusal::denied(
                "drills are about the whole renter; this key is for some buckets",
            ));
        }
        let (folder, key) = (self.shared.drills.clone(), self.gateway.inner.publish_key);
        let read = tokio::task::spawn_blocking(move || drills_in(&folder, &key)).await;
        let drills = read.map_err(|_| crate::error::Error::Worker)?;
        Ok(said(&json!({ "drills": drills })))
    }

    /// Releases that are shown, without their files.
    pub(super) fn releases(&self, caller: &Caller) -> Answered {
        let all = self.gateway.inner.shelf.all();
        let told = all
            .iter()
            .filter(|(shown, _)| caller.sees_all() || !shown.private)
            .map(|(shown, channels)| {
                let of = &shown.manifest;
                json!({
                    "name": of.name, "version": of.version, "date_ms": of.date_ms,
                    "bytes": of.bytes, "files": of.files.len(), "private": shown.private,
                    "tree": shown.tree, "release": shown.release, "channels": channels,
                    "until_ms": of.retention.until_ms, "hold": of.retention.hold,
                })
            });
        let told: Vec<Value> = told.collect();
        let key = self.gateway.inner.publish_key.to_string();
        Ok(said(&json!({ "releases": told, "key": key })))
    }

    /// A release that is shown to this key.
    fn shown(&self, caller: &Caller, asked: &Asked<'_>) -> Result<std::sync::Arc<Shown>, Refusal> {
        let (name, version) = (asked.query.need("name")?, asked.query.need("version")?);
        let shown = self.gateway.inner.shelf.named(name, version);
        let shown = shown.map(|(shown, _)| shown);
        let shown = shown.filter(|shown| caller.sees_all() || !shown.private);
        shown.ok_or_else(|| Refusal::nothing("no release of this name and version is shown"))
    }

    /// A manifest as it was signed, with its signature and the publisher's key.
    pub(super) async fn release(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let shown = self.shown(caller, asked)?;
        let document = self.gateway.release_document(shown.release).await?;
        if document.manifest.len() > MANIFEST_LEN {
            return Err(Refusal::new(
                StatusCode::PAYLOAD_TOO_LARGE,
                "ManifestTooLong",
                "the manifest is too long for a page; the command line checks it",
            ));
        }
        let key = self.gateway.inner.publish_key.to_string();
        Ok(said(&json!({
            "manifest": document.manifest, "signature": document.signature, "key": key,
            "namespace": release::RELEASE,
        })))
    }

    /// A file of a release. Errors: Blocked with the reason.
    pub(super) async fn file(&self, caller: &Caller, asked: &Asked<'_>) -> Answered {
        let shown = self.shown(caller, asked)?;
        let path = asked.query.need("path")?;
        let file = shown.file(path);
        let file = file.ok_or_else(|| Refusal::nothing("the release has no such file"))?;
        let of = &shown.manifest;
        let long = format!("{}/{}/{}", of.name, of.version, file.path);
        for name in [&file.cid, &long] {
            if let Some(why) = self.gateway.blocked(name)? {
                let status = StatusCode::UNAVAILABLE_FOR_LEGAL_REASONS;
                return Err(Refusal::new(status, "Blocked", why));
            }
        }
        match file.packed {
            Some(_) => self.packed(path, &shown.piece(file), file.size).await,
            None => self.bytes(path, &[shown.piece(file)], file.size).await,
        }
    }
}

#[cfg(test)]
mod tests;
