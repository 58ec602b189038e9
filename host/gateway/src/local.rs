//! A local HTTP API for applications: put, status, get, quote, renew and rm over the renter that
//! the gateway owns, on a listener of its own.
//!
//! Enters: requests of programs on this machine that bear the token in `api.token`. Leaves: JSON
//! under `/api/v1/`, bytes of objects. Routes stand in routes.rs, in one table that the OpenAPI
//! document is made of; a person's guide is docs/operating/applications.md. Invariants: nothing is
//! said without the token; a put is named by its session and goes on after a cut connection and
//! after a kill; everything is bounded, in number, bytes and time. Objects stored here are the
//! renter's own and no keys of S3. What this does not do: TLS, rights smaller than the wallet's.

use std::path::PathBuf;
use std::sync::Arc;

use hyper::body::Incoming;
use hyper::header::{
    CACHE_CONTROL, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue, X_CONTENT_TYPE_OPTIONS,
};
use hyper::http::request::Parts;
use hyper::{Request, Response, StatusCode};
use s3s::Body;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::net::TcpListener;
use tokio::sync::{Mutex, Semaphore};

use crate::error::Error;
use crate::gateway::Gateway;
use crate::inlet::small;
use crate::page::query::Query;
use crate::serve::connections;

mod body;
mod door;
mod fault;
mod household;
mod objects;
mod puts;
mod quote;
mod routes;
mod row;
mod store;

use door::Door;
use fault::Fault;
pub use household::{HomeFault, Household, SignedReport};
use puts::Puts;
use routes::Verb;
use row::Order;

/// Bodies taken in at once.
const BODIES: usize = 16;
/// Objects whose hosts are asked at once.
const LOOKS: usize = 2;
/// Quotes at once.
const QUOTES: usize = 4;
/// Longest request of JSON.
const JSON_LEN: usize = 64 << 10;
/// The folder of puts, in the gateway's directory.
const PUTS_DIR: &str = "puts";

type Answer = Response<Body>;
type Answered = Result<Answer, Fault>;

/// How the API is served.
pub struct LocalOptions {
    /// The gateway's directory: the token and the puts are in it.
    pub dir: PathBuf,
    /// Bytes of bodies that wait until they are stored, at most.
    pub spool_max: u64,
    /// Whether it may be called by other names than loopback's.
    pub anywhere: bool,
}

/// The API of a gateway; clones share everything.
#[derive(Clone)]
struct Local {
    gateway: Gateway,
    household: Arc<dyn Household>,
    door: Arc<Door>,
    puts: Arc<Puts>,
    bodies: Arc<Semaphore>,
    looks: Arc<Semaphore>,
    quotes: Arc<Semaphore>,
    costs: Arc<Mutex<Option<objects::Counted>>>,
}

/// Opens what an earlier run left, goes on with what was to be stored, and serves until the
/// listener fails. Errors: File, Refused for a token that is none.
pub async fn serve_local(
    gateway: Gateway,
    listener: TcpListener,
    household: Arc<dyn Household>,
    options: LocalOptions,
) -> Result<(), Error> {
    let entropy = Arc::clone(&gateway.inner.entropy);
    let opened = tokio::task::spawn_blocking(move || {
        let puts = Puts::open(&options.dir.join(PUTS_DIR), options.spool_max)?;
        let door = Door::open(&options.dir, &*entropy, options.anywhere)?;
        Ok::<_, Error>((puts, door))
    });
    let (puts, door) = opened.await.map_err(|_| Error::Worker)??;
    let local = Local {
        gateway,
        household,
        door: Arc::new(door),
        puts: Arc::new(puts),
        bodies: Arc::new(Semaphore::new(BODIES)),
        looks: Arc::new(Semaphore::new(LOOKS)),
        quotes: Arc::new(Semaphore::new(QUOTES)),
        costs: Arc::default(),
    };
    tokio::spawn(local.clone().keep_puts());
    connections(listener, move |request| {
        let local = local.clone();
        async move { local.answer(request).await }
    })
    .await
}

/// Sets a header; a value that no header can say is left out.
fn put(headers: &mut HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = value.parse() {
        headers.insert(name, value);
    }
}

/// A value as an answer.
fn said(status: StatusCode, value: &Value) -> Answer {
    let mut answer = Response::new(Body::from(value.to_string()));
    *answer.status_mut() = status;
    let kind = HeaderValue::from_static("application/json");
    answer.headers_mut().insert(CONTENT_TYPE, kind);
    answer
}

/// JSON of a type. Errors: request-wrong with what is wrong.
fn parsed<T: DeserializeOwned>(body: &[u8]) -> Result<T, Fault> {
    let read = serde_json::from_slice(body);
    read.map_err(|error| Fault::odd(format!("the request's JSON does not read: {error}")))
}

async fn json_of(body: Incoming) -> Result<Vec<u8>, Fault> {
    small(body, JSON_LEN).await.map_err(Fault::odd)
}

impl Local {
    async fn answer(&self, request: Request<Incoming>) -> Answer {
        let (parts, body) = request.into_parts();
        let answered = self.answered(&parts, body).await;
        let mut answer = answered.unwrap_or_else(Fault::into_answer);
        let headers = answer.headers_mut();
        put(headers, X_CONTENT_TYPE_OPTIONS, "nosniff");
        put(headers, CACHE_CONTROL, "no-store");
        answer
    }

    async fn answered(&self, parts: &Parts, body: Incoming) -> Answered {
        self.door.check(&parts.headers)?;
        let (verb, named) = routes::route(&parts.method, parts.uri.path())?;
        let query = Query::parse(parts.uri.query().unwrap_or_default())?;
        match verb {
            Verb::Document => Ok(said(StatusCode::OK, &routes::document())),
            Verb::Quote => self.quote(&json_of(body).await?).await,
            Verb::Begin => self.begin(&json_of(body).await?).await,
            Verb::Puts => Ok(self.told()),
            Verb::Put => {
                let one = self.puts.get(named)?;
                Ok(said(StatusCode::OK, &one.row().to_json(named)))
            }
            Verb::Take => {
                let offset = query.need("offset")?.parse::<u64>();
                let offset = offset.map_err(|_| Fault::odd("`offset` is a number of bytes"))?;
                self.take(named, offset, &parts.headers, body).await
            }
            Verb::Store => self.store(named).await,
            Verb::GiveUp => self.give_up(named).await,
            Verb::Objects => self.objects(&query).await,
            Verb::Object => self.object(named, &query).await,
            Verb::Read => self.read(named, &parts.headers, false).await,
            Verb::Head => self.read(named, &parts.headers, true).await,
            Verb::Renew => self.renew(named, &json_of(body).await?).await,
            Verb::Delete => self.delete(named).await,
        }
    }

    /// Begins a put. Errors: request-wrong, too-many-puts, spool-full.
    async fn begin(&self, body: &[u8]) -> Answered {
        let order: Order = parsed(body)?;
        order.check()?;
        let (id, now) = (self.gateway.draw_name(), self.gateway.now_ms());
        let one = self.puts.begin(id, order, now).await?;
        Ok(said(StatusCode::CREATED, &one.row().to_json(&one.id)))
    }

    /// Every put, newest first.
    fn told(&self) -> Answer {
        let mut all = self.puts.all();
        all.sort_by_cached_key(|one| std::cmp::Reverse((one.row().begun_ms, one.id.clone())));
        let puts = all.iter().map(|one| one.row().to_json(&one.id));
        said(
            StatusCode::OK,
            &json!({ "puts": puts.collect::<Vec<Value>>() }),
        )
    }
}
