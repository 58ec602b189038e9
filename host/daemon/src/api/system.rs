//! The system below the host: shown as its updater tells it, and asked for over a file, because the
//! updater is root and listens to nobody (`host_api::system`).

use std::path::Path;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_api::system::{SAID_FILE, WISH_FILE};
use host_api::{Scope, SystemSaid, SystemVerb, SystemWish, WishTaken};

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::clock::now_ms;
use crate::config::layers;

/// What the updater told last; everything empty where there is none.
pub(super) fn said(dir: &Path) -> SystemSaid {
    let text = std::fs::read_to_string(dir.join(SAID_FILE)).unwrap_or_default();
    serde_json::from_str(&text).unwrap_or_default()
}

/// The system below the host: versions, slots, and why versions were left.
#[utoipa::path(get, path = "/api/v1/system", tag = "host",
    responses((status = 200, description = "how the system stands", body = SystemSaid)))]
pub(crate) async fn system(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<SystemSaid>, Failure> {
    caller.demand(Scope::Read)?;
    Ok(Json(said(&api.reloader.dir)))
}

/// Asks the system's updater for something; its answer comes with the system's state.
#[utoipa::path(post, path = "/api/v1/system", tag = "host", request_body = SystemWish,
    responses((status = 202, description = "written down", body = WishTaken)))]
pub(crate) async fn wish(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Json(wish): Json<SystemWish>,
) -> Result<(StatusCode, Json<WishTaken>), Failure> {
    let changes = matches!(
        wish.verb,
        SystemVerb::ResetKeep | SystemVerb::ResetWipe | SystemVerb::ClaimDrive
    );
    caller.demand(if changes {
        Scope::Configure
    } else {
        Scope::Operate
    })?;
    let dir = &api.reloader.dir;
    let now = said(dir);
    if now.version.is_empty() {
        let why = "no updater keeps this system; upgrade the package it came from";
        return Err(Failure::refused("no-updater", why));
    }
    let named = matches!(wish.verb, SystemVerb::Upgrade | SystemVerb::Pin);
    if named && wish.version.is_empty() {
        return Err(Failure::asked("version", "say which version is meant"));
    }
    if wish.verb == SystemVerb::ClaimDrive && wish.drive.is_empty() {
        return Err(Failure::asked("drive", "say which serial number is meant"));
    }
    let taken = WishTaken {
        // Greater than any before, also after the file was lost.
        number: now_ms().max(now.wish.saturating_add(1)),
        wish,
    };
    let text = serde_json::to_string(&taken).map_err(Failure::internal)?;
    layers::write_atomic(&dir.join(WISH_FILE), &text).map_err(Failure::internal)?;
    tracing::info!(verb = ?taken.wish.verb, version = %taken.wish.version, "system wish written");
    Ok((StatusCode::ACCEPTED, Json(taken)))
}

#[cfg(test)]
mod tests;
