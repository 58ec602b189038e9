//! How the host is doing: every check it can make of itself without touching a drive, and what
//! follows from them. Costs a few reads of running totals, whatever the host holds.

use std::time::{Duration, SystemTime};

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use board_nvme::Act;
use board_watch::neighbour::Alarm;
use host_api::health::MEDIA_TYPE;
use host_api::metrics::{self, Readings};
use host_api::{Check, Health, Mode, Scope, Standing};
use host_core::pressure::Pressure;
use host_core::{Amount, VolumeId};
use host_ledger::{Totals, VolumeRow, VolumeState};
use host_net::Standpoint;
use host_settle::prove::Report;

use super::caller::{Caller, Failure};
use super::drives::celsius;
use super::{Api, SharedApi, proofs};
use crate::machine::Seen;
use crate::nvme::NvmeNotes;
use crate::vitals::Process;
use crate::welcome::RUNWAY_DAYS_MIN;

/// Silence of the chain after which somebody should look.
const CHAIN_SILENCE_MAX: Duration = Duration::from_secs(60);
/// Percent of free space below which somebody should look.
const FREE_PERCENT_MIN: u64 = 2;

/// Everything looked at in one go.
struct Look {
    at: SystemTime,
    totals: Totals,
    volumes: Vec<VolumeRow>,
    free: u64,
    used: u64,
    cashing: usize,
    process: Process,
    machine: Seen,
    proofs: Option<Report>,
}

impl Look {
    fn take(api: &Api) -> Result<Self, Failure> {
        let snapshot = api.desk.ledger().read().map_err(Failure::internal)?;
        let (free, used) = api.desk.store().space().map_err(Failure::internal)?;
        let pending = snapshot.outbox_pending().map_err(Failure::internal)?;
        Ok(Self {
            at: SystemTime::now(),
            totals: snapshot.totals().map_err(Failure::internal)?,
            volumes: snapshot.volumes().map_err(Failure::internal)?,
            free,
            used,
            cashing: pending.len(),
            process: Process::read(),
            machine: api.vitals.machine.seen(),
            proofs: api.vitals.proofs.report(),
        })
    }

    fn checks(&self, api: &Api) -> Vec<(String, Check)> {
        let mut checks = vec![
            ("chain:silence".to_owned(), self.chain(api)),
            ("chain:gas".to_owned(), self.gas(api)),
            (
                "proofs:period".to_owned(),
                proofs::check(self.proofs.as_ref(), self.at),
            ),
            ("network:addresses".to_owned(), self.addresses(api)),
            ("network:reach".to_owned(), self.reach(api)),
            ("storage:free".to_owned(), self.space()),
            ("storage:volumes".to_owned(), self.count(api)),
            ("storage:fenced".to_owned(), self.fenced(api)),
            ("machine:pressure".to_owned(), self.pressure(api)),
            ("machine:memory".to_owned(), self.memory_left()),
            ("machine:neighbours".to_owned(), self.neighbours()),
            ("process:memory".to_owned(), self.memory()),
            ("process:loops".to_owned(), self.loops()),
        ];
        let others = api.road.elsewhere.said().into_iter();
        checks.extend(others.map(|one| {
            let check = Check::seen("component", one.block, self.at).in_unit("block");
            ("chain:elsewhere".to_owned(), check.of(one.network))
        }));
        let volumes = self.volumes.iter();
        let view = api.vitals.drives.view();
        checks.extend(volumes.map(|row| {
            let notes = view.drives.get(&row.volume);
            let check = match notes.is_some_and(|notes| notes.quarantined) {
                true => self.quarantined(row),
                false => self.volume(row),
            };
            ("volume:state".to_owned(), check)
        }));
        let drives = view.drives.iter();
        let drives = drives.filter_map(|(volume, notes)| Some((volume, notes.nvme.as_ref()?)));
        let said = drives.map(|(volume, notes)| self.drive(*volume, notes));
        checks.extend(said.map(|check| ("drive:health".to_owned(), check)));
        checks
    }

