//! The diagnosis bundle of a running host: its files, and what it says of itself now, without
//! secrets (`crate::diagnose`). Needs the widest scope: it tells much, if no secret.

use axum::Extension;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse, Response};
use host_api::Scope;

use super::SharedApi;
use super::caller::{Caller, Failure};
use super::{drives, health, verbs};
use crate::diagnose;

/// Bytes of one answer that is taken in.
const ANSWER_MAX: usize = 4 << 20;

/// Everything that helps to understand this host, as a tar without secrets.
#[utoipa::path(post, path = "/api/v1/diagnose", tag = "host",
    responses((status = 200, description = "a tar of text files", body = Vec<u8>,
        content_type = "application/x-tar")))]
pub(crate) async fn diagnose(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Response, Failure> {
    caller.demand(Scope::Configure)?;
    let mut told = Vec::new();
    let (state, who) = (|| State(api.clone()), || Extension(caller.clone()));
    told.push(("health.json", health::health(state(), who()).await?));
    told.push(("metrics.txt", health::metrics(state(), who()).await?));
    let status = verbs::status(state(), who()).await?;
    told.push(("status.json", status.into_response()));
    let drives = drives::drives(state(), who()).await?;
    told.push(("drives.json", drives.into_response()));
    let mut members = Vec::new();
    for (name, answer) in told {
        let bytes = axum::body::to_bytes(answer.into_body(), ANSWER_MAX).await;
        members.push((name.to_owned(), bytes.map_err(Failure::internal)?.to_vec()));
    }
    let view = api.desk.ledger().read().map_err(Failure::internal)?;
    let counts = format!("{:#?}\n", view.totals().map_err(Failure::internal)?);
    members.push(("ledger.txt".to_owned(), counts.into_bytes()));
    let dir = api.reloader.dir.clone();
    let config = api.reloader.started.config.clone();
    let token = api.token.clone();
    let making = tokio::task::spawn_blocking(move || {
        let mut redactor = diagnose::Redactor::of(&dir, &config);
        redactor.know(token.as_bytes());
        members.extend(diagnose::files(&dir, &config));
        diagnose::bundle(&redactor, &members)
    });
    let tar = making.await.map_err(Failure::internal)?;
    Ok(([(header::CONTENT_TYPE, "application/x-tar")], tar).into_response())
}
