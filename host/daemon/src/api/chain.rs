//! What the host knows of its chain and its money: endpoints, addresses, balances, what waits and
//! why,
//! cheques. Never a key.

use axum::extract::State;
use axum::{Extension, Json};
use host_api::Scope;
use host_core::{Address, Amount, PeerId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::chain::Road;
use crate::elsewhere::ElsewhereSaid;

/// Vaults told one by one.
const VAULTS_MAX: usize = 1_000;

/// Who a host is.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct IdSaid {
    /// Its peer id.
    #[schema(value_type = String)]
    pub peer: PeerId,
    /// Its account.
    #[schema(value_type = String)]
    pub address: Address,
    /// Where its money goes.
    #[schema(value_type = String)]
    pub payout: Address,
    /// The same account as Tron writes it.
    #[serde(default)]
    pub tron: String,
    /// Where it can be dialled.
    pub addrs: Vec<String>,
    /// Where it listens for peers.
    #[serde(default)]
    pub listen: Vec<String>,
    /// Its local API.
    #[serde(default)]
    pub api: Option<String>,
    /// Its dashboard.
    #[serde(default)]
    pub dashboard: Option<String>,
    /// Its remote health API; absent while that door is closed.
    #[serde(default)]
    pub health: Option<String>,
    /// What its account still needs, in words; absent while the chain never answered.
    #[serde(default)]
    pub needs: Option<Vec<String>>,
    /// Its network.
    pub network: String,
    /// Its software.
    pub version: String,
}

/// How one endpoint is doing.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct EndpointSaid {
    /// Host and port.
    pub name: String,
    /// serving, lagging, resting, locked out or unused.
    pub state: String,
    /// Moving average of its answers, milliseconds.
    pub latency_ms: u64,
    /// Of a thousand requests, how many failed lately.
    pub errors_permille: u32,
    /// The newest block it named.
    pub head: u64,
    /// Blocks behind the best one.
    pub lag: u64,
    /// What is wrong, when something is.
    pub why: Option<String>,
}

/// A transaction under way.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct WaitingSaid {
    /// What it is for.
    pub intent: String,
    /// wanted or pending.
    pub state: String,
    /// Its newest hash.
    pub tx: Option<String>,
    /// Its nonce.
    pub nonce: Option<u64>,
    /// Times it was signed.
    pub forms: usize,
    /// The block it is in.
    pub block: Option<u64>,
    /// What it waits for.
    pub why: String,
}

/// The chain as the host sees it.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChainSaid {
    /// Its id.
    pub chain_id: u64,
    /// The newest block known; 0 while it never answered.
    pub block: u64,
    /// The newest block whose payments are recorded.
    pub read_block: u64,
    /// The endpoints.
    pub endpoints: Vec<EndpointSaid>,
    /// The host's account.
    #[schema(value_type = String)]
    pub wallet: Address,
    /// Where its money goes.
    #[schema(value_type = String)]
    pub payout: Address,
    /// The contracts by name.
    #[schema(value_type = std::collections::BTreeMap<String, String>)]
    pub contracts: std::collections::BTreeMap<String, Address>,
    /// Native value of the account, smallest units; absent while two endpoints do not agree on it.
    #[schema(value_type = Option<String>)]
    pub native: Option<Amount>,
    /// Tokens of the account, smallest units; absent likewise.
    #[schema(value_type = Option<String>)]
    pub token: Option<Amount>,
    /// Why a balance is absent.
    pub why: Option<String>,
    /// Transactions under way.
    pub waiting: Vec<WaitingSaid>,
    /// Further networks, for reading.
    #[serde(default)]
    pub elsewhere: Vec<ElsewhereSaid>,
}

/// The cheques of one vault.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct VaultSaid {
    /// The vault.
    #[schema(value_type = String)]
    pub vault: Address,
    /// The account that signs its cheques; absent for a contract wallet.
    #[serde(default)]
    #[schema(value_type = Option<String>)]
    pub renter: Option<Address>,
    /// What they are paid in.
    #[schema(value_type = String)]
    pub token: Address,
    /// Promised, smallest units.
    #[schema(value_type = String)]
    pub received: Amount,
    /// Paid of it.
    #[schema(value_type = String)]
    pub cashed: Amount,
    /// Not paid yet.
    #[schema(value_type = String)]
    pub uncashed: Amount,
    /// What the vault could not pay when last asked.
    #[schema(value_type = String)]
    pub bounced: Amount,
    /// Block since which something stands uncashed.
    pub due_since: Option<u64>,
}

/// All cheques of a host.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct ChequesSaid {
    /// Vaults a cheque was accepted from.
    pub vaults: u64,
    /// Promised by this host, which pays nobody: zero.
    #[serde(default)]
    #[schema(value_type = String)]
    pub issued: Amount,
    /// Promised by the newest cheques, smallest units.
    #[schema(value_type = String)]
    pub received: Amount,
    /// Paid of it.
    #[schema(value_type = String)]
    pub cashed: Amount,
    /// Not paid yet.
    #[schema(value_type = String)]
    pub uncashed: Amount,
    /// What vaults could not pay when last asked, of those listed.
    #[schema(value_type = String)]
    pub bounced: Amount,
    /// The vaults, at most a thousand.
    pub by_vault: Vec<VaultSaid>,
}

