//! The network's chain, from its file.

use host_chain::{EvmChain, Guard, Options};
use host_core::network::Network;

/// The most a unit of gas may cost, in wei: far above what a busy chain asks, far below what
/// would empty an account by mistake.
const FEE_CAP: u128 = 10_000_000_000_000;

/// A client of the network's chain. Nothing is sent; endpoints may all be dead.
pub fn connect(network: &Network) -> anyhow::Result<EvmChain> {
    let options = Options {
        endpoints: network.endpoints.clone(),
        guard: Guard::of_network(network),
        contracts: Some(network.contracts.clone()),
        fee_cap: FEE_CAP,
        depth: network.epoch.depth,
    };
    Ok(EvmChain::new(options)?)
}
