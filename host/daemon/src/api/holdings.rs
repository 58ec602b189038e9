//! What a host holds, one by one: agreements, volumes, peers. Pages are read by key, so an answer
//! costs what it shows, whatever the host holds.

use axum::extract::{Query, State};
use axum::{Extension, Json};
use host_api::Scope;
use host_core::{Address, AgreementDigest, Amount, PeerId, ShardId};
use host_ledger::{AgreementState, VolumeState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};

/// Rows of a page unless told otherwise, and at most.
const ROWS: usize = 100;
const ROWS_MAX: usize = 1_000;

/// Which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Page {
    /// The last name of the page before; absent for the first page.
    after: Option<String>,
    /// Rows at most, up to 1,000; 100 unless given.
    #[param(minimum = 1, maximum = 1_000)]
    limit: Option<u32>,
}

impl Page {
    fn limit(&self) -> Result<usize, Failure> {
        let asked = self.limit.map_or(Ok(ROWS), usize::try_from);
        let fits = asked.ok().filter(|limit| (1..=ROWS_MAX).contains(limit));
        fits.ok_or_else(|| Failure::asked("limit", "it lies between 1 and 1,000"))
    }
}

/// One agreement.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AgreementSaid {
    /// Its name.
    #[schema(value_type = String)]
    agreement: AgreementDigest,
    /// offered, active, expired, released or failed.
    state: String,
    /// The renter's account.
    #[schema(value_type = String)]
    renter: Address,
    /// The shard.
    #[schema(value_type = String)]
    shard: ShardId,
    /// Its bytes.
    bytes: u64,
    /// Smallest token units per GiB and epoch.
    #[schema(value_type = String)]
    price: Amount,
    /// First epoch.
    start_epoch: u64,
    /// First epoch after the term.
    end_epoch: u64,
    /// First epoch that is not paid; 0 before the first cheque.
    paid_through: u64,
    /// What cheques added for it, smallest units.
    #[schema(value_type = String)]
    paid: Amount,
}

/// A page of agreements.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AgreementsSaid {
    /// Agreements that run, on all pages.
    active: u64,
    /// Agreements that ended by time, ever.
    expired: u64,
    /// Agreements whose shard was lost, ever.
    failed: u64,
    /// Those of this page, by name.
    agreements: Vec<AgreementSaid>,
    /// What to ask the next page with; absent on the last.
    next: Option<String>,
}

/// Open agreements, page by page.
#[utoipa::path(get, path = "/api/v1/agreements", tag = "host", params(Page),
    responses((status = 200, description = "a page", body = AgreementsSaid)))]
pub(crate) async fn agreements(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<Page>,
) -> Result<Json<AgreementsSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let after: Option<AgreementDigest> = parsed(page.after.as_deref())?;
    let limit = page.limit()?;
    let snapshot = api.desk.ledger().read().map_err(Failure::internal)?;
    let rows = snapshot.agreements(after.as_ref(), limit);
    let rows = rows.map_err(Failure::internal)?;
    let totals = snapshot.totals().map_err(Failure::internal)?;
    let full = rows.len() == limit;
    let next = rows.last().filter(|_| full);
    Ok(Json(AgreementsSaid {
        active: totals.active,
        expired: totals.expired,
        failed: totals.failed,
        next: next.map(|row| row.digest.to_string()),
        agreements: rows
            .into_iter()
            .map(|row| {
                let terms = row.signed.terms;
                AgreementSaid {
                    agreement: row.digest,
                    state: state(row.state).to_owned(),
                    renter: terms.renter,
                    shard: terms.shard,
                    bytes: terms.shard_len,
                    price: terms.price,
                    start_epoch: terms.start_epoch,
                    end_epoch: terms.end_epoch,
                    paid_through: row.paid_through,
                    paid: row.paid,
                }
            })
            .collect(),
    }))
}

fn parsed<T: std::str::FromStr>(text: Option<&str>) -> Result<Option<T>, Failure> {
    text.map(str::parse)
        .transpose()
        .map_err(|_| Failure::asked("after", "it is the last name of the page before"))
}

const fn state(state: AgreementState) -> &'static str {
    match state {
        AgreementState::Offered => "offered",
        AgreementState::Active => "active",
        AgreementState::Expired => "expired",
        AgreementState::Released => "released",
        AgreementState::Failed => "failed",
    }
}

/// The state's word, as health says it.
const fn worded(state: VolumeState) -> &'static str {
    match state {
        VolumeState::Healthy => "healthy",
        VolumeState::Suspect => "suspect",
        VolumeState::ReadOnly => "read-only",
        VolumeState::Evacuating => "evacuating",
        VolumeState::Failed => "failed",
    }
}

/// One volume.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct VolumeSaid {
    /// Its name.
    volume: String,
    /// healthy, suspect, read-only, evacuating or failed.
    state: String,
    /// Whether it is open and serves.
    serving: bool,
    /// Bytes for shards.
    size: u64,
    /// Bytes taken.
    used: u64,
}

/// Every volume the host knows, also those that do not serve.
#[utoipa::path(get, path = "/api/v1/volumes", tag = "host",
    responses((status = 200, description = "the volumes", body = [VolumeSaid])))]
pub(crate) async fn volumes(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<Vec<VolumeSaid>>, Failure> {
    caller.demand(Scope::Read)?;
    let snapshot = api.desk.ledger().read().map_err(Failure::internal)?;
    let open = api.desk.store().volumes();
    let rows = snapshot.volumes().map_err(Failure::internal)?;
    let said = rows.into_iter().map(|row| VolumeSaid {
        volume: row.volume.to_string(),
        serving: open.contains(&row.volume),
        state: worded(row.state).to_owned(),
        size: row.size,
        used: row.used,
    });
    Ok(Json(said.collect()))
}

/// A peer the host remembers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PeerSaid {
    /// Who.
    #[schema(value_type = String)]
    peer: PeerId,
    /// Where it was last seen.
    addrs: Vec<String>,
    /// When, milliseconds since 1970.
    seen_ms: u64,
}

/// Peers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct PeersSaid {
    /// Connections that stand now.
    connections: u32,
    /// Peers remembered, those of this page.
    peers: Vec<PeerSaid>,
    /// What to ask the next page with; absent on the last.
    next: Option<String>,
}

/// Peers the host remembers, page by page, and how many are connected.
#[utoipa::path(get, path = "/api/v1/peers", tag = "host", params(Page),
    responses((status = 200, description = "a page", body = PeersSaid)))]
pub(crate) async fn peers(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Query(page): Query<Page>,
) -> Result<Json<PeersSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let after: Option<PeerId> = parsed(page.after.as_deref())?;
    let limit = page.limit()?;
    let snapshot = api.desk.ledger().read().map_err(Failure::internal)?;
    let rows = snapshot.peers(after.as_ref(), limit);
    let rows = rows.map_err(Failure::internal)?;
    let full = rows.len() == limit;
    Ok(Json(PeersSaid {
        connections: api.net.connections(),
        next: rows.last().filter(|_| full).map(|row| row.peer.to_string()),
        peers: rows
            .into_iter()
            .map(|row| PeerSaid {
                peer: row.peer,
                addrs: row.addrs,
                seen_ms: row.seen_ms,
            })
            .collect(),
    }))
}
