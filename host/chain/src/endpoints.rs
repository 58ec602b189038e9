//! All endpoints of one chain: which to ask, the guard, agreement of two, sending to all.
//!
//! Enters: a read as a closure over one endpoint. Leaves: its value, from the best endpoint
//! (`any`), from two that agree (`agreed`), or from each (`each`). Invariants: no endpoint is used
//! before the guard has seen the right chain id, anchor block and code there, and again after
//! every broken connection; a mismatch locks it out and says so; a dead endpoint costs a rest, not
//! the program. Does not: know contracts or transactions.

use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::fault::Fault;
use crate::health::APART_MAX;
use crate::names::Names;
use host_core::network::{Anchor, CodeHash, Network, NetworkGuard};
use host_core::seams::Head;
use host_core::{Address, Digest32};
use reqwest::{Client, Url};
use std::future::Future;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

/// Rounds in which two endpoints may come to agree; a block may just have passed between them.
const AGREE_ROUNDS: u32 = 4;
/// Pause between the rounds.
const AGREE_PAUSE: Duration = Duration::from_millis(400);

/// What an endpoint must show before it is believed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Guard {
    /// The chain id.
    pub chain_id: u64,
    /// A block everybody on this chain has.
    pub anchor: Option<Head>,
    /// Contracts and the Keccak-256 of their code.
    pub code: Vec<(Address, Digest32)>,
}

impl Guard {
    /// The guard that a network file asks for.
    #[must_use]
    pub fn of_network(network: &Network) -> Self {
        let anchor = network.guard.anchor.map(|anchor| Head {
            block: anchor.block,
            hash: anchor.hash,
        });
        let code = network.guard.code.iter();
        Self {
            chain_id: network.chain_id,
            anchor,
            code: code.map(|code| (code.address, code.hash)).collect(),
        }
    }

    /// The same as a network file keeps it.
    #[must_use]
    pub fn for_file(&self) -> NetworkGuard {
        let code = self.code.iter().map(|(address, hash)| CodeHash {
            address: *address,
            hash: *hash,
        });
        NetworkGuard {
            anchor: self.anchor.map(|head| Anchor {
                block: head.block,
                hash: head.hash,
            }),
            code: code.collect(),
            ..NetworkGuard::default()
        }
    }
}

/// The chain id that the endpoint at `url` names, before there is a network to hold it against.
///
/// Errors: `EndpointText`, `HttpClient`, `Unreachable`, `Malformed`.
pub async fn chain_id_at(url: &str) -> Result<u64, Error> {
    let url = Url::parse(url).map_err(|_| Error::EndpointText { index: 0 })?;
    if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
        return Err(Error::EndpointText { index: 0 });
    }
    let timing = Timing::default();
    let http = Client::builder()
        .timeout(timing.request)
        .connect_timeout(timing.connect)
        .redirect(reqwest::redirect::Policy::none())
        .no_proxy()
        .build()
        .map_err(|error| Error::HttpClient {
            why: error.to_string(),
        })?;
    let asked = Endpoint::new(url, http).chain_id().await;
    asked.map_err(|fault| fault.into_error("chain id", None))
}

/// How long an endpoint may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Timing {
    /// A whole request with its answer. Slower is as good as dead for a proof deadline.
    pub request: Duration,
    /// Making the connection, after the name was found.
    pub connect: Duration,
    /// Finding the address of a name, for each resolver asked.
    pub lookup: Duration,
}

impl Default for Timing {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(8),
            connect: Duration::from_secs(3),
            lookup: Duration::from_secs(2),
        }
    }
}

/// How one endpoint is doing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EndpointReport {
    /// Host and port; the rest of the URL may hold an access key.
    pub name: String,
    /// `serving`, `lagging`, `resting`, `locked out` or `unused`.
    pub state: &'static str,
    /// Moving average of its answers.
    pub latency_ms: u64,
    /// Of a thousand recent requests, how many failed.
    pub errors_permille: u32,
    /// The head it named last; 0 before the first.
    pub head: u64,
    /// Blocks it is behind the best head.
    pub lag: u64,
    /// What is wrong, when something is: its name cannot be found, it does not answer, or it serves
    /// another chain.
    pub why: Option<String>,
}

