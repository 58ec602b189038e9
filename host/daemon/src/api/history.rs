//! The last thirty days of the machine, from the ring the watchdogs keep on the box: a point a
//! minute, thinned to what a chart can show. Reads a file of 4 MiB; the newest ten minutes may not
//! stand in it yet.

use std::time::SystemTime;

use axum::extract::{Query, State};
use axum::{Extension, Json};
use board_watch::history::{FIELDS, History, Point};
use host_api::Scope;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use crate::machine::BOARD_DIR;
use crate::vitals;

/// Name of the ring in the watchdogs' folder.
const FILE: &str = "history";
/// Minutes of thirty days.
const MINUTES_MAX: u64 = 30 * 24 * 60;
/// Points of an answer unless told otherwise, and at most.
const POINTS: u64 = 720;
const POINTS_MAX: u64 = 2_000;
/// The value that is worse when it is lower; of all others the highest of a step is told.
const LOW_IS_WORSE: &str = "left_mib";

/// Which span, in how many steps.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct Span {
    /// Minutes back from now, at most 43,200; a day unless given.
    #[param(minimum = 1, maximum = 43_200)]
    minutes: Option<u64>,
    /// Points of the answer at most, up to 2,000; 720 unless given.
    #[param(minimum = 1, maximum = 2_000)]
    points: Option<u64>,
}

/// A span of history.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct HistorySaid {
    /// First minute asked for, since 1970.
    from: u64,
    /// The minute after the last.
    to: u64,
    /// Minutes of a step; the worst value of each is told.
    step: u64,
    /// The names of a point's values.
    fields: Vec<String>,
    /// Minutes since 1970, one for each point.
    minutes: Vec<u64>,
    /// For each name its values, one a point; null where it could not be read.
    values: Vec<Vec<Option<u32>>>,
}

/// The machine's history, the worst value of each step.
#[utoipa::path(get, path = "/api/v1/history", tag = "host", params(Span),
    responses((status = 200, description = "columns of values", body = HistorySaid)))]
pub(crate) async fn history(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Query(span): Query<Span>,
) -> Result<Json<HistorySaid>, Failure> {
    caller.demand(Scope::Read)?;
    let minutes = span.minutes.unwrap_or(1_440);
    let wanted = span.points.unwrap_or(POINTS);
    if !(1..=MINUTES_MAX).contains(&minutes) {
        return Err(Failure::asked("minutes", "it lies between 1 and 43,200"));
    }
    if !(1..=POINTS_MAX).contains(&wanted) {
        return Err(Failure::asked("points", "it lies between 1 and 2,000"));
    }
    let to = vitals::seconds(SystemTime::now()) / 60 + 1;
    let from = to.saturating_sub(minutes);
    let path = api.reloader.dir.join(BOARD_DIR).join(FILE);
    let reading = tokio::task::spawn_blocking(move || {
        // No file yet is a history without points.
        if path.exists() {
            History::read(&path, from, to)
        } else {
            Ok(Vec::new())
        }
    });
    let points = reading.await.map_err(Failure::internal)?;
    let points = points.map_err(Failure::internal)?;
    Ok(Json(thinned(&points, from, to, minutes.div_ceil(wanted))))
}

/// The worst of each step of `step` minutes, in columns.
fn thinned(points: &[Point], from: u64, to: u64, step: u64) -> HistorySaid {
    let mut said = HistorySaid {
        from,
        to,
        step,
        fields: FIELDS.map(String::from).to_vec(),
        minutes: Vec::new(),
        values: vec![Vec::new(); FIELDS.len()],
    };
    for point in points {
        let minute = point.minute - point.minute % step;
        let begins = said.minutes.last() != Some(&minute);
        if begins {
            said.minutes.push(minute);
        }
        for ((column, name), value) in said.values.iter_mut().zip(FIELDS).zip(point.values) {
            match column.last_mut().filter(|_| !begins) {
                Some(last) => *last = worse(name, *last, value),
                None => column.push(value),
            }
        }
    }
    said
}

fn worse(name: &str, one: Option<u32>, other: Option<u32>) -> Option<u32> {
    match (one, other) {
        (Some(one), Some(other)) if name == LOW_IS_WORSE => Some(one.min(other)),
        (one, other) => one.max(other),
    }
}

#[cfg(test)]
mod tests;
