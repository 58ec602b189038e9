//! What the host relies on, held against the chain; what is queued; and the operator's word that a
//! difference is known.
//!
//! Enters: requests. Leaves: every assumption with what was found now. Invariant: only whoever may
//! configure the host acknowledges, and the audit log says who. Does not: decide what stops; the
//! guard does.

use axum::extract::State;
use axum::{Extension, Json};
use host_api::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::chain::Road;
use crate::guard::Difference;

/// One thing the host relies on.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AssumptionSaid {
    /// The name of the fact.
    pub what: String,
    /// What is expected; empty when nobody has said.
    pub expected: String,
    /// What the chain says.
    pub found: String,
    /// Whether it holds.
    pub holds: bool,
}

/// A change that may come into force later.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct QueuedSaid {
    /// The name of the fact that would change.
    pub what: String,
    /// What it would become.
    pub next: String,
    /// The block from which it may come into force.
    pub block: u64,
    /// About when that is, RFC 3339, by the network's seconds a block.
    pub at: String,
}

/// Everything the guard knows.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct AssumptionsSaid {
    /// The newest block when the chain was read.
    pub block: u64,
    /// What the host relies on.
    pub assumptions: Vec<AssumptionSaid>,
    /// What the contracts' owner has queued.
    pub queued: Vec<QueuedSaid>,
    /// What stops new agreements until it is acknowledged.
    pub stopped: Vec<Difference>,
}

/// What an acknowledgement took.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Acknowledged {
    /// The differences, which from now on are expected as they were found.
    pub taken: Vec<Difference>,
}

/// What the host relies on, held against the chain now.
#[utoipa::path(get, path = "/api/v1/chain/assumptions", tag = "money",
    responses((status = 200, description = "each with what was found, and what is queued",
        body = AssumptionsSaid)))]
pub(crate) async fn assumptions(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<AssumptionsSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let road = &api.road;
    let readings = road.evm.readings(&road.network).await;
    let readings = readings.map_err(Failure::internal)?;
    let judged = road.guard.judge(&readings).into_iter();
    let assumptions = judged.map(|one| AssumptionSaid {
        holds: one.holds(),
        what: one.what,
        expected: one.expected,
        found: one.found,
    });
    let queued = readings.queued.iter().map(|one| QueuedSaid {
        what: one.key.clone(),
        next: one.next.clone(),
        block: one.ready_block,
        at: date(road, readings.block, one.ready_block),
    });
    Ok(Json(AssumptionsSaid {
        block: readings.block,
        assumptions: assumptions.collect(),
        queued: queued.collect(),
        stopped: road.guard.stopped(),
    }))
}

/// Takes the differences that stop new agreements as they were found.
#[utoipa::path(post, path = "/api/v1/chain/acknowledge", tag = "money",
    responses((status = 200, description = "what was taken", body = Acknowledged)))]
pub(crate) async fn acknowledge(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Acknowledged>, Failure> {
    caller.demand(Scope::Configure)?;
    let taken = api.road.guard.acknowledge(&caller.name);
    let taken = taken.map_err(|err| Failure::internal(format!("{err:#}")))?;
    api.mode.set_held(!api.road.guard.stopped().is_empty());
    Ok(Json(Acknowledged { taken }))
}

/// About when a block comes; one that is past is now.
fn date(road: &Road, head: u64, block: u64) -> String {
    let blocks = block.saturating_sub(head);
    let seconds = blocks.saturating_mul(road.network.epoch.block_seconds);
    let at = std::time::SystemTime::now().checked_add(std::time::Duration::from_secs(
        seconds.min(u64::from(u32::MAX)),
    ));
    at.map_or_else(String::new, |at| {
        humantime::format_rfc3339_seconds(at).to_string()
    })
}
