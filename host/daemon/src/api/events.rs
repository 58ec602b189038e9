//! The stream of events, as server-sent events; `after` takes up where a watcher left off.

use std::convert::Infallible;
use std::time::Duration;

use axum::Extension;
use axum::extract::{Query, State};
use axum::response::sse::{Event as Line, KeepAlive, Sse};
use futures::stream::{self, Stream, StreamExt};
use host_api::{Event, Scope};
use serde::Deserialize;
use tokio::sync::broadcast::error::RecvError;

use super::SharedApi;
use super::caller::{Caller, Failure};

/// Between two signs of life on a quiet stream.
const QUIET_MAX: Duration = Duration::from_secs(15);

/// Where to take up.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields)]
pub(crate) struct From {
    /// The last event the watcher has seen; 0 for all that are kept.
    #[serde(default)]
    after: u64,
    /// End after the events that are kept instead of following.
    #[serde(default)]
    past: bool,
}

/// What happened and what happens.
#[utoipa::path(get, path = "/api/v1/events", tag = "host", params(From),
    responses((status = 200, description = "one `data:` line of JSON each", body = Event,
        content_type = "text/event-stream")))]
pub(crate) async fn events(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Query(from): Query<From>,
) -> Result<Sse<impl Stream<Item = Result<Line, Infallible>>>, Failure> {
    caller.demand(Scope::Read)?;
    let (past, follow) = api.events.after(from.after);
    let stopping = api.stopping.clone();
    let coming = stream::unfold(
        (follow, stopping),
        |(mut follow, mut stopping)| async move {
            loop {
                let next = tokio::select! {
                    next = follow.recv() => next,
                    () = stopping.wait() => return None,
                };
                match next {
                    Ok(event) => return Some((event, (follow, stopping))),
                    // A slow watcher misses the oldest; the numbers show the gap.
                    Err(RecvError::Lagged(_)) => (),
                    Err(RecvError::Closed) => return None,
                }
            }
        },
    );
    let follow = !from.past;
    let coming = stream::iter(follow.then_some(coming)).flatten();
    let all = stream::iter(past).chain(coming);
    let lines = all.map(|event| Ok(line(&event)));
    Ok(Sse::new(lines).keep_alive(KeepAlive::new().interval(QUIET_MAX)))
}

fn line(event: &Event) -> Line {
    let text = serde_json::to_string(event).unwrap_or_default();
    Line::default().id(event.sequence.to_string()).data(text)
}