    fn chain(&self, api: &Api) -> Check {
        let Some(silence) = api.vitals.chain_silence() else {
            let why = "no endpoint has answered yet; `endpoints` of the network file lists them";
            return Check::seen("component", "never", self.at).judged(Standing::Warn, why);
        };
        let check = Check::seen("component", silence.as_secs(), self.at).in_unit("s");
        if silence > CHAIN_SILENCE_MAX {
            let why = "no endpoint answers; shards are served on, cheques wait to be cashed";
            return check.judged(Standing::Warn, why);
        }
        check
    }

    fn gas(&self, api: &Api) -> Check {
        let Some((means, _)) = api.road.means.last() else {
            return Check::seen("component", "unknown", self.at);
        };
        let Some(days) = means.runway_days else {
            return Check::seen("component", "no proofs here", self.at);
        };
        let check = Check::seen("component", days, self.at).in_unit("d");
        if days < RUNWAY_DAYS_MIN {
            let why = format!(
                "gas for {days:.1} days of proofs is left; send native tokens to {}",
                api.desk.policy().host
            );
            return check.judged(Standing::Warn, why);
        }
        check
    }

    fn addresses(&self, api: &Api) -> Check {
        let addrs = api.desk.addrs();
        let check = Check::seen("component", addrs.len(), self.at);
        if addrs.is_empty() {
            let why = "the host listens nowhere, or nowhere inside the networks that \
                       `services.inside` of the network file declares, and cannot be dialled; see \
                       `swarm.listen`";
            return check.judged(Standing::Fail, why);
        }
        check
    }

    /// From where it can be reached, as the network's relays found.
    fn reach(&self, api: &Api) -> Check {
        let reach = api.net.reach();
        let standpoint = reach.standpoint(&api.net.listening());
        let check = Check::seen("component", standpoint.label(), self.at);
        if standpoint != Standpoint::Inside {
            return check;
        }
        let tried = match reach.closed.is_empty() {
            true => "no relay of the network holds a place for this host".to_owned(),
            false => format!("nobody outside can dial {}", reach.closed.join(", ")),
        };
        check.judged(Standing::Warn, format!("{tried}: {}", standpoint.remedy()))
    }

    fn space(&self) -> Check {
        let check = Check::seen("datastore", self.free, self.at).in_unit("By");
        let all = self.free.saturating_add(self.used);
        if self.free < all / 100 * FREE_PERCENT_MIN {
            let why = "hardly any space is left; new shards will be refused";
            return check.judged(Standing::Warn, why);
        }
        check
    }

    fn count(&self, api: &Api) -> Check {
        let serving = api.desk.store().volume_count();
        let check = Check::seen("datastore", serving, self.at);
        let missing = api.vitals.volumes_configured.saturating_sub(serving);
        if missing > 0 {
            let why = format!(
                "{missing} of {} configured volumes were left out at the start; the log says why",
                api.vitals.volumes_configured
            );
            return check.judged(Standing::Warn, why);
        }
        check
    }

    fn fenced(&self, api: &Api) -> Check {
        let view = api.vitals.drives.view();
        let check = Check::seen("datastore", view.fenced, self.at);
        if view.fenced > 0 {
            let why = "shards were found bad and are not served; the events name them";
            return check.judged(Standing::Warn, why);
        }
        if view.behind {
            let why = "the scrub cannot read everything back within fourteen days";
            return check.judged(Standing::Warn, why);
        }
        check
    }

    fn volume(&self, row: &VolumeRow) -> Check {
        let (word, standing, why) = match row.state {
            VolumeState::Healthy => ("healthy", Standing::Pass, ""),
            VolumeState::Suspect => {
                let why = "something on it was bad; a whole clean pass makes it healthy again";
                ("suspect", Standing::Warn, why)
            }
            VolumeState::ReadOnly => ("read-only", Standing::Warn, "it takes no new shards"),
            VolumeState::Evacuating => {
                let why = "its shards move to the other volumes";
                ("evacuating", Standing::Warn, why)
            }
            VolumeState::Failed => {
                let why = "nothing on it can be read any more; replace the drive";
                ("failed", Standing::Warn, why)
            }
        };
        let check = Check::seen("datastore", word, self.at).of(row.volume.to_string());
        match standing {
            Standing::Pass => check,
            worse => check.judged(worse, why),
        }
    }