/// The endpoints.
#[derive(Debug)]
pub(crate) struct Endpoints {
    list: Vec<Arc<Endpoint>>,
    guard: Guard,
    /// Whether the last money read had one endpoint only, so that the warning comes once.
    alone: AtomicBool,
    names: Arc<Names>,
}

impl Endpoints {
    /// Takes the URLs; nothing is sent. Errors: `NoEndpoint`, `EndpointText`, `HttpClient`.
    pub(crate) fn new(
        urls: &[String],
        guard: Guard,
        timing: Timing,
        names: Names,
    ) -> Result<Self, Error> {
        let names = Arc::new(names);
        let http = Client::builder()
            .timeout(timing.request)
            .connect_timeout(timing.connect.saturating_add(timing.lookup))
            .dns_resolver(Arc::clone(&names))
            .pool_max_idle_per_host(8)
            .pool_idle_timeout(Duration::from_secs(30))
            .redirect(reqwest::redirect::Policy::none())
            .no_proxy()
            .build()
            .map_err(|error| Error::HttpClient {
                why: error.to_string(),
            })?;
        let mut list = Vec::with_capacity(urls.len());
        for (index, url) in urls.iter().enumerate() {
            let url = Url::parse(url).map_err(|_| Error::EndpointText { index })?;
            if !matches!(url.scheme(), "http" | "https") || url.host_str().is_none() {
                return Err(Error::EndpointText { index });
            }
            list.push(Arc::new(Endpoint::new(url, http.clone())));
        }
        if list.is_empty() {
            return Err(Error::NoEndpoint);
        }
        let alone = AtomicBool::new(false);
        Ok(Self {
            list,
            guard,
            alone,
            names,
        })
    }

    /// The chain id every endpoint must serve.
    pub(crate) fn chain_id(&self) -> u64 {
        self.guard.chain_id
    }

    /// How each endpoint is doing.
    pub(crate) fn report(&self) -> Vec<EndpointReport> {
        let (now, best) = (Instant::now(), self.best_head());
        let each = self.list.iter().map(|endpoint| {
            let health = endpoint.health();
            let locked = health.quarantined(now).map(str::to_owned);
            let state = match () {
                () if locked.is_some() => "locked out",
                () if health.failures() > 0 => "resting",
                () if health.lags(best) => "lagging",
                () if health.head() == 0 && !health.admitted() => "unused",
                () => "serving",
            };
            // A name that cannot be found is another trouble than an endpoint that is dead, also
            // while a remembered address still serves.
            let name = self.names.fault(endpoint.host());
            let why = locked.or(name).or(health.last_fault().map(str::to_owned));
            EndpointReport {
                name: endpoint.name().to_owned(),
                state,
                latency_ms: health.latency_ms(),
                errors_permille: health.errors_permille(),
                head: health.head(),
                lag: best.saturating_sub(health.head()),
                why,
            }
        });
        each.collect()
    }

    /// Remembers a head and returns the best one that is believed.
    pub(crate) fn saw_head(&self, endpoint: &Endpoint, block: u64) -> u64 {
        endpoint.health().saw_head(block);
        self.best_head()
    }

    /// The highest head that a second endpoint comes near, or the only one known. One endpoint
    /// alone can name any number: it must not make the others look late. Zero when heads are known
    /// and none is believed.
    pub(crate) fn best_head(&self) -> u64 {
        believed(self.heads().into_iter()).unwrap_or(0)
    }

    /// Refuses when endpoints name heads that no lag explains and no second one supports.
    pub(crate) fn check_heads(&self) -> Result<(), Error> {
        let heads = self.heads();
        if !heads.is_empty() && believed(heads.into_iter()).is_none() {
            let what = "newest block";
            return Err(Error::Disagreement { what });
        }
        Ok(())
    }

    /// The heads of endpoints that serve.
    fn heads(&self) -> Vec<u64> {
        let now = Instant::now();
        let mut heads = Vec::new();
        for endpoint in &self.list {
            let health = endpoint.health();
            let out = health.quarantined(now).is_some() || health.failures() > 0;
            if !out && health.head() != 0 {
                heads.push(health.head());
            }
        }
        heads
    }

