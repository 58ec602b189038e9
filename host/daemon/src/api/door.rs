//! The three doors of the API: loopback, a unix socket of the operator's own, and the remote one.
//!
//! - **local**: plain HTTP. Whoever reaches it may look; the token in the data directory acts.
//! - **socket**: `run/api.sock` in a directory only the host's user can enter: may do everything.
//! - **remote**: TLS 1.3 always. A client certificate or a token says what is allowed; without
//!   either only `/livez` answers.
//!
//! Every door checks the name it was called by and the origin of a page, limits rates, and writes
//! every change into the audit log before its answer leaves. Handshakes and quiet connections end
//! by themselves; connections are counted.

use std::io;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use anyhow::Context;
use axum::Router;
use axum::extract::connect_info::Connected;
use axum::extract::{ConnectInfo, DefaultBodyLimit, Request, State};
use axum::http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::serve::{IncomingStream, Listener};
use host_api::Scope;
use tokio::net::{TcpListener, UnixListener};

use super::audit::{self, Entry};
use super::caller::{self, Caller, Failure};
use super::dashboard;
use super::gate::{self, Gate, Wait};
use super::{Api, SharedApi};
use crate::vitals;

mod remote;

pub use remote::{Remote, RemoteDoor};

/// Bytes of a request's body at most.
const BODY_MAX: usize = 64 * 1024;
/// Directory of the socket in the data directory.
const SOCKET_DIR: &str = "run";
/// Name of the socket.
const SOCKET_FILE: &str = "api.sock";

/// Which door a request came through, and from where.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Came {
    Local(IpAddr),
    Socket,
    Remote { from: IpAddr, certified: bool },
}

impl Came {
    const fn door(self) -> &'static str {
        match self {
            Self::Local(_) => "local",
            Self::Socket => "socket",
            Self::Remote { .. } => "remote",
        }
    }

    const fn address(self) -> IpAddr {
        match self {
            Self::Local(from) | Self::Remote { from, .. } => from,
            Self::Socket => IpAddr::V4(Ipv4Addr::LOCALHOST),
        }
    }
}

impl Connected<IncomingStream<'_, TcpListener>> for Came {
    fn connect_info(stream: IncomingStream<'_, TcpListener>) -> Self {
        Self::Local(stream.remote_addr().ip())
    }
}

impl Connected<IncomingStream<'_, UnixListener>> for Came {
    fn connect_info(_: IncomingStream<'_, UnixListener>) -> Self {
        Self::Socket
    }
}

impl Connected<IncomingStream<'_, RemoteDoor>> for Came {
    fn connect_info(stream: IncomingStream<'_, RemoteDoor>) -> Self {
        let Remote { from, certified } = *stream.remote_addr();
        Self::Remote { from, certified }
    }
}

/// What the check before every verb needs.
#[derive(Clone)]
struct Guarded {
    api: SharedApi,
    gate: Arc<Gate>,
}

/// Serves one door until the host ends. `gate` is shared by all doors of one kind.
pub(crate) async fn serve<L>(api: Arc<Api>, listener: L)
where
    L: Listener,
    L::Addr: std::fmt::Debug,
    for<'a> Came: Connected<IncomingStream<'a, L>>,
{
    let mut stopping = api.stopping.clone();
    let guarded = Guarded {
        api: Arc::clone(&api),
        gate: Arc::default(),
    };
    let routes: Router = super::router()
        .layer(middleware::from_fn_with_state(guarded, check))
        .layer(DefaultBodyLimit::max(BODY_MAX))
        .with_state(api);
    let service = routes.into_make_service_with_connect_info::<Came>();
    let ended = axum::serve(listener, service)
        .with_graceful_shutdown(async move { stopping.wait().await })
        .await;
    if let Err(err) = ended {
        tracing::error!(err = %err, "a door of the api ended");
    }
}

