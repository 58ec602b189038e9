//! What was kept, promised and paid, agreement by agreement, in a span of epochs: the rows a
//! bookkeeper holds against the vaults and the chain. From the ledger alone; pages are read by key.

use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::{Extension, Json};
use host_api::Scope;
use host_core::{Address, AgreementDigest, Amount, ShardId};
use host_ledger::{AgreementRow, AgreementState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};

/// Rows of a page at most.
const ROWS_MAX: usize = 1_000;
/// Marks a name of an ended agreement in `next`.
const ENDED: &str = "ended:";

/// Which span and which page.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    /// First epoch; 0 unless given.
    from: Option<u64>,
    /// First epoch after the span; the present one unless given.
    to: Option<u64>,
    /// `next` of the page before; absent for the first page.
    after: Option<String>,
}

/// One agreement in a span; sums in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportRow {
    /// Its name.
    #[schema(value_type = String)]
    pub agreement: AgreementDigest,
    /// The renter's account.
    #[schema(value_type = String)]
    pub renter: Address,
    /// The shard.
    #[schema(value_type = String)]
    pub shard: ShardId,
    /// Its bytes.
    pub bytes: u64,
    /// offered, active, expired, released or failed.
    pub state: String,
    /// Whether the host gave its receipt: the bytes were kept.
    pub receipt: bool,
    /// First epoch of the term.
    pub start_epoch: u64,
    /// First epoch after it.
    pub end_epoch: u64,
    /// Epochs of the term within the span.
    pub epochs: u64,
    /// Bytes times those epochs, for which there is a receipt.
    #[schema(value_type = String)]
    pub byte_epochs: Amount,
    /// What those epochs cost.
    #[schema(value_type = String)]
    pub due: Amount,
    /// What cheques promised for those epochs.
    #[schema(value_type = String)]
    pub promised: Amount,
    /// What cheques promised for the agreement, ever.
    #[schema(value_type = String)]
    pub promised_ever: Amount,
}

/// A page of a report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct ReportSaid {
    /// First epoch of the span.
    pub from: u64,
    /// First epoch after it.
    pub to: u64,
    /// The page's agreements that touch the span.
    pub rows: Vec<ReportRow>,
    /// What cheques promised for the page's agreements, ever, also for those outside the span.
    #[schema(value_type = String)]
    pub promised_ever: Amount,
    /// What to ask the next page with; absent on the last.
    pub next: Option<String>,
}

/// One agreement in the span `from..to`; none when it does not touch it. Errors when a sum leaves
/// 128 bits.
fn row_of(row: &AgreementRow, from: u64, to: u64) -> Result<Option<ReportRow>, host_core::Error> {
    let terms = &row.signed.terms;
    let (first, last) = (terms.start_epoch.max(from), terms.end_epoch.min(to));
    if first >= last {
        return Ok(None);
    }
    // Sums are differences of the rising total, so that spans side by side add up to the unit.
    let upto = |epoch: u64| terms.cost_of(epoch.saturating_sub(terms.start_epoch));
    let between = |end: u64| upto(end.max(first))?.minus(upto(first)?);
    let receipt = row.state != AgreementState::Offered;
    let kept = if receipt { last - first } else { 0 };
    let byte_epochs = u128::from(terms.shard_len) * u128::from(kept);
    Ok(Some(ReportRow {
        agreement: row.digest,
        renter: terms.renter,
        shard: terms.shard,
        bytes: terms.shard_len,
        state: row.state.label().to_owned(),
        receipt,
        start_epoch: terms.start_epoch,
        end_epoch: terms.end_epoch,
        epochs: last - first,
        byte_epochs: Amount(byte_epochs),
        due: between(last)?,
        promised: between(row.paid_through.min(last))?,
        promised_ever: row.paid,
    }))
}

/// What was kept, promised and paid in a span of epochs.
#[utoipa::path(get, path = "/api/v1/report", tag = "money", params(Span),
    responses((status = 200, description = "a page", body = ReportSaid)))]
pub(crate) async fn report(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Query(span): Query<Span>,
) -> Result<Json<ReportSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let from = span.from.unwrap_or(0);
    let now = api.desk.epoch_known().unwrap_or(0).saturating_add(1);
    let to = span.to.unwrap_or(now);
    let after = span.after.as_deref();
    let ended = after.and_then(|after| after.strip_prefix(ENDED));
    let view = api.desk.ledger().read().map_err(Failure::internal)?;
    let rows = match ended {
        Some(name) => view.ended_agreements(digest(Some(name))?.as_ref(), ROWS_MAX),
        None => view.agreements(digest(after)?.as_ref(), ROWS_MAX),
    };
    let rows = rows.map_err(Failure::internal)?;
    let full = rows.len() == ROWS_MAX;
    let next = match (rows.last().filter(|_| full), ended) {
        (Some(row), Some(_)) => Some(format!("{ENDED}{}", row.digest)),
        (Some(row), None) => Some(row.digest.to_string()),
        (None, None) => Some(ENDED.to_owned()),
        (None, Some(_)) => None,
    };
    let mut said = ReportSaid {
        from,
        to,
        rows: Vec::new(),
        promised_ever: Amount::ZERO,
        next,
    };
    for row in &rows {
        let sum = said.promised_ever.plus(row.paid);
        said.promised_ever = sum.map_err(Failure::internal)?;
        said.rows
            .extend(row_of(row, from, to).map_err(Failure::internal)?);
    }
    Ok(Json(said))
}

fn digest(text: Option<&str>) -> Result<Option<AgreementDigest>, Failure> {
    let text = text.filter(|text| !text.is_empty());
    text.map(str::parse).transpose().map_err(|_| {
        let why = "`after` is `next` of the page before, as it was given";
        Failure::new(StatusCode::BAD_REQUEST, "no-such-page", why)
    })
}

#[cfg(test)]
mod tests;
