//! The API of a host: what its operator and the fleet's watchers ask. One set of routes behind
//! several doors; a door finds out who asks, a verb demands the scope it needs.
//!
//! At the local door (loopback) reading needs nothing; changing anything needs the token that
//! stands in `api.token` of the data directory (mode 0600), so that a web page in the operator's
//! browser, or another user of the machine, cannot act. No answer ever holds a secret.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode};
use axum::middleware::{self, Next};
use axum::response::Response;
use axum::routing::{get, post};
use axum::{Extension, Json, Router};
use host_api::Scope;
use host_core::{Address, Amount, PeerId};
use host_settle::Cashier;
use serde::{Deserialize, Serialize};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::assemble::HostDesk;
use crate::keep::{self, Kept};
use crate::reload::Reloader;
use crate::supervise::Stopping;

mod caller;

pub use caller::Caller;
use caller::Failure;

/// Name of the token's file in the data directory.
pub const TOKEN_FILE: &str = "api.token";
/// Name of the file that holds the address the API listens on, as bound.
pub const ADDRESS_FILE: &str = "api.addr";

/// What the routes share.
pub struct Api {
    /// The host.
    pub desk: Arc<HostDesk>,
    /// Cashes on demand.
    pub cashier: Arc<Cashier>,
    /// The token that changes need.
    pub token: String,
    /// Rung when a restart is asked for.
    pub restart: Arc<Notify>,
    /// Takes a changed configuration.
    pub reloader: Reloader,
    /// Held while a backup is taken: one at a time.
    pub backing_up: tokio::sync::Mutex<()>,
}

/// How a host is doing.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Status {
    /// Who it is.
    pub peer: PeerId,
    /// Its account.
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
    pub received: Amount,
    /// Smallest units cashed.
    pub cashed: Amount,
    /// Cashing transactions under way.
    pub cashing: usize,
    /// Uploads served now.
    pub uploads: usize,
    /// Downloads served now.
    pub downloads: usize,
}

/// What asking to cash began.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct CashBegun {
    /// Transactions begun.
    pub begun: usize,
}

/// Binds the API's listener. Errors name the address and the key that sets it.
pub async fn bind(key: &str, listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}; set another with `{key}`"))
}

/// Serves the API until told to end.
pub async fn serve(api: Arc<Api>, listener: TcpListener, mut stopping: Stopping) {
    let routes = Router::new()
        .route("/api/v1/status", get(status))
        .route("/api/v1/cash", post(cash))
        .route("/api/v1/restart", post(restart))
        .route("/api/v1/reload", post(reload))
        .route("/api/v1/backup", post(backup))
        .layer(middleware::from_fn_with_state(
            Arc::clone(&api),
            at_local_door,
        ))
        .with_state(api);
    let ended = axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stopping.wait().await })
        .await;
    if let Err(err) = ended {
        tracing::error!(err = %err, "local api ended");
    }
}

/// Serves the public read-only page: who this host is and what it asks.
pub async fn serve_page(desk: Arc<HostDesk>, listener: TcpListener, mut stopping: Stopping) {
    let page = |State(desk): State<Arc<HostDesk>>| async move {
        let policy = desk.policy();
        Json(serde_json::json!({
            "peer": desk.key().peer_id(),
            "version": env!("CARGO_PKG_VERSION"),
            "addrs": desk.addrs(),
            "price": policy.price,
            "egress_price": policy.egress_price,
            "open": desk.is_open(),
        }))
    };
    let routes = Router::new().route("/", get(page)).with_state(desk);
    let ended = axum::serve(listener, routes)
        .with_graceful_shutdown(async move { stopping.wait().await })
        .await;
    if let Err(err) = ended {
        tracing::error!(err = %err, "public page ended");
    }
}

/// How the host is doing, from the ledger's running totals (no scan).
fn status_of(desk: &HostDesk) -> Result<Status, Failure> {
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
        epoch: desk.epoch_now().unwrap_or(0),
        free,
        used,
        shards: totals.shards,
        agreements: totals.active,
        cheques: totals.cheques,
        received: totals.received,
        cashed: totals.cashed,
        cashing: snapshot.outbox_pending().map_err(Failure::internal)?.len(),
        uploads,
        downloads,
    })
}

async fn status(State(api): State<Arc<Api>>) -> Result<Json<Status>, Failure> {
    status_of(&api.desk).map(Json)
}

async fn cash(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<CashBegun>, Failure> {
    caller.demand(Scope::Operate)?;
    let begun = api
        .cashier
        .begin(Amount::ZERO)
        .await
        .map_err(Failure::internal)?;
    Ok(Json(CashBegun { begun }))
}

async fn restart(
    State(api): State<Arc<Api>>,
    Extension(caller): Extension<Caller>,
) -> Result<StatusCode, Failure> {
    caller.demand(Scope::Operate)?;
    api.restart.notify_one();
    Ok(StatusCode::ACCEPTED)
}

/// What a reload left for the next start.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct Reloaded {
    /// Changed keys that wait for a restart.
    pub restart_needed: Vec<String>,
}

async fn reload(
    State(api): State<Arc<Api>>,
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
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct BackupOrder {
    /// The file on this machine, absolute.
    pub out: PathBuf,
}

/// Takes a backup while the host serves. The token stands for the operator, who may write where
/// the daemon may; a file that is no backup is never replaced.
async fn backup(
    State(api): State<Arc<Api>>,
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

/// The local door: the token in the data directory stands for the operator; without one a caller
/// may look. A wrong token is refused, not taken for none.
async fn at_local_door(
    State(api): State<Arc<Api>>,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let caller = match bearer(request.headers()) {
        None => Caller::passer_by(),
        Some(given) if same(given, &api.token) => Caller {
            name: "operator".into(),
            scope: Some(Scope::Configure),
        },
        Some(_) => return Err(caller::unknown()),
    };
    request.extensions_mut().insert(caller);
    Ok(next.run(request).await)
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get("authorization")?.to_str().ok()?;
    given.strip_prefix("Bearer ")
}

/// Whether two texts are the same. Comparing digests takes the same time wherever they differ.
fn same(one: &str, other: &str) -> bool {
    let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest(one).as_ref() == digest(other).as_ref()
}

/// Writes a fresh token into the data directory, readable by its owner only.
pub fn make_token(dir: &Path) -> anyhow::Result<String> {
    use std::io::Write;
    use std::os::unix::fs::OpenOptionsExt;
    let mut bytes = [0; 24];
    host_core::seams::Entropy::fill(&crate::clock::SystemEntropy, &mut bytes);
    let token: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let path = dir.join(TOKEN_FILE);
    let _ = std::fs::remove_file(&path);
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(token.as_bytes())?;
    Ok(token)
}
