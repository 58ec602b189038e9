//! The drives: what the host knows of each, and the operator's orders. An order is durable when
//! its answer leaves; an evacuation then goes on by itself, also after a restart.

use axum::extract::{Path, State};
use axum::{Extension, Json};
use host_api::Scope;
use host_core::VolumeId;
use host_store::drive::{self, Sign};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::nvme::NvmeNotes;

/// One drive.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DriveSaid {
    /// The name of its volume.
    pub volume: String,
    /// Where it is, as configured; absent when it is not open.
    pub path: Option<String>,
    /// healthy, suspect, read-only, evacuating or failed.
    pub state: String,
    /// Why, when that changed since the start.
    pub why: Option<String>,
    /// Bytes for shards.
    pub size: u64,
    /// Bytes taken.
    pub used: u64,
    /// Bad extents found since the start or the last clean pass.
    pub bad: u64,
    /// Failures one after another.
    pub failures: u64,
    /// Stalls since the start or the last clean pass.
    pub stalls: u64,
    /// Operations that took two seconds or more, since the start.
    pub slow: u64,
    /// Whether an operation that was given up has not ended: nothing is asked of the drive
    /// meanwhile.
    pub quarantined: bool,
    /// Shards moved away since the start.
    pub moved: u64,
    /// Why the rest cannot be moved.
    pub stuck: Option<String>,
    /// The NVMe drive under it and what it says of itself.
    pub nvme: Option<NvmeSaid>,
}

/// An NVMe drive.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct NvmeSaid {
    /// What is printed on it.
    pub serial: String,
    /// The namespace on it.
    pub namespace: u32,
    /// What its maker calls it.
    pub model: String,
    /// Whether an acknowledged write needs a flush to outlast a power loss.
    pub volatile_cache: bool,
    /// Degrees Celsius.
    pub celsius: Option<i64>,
    /// Spare space left, in percent, where the drive reports it.
    pub spare_percent: Option<u8>,
    /// Of its rated endurance, in percent.
    pub used_percent: Option<u8>,
    /// Days until that is used, where the wear can be measured.
    pub days_left: Option<u64>,
    /// Times data could not be recovered.
    pub media_errors: Option<u64>,
    /// Times it lost power unannounced.
    pub unsafe_shutdowns: Option<u64>,
    /// Bytes written to it for each byte of this host, in hundredths.
    pub amplification: Option<u64>,
    /// nothing, warn, scrub, read-only or evacuate.
    pub asks_for: String,
    /// Why, the worst first.
    pub findings: Vec<String>,
    /// Why its health page is not read.
    pub gap: Option<String>,
}

impl From<&NvmeNotes> for NvmeSaid {
    fn from(notes: &NvmeNotes) -> Self {
        let (drive, page) = (&notes.drive, notes.page.as_ref());
        Self {
            serial: drive.serial.clone(),
            namespace: drive.namespace,
            model: drive.model.clone(),
            volatile_cache: drive.cache.needs_flush(),
            celsius: celsius(notes),
            spare_percent: page.and_then(|page| page.spare).map(|(left, _)| left),
            used_percent: page.map(|page| page.used_percent),
            days_left: notes.days_left,
            media_errors: page.map(|page| page.media_errors),
            unsafe_shutdowns: page.map(|page| page.unsafe_shutdowns),
            amplification: notes.amplification,
            asks_for: notes.act.label().to_owned(),
            findings: notes.findings.clone(),
            gap: notes.gap.clone(),
        }
    }
}

/// Degrees of a drive: the page's, or else the kernel's own sensor's.
pub(super) fn celsius(notes: &NvmeNotes) -> Option<i64> {
    let page = notes.page.as_ref().and_then(|page| page.celsius);
    page.map(i64::from)
        .or_else(|| notes.drive.milli_celsius.map(|milli| milli / 1000))
}

/// All drives and the scrub.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct DrivesSaid {
    /// The drives.
    pub drives: Vec<DriveSaid>,
    /// Shards that are fenced: found bad and not served.
    pub fenced: u64,
    /// When the scrub's pass began, seconds since 1970; 0 for never.
    pub scrub_begun: u64,
    /// When the last pass ended.
    pub scrub_ended: u64,
    /// Shards read back in this pass.
    pub scrub_checked: u64,
    /// Their bytes.
    pub scrub_bytes: u64,
    /// Whether the pass will not end within fourteen days.
    pub scrub_behind: bool,
}

