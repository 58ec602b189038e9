//! Puts a network's contracts on a chain: for demos and private networks.
//!
//! Enters: parameters and an account with native value. Leaves: the addresses, the block, and the
//! anchor and code hashes that a guard wants. Invariant: the registry names every other contract
//! when it returns. Does not: deploy a second time what stands; the caller keeps the result.

use crate::chain::EvmChain;
use crate::codec::oracle::{Limits, OracleStart};
use crate::codec::{factory, oracle, registry, token};
use crate::endpoints::Guard;
use crate::error::Error;
use crate::money::PATIENCE;
use crate::send::Intent;
use host_core::network::Contracts;
use host_core::seams::Head;
use host_core::{Address, Amount};

/// What a new network starts with.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployParams {
    /// Blocks between a vault's withdrawal request and its effect.
    pub withdraw_delay: u64,
    /// Blocks of notice for owners, limits and registry changes.
    pub owner_delay: u64,
    /// Price: micro-tokens per GiB and day.
    pub price: Amount,
    /// Smallest units per micro-token.
    pub rate: Amount,
}

impl Default for DeployParams {
    /// A demo: BTFS's price and rate, short delays.
    fn default() -> Self {
        Self {
            withdraw_delay: 40,
            owner_delay: 40,
            price: Amount(125_000_000),
            rate: Amount(1_000_000_000_000),
        }
    }
}

/// A deployed network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkContracts {
    /// The addresses.
    pub contracts: Contracts,
    /// A block in which all of them stand: genesis of the epochs and anchor of the guard.
    pub anchor: Head,
    /// Guard for endpoints of this network.
    pub guard: Guard,
}

impl EvmChain {
    /// Deploys token, factory with vault logic, oracle and registry, and registers them.
    ///
    /// Errors: those of sending; what was deployed before an error is left behind unused.
    pub async fn deploy_network(&self, params: &DeployParams) -> Result<NetworkContracts, Error> {
        let owner = self.address().ok_or(Error::NoKey {
            what: "network deployment",
        })?;
        let of_token = self.create("token deployment", token::create()).await?;
        let code = factory::create(of_token, params.withdraw_delay);
        let vault_factory = self.create("factory deployment", code).await?;
        let start = OracleStart {
            owner,
            delay: params.owner_delay,
            token: of_token,
            price: params.price,
            rate: params.rate,
            limits: limits(params),
        };
        let price_oracle = self
            .create("oracle deployment", oracle::create(&start))
            .await?;
        let code = registry::create(owner, params.owner_delay);
        let names = self.create("registry deployment", code).await?;
        let entries = [
            ("Token", of_token),
            ("VaultFactory", vault_factory),
            ("PriceOracle", price_oracle),
        ];
        for (name, contract) in entries {
            let data = registry::register(name, contract);
            self.run(&Intent::call("registration", names, data), PATIENCE)
                .await?;
        }
        let contracts = Contracts {
            token: of_token,
            vault_factory,
            price_oracle,
            registry: names,
        };
        let anchor = Head::from(self.newest_block().await?);
        let mut code = Vec::new();
        for contract in [of_token, vault_factory, price_oracle, names] {
            code.push((contract, self.code_hash(contract).await?));
        }
        let guard = Guard {
            chain_id: self.chain_id(),
            anchor: Some(anchor),
            code,
        };
        Ok(NetworkContracts {
            contracts,
            anchor,
            guard,
        })
    }

    /// Makes one contract.
    async fn create(&self, what: &'static str, code: Vec<u8>) -> Result<Address, Error> {
        let intent = Intent {
            what,
            to: None,
            value: Amount::ZERO,
            data: code,
        };
        let receipt = self.run(&intent, PATIENCE).await?;
        let why = "no contract address in the receipt".into();
        receipt.created.ok_or(Error::Malformed { what, why })
    }
}

/// Wide limits around the first values: a tenth to ten times the price, the rate fixed.
fn limits(params: &DeployParams) -> Limits {
    let price = params.price.0;
    Limits {
        price: (
            Amount((price / 10).max(1)),
            Amount(price.saturating_mul(10)),
        ),
        rate: (params.rate, params.rate),
        move_bps: 1_000,
        interval: 1,
    }
}
