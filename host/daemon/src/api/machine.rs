//! The machine under the host, in numbers beside the thresholds they are judged by: memory, the
//! kernel's neighbour tables, critical loops, and what cannot be watched here.

use axum::extract::State;
use axum::{Extension, Json};
use board_watch::memory::{ANON_PERCENT, LEFT_PERCENT};
use board_watch::neighbour::{self, Alarm};
use host_api::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::machine::Seen;
use crate::vitals::Process;

/// The machine.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MachineSaid {
    /// calm, trim, pause, shed or restart.
    pressure: String,
    memory: MemorySaid,
    neighbours: NeighboursSaid,
    /// Critical loops that stand still, in words.
    late: Vec<String>,
    /// How the last life ended, when that was not on purpose.
    past: Option<String>,
    /// What cannot be watched here, and why.
    gaps: Vec<String>,
}

/// Memory.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MemorySaid {
    /// Resident bytes of the daemon.
    resident: u64,
    /// Own memory in percent of its budget.
    own_percent: Option<u64>,
    /// Percent of the machine's memory still available.
    left_percent: Option<u64>,
    /// Milliseconds of the last two seconds in which some task waited for memory.
    some_ms: Option<u64>,
    /// Milliseconds of the last two seconds in which all tasks waited.
    full_ms: Option<u64>,
    /// File pages a second that were read again.
    refaults_per_second: Option<u64>,
    /// Why memory presses, when it does.
    cause: Option<String>,
    /// Growth that does not end, in words.
    leak: Option<String>,
    /// What enters each level.
    thresholds: Vec<MemoryThreshold>,
}

/// What enters a level.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct MemoryThreshold {
    /// The level.
    level: String,
    /// Own memory above this percentage of the budget.
    own_percent: u64,
    /// Memory of the machine below this percentage.
    left_percent: u64,
}

/// The kernel's neighbour tables.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct NeighboursSaid {
    /// quiet, warn, act or critical.
    alarm: String,
    /// Who holds the table, when it presses.
    cause: Option<String>,
    /// One for each family that can be read.
    tables: Vec<TableSaid>,
    /// The fill that raises each alarm.
    thresholds: Vec<FillThreshold>,
    /// Datagrams of this network namespace that were dropped on the way out, a full table among
    /// the reasons.
    out_discards: Option<u64>,
    /// Sends that found a socket's queue full, or no room for a neighbour.
    send_errors: Option<u64>,
}

/// One table.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct TableSaid {
    /// ipv4 or ipv6.
    family: String,
    /// Entries of the whole kernel.
    entries: u32,
    /// Entries at which the kernel refuses more.
    limit: u32,
    /// Counted entries in percent of the limit.
    percent: u64,
    /// Share of the entries that this network namespace does not see.
    hidden_percent: Option<u64>,
    /// Entries refused since the machine booted.
    refused: u64,
    /// Collections by force since then.
    forced_collections: u64,
    /// Addresses a second that nobody answered for.
    failed_per_second: u64,
}

/// The fill of a table that raises an alarm.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct FillThreshold {
    /// The alarm.
    alarm: String,
    /// Percent of the limit.
    percent: u64,
}

/// The machine's readings beside their thresholds.
#[utoipa::path(get, path = "/api/v1/machine", tag = "host",
    responses((status = 200, description = "the last look", body = MachineSaid)))]
pub(crate) async fn machine(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<MachineSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let seen = api.vitals.machine.seen();
    Ok(Json(MachineSaid {
        pressure: api.vitals.pressure().label().to_owned(),
        memory: memory(&seen),
        neighbours: neighbours(&seen),
        late: seen.late,
        past: seen.past,
        gaps: seen.gaps,
    }))
}

fn memory(seen: &Seen) -> MemorySaid {
    let reading = &seen.memory;
    let levels = ["trim", "pause", "shed", "restart"].into_iter();
    let thresholds = levels.zip(ANON_PERCENT).zip(LEFT_PERCENT);
    MemorySaid {
        resident: Process::read().resident,
        own_percent: reading.own_percent,
        left_percent: reading.left_percent,
        some_ms: reading.some_ms,
        full_ms: reading.full_ms,
        refaults_per_second: reading.refaults_per_second,
        cause: seen.memory_cause.clone(),
        leak: seen.leak.clone(),
        thresholds: thresholds
            .map(|((level, own_percent), left_percent)| MemoryThreshold {
                level: level.to_owned(),
                own_percent,
                left_percent,
            })
            .collect(),
    }
}

fn neighbours(seen: &Seen) -> NeighboursSaid {
    let tables = seen.neighbours.iter().map(|table| TableSaid {
        family: table.family.label().to_owned(),
        entries: table.entries,
        limit: table.limit,
        percent: table.percent,
        hidden_percent: table.hidden_percent,
        refused: table.table_fulls,
        forced_collections: table.forced_gc_runs,
        failed_per_second: table.failed_per_second,
    });
    let thresholds = neighbour::FILL.into_iter();
    NeighboursSaid {
        alarm: word(seen.neighbour_alarm).to_owned(),
        cause: seen.neighbour_cause.clone(),
        tables: tables.collect(),
        out_discards: seen.drops.map(|drops| drops.ip_out_discards),
        send_errors: seen.drops.map(|drops| drops.udp_sndbuf_errors),
        thresholds: thresholds
            .map(|(alarm, percent)| FillThreshold {
                alarm: word(alarm).to_owned(),
                percent,
            })
            .collect(),
    }
}

const fn word(alarm: Alarm) -> &'static str {
    match alarm {
        Alarm::Quiet => "quiet",
        Alarm::Warn => "warn",
        Alarm::Act => "act",
        Alarm::Critical => "critical",
    }
}