    /// The value of the best endpoint that has one; a final refusal ends the search.
    pub(crate) async fn any<T, F, R>(&self, what: &'static str, read: F) -> Result<T, Error>
    where
        F: Fn(Arc<Endpoint>) -> R,
        R: Future<Output = Result<T, Fault>>,
    {
        let mut search = Search::default();
        for endpoint in self.order() {
            match self.one(endpoint, &read).await {
                Ok(value) => return Ok(value),
                Err(fault) if fault.final_word() => return Err(fault.into_error(what, None)),
                Err(fault) => search.failed(fault),
            }
        }
        Err(search.error(what, self))
    }

    /// The value that two endpoints name alike. With one endpoint alive its word must do, and a
    /// warning says so where two are configured.
    pub(crate) async fn agreed<T, F, R>(&self, what: &'static str, read: F) -> Result<T, Error>
    where
        T: PartialEq,
        F: Fn(Arc<Endpoint>) -> R,
        R: Future<Output = Result<T, Fault>>,
    {
        for round in 0..AGREE_ROUNDS {
            if round > 0 {
                tokio::time::sleep(AGREE_PAUSE).await;
            }
            let mut first = None;
            let mut search = Search::default();
            let mut differ = false;
            for endpoint in self.up_to_date() {
                match (self.one(endpoint, &read).await, first.take()) {
                    (Ok(value), None) => first = Some(value),
                    (Ok(value), Some(other)) if value == other => {
                        self.alone.store(false, Ordering::Relaxed);
                        return Ok(value);
                    }
                    (Ok(_), Some(_)) => {
                        differ = true;
                        break;
                    }
                    (Err(fault), _) if fault.final_word() => {
                        return Err(fault.into_error(what, None));
                    }
                    (Err(fault), found) => {
                        first = found;
                        search.failed(fault);
                    }
                }
            }
            match first {
                Some(value) => {
                    if self.list.len() > 1 && !self.alone.swap(true, Ordering::Relaxed) {
                        tracing::warn!(what, "money decisions rest on one chain endpoint for now");
                    }
                    return Ok(value);
                }
                None if !differ => return Err(search.error(what, self)),
                None => {}
            }
        }
        Err(Error::Disagreement { what })
    }

    /// The outcome of `read` at every endpoint that is not locked out, all at once.
    pub(crate) async fn each<T, F, R>(self: &Arc<Self>, read: F) -> Vec<Result<T, Fault>>
    where
        T: Send + 'static,
        F: Fn(Arc<Endpoint>) -> R,
        R: Future<Output = Result<T, Fault>> + Send + 'static,
    {
        let mut tasks = Vec::new();
        for endpoint in self.order() {
            let work = read(endpoint.clone());
            let pool = self.clone();
            tasks.push(tokio::spawn(async move {
                pool.admit(&endpoint).await?;
                work.await
            }));
        }
        let mut outcomes = Vec::with_capacity(tasks.len());
        for task in tasks {
            outcomes.push(task.await.unwrap_or_else(|error| {
                Err(Fault::Transport {
                    why: format!("the request ended badly: {error}"),
                })
            }));
        }
        outcomes
    }

    async fn one<T, F, R>(&self, endpoint: Arc<Endpoint>, read: &F) -> Result<T, Fault>
    where
        F: Fn(Arc<Endpoint>) -> R,
        R: Future<Output = Result<T, Fault>>,
    {
        self.admit(&endpoint).await?;
        read(endpoint).await
    }

    /// Endpoints to ask, best first. When all rest, the one whose rest ends first is asked all the
    /// same: a single endpoint that comes back is then found at once.
    fn order(&self) -> Vec<Arc<Endpoint>> {
        let now = Instant::now();
        let best = self.best_head();
        let mut awake = Vec::new();
        let mut resting = None;
        for endpoint in &self.list {
            let health = endpoint.health();
            if health.quarantined(now).is_some() {
                continue;
            }
            match health.rests(now) {
                None => awake.push((health.score(best), endpoint.clone())),
                Some(until) => match &resting {
                    Some((earliest, _)) if *earliest <= until => {}
                    _ => resting = Some((until, endpoint.clone())),
                },
            }
        }
        awake.sort_by_key(|(score, _)| *score);
        if awake.is_empty() {
            return resting.into_iter().map(|(_, endpoint)| endpoint).collect();
        }
        awake.into_iter().map(|(_, endpoint)| endpoint).collect()
    }

    /// The same without those that are behind: what they say of the newest state is true of an
    /// older one, and no contradiction. All of them when all are.
    fn up_to_date(&self) -> Vec<Arc<Endpoint>> {
        let best = self.best_head();
        let order = self.order();
        let (late, fresh): (Vec<_>, Vec<_>) = order
            .into_iter()
            .partition(|endpoint| endpoint.health().lags(best));
        if fresh.is_empty() { late } else { fresh }
    }

    /// Lets the guard look at an endpoint that it has not passed since its last failure.
    async fn admit(&self, endpoint: &Endpoint) -> Result<(), Fault> {
        if endpoint.health().admitted() {
            return Ok(());
        }
        match self.inspect(endpoint).await {
            Ok(()) => {
                endpoint.health().admit();
                tracing::debug!(endpoint = endpoint.name(), "chain endpoint admitted");
                Ok(())
            }
            Err(Fault::Foreign { why }) => {
                endpoint.health().quarantine(Instant::now(), why.clone());
                tracing::warn!(
                    endpoint = endpoint.name(),
                    err = why,
                    "chain endpoint serves another chain and is locked out"
                );
                Err(Fault::Foreign { why })
            }
            Err(fault) => Err(fault),
        }
    }

    async fn inspect(&self, endpoint: &Endpoint) -> Result<(), Fault> {
        let (need, have) = (self.guard.chain_id, endpoint.chain_id().await?);
        if have != need {
            return Err(Fault::Foreign {
                why: format!("chain id {have}, not {need}"),
            });
        }
        if let Some(anchor) = self.guard.anchor {
            let hash = endpoint
                .block(Some(anchor.block))
                .await?
                .map(|block| block.hash);
            if hash != Some(anchor.hash) {
                let why = format!("block {} is not {}", anchor.block, anchor.hash);
                return Err(Fault::Foreign { why });
            }
        }
        for (contract, hash) in &self.guard.code {
            if endpoint.code_hash(*contract).await? != *hash {
                return Err(Fault::Foreign {
                    why: format!("other code at {contract}"),
                });
            }
        }
        Ok(())
    }
}

/// The highest head with another one near it; the only one when there is one.
fn believed(heads: impl Iterator<Item = u64>) -> Option<u64> {
    let mut heads: Vec<u64> = heads.collect();
    heads.sort_unstable_by(|one, other| other.cmp(one));
    match heads.as_slice() {
        [only] => Some(*only),
        many => {
            let near = |(one, other): (&u64, &u64)| (one - other <= APART_MAX).then_some(*one);
            many.iter().zip(many.iter().skip(1)).find_map(near)
        }
    }
}

/// What a search through the endpoints has met so far.
#[derive(Debug, Default)]
struct Search {
    tried: usize,
    foreign: Option<String>,
    last: Option<Fault>,
}

impl Search {
    fn failed(&mut self, fault: Fault) {
        match fault {
            Fault::Foreign { why } => self.foreign = Some(why),
            other => {
                self.tried += 1;
                self.last = Some(other);
            }
        }
    }

    /// The error when nobody had a value.
    fn error(self, what: &'static str, pool: &Endpoints) -> Error {
        let now = Instant::now();
        let locked_out = || {
            let mut all = pool.list.iter();
            all.find_map(|endpoint| endpoint.health().quarantined(now).map(str::to_owned))
        };
        match (self.last, self.foreign.or_else(locked_out)) {
            // A refusal or a malformed answer is more telling than "unreachable".
            (Some(fault @ (Fault::Refused { .. } | Fault::Malformed { .. })), _) => {
                fault.into_error(what, None)
            }
            (Some(fault), _) => Error::Unreachable {
                tried: self.tried,
                why: fault.why(),
            },
            (None, Some(why)) => Error::OtherChain { why },
            (None, None) => Error::Unreachable {
                tried: 0,
                why: "all endpoints rest".into(),
            },
        }
    }
}
