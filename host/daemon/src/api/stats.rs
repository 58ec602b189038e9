//! The host in figures: what it keeps, earns, owes and can pay, in one answer. Read from running
//! totals and the newest look at the chain; `?refresh=true` looks again first.

use std::time::Duration;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use host_api::Scope;
use host_core::{Address, Amount, PeerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::vitals;
use crate::welcome::{self, Means};

/// Longest wait for the chain when a fresh look is asked for.
const REFRESH_MAX: Duration = Duration::from_secs(20);

/// How fresh.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Freshness {
    /// Ask the chain again before answering.
    #[serde(default)]
    refresh: bool,
}

/// The host in figures; sums in smallest units.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct StatsSaid {
    /// Who it is.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Its account.
    #[schema(value_type = String)]
    pub address: Address,
    /// serving, draining or maintenance.
    pub mode: String,
    /// Whether it takes new agreements.
    pub open: bool,
    /// Seconds it has been running.
    pub uptime_seconds: u64,
    /// The newest block known.
    pub block: u64,
    /// The epoch of that block.
    pub epoch: u64,
    /// Bytes for shards on all volumes that serve.
    pub space: u64,
    /// Bytes taken.
    pub used: u64,
    /// Bytes free.
    pub free: u64,
    /// Shards kept.
    pub shards: u64,
    /// Their bytes.
    pub shard_bytes: u64,
    /// Agreements that run.
    pub active: u64,
    /// Agreements signed whose shard is not kept yet.
    pub offered: u64,
    /// Agreements that ended by time, ever.
    pub expired: u64,
    /// Agreements their renters gave up, ever.
    pub released: u64,
    /// Agreements whose shard was lost, ever.
    pub failed: u64,
    /// Ask price, per GiB and epoch.
    #[schema(value_type = String)]
    pub price: Amount,
    /// Vaults a cheque was accepted from.
    pub vaults: u64,
    /// Promised by their newest cheques.
    #[schema(value_type = String)]
    pub received: Amount,
    /// Paid of it.
    #[schema(value_type = String)]
    pub cashed: Amount,
    /// Not paid yet.
    #[schema(value_type = String)]
    pub uncashed: Amount,
    /// Promised for reads, a part of what was received.
    #[serde(default)]
    #[schema(value_type = String)]
    pub reads_paid: Amount,
    /// Bytes read on paying accounts.
    #[serde(default)]
    pub read_bytes: u64,
    /// Ask price of reads, per GiB.
    #[serde(default)]
    #[schema(value_type = String)]
    pub read_price: Amount,
    /// Transactions under way.
    pub transactions: usize,
    /// Uploads served now.
    pub uploads: usize,
    /// Downloads served now.
    pub downloads: usize,
    /// What the account has and needs; absent while the chain never answered.
    pub means: Option<Means>,
    /// When that was looked at, RFC 3339; absent likewise.
    pub refreshed: Option<String>,
    /// Why a fresh look failed, when one was asked for.
    pub why: Option<String>,
}

/// The host in figures.
#[utoipa::path(get, path = "/api/v1/stats", tag = "host", params(Freshness),
    responses((status = 200, description = "the figures", body = StatsSaid)))]
pub(crate) async fn stats(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Query(fresh): Query<Freshness>,
) -> Result<Json<StatsSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let why = if fresh.refresh {
        refresh(&api).await.err()
    } else {
        None
    };
    let view = api.desk.ledger().read().map_err(Failure::internal)?;
    let totals = view.totals().map_err(Failure::internal)?;
    let (free, used) = api.desk.store().space().map_err(Failure::internal)?;
    let (uploads, downloads) = api.desk.serving();
    let pending = view.outbox_pending().map_err(Failure::internal)?;
    let (means, at) = api.road.means.last().unzip();
    Ok(Json(StatsSaid {
        peer: api.desk.key().peer_id(),
        address: api.desk.policy().host,
        mode: api.mode.said().mode.label().to_owned(),
        open: api.desk.is_open(),
        uptime_seconds: api.vitals.running().as_secs(),
        block: api.desk.block_known(),
        epoch: api.desk.epoch_known().unwrap_or(0),
        space: free.saturating_add(used),
        used,
        free,
        shards: totals.shards,
        shard_bytes: totals.bytes,
        active: totals.active,
        offered: totals.offered,
        expired: totals.expired,
        released: totals.released,
        failed: totals.failed,
        price: api.desk.policy().price,
        vaults: totals.cheques,
        received: totals.received,
        cashed: totals.cashed,
        uncashed: Amount(totals.received.0.saturating_sub(totals.cashed.0)),
        reads_paid: totals.reads_paid,
        read_bytes: totals.read_bytes,
        read_price: api.desk.policy().egress_price,
        transactions: pending.len(),
        uploads,
        downloads,
        means,
        refreshed: at.map(|at| vitals::date(vitals::seconds(at))),
        why,
    }))
}

/// Looks at the chain again. Errors in words.
async fn refresh(api: &SharedApi) -> Result<(), String> {
    let looking = welcome::look(
        &api.road.evm,
        &api.road.network.epoch,
        super::whose(&api.desk),
    );
    let looked = tokio::time::timeout(REFRESH_MAX, looking).await;
    let looked = looked.map_err(|_| format!("the chain took over {} s", REFRESH_MAX.as_secs()))?;
    let means = looked.map_err(|err| err.to_string())?;
    api.road.means.keep(means);
    Ok(())
}
