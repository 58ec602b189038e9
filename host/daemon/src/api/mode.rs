//! Draining a host, taking it out for maintenance, and putting it back.

use std::time::SystemTime;

use axum::extract::State;
use axum::{Extension, Json};
use host_api::{ExitSaid, ModeOrder, ModeSaid, Scope};

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::{leave, vitals};

/// Seconds after which a mode may end by itself, at most: ten years.
const SECONDS_MAX: u64 = 315_360_000;

/// The mode the host is in, and what is still under way.
#[utoipa::path(get, path = "/api/v1/mode", tag = "host",
    responses((status = 200, description = "the mode", body = ModeSaid)))]
pub(crate) async fn mode(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ModeSaid>, Failure> {
    caller.demand(Scope::Read)?;
    Ok(Json(api.mode.said()))
}

/// Puts the host into a mode; it stays there across restarts.
#[utoipa::path(put, path = "/api/v1/mode", tag = "host", request_body = ModeOrder,
    responses((status = 200, description = "the mode it is in now", body = ModeSaid)))]
pub(crate) async fn set_mode(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<ModeOrder>,
) -> Result<Json<ModeSaid>, Failure> {
    caller.demand(Scope::Operate)?;
    if order.seconds.is_some_and(|seconds| seconds > SECONDS_MAX) {
        return Err(Failure::asked(
            "seconds",
            "a mode ends by itself within ten years",
        ));
    }
    let now = vitals::seconds(SystemTime::now());
    let said = api.mode.order(order, now).map_err(Failure::internal)?;
    Ok(Json(said))
}

/// How far the host is on its way out.
#[utoipa::path(get, path = "/api/v1/exit", tag = "host",
    responses((status = 200, description = "what is left, and what comes next", body = ExitSaid)))]
pub(crate) async fn exit(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ExitSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let facts = leave::facts(&api.desk, &api.road).await;
    let facts = facts.map_err(|err| Failure::refused("chain", format!("{err:#}")))?;
    let said = leave::report(&api.desk, api.mode.said().mode, facts.as_ref());
    said.map(Json).map_err(Failure::internal)
}