/// What the operator orders of a drive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum DriveWord {
    /// It takes no new shards.
    ReadOnly,
    /// Its shards move to the other volumes.
    Evacuate,
    /// It is trusted again, and whatever was ordered ends.
    Cancel,
}

/// An order.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DriveOrder {
    /// What.
    pub order: DriveWord,
}

fn said(api: &super::Api) -> Result<DrivesSaid, Failure> {
    let view = api.vitals.drives.view();
    let store = api.desk.store();
    let snapshot = api.desk.ledger().read().map_err(Failure::internal)?;
    let rows = snapshot.volumes().map_err(Failure::internal)?;
    let named = store.named();
    let path = |id: &VolumeId| {
        let found = named.iter().find(|(volume, _)| volume == id);
        found.map(|(_, name)| name.clone())
    };
    let drives = rows.into_iter().map(|row| {
        let notes = view.drives.get(&row.volume).cloned().unwrap_or_default();
        DriveSaid {
            path: path(&row.volume),
            volume: row.volume.to_string(),
            state: drive::label(row.state).to_owned(),
            why: notes.why,
            size: row.size,
            used: row.used,
            bad: notes.counts.bad,
            failures: notes.counts.failures,
            stalls: notes.counts.stalls,
            slow: notes.slow,
            quarantined: notes.quarantined,
            moved: notes.moved,
            stuck: notes.stuck,
            nvme: notes.nvme.as_ref().map(NvmeSaid::from),
        }
    });
    Ok(DrivesSaid {
        drives: drives.collect(),
        fenced: view.fenced,
        scrub_begun: view.pass.begun,
        scrub_ended: view.pass.ended,
        scrub_checked: view.pass.checked,
        scrub_bytes: view.pass.bytes,
        scrub_behind: view.behind,
    })
}

/// Every drive and the scrub.
#[utoipa::path(get, path = "/api/v1/drives", tag = "host",
    responses((status = 200, description = "the drives", body = DrivesSaid)))]
pub(crate) async fn drives(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<DrivesSaid>, Failure> {
    caller.demand(Scope::Read)?;
    said(&api).map(Json)
}

/// Orders a drive to take no new shards, to be emptied, or to be trusted again.
#[utoipa::path(put, path = "/api/v1/drives/{volume}", tag = "host", request_body = DriveOrder,
    params(("volume" = String, Path, description = "the volume's name, hex")),
    responses((status = 200, description = "the drives now", body = DrivesSaid)))]
pub(crate) async fn order(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Path(volume): Path<String>,
    Json(order): Json<DriveOrder>,
) -> Result<Json<DrivesSaid>, Failure> {
    caller.demand(Scope::Operate)?;
    let refused = |why: String| Failure::refused("drive-unknown", why);
    let id: VolumeId = volume
        .parse()
        .map_err(|_| refused(format!("`{volume}` names no volume")))?;
    let sign = match order.order {
        DriveWord::ReadOnly => Sign::OrderReadOnly,
        DriveWord::Evacuate => Sign::OrderEvacuate,
        DriveWord::Cancel => Sign::OrderCancel,
    };
    let (store, ledger) = (api.desk.store(), api.desk.ledger());
    let taken = api.vitals.drives.sign(store, ledger, id, sign).await;
    taken.map_err(|err| refused(err.to_string()))?;
    if order.order == DriveWord::Cancel && store.volumes().contains(&id) {
        // Whether facts go there again is tried at once.
        let renewed = store.renew_ring(id).await;
        renewed.map_err(|err| refused(err.to_string()))?;
    }
    said(&api).map(Json)
}

/// Begins a whole scrub pass now, as fast as its share of the drives allows.
#[utoipa::path(post, path = "/api/v1/scrub", tag = "host",
    responses((status = 202, description = "it will")))]
pub(crate) async fn scrub(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<axum::http::StatusCode, Failure> {
    caller.demand(Scope::Operate)?;
    api.vitals.drives.hurry();
    Ok(axum::http::StatusCode::ACCEPTED)
}
