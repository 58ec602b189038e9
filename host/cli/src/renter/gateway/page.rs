//! Where the page for renters is served, and where the reports of drills are that it shows.
//!
//! The page speaks plain HTTP and takes secrets: off loopback only with a word that says that a
//! proxy, or a network that is trusted, stands before it.

use std::net::SocketAddr;
use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::Args;
use host_gateway::Gateway;
use tokio::net::TcpListener;

use crate::renter::home::Home;

#[derive(Debug, Args)]
pub(super) struct PageArgs {
    /// Where the page for renters is served: browse, upload, health, costs; signed in with an
    /// access key
    #[arg(long, value_name = "ADDR")]
    page: Option<SocketAddr>,
    /// The page's address may be reached from other machines; it speaks plain HTTP, put a TLS
    /// proxy before it
    #[arg(long, requires = "page")]
    page_anywhere: bool,
    /// The folder of signed drill reports that the page shows; `drills` in the home without it
    #[arg(long, value_name = "FOLDER", requires = "page")]
    drills: Option<PathBuf>,
}

impl PageArgs {
    /// Errors when the address is not loopback and nobody said that it may be.
    pub(super) fn check(&self) -> anyhow::Result<()> {
        match self.page {
            Some(addr) if !addr.ip().is_loopback() && !self.page_anywhere => bail!(
                "{addr} is reached from other machines, and the page speaks plain HTTP: name a \
                 loopback address and put a TLS proxy before it, or add --page-anywhere"
            ),
            _ => Ok(()),
        }
    }

    /// The page's listener, where one is wanted.
    pub(super) async fn listen(&self) -> anyhow::Result<Option<TcpListener>> {
        match self.page {
            Some(addr) => super::listen(addr).await.map(Some),
            None => Ok(None),
        }
    }

    /// Serves it until the listener fails; for ever where none is wanted.
    pub(super) async fn serve(
        &self,
        gateway: Gateway,
        listener: Option<TcpListener>,
        home: &Home,
    ) -> anyhow::Result<()> {
        let Some(listener) = listener else {
            return std::future::pending().await;
        };
        let drills = self.drills.clone().unwrap_or_else(|| home.drills());
        let served = host_gateway::serve_page(gateway, listener, drills).await;
        served.context("serving the page")
    }
}
