//! Where the API for applications is served, and what it asks this home: what the vault has free,
//! what must not be deleted, how a deletion is reported.
//!
//! The API speaks plain HTTP and its token stands for the whole wallet: off loopback only with a
//! word that says that a proxy, or a network that is trusted, stands before it.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context, bail};
use clap::Args;
use futures::FutureExt;
use futures::future::BoxFuture;
use host_core::{Amount, ObjectId};
use host_gateway::{Gateway, HomeFault, Household, LocalOptions, SignedReport};
use host_release::{REPORT, Retention, Signer};
use host_renter::Deleted;
use tokio::net::TcpListener;

use crate::renter::home::Home;
use crate::renter::publish::{DAY_MS, now_ms};
use crate::renter::{deletion, retain};
use crate::trouble::code_of;
use crate::wallet;

#[derive(Debug, Args)]
pub(super) struct ApiArgs {
    /// Where the API for applications is served: put, status, get, quote, renew, rm; with the
    /// token of `gateway/api.token` in the home
    #[arg(long, value_name = "ADDR")]
    api: Option<SocketAddr>,
    /// The API's address may be reached from other machines; it speaks plain HTTP, put a TLS
    /// proxy before it
    #[arg(long, requires = "api")]
    api_anywhere: bool,
    /// GiB of bodies that wait on the drive until they are stored
    #[arg(long, value_name = "GIB", default_value_t = 64, requires = "api")]
    #[arg(value_parser = clap::value_parser!(u64).range(1..=1 << 20))]
    api_spool: u64,
}

impl ApiArgs {
    /// Errors when the address is not loopback and nobody said that it may be.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match self.api {
            Some(addr) if !addr.ip().is_loopback() && !self.api_anywhere => bail!(
                "{addr} is reached from other machines, and the API speaks plain HTTP: name a \
                 loopback address and put a TLS proxy before it, or add --api-anywhere"
            ),
            _ => Ok(()),
        }
    }

    /// The API's listener, where one is wanted.
    pub(super) async fn listen(&self) -> anyhow::Result<Option<TcpListener>> {
        match self.api {
            Some(addr) => super::listen(addr).await.map(Some),
            None => Ok(None),
        }
    }

    /// Serves it until the listener fails; for ever where none is wanted.
    pub(super) async fn serve(
        &self,
        gateway: Gateway,
        listener: Option<TcpListener>,
        dir: &Path,
    ) -> anyhow::Result<()> {
        let Some(listener) = listener else {
            return std::future::pending().await;
        };
        let options = LocalOptions {
            dir: dir.to_path_buf(),
            spool_max: self.api_spool << 30,
            anywhere: self.api_anywhere,
        };
        let house = Arc::new(House(Home::open()?));
        let served = host_gateway::serve_local(gateway, listener, house, options).await;
        served.context("serving the API for applications")
    }
}

/// This home, as the API asks it.
struct House(Home);

fn fault(error: &anyhow::Error) -> HomeFault {
    HomeFault {
        code: code_of(error).0,
        why: format!("{error:#}"),
    }
}

impl House {
    async fn free_now(&self) -> anyhow::Result<Amount> {
        let home = &self.0;
        let chain = home.chain()?;
        let vault = home.vault(&chain).await?;
        wallet::free_of(home, &chain, vault, home.key().address()).await
    }

    fn signed(&self, deleted: &Deleted) -> anyhow::Result<SignedReport> {
        let text = deletion::report_of(&self.0, deleted)?.to_text();
        let signer = Signer::of_seal_key(&self.0.seal_key())?;
        let signature = signer.sign(REPORT, text.as_bytes());
        Ok(SignedReport { text, signature })
    }
}

impl Household for House {
    fn free(&self) -> BoxFuture<'_, Result<Amount, HomeFault>> {
        async { self.free_now().await.map_err(|error| fault(&error)) }.boxed()
    }

    fn must_not_keep(&self, object: ObjectId) -> Result<(), HomeFault> {
        retain::check(&self.0, object).map_err(|error| fault(&error))
    }

    fn retain(&self, object: ObjectId, days: u64) -> Result<(), HomeFault> {
        let until_ms = now_ms().saturating_add(days.saturating_mul(DAY_MS));
        let more = Retention {
            until_ms: Some(until_ms),
            hold: false,
        };
        let kept = retain::keep(&self.0, object, more);
        kept.map(|_| ()).map_err(|error| fault(&error))
    }

    fn report(&self, deleted: &Deleted) -> Result<SignedReport, HomeFault> {
        self.signed(deleted).map_err(|error| fault(&error))
    }
}