/// What waits, for people.
pub(crate) fn waiting(road: &Road) -> Result<Vec<WaitingSaid>, Failure> {
    let told = road.cashier.waiting().map_err(Failure::internal)?;
    let said = told.into_iter().map(|one| WaitingSaid {
        intent: one.intent.to_string(),
        state: one.state.to_owned(),
        tx: one.hash.map(|hash| hash.to_string()),
        nonce: one.nonce,
        forms: one.forms,
        block: one.block,
        why: one.why,
    });
    Ok(said.collect())
}

/// The endpoints, for people.
pub(crate) fn endpoints(road: &Road) -> Vec<EndpointSaid> {
    let reports = road.evm.endpoints().into_iter();
    let said = reports.map(|one| EndpointSaid {
        name: one.name,
        state: one.state.to_owned(),
        latency_ms: one.latency_ms,
        errors_permille: one.errors_permille,
        head: one.head,
        lag: one.lag,
        why: one.why,
    });
    said.collect()
}

/// Who the host is.
#[utoipa::path(get, path = "/api/v1/id", tag = "host",
    responses((status = 200, description = "peer id and accounts", body = IdSaid)))]
pub(crate) async fn id(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<IdSaid>, Failure> {
    caller.demand(Scope::Read)?;
    Ok(Json(IdSaid {
        peer: api.desk.key().peer_id(),
        address: api.desk.policy().host,
        payout: api.desk.policy().payout,
        tron: api.desk.policy().host.to_tron(),
        addrs: api.desk.addrs(),
        listen: api.places.listen.clone(),
        api: api.places.api.map(|at| format!("http://{at}/api/v1/")),
        dashboard: api.places.dashboard(),
        health: api.places.health.map(|at| format!("https://{at}/health")),
        needs: api.road.means.last().map(|(means, _)| means.needs),
        network: api.road.network.name.clone(),
        version: env!("CARGO_PKG_VERSION").to_owned(),
    }))
}

/// Endpoints, addresses, balances, what waits and why.
#[utoipa::path(get, path = "/api/v1/chain", tag = "money",
    responses((status = 200, description = "the chain as the host sees it", body = ChainSaid)))]
pub(crate) async fn info(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ChainSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let road = &api.road;
    let wallet = api.desk.policy().host;
    let (native, token) = tokio::join!(
        road.evm.native_balance(wallet),
        road.evm.token_balance(wallet)
    );
    let why = native.as_ref().err().or(token.as_ref().err());
    let why = why.map(ToString::to_string);
    let named = road.network.contracts.named().into_iter();
    let cursor = road.ledger.read().and_then(|view| view.cursor());
    let cursor = cursor.map_err(Failure::internal)?.unwrap_or_default();
    Ok(Json(ChainSaid {
        chain_id: road.network.chain_id,
        block: api.desk.block_known(),
        read_block: cursor.block().unwrap_or(0),
        endpoints: endpoints(road),
        wallet,
        payout: api.desk.policy().payout,
        contracts: named.map(|(name, of)| (name.to_owned(), of)).collect(),
        native: native.ok(),
        token: token.ok(),
        why,
        waiting: waiting(road)?,
        elsewhere: road.elsewhere.said(),
    }))
}

/// Cheques by vault, and their sums.
#[utoipa::path(get, path = "/api/v1/cheques", tag = "money",
    responses((status = 200, description = "the cheques", body = ChequesSaid)))]
pub(crate) async fn cheques(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<ChequesSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let view = api.road.ledger.read().map_err(Failure::internal)?;
    let totals = view.totals().map_err(Failure::internal)?;
    let rows = view.cheques(None, VAULTS_MAX).map_err(Failure::internal)?;
    let own_token = api.road.network.contracts.token;
    let by_vault: Vec<VaultSaid> = rows
        .into_iter()
        .map(|row| VaultSaid {
            vault: row.cheque.cheque.vault,
            renter: row.cheque.issuer(api.road.network.chain_id).ok(),
            token: row.cheque.cheque.token.unwrap_or(own_token),
            received: row.cheque.cheque.cumulative,
            cashed: row.cashed,
            uncashed: row.due(),
            bounced: row.bounced,
            due_since: row.due_since,
        })
        .collect();
    let bounced = by_vault.iter().map(|vault| vault.bounced.0);
    Ok(Json(ChequesSaid {
        vaults: totals.cheques,
        issued: Amount::ZERO,
        received: totals.received,
        cashed: totals.cashed,
        uncashed: Amount(totals.received.0.saturating_sub(totals.cashed.0)),
        bounced: Amount(bounced.fold(0, u128::saturating_add)),
        by_vault,
    }))
}