    fn quarantined(&self, row: &VolumeRow) -> Check {
        let why = "an operation has not ended within ten seconds; its shards are not served and \
                   nothing is asked of the drive until it answers";
        let check = Check::seen("datastore", "quarantined", self.at);
        check.of(row.volume.to_string()).judged(Standing::Warn, why)
    }

    /// What the drive under a volume asks for. Its worst is a warning: the volume's state says what
    /// was done, and other drives serve on.
    fn drive(&self, volume: VolumeId, notes: &NvmeNotes) -> Check {
        let check = Check::seen("datastore", notes.act.label(), self.at).of(volume.to_string());
        match notes.act {
            Act::Nothing => check,
            _ => {
                let (serial, why) = (&notes.drive.serial, notes.findings.join("; "));
                check.judged(Standing::Warn, format!("drive {serial}: {why}"))
            }
        }
    }

    fn pressure(&self, api: &Api) -> Check {
        let level = api.vitals.pressure();
        let check = Check::seen("system", level.label(), self.at);
        match level {
            Pressure::Calm | Pressure::Trim => check,
            Pressure::Pause => check.judged(Standing::Warn, "no new uploads are admitted"),
            Pressure::Shed | Pressure::Restart => {
                check.judged(Standing::Fail, "the machine has no room left to serve")
            }
        }
    }

    fn memory_left(&self) -> Check {
        let left = self.machine.memory.left_percent;
        let check = Check::seen("system", left, self.at).in_unit("%");
        match (&self.machine.memory_cause, &self.machine.leak) {
            (None, None) => check,
            (Some(cause), _) => check.judged(Standing::Warn, cause.clone()),
            (None, Some(leak)) => check.judged(Standing::Warn, leak.clone()),
        }
    }

    fn neighbours(&self) -> Check {
        let fullest = self
            .machine
            .neighbours
            .iter()
            .map(|table| table.percent)
            .max();
        let check = Check::seen("system", fullest, self.at).in_unit("%");
        let Some(cause) = &self.machine.neighbour_cause else {
            return check;
        };
        if self.machine.neighbour_alarm == Alarm::Critical {
            return check.judged(Standing::Fail, cause.clone());
        }
        check.judged(Standing::Warn, cause.clone())
    }

    fn memory(&self) -> Check {
        Check::seen("system", self.process.resident, self.at).in_unit("By")
    }

    fn loops(&self) -> Check {
        let late = &self.machine.late;
        let check = Check::seen("system", late.len(), self.at);
        if late.is_empty() {
            return check;
        }
        check.judged(Standing::Fail, late.join("; "))
    }

    fn health(&self, api: &Api) -> Health {
        let peer = api.desk.key().peer_id().to_string();
        let mut health = Health::join(env!("CARGO_PKG_VERSION"), peer, self.checks(api));
        let said = api.mode.said();
        if said.mode != Mode::Serving {
            health
                .notes
                .push(format!("mode: {} {}", said.mode.label(), said.reason));
        }
        let health_door = &api.reloader.started.config.health;
        if health_door.claim && crate::claim::owner(&api.reloader.dir).is_none() {
            health
                .notes
                .push("owner: none; the console shows how to claim this box".into());
        }
        if !api.vitals.key_sealed {
            health.notes.push("key: plain".into());
        }
        health.notes.extend(system_notes(api));
        health.notes.extend(self.machine.past.clone());
        health.notes.extend_from_slice(&self.machine.gaps);
        health
    }
}

/// What the system below the host has to say of itself, where an updater keeps it.
fn system_notes(api: &Api) -> Vec<String> {
    let system = super::system::said(&api.reloader.dir);
    if system.version.is_empty() {
        return Vec::new();
    }
    let mut notes = vec![format!(
        "system: {} in slot {}",
        system.version, system.slot
    )];
    if system.trust == "test" {
        notes.push("trust: test".into());
    }
    if !system.trial.is_empty() {
        notes.push(format!("system: {} is being tried", system.trial));
    }
    let last = system.reasons.last();
    notes.extend(last.map(|why| format!("system: left {why}")));
    let open = system.unprotected.into_iter();
    notes.extend(open.map(|what| format!("unprotected: {what}")));
    notes
}