/// Judges a request and gives every answer, also a refusal, the headers it needs.
async fn check(
    State(guarded): State<Guarded>,
    ConnectInfo(came): ConnectInfo<Came>,
    request: Request,
    next: Next,
) -> Response {
    let listed = listed_origin(&guarded.api, request.headers());
    let admitted = admit(&guarded, came, request, next).await;
    let mut response = admitted.unwrap_or_else(IntoResponse::into_response);
    harden(response.headers_mut(), listed);
    response
}

/// Finds out who asks, lets the request in or not, and writes down what it changed.
async fn admit(
    guarded: &Guarded,
    came: Came,
    mut request: Request,
    next: Next,
) -> Result<Response, Failure> {
    let api = &guarded.api;
    let now = api.vitals.running();
    let remote = matches!(came, Came::Remote { .. });
    // A page in the operator's browser must not be able to lock the operator out of loopback.
    if remote {
        guarded.gate.enter(came.address(), now).map_err(waits)?;
    }
    if came != Came::Socket {
        names(api, request.headers(), remote)?;
    }
    if is_preflight(&request) {
        return Ok(StatusCode::NO_CONTENT.into_response());
    }
    let caller = match identify(api, came, request.headers()) {
        Ok(caller) => caller,
        Err(failure) => {
            if remote {
                guarded.gate.strike(came.address(), now);
            }
            tracing::warn!(door = came.door(), from = %came.address(), "wrong credentials");
            return Err(failure);
        }
    };
    if caller.scope.is_none() && !is_public(request.uri().path()) {
        return Err(caller::unknown());
    }
    if remote && caller.scope.is_some() {
        guarded.gate.welcome(came.address(), now);
    }
    let (method, path) = (request.method().clone(), request.uri().path().to_owned());
    let name = caller.name.clone();
    request.extensions_mut().insert(caller);
    let response = caller::told(next.run(request).await).await;
    if !matches!(method, Method::GET | Method::HEAD | Method::OPTIONS) {
        let entry = Entry {
            time: audit::now(),
            door: came.door(),
            caller: &name,
            method: method.as_str(),
            path: &path,
            status: response.status().as_u16(),
        };
        api.audit.write(&entry).map_err(Failure::internal)?;
    }
    Ok(response)
}

/// What answers to somebody who showed nothing: a sign of life, and the page with its login, which
/// knows nothing of this host.
fn is_public(path: &str) -> bool {
    path == "/livez" || dashboard::is_its_path(path)
}

/// The origin of a request, when it stands on the exact list.
fn listed_origin(api: &Api, headers: &HeaderMap) -> Option<HeaderValue> {
    let origin = headers.get(header::ORIGIN)?;
    let origins = &api.reloader.started.config.api.cors.origins;
    let text = origin.to_str().ok()?;
    origins
        .iter()
        .any(|own| own == text)
        .then(|| origin.clone())
}

/// Whether a browser asks, before a page's request, whether it may make it. Only pages that may
/// come this far.
fn is_preflight(request: &Request) -> bool {
    request.method() == Method::OPTIONS
        && request
            .headers()
            .contains_key(header::ACCESS_CONTROL_REQUEST_METHOD)
}

/// Refuses names and pages that are not ours.
fn names(api: &Api, headers: &HeaderMap, secure: bool) -> Result<(), Failure> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let config = &api.reloader.started.config;
    let host = text(header::HOST).unwrap_or_default();
    if !gate::is_own_name(host, &config.health.names) {
        let why = format!("this host is not called `{host}`; `health.names` lists its names");
        let status = StatusCode::MISDIRECTED_REQUEST;
        return Err(Failure::new(status, "unknown-name", why));
    }
    let origin = text(header::ORIGIN);
    let own = origin.is_some_and(|origin| gate::is_own_page(origin, host, secure));
    if !own && !gate::is_welcome_origin(origin, &config.api.cors.origins) {
        let why = "pages of this origin may not ask; `api.cors.origins` lists those that may";
        return Err(Failure::new(StatusCode::FORBIDDEN, "foreign-page", why));
    }
    Ok(())
}

