//! The configuration over the API: what it is, one key changed, the last change taken back. The
//! whole is checked before the file is replaced, the version before is kept beside it, and what a
//! running host can take it takes at once.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use host_api::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use super::verbs::Reloaded;
use crate::config::ConfigError;
use crate::config::layers::{self, Entry, Layered};
use crate::init::CONFIG_FILE;

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SettingOrder {
    /// The value, as the configuration file writes it.
    pub(crate) value: String,
}

fn invalid(err: impl Into<ConfigError>) -> Failure {
    Failure::refused("config-invalid", err.into().to_string())
}

/// Every key with its value, where it comes from, and whether a running host takes a change.
#[utoipa::path(get, path = "/api/v1/config", tag = "settings",
    responses((status = 200, description = "every key", body = [Entry])))]
pub(crate) async fn settings(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<Entry>>, Failure> {
    caller.demand(Scope::Read)?;
    let path = api.reloader.dir.join(CONFIG_FILE);
    let now = Layered::read(&path, &api.reloader.overrides).map_err(invalid)?;
    Ok(Json(now.entries()))
}

/// Sets one key.
#[utoipa::path(put, path = "/api/v1/config/{key}", tag = "settings",
    params(("key" = String, Path, description = "dotted key")), request_body = SettingOrder,
    responses((status = 200, description = "taken", body = Reloaded)))]
pub(crate) async fn set(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Path(key): Path<String>,
    Json(order): Json<SettingOrder>,
) -> Result<Json<Reloaded>, Failure> {
    caller.demand(Scope::Configure)?;
    let _turn = api.reloader.turn.lock().await;
    let path = api.reloader.dir.join(CONFIG_FILE);
    let file = Layered::read(&path, &[]).map_err(invalid)?;
    let (text, _) = file.with(&key, &order.value).map_err(invalid)?;
    layers::replace(&path, &text).map_err(invalid)?;
    tracing::info!(key, "configuration changed over the api");
    let restart_needed = api.reloader.reload().map_err(invalid)?;
    Ok(Json(Reloaded { restart_needed }))
}

/// Takes the last change back; doing it twice brings the change again.
#[utoipa::path(post, path = "/api/v1/config/rollback", tag = "settings",
    responses((status = 200, description = "taken back", body = Reloaded)))]
pub(crate) async fn roll_back(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Reloaded>, Failure> {
    caller.demand(Scope::Configure)?;
    let _turn = api.reloader.turn.lock().await;
    let path = api.reloader.dir.join(CONFIG_FILE);
    layers::roll_back(&path).map_err(invalid)?;
    tracing::info!("configuration rolled back over the api");
    let restart_needed = api.reloader.reload().map_err(invalid)?;
    Ok(Json(Reloaded { restart_needed }))
}