/// Health and metrics of this moment, for the alerts. Errors in words when the ledger does not
/// read.
pub(crate) fn look_at(api: &Api) -> Result<(Health, Readings), String> {
    let look = Look::take(api).map_err(|failure| failure.to_string())?;
    Ok((look.health(api), readings(api, &look)))
}

/// Whether the host takes part: it can be dialled, it has a volume, and nothing of it fails.
fn is_ready(api: &Api, health: &Health) -> bool {
    health.status < Standing::Fail && api.desk.store().volume_count() > 0
}

/// Whether the process answers at all; looks at nothing else.
#[utoipa::path(get, path = "/livez", tag = "health",
    responses((status = 200, description = "the process answers", body = String)))]
pub(crate) async fn livez() -> &'static str {
    "ok\n"
}

/// Whether the host takes part in its network.
#[utoipa::path(get, path = "/readyz", tag = "health",
    responses(
        (status = 200, description = "it takes part", body = String),
        (status = 503, description = "it does not; the body says why", body = String)))]
pub(crate) async fn readyz(State(api): State<SharedApi>) -> Result<Response, Failure> {
    let health = Look::take(&api)?.health(&api);
    if is_ready(&api, &health) {
        return Ok("ready\n".into_response());
    }
    let why = health.output.unwrap_or_else(|| "no volume serves".into());
    Ok((StatusCode::SERVICE_UNAVAILABLE, format!("{why}\n")).into_response())
}

/// Every check and what follows from them.
#[utoipa::path(get, path = "/health", tag = "health",
    responses(
        (status = 200, description = "pass or warn", body = Health,
            content_type = "application/health+json"),
        (status = 503, description = "fail", body = Health,
            content_type = "application/health+json")))]
pub(crate) async fn health(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    caller.demand(Scope::Read)?;
    let health = Look::take(&api)?.health(&api);
    let status = StatusCode::from_u16(health.status.http_status());
    let status = status.unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
    let mut response = (status, Json(health)).into_response();
    let kind = HeaderValue::from_static(MEDIA_TYPE);
    response.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(response)
}

/// Everything that can be plotted.
#[utoipa::path(get, path = "/metrics", tag = "health",
    responses((status = 200, description = "OpenMetrics 1.0", body = String,
        content_type = "application/openmetrics-text")))]
pub(crate) async fn metrics(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    caller.demand(Scope::Read)?;
    let look = Look::take(&api)?;
    let readings = readings(&api, &look);
    debug_assert!(
        readings.missing().len() <= 6,
        "only a silent chain and machines without NVMe leave some out"
    );
    let kind = [(header::CONTENT_TYPE, metrics::MEDIA_TYPE)];
    Ok((kind, readings.text()).into_response())
}

