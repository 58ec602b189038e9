//! What the operator asks of a running host: how it is doing, and to cash, restart, take its
//! configuration again, or be backed up.

use std::path::PathBuf;

use axum::extract::State;
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_api::Scope;
use host_core::{Address, Amount, PeerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use super::chain::{WaitingSaid, endpoints, waiting};
use super::proofs::ProofsSaid;
use crate::assemble::HostDesk;
use crate::chain::Road;
use crate::keep::{self, Kept};

/// How a host is doing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Status {
    /// Who it is.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Its account.
    #[schema(value_type = String)]
    pub address: Address,
    /// Its software.
    pub version: String,
    /// Where it can be dialled.
    pub addrs: Vec<String>,
    /// The newest block known; 0 while the chain never answered.
    pub block: u64,
    /// The epoch of that block.
    pub epoch: u64,
    /// Bytes free for shards.
    pub free: u64,
    /// Bytes taken by shards.
    pub used: u64,
    /// Shards kept.
    pub shards: u64,
    /// Agreements that run.
    pub agreements: u64,
    /// Vaults a cheque was accepted from.
    pub cheques: u64,
    /// Smallest units promised by accepted cheques.
    #[schema(value_type = String)]
    pub received: Amount,
    /// Smallest units cashed.
    #[schema(value_type = String)]
    pub cashed: Amount,
    /// Cashing transactions under way.
    pub cashing: usize,
    /// Endpoints of the chain that serve, of how many; what is wrong with the others.
    #[serde(default)]
    pub chain: String,
    /// Transactions under way and what they wait for.
    #[serde(default)]
    pub waiting: Vec<WaitingSaid>,
    /// Where the storage proofs stand; none on a network without them.
    #[serde(default)]
    pub proofs: Option<ProofsSaid>,
    /// Uploads served now.
    pub uploads: usize,
    /// Downloads served now.
    pub downloads: usize,
}

/// What asking to cash began.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct CashBegun {
    /// Transactions begun.
    pub begun: usize,
}

/// How the host is doing, from the ledger's running totals (no scan).
fn status_of(desk: &HostDesk, road: &Road) -> Result<Status, Failure> {
    let snapshot = desk.ledger().read().map_err(Failure::internal)?;
    let totals = snapshot.totals().map_err(Failure::internal)?;
    let (free, used) = desk.store().space().map_err(Failure::internal)?;
    let (uploads, downloads) = desk.serving();
    Ok(Status {
        peer: desk.key().peer_id(),
        address: desk.policy().host,
        version: env!("CARGO_PKG_VERSION").to_owned(),
        addrs: desk.addrs(),
        block: desk.block_known(),
        epoch: desk.epoch_known().unwrap_or(0),
        free,
        used,
        shards: totals.shards,
        agreements: totals.active,
        cheques: totals.cheques,
        received: totals.received,
        cashed: totals.cashed,
        cashing: snapshot.outbox_pending().map_err(Failure::internal)?.len(),
        chain: chain_words(road),
        waiting: waiting(road)?,
        proofs: None,
        uploads,
        downloads,
    })
}

/// The endpoints in one line.
fn chain_words(road: &Road) -> String {
    let all = endpoints(road);
    let serving = all.iter().filter(|one| one.state == "serving").count();
    let wrong = all.iter().filter_map(|one| {
        let why = one.why.as_deref().filter(|why| !why.is_empty());
        let told = |why: &str| format!("; {} is {}: {why}", one.name, one.state);
        why.map(told)
    });
    format!(
        "{serving} of {} endpoints serve{}",
        all.len(),
        wrong.collect::<String>()
    )
}

/// How the host is doing, in numbers.
#[utoipa::path(get, path = "/api/v1/status", tag = "host",
    responses((status = 200, description = "the numbers", body = Status)))]
pub(crate) async fn status(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Status>, Failure> {
    caller.demand(Scope::Read)?;
    let mut status = status_of(&api.desk, &api.road)?;
    status.proofs = api.vitals.proofs.report().map(ProofsSaid::from);
    Ok(Json(status))
}

/// Cashes every cheque that is worth anything.
#[utoipa::path(post, path = "/api/v1/cash", tag = "host",
    responses((status = 200, description = "transactions begun", body = CashBegun)))]
pub(crate) async fn cash(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<CashBegun>, Failure> {
    caller.demand(Scope::Operate)?;
    if let Some(why) = api.road.means.refuses_gas() {
        return Err(Failure::refused("gas-reserve", why));
    }
    let batch = api.reloader.live.settle().batch;
    let begun = api
        .road
        .cashier
        .begin_many(Amount::ZERO, batch)
        .await
        .map_err(Failure::internal)?;
    Ok(Json(CashBegun { begun }))
}

/// Ends the daemon in order, for its supervisor to start again.
#[utoipa::path(post, path = "/api/v1/restart", tag = "host",
    responses((status = 202, description = "it will")))]
pub(crate) async fn restart(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Failure> {
    caller.demand(Scope::Operate)?;
    api.restart.notify_one();
    Ok(StatusCode::ACCEPTED)
}

/// What a reload left for the next start.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct Reloaded {
    /// Changed keys that wait for a restart.
    pub restart_needed: Vec<String>,
}

/// Takes a changed configuration file.
#[utoipa::path(post, path = "/api/v1/reload", tag = "settings",
    responses((status = 200, description = "taken", body = Reloaded)))]
pub(crate) async fn reload(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Reloaded>, Failure> {
    caller.demand(Scope::Configure)?;
    let refused =
        |err: crate::config::ConfigError| Failure::refused("config-invalid", err.to_string());
    let restart_needed = api.reloader.reload().map_err(refused)?;
    tracing::info!(count = restart_needed.len(), "configuration taken again");
    Ok(Json(Reloaded { restart_needed }))
}

/// Where a backup goes.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct BackupOrder {
    /// The file on this machine, absolute.
    #[schema(value_type = String)]
    pub out: PathBuf,
}

/// Takes a backup while the host serves. The token stands for the operator, who may write where
/// the daemon may; a file that is no backup is never replaced.
#[utoipa::path(post, path = "/api/v1/backup", tag = "host", request_body = BackupOrder,
    responses((status = 200, description = "what was kept", body = Kept)))]
pub(crate) async fn backup(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<BackupOrder>,
) -> Result<Json<Kept>, Failure> {
    caller.demand(Scope::Configure)?;
    let refused = |why: String| Failure::refused("backup-refused", why);
    if !order.out.is_absolute() {
        let why = format!("{} is not absolute", order.out.display());
        return Err(refused(why));
    }
    let _turn = api.backing_up.lock().await;
    let dir = api.reloader.dir.clone();
    let config = api.reloader.started.config.clone();
    let ledger = api.desk.ledger().clone();
    let taking =
        tokio::task::spawn_blocking(move || keep::take(&dir, &config, &ledger, &order.out));
    let kept = taking.await.map_err(Failure::internal)?;
    let kept = kept.map_err(|err| refused(format!("{err:#}")))?;
    tracing::info!(path = %kept.file.display(), bytes = kept.size, "backup taken");
    Ok(Json(kept))
}
