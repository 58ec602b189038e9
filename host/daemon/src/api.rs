//! The API of a host: what its operator and the fleet's watchers ask. One set of routes behind
//! three doors (`door`); a door finds out who asks, a verb demands the scope it needs. The served
//! OpenAPI document is made from the routes themselves.
//!
//! At the local door (loopback) reading needs nothing; changing anything needs the token that
//! stands in `api.token` of the data directory (mode 0600), so that a web page in the operator's
//! browser, or another user of the machine, cannot act. No answer ever holds a secret.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::Context;
use axum::extract::State;
use axum::routing::get;
use axum::{Json, Router};
use host_net::Net;
use tokio::net::TcpListener;
use tokio::sync::Notify;
use utoipa::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::alerts::Alerts;
use crate::assemble::HostDesk;
use crate::chain::Road;
use crate::events::Events;
use crate::mode::ModeBook;
use crate::ready::Places;
use crate::reload::Reloader;
use crate::stakes::StakeDesk;
use crate::supervise::Stopping;
use crate::tokens::Tokens;
use crate::vitals::Vitals;
use crate::welcome::Whose;

mod alerts;
pub mod audit;
mod caller;
mod chain;
mod dashboard;
mod diagnose;
mod document;
pub mod door;
mod drives;
mod events;
mod gate;
mod guard;
mod health;
mod history;
mod holdings;
mod machine;
mod mode;
mod orders;
mod proofs;
mod report;
mod settings;
mod stats;
mod system;
pub mod tls;
mod verbs;

pub use audit::Audit;
pub use caller::Caller;
pub use chain::{ChainSaid, ChequesSaid, EndpointSaid, IdSaid, VaultSaid, WaitingSaid};
pub use drives::{DriveOrder, DriveSaid, DriveWord, DrivesSaid};
pub use guard::{Acknowledged, AssumptionSaid, AssumptionsSaid, QueuedSaid};
pub(crate) use health::look_at;
pub use orders::{EndedSaid, Order, Ordered, TransactionsSaid};
pub use proofs::ProofsSaid;
pub use report::{ReportRow, ReportSaid};
pub use stats::StatsSaid;
pub use verbs::{BackupOrder, CashBegun, Reloaded, Status};

/// Name of the token's file in the data directory.
pub const TOKEN_FILE: &str = "api.token";
/// Name of the file that holds the address the API listens on, as bound.
pub const ADDRESS_FILE: &str = "api.addr";

/// What the routes share.
pub struct Api {
    /// The host.
    pub desk: Arc<HostDesk>,
    /// The chain, the outbox and the cashier.
    pub road: Arc<Road>,
    /// The stake that was ordered.
    pub stakes: Arc<StakeDesk>,
    /// Where it listens.
    pub places: Places,
    /// The token that changes need at the local door.
    pub token: String,
    /// Rung when a restart is asked for.
    pub restart: Arc<Notify>,
    /// Takes a changed configuration.
    pub reloader: Reloader,
    /// Held while a backup is taken: one at a time.
    pub backing_up: tokio::sync::Mutex<()>,
    /// What somebody is told of.
    pub alerts: Arc<Alerts>,
    /// The network, for its count of peers.
    pub net: Net,
    /// What happened.
    pub events: Events,
    /// The mode the host is in.
    pub mode: Arc<ModeBook>,
    /// What the host knows of itself.
    pub vitals: Arc<Vitals>,
    /// Access tokens of the remote door.
    pub tokens: Tokens,
    /// Who changed what.
    pub audit: Audit,
    /// When to end.
    pub stopping: Stopping,
}

/// Whose means are looked at: the host's account, the bytes it offers, the newest block known.
pub(crate) fn whose(desk: &HostDesk) -> Whose {
    let (free, used) = desk.store().space().unwrap_or_default();
    Whose {
        host: desk.policy().host,
        space: free.saturating_add(used),
        block: desk.block_known(),
    }
}

/// The state as routes get it.
pub(crate) type SharedApi = Arc<Api>;

/// What the document says of the API itself.
#[derive(OpenApi)]
#[openapi(
    info(title = "Holdfast host", description = "What a storage host tells and does.",
        license(name = "MIT OR Apache-2.0", identifier = "MIT OR Apache-2.0")),
    components(schemas(host_api::Problem)),
    tags(
        (name = "health", description = "how it is doing, for monitors"),
        (name = "money", description = "its chain, cheques and transactions"),
        (name = "host", description = "what it holds and does"),
        (name = "settings", description = "its configuration")))]
struct Document;

/// Every route, and the document that describes them.
pub(crate) fn routes() -> (Router<SharedApi>, utoipa::openapi::OpenApi) {
    OpenApiRouter::with_openapi(Document::openapi())
        .routes(routes!(health::livez))
        .routes(routes!(health::readyz))
        .routes(routes!(health::health))
        .routes(routes!(health::metrics))
        .routes(routes!(events::events))
        .routes(routes!(alerts::alerts))
        .routes(routes!(alerts::try_routes))
        .routes(routes!(dashboard::caller))
        .routes(routes!(history::history))
        .routes(routes!(machine::machine))
        .routes(routes!(holdings::agreements))
        .routes(routes!(holdings::volumes))
        .routes(routes!(holdings::peers))
        .routes(routes!(diagnose::diagnose))
        .routes(routes!(drives::drives))
        .routes(routes!(drives::order))
        .routes(routes!(drives::scrub))
        .routes(routes!(mode::mode, mode::set_mode))
        .routes(routes!(mode::exit))
        .routes(routes!(settings::settings))
        .routes(routes!(settings::set))
        .routes(routes!(settings::roll_back))
        .routes(routes!(chain::id))
        .routes(routes!(chain::info))
        .routes(routes!(guard::assumptions))
        .routes(routes!(guard::acknowledge))
        .routes(routes!(chain::cheques))
        .routes(routes!(orders::transactions, orders::order))
        .routes(routes!(report::report))
        .routes(routes!(stats::stats))
        .routes(routes!(system::system, system::wish))
        .routes(routes!(verbs::status))
        .routes(routes!(verbs::cash))
        .routes(routes!(verbs::restart))
        .routes(routes!(verbs::reload))
        .routes(routes!(verbs::backup))
        .split_for_parts()
}

/// The router every door serves.
fn router() -> Router<SharedApi> {
    let (router, mut document) = routes();
    caller::document_refusals(&mut document);
    let document = document::served(&document);
    let document = document.expect("a document of names and numbers is JSON");
    let served = move || std::future::ready(Json(document.clone()));
    router
        .route("/api/v1/openapi.json", get(served))
        .merge(dashboard::pages())
}

/// Binds the API's listener. Errors name the address and the key that sets it.
pub async fn bind(key: &str, listen: SocketAddr) -> anyhow::Result<TcpListener> {
    TcpListener::bind(listen)
        .await
        .with_context(|| format!("listening on {listen}; set another with `{key}`"))
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
