//! Alerts over the API: what stands and how it is told, and a try of every route.

use axum::extract::State;
use axum::{Extension, Json};
use host_api::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::alerts::AlertsSaid;

/// What a try began.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AlertsTried {
    /// Routes that a notice was written down for.
    routes: usize,
}

/// Alerts that stand, and how they are told.
#[utoipa::path(get, path = "/api/v1/alerts", tag = "health",
    responses((status = 200, description = "alerts and routes", body = AlertsSaid)))]
pub(crate) async fn alerts(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<AlertsSaid>, Failure> {
    caller.demand(Scope::Read)?;
    Ok(Json(api.alerts.said()))
}

/// Sends a notice that tries every route.
#[utoipa::path(post, path = "/api/v1/alerts/test", tag = "health",
    responses((status = 200, description = "written down for every route", body = AlertsTried)))]
pub(crate) async fn try_routes(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<AlertsTried>, Failure> {
    caller.demand(Scope::Operate)?;
    let routes = api.alerts.test();
    Ok(Json(AlertsTried { routes }))
}
