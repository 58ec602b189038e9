//! The network's chain as the host uses it: endpoints from the network file, times and bounds from
//! the
//! configuration.
//!
//! Invariant: making it sends nothing and never fails for a dead endpoint. Does not: decide
//! anything;
//! what is told of the chain over the API is put together here.

use std::sync::Arc;

use host_chain::{EvmChain, Guard, Options, Timing};
use host_core::network::Network;
use host_ledger::Ledger;
use host_settle::{Cashier, Reader};

use crate::config::ChainConfig;
use crate::elsewhere::Elsewhere;
use crate::guard::ChainGuard;
use crate::prices::PriceBook;
use crate::welcome::MeansBook;

/// A client of the network's chain with ordinary times and bounds. Nothing is sent; endpoints may
/// all
/// be dead.
pub fn connect(network: &Network) -> anyhow::Result<EvmChain> {
    connect_with(network, &ChainConfig::default())
}

/// The same with times and bounds of one's own.
pub fn connect_with(network: &Network, config: &ChainConfig) -> anyhow::Result<EvmChain> {
    let options = Options {
        endpoints: network.endpoints.clone(),
        guard: Guard::of_network(network),
        contracts: Some(network.contracts.clone()),
        fee_cap: config.fee_bound(network.chain_id),
        depth: network.epoch.depth,
    };
    let timing = Timing {
        request: config.request_timeout,
        connect: config.connect_timeout,
        lookup: config.lookup_timeout,
    };
    let chain = EvmChain::with_timing(options, timing, &config.resolvers)?;
    Ok(chain.reading_only(network.guard.read_only))
}

/// What the host keeps about its chain: the client, the network's own words, the outbox and the
/// reader
/// of blocks.
pub struct Road {
    /// The client, with the host's account.
    pub evm: EvmChain,
    /// The network file.
    pub network: Network,
    /// The ledger.
    pub ledger: Ledger,
    /// Cashes and follows.
    pub cashier: Arc<Cashier>,
    /// Reads what vaults paid.
    pub reader: Reader,
    /// What the account has and needs.
    pub means: MeansBook,
    /// The network's price, and what the host counts for in it.
    pub prices: PriceBook,
    /// What the host relies on, and what stops it.
    pub guard: ChainGuard,
    /// Further networks, for reading.
    pub elsewhere: Arc<Elsewhere>,
}
