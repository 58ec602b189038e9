//! Addresses of the endpoints' names: the system's resolver, a list of others, and what was found
//! before.
//!
//! Enters: host names. Leaves: addresses. Invariants: every resolver gets a bounded time; an
//! address
//! that was found once serves as long as nobody names a newer one; what is wrong with names is kept
//! apart from what is wrong with endpoints. Does not: judge addresses; TLS and the chain guard tell
//! an impostor.

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

mod dns;

/// Names remembered; a network has a handful of endpoints.
const NAMES_MAX: usize = 64;

/// Why a name was not found.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum NameFault {
    /// The resolver says that there is no such name.
    #[error("no such name (nxdomain)")]
    Unknown,
    /// Nothing came in time.
    #[error("no answer within {0:?}")]
    Silent(Duration),
    /// The question could not be asked, or the answer does not read.
    #[error("{0}")]
    Broken(String),
}

/// A name that no resolver found and nobody remembers.
#[derive(Debug, thiserror::Error)]
#[error("dns: {host}: {why}")]
struct Lost {
    host: String,
    why: String,
}

#[derive(Debug, Default)]
struct Known {
    addrs: Vec<IpAddr>,
    fault: Option<String>,
}

#[derive(Debug)]
struct Shared {
    system: bool,
    resolvers: Vec<SocketAddr>,
    patience: Duration,
    known: Mutex<HashMap<String, Known>>,
}

/// The names of one chain's endpoints. Clones share what is remembered.
#[derive(Debug, Clone)]
pub(crate) struct Names(Arc<Shared>);

impl Names {
    /// The system's resolver first, then `resolvers` in order, each for `patience`.
    pub(crate) fn new(patience: Duration, resolvers: &[SocketAddr]) -> Self {
        Self::with(true, patience, resolvers)
    }

    /// Only `resolvers`.
    pub(crate) fn without_system(patience: Duration, resolvers: &[SocketAddr]) -> Self {
        Self::with(false, patience, resolvers)
    }

    fn with(system: bool, patience: Duration, resolvers: &[SocketAddr]) -> Self {
        Self(Arc::new(Shared {
            system,
            resolvers: resolvers.to_vec(),
            patience,
            known: Mutex::default(),
        }))
    }

    /// What is wrong with a name, if its last look-up found nothing.
    pub(crate) fn fault(&self, host: &str) -> Option<String> {
        self.known().get(host)?.fault.clone()
    }

    fn known(&self) -> MutexGuard<'_, HashMap<String, Known>> {
        // Plain values: a panic in between leaves nothing half written.
        self.0.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn find(&self, host: &str) -> Result<Vec<IpAddr>, Lost> {
        let mut reasons = Vec::new();
        if self.0.system {
            match self.at_system(host).await {
                Ok(addrs) => return Ok(self.found(host, addrs)),
                Err(fault) => reasons.push(format!("system: {fault}")),
            }
        }
        for resolver in &self.0.resolvers {
            match dns::ask(*resolver, host, self.0.patience).await {
                Ok(addrs) => return Ok(self.found(host, addrs)),
                Err(fault) => reasons.push(format!("{resolver}: {fault}")),
            }
        }
        let why = reasons.join("; ");
        let mut known = self.known();
        if known.len() >= NAMES_MAX && !known.contains_key(host) {
            known.clear();
        }
        let entry = known.entry(host.to_owned()).or_default();
        let (first, addrs) = (entry.fault.is_none(), entry.addrs.clone());
        let old = if addrs.is_empty() {
            ""
        } else {
            "; a remembered address serves"
        };
        entry.fault = Some(format!("dns: {why}{old}"));
        drop(known);
        if first {
            tracing::warn!(
                host,
                err = why,
                "name of a chain endpoint is not found{old}"
            );
        }
        if addrs.is_empty() {
            let host = host.to_owned();
            return Err(Lost { host, why });
        }
        Ok(addrs)
    }

    async fn at_system(&self, host: &str) -> Result<Vec<IpAddr>, NameFault> {
        let patience = self.0.patience;
        let asked = tokio::time::timeout(patience, tokio::net::lookup_host((host, 0))).await;
        let found = asked.map_err(|_| NameFault::Silent(patience))?;
        let found = found.map_err(|error| NameFault::Broken(error.to_string()))?;
        let addrs: Vec<IpAddr> = found.map(|addr| addr.ip()).collect();
        if addrs.is_empty() {
            return Err(NameFault::Unknown);
        }
        Ok(addrs)
    }

    fn found(&self, host: &str, addrs: Vec<IpAddr>) -> Vec<IpAddr> {
        let mut known = self.known();
        if known.len() >= NAMES_MAX && !known.contains_key(host) {
            known.clear();
        }
        let entry = known.entry(host.to_owned()).or_default();
        entry.addrs.clone_from(&addrs);
        if entry.fault.take().is_some() {
            tracing::info!(host, "name of a chain endpoint is found again");
        }
        addrs
    }
}

impl Resolve for Names {
    fn resolve(&self, name: Name) -> Resolving {
        let names = self.clone();
        Box::pin(async move {
            let addrs = names.find(name.as_str()).await?;
            let addrs: Addrs = Box::new(addrs.into_iter().map(|ip| SocketAddr::new(ip, 0)));
            Ok(addrs)
        })
    }
}