/// Who asks. Errors when credentials were shown and open nothing.
fn identify(api: &Api, came: Came, headers: &HeaderMap) -> Result<Caller, Failure> {
    let caller = |name: &str, scope| Caller {
        name: name.to_owned(),
        scope,
    };
    let given = bearer(headers);
    if let Some(given) = given {
        if !matches!(came, Came::Remote { .. }) && same(given, &api.token) {
            return Ok(caller("operator", Some(Scope::Configure)));
        }
        let now = vitals::seconds(SystemTime::now());
        let row = api.tokens.find(given, now).ok_or_else(caller::unknown)?;
        return Ok(caller(&row.name, Some(row.scope)));
    }
    Ok(match came {
        Came::Local(_) => Caller::passer_by(),
        Came::Socket => caller("socket", Some(Scope::Configure)),
        Came::Remote {
            certified: true, ..
        } => {
            let health = &api.reloader.started.config.health;
            let scope = if health.claim {
                Scope::Configure
            } else {
                health.client_scope
            };
            caller("certificate", Some(scope))
        }
        Came::Remote { .. } => caller("nobody", None),
    })
}

fn waits(wait: Wait) -> Failure {
    let (code, why) = match wait {
        Wait::Rate => ("too-many-requests", "ask less often"),
        Wait::Lockout => ("locked-out", "too many wrong credentials; wait a minute"),
    };
    Failure::new(StatusCode::TOO_MANY_REQUESTS, code, why)
}

/// What every answer carries: nothing is cached, framed, run or guessed, and a listed page may read
/// it. A page of ours brings its own policy.
fn harden(headers: &mut HeaderMap, listed: Option<HeaderValue>) {
    const ALWAYS: [(HeaderName, &str); 4] = [
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (header::REFERRER_POLICY, "no-referrer"),
    ];
    const PAGES: [(HeaderName, &str); 4] = [
        (header::ACCESS_CONTROL_ALLOW_METHODS, "GET, POST, PUT"),
        (
            header::ACCESS_CONTROL_ALLOW_HEADERS,
            "authorization, content-type",
        ),
        (header::ACCESS_CONTROL_MAX_AGE, "600"),
        (header::VARY, "Origin"),
    ];
    for (name, text) in ALWAYS {
        headers.insert(name, HeaderValue::from_static(text));
    }
    let policy = HeaderValue::from_static("default-src 'none'; frame-ancestors 'none'");
    headers
        .entry(header::CONTENT_SECURITY_POLICY)
        .or_insert(policy);
    if let Some(origin) = listed {
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, origin);
        for (name, text) in PAGES {
            headers.insert(name, HeaderValue::from_static(text));
        }
    }
}

/// The bearer token of a request.
fn bearer(headers: &HeaderMap) -> Option<&str> {
    let given = headers.get(header::AUTHORIZATION)?.to_str().ok()?;
    given.strip_prefix("Bearer ")
}

/// Whether two texts are the same. Comparing digests takes the same time wherever they differ.
fn same(one: &str, other: &str) -> bool {
    let digest = |text: &str| ring::digest::digest(&ring::digest::SHA256, text.as_bytes());
    digest(one).as_ref() == digest(other).as_ref()
}

/// Binds the socket in a directory that only this user can enter.
pub fn bind_socket(dir: &Path) -> anyhow::Result<UnixListener> {
    use std::os::unix::fs::PermissionsExt;
    let run = dir.join(SOCKET_DIR);
    std::fs::create_dir_all(&run)?;
    std::fs::set_permissions(&run, std::fs::Permissions::from_mode(0o700))?;
    let path: PathBuf = run.join(SOCKET_FILE);
    match std::fs::remove_file(&path) {
        Err(err) if err.kind() != io::ErrorKind::NotFound => return Err(err.into()),
        _ => (),
    }
    UnixListener::bind(&path).with_context(|| format!("binding {}", path.display()))
}

/// Binds the remote door.
pub async fn bind_remote(listen: SocketAddr, lock: super::tls::Lock) -> anyhow::Result<RemoteDoor> {
    let listener = super::bind("health.listen", listen).await?;
    Ok(RemoteDoor::open(listener, lock, HANDSHAKE))
}

/// How long a handshake may take.
const HANDSHAKE: Duration = Duration::from_secs(10);
