//! HTTP: the page, figures and roots, read only, for anyone.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{Html, IntoResponse, Json, Response};
use axum::routing::get;
use host_core::seams::Clock;
use host_core::{PeerId, codec};
use serde::Serialize;
use tokio::net::TcpListener;
use tokio::sync::watch;

use super::{metrics, page};
use crate::hub::Hub;

/// What the answers are made from.
#[derive(Clone)]
struct Desk {
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    network: Arc<str>,
}

/// A closed day.
#[derive(Debug, Serialize)]
struct DaySaid {
    day: u64,
    hosts: u64,
    beats: u64,
    root: String,
    observer: PeerId,
    signature: String,
}

/// Serves until `stop` says true. Errors are the listener's.
pub async fn serve(
    listener: TcpListener,
    hub: Arc<Hub>,
    clock: Arc<dyn Clock>,
    network: &str,
    mut stop: watch::Receiver<bool>,
) -> std::io::Result<()> {
    let desk = Desk {
        hub,
        clock,
        network: network.into(),
    };
    let router = Router::new()
        .route("/", get(front))
        .route("/metrics", get(figures))
        .route("/api/v1/network", get(network_now))
        .route("/api/v1/days", get(days))
        .route("/api/v1/days/{day}/{peer}", get(day))
        .with_state(desk);
    let stopped = async move {
        let _ = stop.wait_for(|told| *told).await;
    };
    axum::serve(listener, router)
        .with_graceful_shutdown(stopped)
        .await
}

async fn front(State(desk): State<Desk>) -> Response {
    let now = desk.clock.wall_ms();
    let (picture, samples) = desk.hub.picture(now);
    let days = desk.hub.closed_days();
    let csp = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'";
    let html = Html(page::write(&desk.network, &picture, &samples, &days));
    ([(header::CONTENT_SECURITY_POLICY, csp)], html).into_response()
}

async fn figures(State(desk): State<Desk>) -> Response {
    let (picture, _) = desk.hub.picture(desk.clock.wall_ms());
    let days = desk.hub.closed_days();
    let last = days.last_key_value().map(|(_, closed)| closed);
    let text = metrics::write(&desk.network, &picture, last);
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], text).into_response()
}

async fn network_now(State(desk): State<Desk>) -> Response {
    let (picture, samples) = desk.hub.picture(desk.clock.wall_ms());
    Json(serde_json::json!({ "now": picture, "samples": samples })).into_response()
}

async fn days(State(desk): State<Desk>) -> Json<Vec<DaySaid>> {
    let closed = desk.hub.closed_days();
    let said = closed.into_iter().map(|(day, closed)| DaySaid {
        day,
        hosts: closed.root.body.hosts,
        beats: closed.beats,
        root: closed.root.body.root.to_string(),
        observer: closed.root.body.observer,
        signature: hex::encode(closed.root.signature.0),
    });
    Json(said.collect())
}

/// A host's proof of a day as hexadecimal CBOR.
async fn day(State(desk): State<Desk>, Path((day, peer)): Path<(u64, String)>) -> Response {
    let Ok(peer) = peer.parse::<PeerId>() else {
        return (StatusCode::BAD_REQUEST, "no peer id").into_response();
    };
    match desk.hub.day_proof(&peer, day, desk.clock.wall_ms()) {
        Ok(proof) => Json(serde_json::json!({
            "leaf": proof.leaf,
            "proof": hex::encode(codec::to_bytes(&proof)),
        }))
        .into_response(),
        Err(err) => (StatusCode::NOT_FOUND, err.to_string()).into_response(),
    }
}