fn readings(api: &Api, look: &Look) -> Readings {
    let health = look.health(api);
    let (uploads, downloads) = api.desk.serving();
    let serving = api.desk.store().volume_count();
    let mut readings = Readings::default();
    let mut put = |name: &str, value: f64| readings.put(name, value);
    put("holdfast_health", f64::from(health.status as u8));
    put(
        "holdfast_ready",
        f64::from(u8::from(is_ready(api, &health))),
    );
    put("holdfast_mode", f64::from(api.mode.said().mode as u8));
    put("holdfast_pressure", f64::from(api.vitals.pressure() as u8));
    put(
        "holdfast_start_time_seconds",
        float(api.vitals.started_seconds()),
    );
    put("holdfast_block_height", float(api.desk.block_known()));
    if let Some(silence) = api.vitals.chain_silence() {
        put("holdfast_block_age_seconds", silence.as_secs_f64());
    }
    if let Some((means, _)) = api.road.means.last() {
        put("holdfast_native_tokens", tokens(means.native));
        // A network without proofs needs no gas for them.
        if let Some(days) = means.runway_days {
            put("holdfast_gas_runway_days", days);
        }
    }
    if let Some((price, own)) = api.road.prices.last() {
        put(
            "holdfast_network_price",
            float(u64::try_from(price.price.0).unwrap_or(u64::MAX)),
        );
        put("holdfast_space_announced_bytes", float(own.space.announced));
        put("holdfast_space_counted_bytes", float(own.space.capacity));
        put("holdfast_space_counted_used_bytes", float(own.space.used));
    }
    put("holdfast_epoch", float(api.desk.epoch_known().unwrap_or(0)));
    put("holdfast_storage_free_bytes", float(look.free));
    put("holdfast_storage_used_bytes", float(look.used));
    put("holdfast_volumes", count(serving));
    let missing = api.vitals.volumes_configured.saturating_sub(serving);
    put("holdfast_volumes_missing", count(missing));
    put("holdfast_shards", float(look.totals.shards));
    let drives = api.vitals.drives.view();
    put("holdfast_shards_fenced", float(drives.fenced));
    let distrusted = look.volumes.iter();
    let distrusted = distrusted.filter(|row| row.state != VolumeState::Healthy);
    put("holdfast_volumes_distrusted", count(distrusted.count()));
    put("holdfast_scrub_checked_shards", float(drives.pass.checked));
    put("holdfast_scrub_behind", f64::from(u8::from(drives.behind)));
    put("holdfast_agreements", float(look.totals.active));
    put("holdfast_cheques", float(look.totals.cheques));
    put(
        "holdfast_cheques_received_tokens",
        tokens(look.totals.received),
    );
    put("holdfast_cheques_cashed_tokens", tokens(look.totals.cashed));
    put("holdfast_reads_paid_tokens", tokens(look.totals.reads_paid));
    put("holdfast_reads_paid_bytes", float(look.totals.read_bytes));
    put("holdfast_cashing_pending", count(look.cashing));
    let links = api.net.links();
    put("holdfast_links_direct", float(links.direct));
    put("holdfast_links_relayed", float(links.relayed));
    put("holdfast_links_punched", float(links.punched));
    put("holdfast_uploads", count(uploads));
    put("holdfast_downloads", count(downloads));
    put(
        "process_resident_memory_bytes",
        float(look.process.resident),
    );
    put("process_cpu_seconds", look.process.cpu_seconds);
    put("process_open_fds", float(look.process.descriptors));
    put("holdfast_events", float(api.events.grave()));
    let (alerts, waiting) = api.alerts.counts();
    put("holdfast_alerts", count(alerts));
    put("holdfast_alerts_waiting", count(waiting));
    let seconds = api.desk.epoch_rule().block_seconds;
    proofs::readings(look.proofs.as_ref(), seconds, &mut readings);
    for row in &look.volumes {
        let notes = drives.drives.get(&row.volume);
        let nvme = notes.and_then(|notes| notes.nvme.as_ref());
        let volume = row.volume.to_string();
        let mut put = |name: &str, value: f64| readings.put_for(name, &volume, value);
        let act = nvme.map_or(Act::Nothing, |nvme| nvme.act);
        put("holdfast_drive_asks", f64::from(act as u8));
        if let Some(celsius) = nvme.and_then(celsius) {
            let celsius = i32::try_from(celsius).unwrap_or(i32::MAX);
            put("holdfast_drive_celsius", f64::from(celsius));
        }
        if let Some(page) = nvme.and_then(|nvme| nvme.page) {
            put("holdfast_drive_used_percent", f64::from(page.used_percent));
            put("holdfast_drive_media_errors", float(page.media_errors));
        }
    }
    for table in &look.machine.neighbours {
        let family = table.family.label();
        let mut put = |name: &str, value: f64| readings.put_for(name, family, value);
        put("holdfast_neighbour_entries", f64::from(table.entries));
        put("holdfast_neighbour_entries_max", f64::from(table.limit));
        put("holdfast_neighbour_refusals", float(table.table_fulls));
    }
    readings
}

/// Exact below 2^53, which every count here is for centuries.
#[expect(
    clippy::cast_precision_loss,
    reason = "metrics are floats; counts stay below 2^53"
)]
pub(super) const fn float(count: u64) -> f64 {
    count as f64
}

fn count(of: usize) -> f64 {
    float(u64::try_from(of).unwrap_or(u64::MAX))
}

/// Whole tokens, for plots; accounts are kept in smallest units elsewhere.
#[expect(
    clippy::cast_precision_loss,
    reason = "a plot needs no more than 15 digits"
)]
pub(super) fn tokens(amount: Amount) -> f64 {
    amount.0 as f64 / 1e18
}
