//! The dashboard: a page that is part of this program, its style, scripts and one small library for
//! charts, and the question a login asks.
//!
//! The page holds nothing of the host: it shows a login and, with a token, asks the API like any
//! other watcher. The token lives in the page's memory alone and goes out as a bearer header, so no
//! browser adds it by itself: another site's request carries nothing (there is nothing to forge),
//! nothing of it outlives the tab, and one way works for this host and for others alike. A cookie
//! would have been sent by the browser on its own and to this host only. The policy lets scripts
//! and styles come from here alone; requests may go to other hosts over TLS, since the page can be
//! pointed at them. Files: host/web.

use axum::extract::Path;
use axum::http::{HeaderName, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Extension, Json, Router};
use host_api::Scope;
use serde::Serialize;
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure, unknown};

/// What browsers may do with the page. Requests to loopback in clear are for hosts beside this one.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; \
    img-src 'self'; connect-src 'self' https: http://127.0.0.1:* http://localhost:*; \
    base-uri 'none'; form-action 'none'; frame-ancestors 'none'; \
    require-trusted-types-for 'script'; trusted-types 'none'";

/// One file of the page.
struct Asset {
    name: &'static str,
    kind: &'static str,
    text: &'static str,
}

/// A file of host/web with its media type.
macro_rules! asset {
    ($name:literal, $kind:literal) => {
        Asset {
            name: $name,
            kind: $kind,
            text: include_str!(concat!("../../../web/", $name)),
        }
    };
}

const SCRIPT: &str = "text/javascript; charset=utf-8";

/// A script of host/web.
macro_rules! script {
    ($name:literal) => {
        Asset {
            kind: SCRIPT,
            ..asset!($name, "")
        }
    };
}

/// Every file but the page itself.
const ASSETS: [Asset; 13] = [
    asset!("style.css", "text/css; charset=utf-8"),
    asset!("icon.svg", "image/svg+xml"),
    asset!("vendor/uplot-1.6.32.min.css", "text/css; charset=utf-8"),
    script!("vendor/uplot-1.6.32.iife.min.js"),
    script!("app.mjs"),
    script!("charts.mjs"),
    script!("dom.mjs"),
    script!("events.mjs"),
    script!("host.mjs"),
    script!("money.mjs"),
    script!("panels.mjs"),
    script!("words.mjs"),
    script!("work.mjs"),
];

/// The page.
const PAGE: &str = include_str!("../../../web/index.html");

/// Whether a path is one of the dashboard's own files, which hold nothing of the host.
pub(crate) fn is_its_path(path: &str) -> bool {
    path == "/" || path == "/dashboard" || path.starts_with("/dashboard/")
}

/// The routes of the page's files. They are no part of the API's document.
pub(crate) fn pages() -> Router<SharedApi> {
    Router::new()
        .route("/", get(page))
        .route("/dashboard", get(page))
        .route("/dashboard/{*name}", get(file))
}

async fn page() -> Response {
    answer("text/html; charset=utf-8", PAGE)
}

async fn file(Path(name): Path<String>) -> Result<Response, Failure> {
    let asset = ASSETS.iter().find(|asset| asset.name == name);
    let asset = asset.ok_or_else(|| {
        let why = "the dashboard has no such file";
        Failure::new(StatusCode::NOT_FOUND, "no-such-file", why)
    })?;
    Ok(answer(asset.kind, asset.text))
}

fn answer(kind: &'static str, text: &'static str) -> Response {
    let fixed = [
        (header::CONTENT_TYPE, kind),
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (OPENER, "same-origin"),
        (RESOURCE, "same-origin"),
        (PERMISSIONS, "camera=(), geolocation=(), microphone=()"),
    ];
    let mut response = text.into_response();
    for (name, value) in fixed {
        let value = HeaderValue::from_static(value);
        response.headers_mut().insert(name, value);
    }
    response
}

const OPENER: HeaderName = HeaderName::from_static("cross-origin-opener-policy");
const RESOURCE: HeaderName = HeaderName::from_static("cross-origin-resource-policy");
const PERMISSIONS: HeaderName = HeaderName::from_static("permissions-policy");

/// Who asks, as the host sees it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct CallerSaid {
    /// The name of its token, or the door it came through.
    name: String,
    /// What it may do.
    scope: Scope,
}

/// Who the caller is and what it may do: what a login asks first.
#[utoipa::path(get, path = "/api/v1/caller", tag = "host",
    responses((status = 200, description = "name and scope", body = CallerSaid)))]
pub(crate) async fn caller(
    Extension(caller): Extension<Caller>,
) -> Result<Json<CallerSaid>, Failure> {
    let scope = caller.scope.ok_or_else(unknown)?;
    Ok(Json(CallerSaid {
        name: caller.name,
        scope,
    }))
}

#[cfg(test)]
mod tests;
