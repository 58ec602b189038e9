//! A page for renters: browse, upload, health, costs, drills, releases, on a listener of its own.
//!
//! Enters: requests of a browser, after a sign-in with an access key; what the key may do bounds
//! what the page does. Leaves: the page's own files, JSON under `/api/`, bytes of objects. Files:
//! host/gateway/page; routes: docs/operating/renter-page.md. Invariants: nothing of a bucket is
//! said without a session; what changes something is asked by a page of this very origin; bytes of
//! objects never come as a document of this origin. What this does not do: TLS (a proxy's work),
//! keep a session over a start, act with more than a key's rights.

use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{CONTENT_TYPE, HeaderMap, HeaderValue};
use hyper::http::request::Parts;
use hyper::{Method, Request, Response, StatusCode};
use s3s::Body;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

use crate::error::Error;
use crate::gateway::Gateway;
use crate::serve::connections;

mod assets;
mod buckets;
pub(crate) mod costs;
mod door;
mod objects;
mod papers;
pub(crate) mod query;
pub(crate) mod refusal;
mod sessions;
mod stored;
mod upload;

use door::Caller;
use query::Query;
use refusal::Refusal;
use sessions::Sessions;

/// Bodies taken in at once.
const UPLOADS: usize = 16;
/// Objects whose hosts are asked at once.
const LOOKS: usize = 2;

type Answer = Response<Body>;
type Answered = Result<Answer, Refusal>;

/// What every request shares.
struct Shared {
    sessions: Sessions,
    /// Where signed reports of restore drills are kept.
    drills: PathBuf,
    uploads: Semaphore,
    looks: Semaphore,
    costs: Mutex<Option<costs::Counted>>,
}

/// The page of a gateway; clones share everything.
#[derive(Clone)]
struct Page {
    gateway: Gateway,
    shared: Arc<Shared>,
}

/// Serves the page until the listener fails. `drills` is the folder of signed drill reports; it
/// need not be there.
pub async fn serve_page(
    gateway: Gateway,
    listener: TcpListener,
    drills: PathBuf,
) -> Result<(), Error> {
    let shared = Arc::new(Shared {
        sessions: Sessions::default(),
        drills,
        uploads: Semaphore::new(UPLOADS),
        looks: Semaphore::new(LOOKS),
        costs: Mutex::new(None),
    });
    let page = Page { gateway, shared };
    connections(listener, move |request| {
        let page = page.clone();
        async move { page.answer(request).await }
    })
    .await
}

/// A value as an answer.
fn said(value: &Value) -> Answer {
    let mut answer = Response::new(Body::from(value.to_string()));
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// What a request asks, without its body.
struct Asked<'a> {
    headers: &'a HeaderMap,
    query: Query,
}

impl Page {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let path = parts.uri.path();
        let mut answer = match path.starts_with("/api/") {
            true => {
                let answered = self.api(&parts, body).await;
                answered.unwrap_or_else(|refusal| refusal.into_answer())
            }
            false if parts.method == Method::GET => assets::file(path),
            false => Refusal::method("GET").into_answer(),
        };
        assets::fix_headers(answer.headers_mut());
        answer
    }

    async fn api(&self, parts: &Parts, body: Incoming) -> Answered {
        let changes = parts.method != Method::GET;
        door::must_be_own(&parts.headers, changes)?;
        let route = parts.uri.path().trim_start_matches("/api/");
        let asked = Asked {
            headers: &parts.headers,
            query: Query::parse(parts.uri.query().unwrap_or_default())?,
        };
        if (route, &parts.method) == ("session", &Method::POST) {
            return self.sign_in(&asked, body).await;
        }
        let caller = self.caller(&parts.headers)?;
        match (route, parts.method.as_str()) {
            ("session", "GET") => Ok(said(&caller.to_json())),
            ("session", "DELETE") => Ok(self.sign_out(&parts.headers)),
            ("buckets", "GET") => self.buckets(&caller),
            ("buckets", "POST") => self.make_bucket(&caller, &asked).await,
            ("list", "GET") => self.list(&caller, &asked),
            ("object", "GET") => self.object(&caller, &asked).await,
            ("object", "PUT") => self.upload(&caller, &asked, body).await,
            ("object", "DELETE") => self.delete(&caller, &asked).await,
            ("look", "POST") => self.look(&caller, &asked).await,
            ("body", "GET") => self.body(&caller, &asked).await,
            ("costs", "GET") => self.costs(&caller, &asked).await,
            ("drills", "GET") => self.drills(&caller).await,
            ("releases", "GET") => self.releases(&caller),
            ("release", "GET") => self.release(&caller, &asked).await,
            ("file", "GET") => self.file(&caller, &asked).await,
            _ => Err(Refusal::new(
                StatusCode::NOT_FOUND,
                "NoSuchRoute",
                "the page's API has no such route for this method",
            )),
        }
    }

    /// Opens a session for who shows a key's secret.
    async fn sign_in(&self, asked: &Asked<'_>, body: Incoming) -> Answered {
        let (caller, token) = self.opened(body).await?;
        let mut answer = said(&caller.to_json());
        let cookie = door::cookie(&token, door::came_by_tls(asked.headers));
        assets::put(answer.headers_mut(), hyper::header::SET_COOKIE, &cookie);
        Ok(answer)
    }

    fn sign_out(&self, headers: &HeaderMap) -> Answer {
        if let Some(token) = door::token(headers) {
            self.shared.sessions.end(&token);
        }
        let mut answer = said(&json!({ "signed_out": true }));
        let cookie = door::no_cookie();
        assets::put(answer.headers_mut(), hyper::header::SET_COOKIE, cookie);
        answer
    }

    fn now(&self) -> std::time::Duration {
        self.gateway.inner.clock.monotonic()
    }
}

#[cfg(test)]
mod tests;
