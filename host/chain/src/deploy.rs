//! Puts a network's contracts on a chain: for demos, private networks and a first public one.
//!
//! Enters: parameters and an account with native value. Leaves: the addresses, the genesis of the
//! epochs, and the anchor and code hashes that a guard wants. Invariants: the registry names every
//! other contract when it returns; all transactions are signed before the first is sent. Does not:
//! deploy a second time what stands; the caller keeps the result.

mod params;
mod plan;

pub use params::{AirdropRules, DemandRules, DeployParams, ProofRules, StakeRules};
pub use plan::{Plan, Planned};

use crate::assume::Expected;
use crate::batch::Step;
use crate::chain::EvmChain;
use crate::endpoints::Guard;
use crate::error::Error;
use crate::money::PATIENCE;
use host_core::network::{Contracts, Network};
use host_core::seams::Head;

/// A deployed network.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NetworkContracts {
    /// The addresses.
    pub contracts: Contracts,
    /// First block of epoch 0, as the contracts count.
    pub genesis_block: u64,
    /// A block in which all of them stand: anchor of the guard.
    pub anchor: Head,
    /// Guard for endpoints of this network.
    pub guard: Guard,
    /// What the contracts say of themselves, for the network file.
    pub facts: Expected,
}

impl NetworkContracts {
    /// Writes addresses, genesis and guard into a network file.
    pub fn into_file(self, network: &mut Network) {
        network.epoch.genesis_block = self.genesis_block;
        network.guard = self.guard.for_file();
        network.guard.facts = self.facts;
        network.contracts = self.contracts;
    }
}

impl EvmChain {
    /// What `deploy_network` would send now. Sends nothing.
    ///
    /// Errors: `NoKey`, and those of reading.
    pub async fn plan_deployment(&self, params: &DeployParams) -> Result<Plan, Error> {
        let what = "network deployment";
        let account = self.account(what)?;
        let floor = *account.next_nonce.lock().await;
        let nonce = self.free_nonce(what, floor).await?;
        let genesis = self.newest_block().await?.number;
        Ok(Plan::new(account.key.address(), nonce, genesis, params))
    }

    /// Wei the plan costs at today's prices at most.
    ///
    /// Errors: `FeeCap`, and those of reading.
    pub async fn cost_of_plan(&self, plan: &Plan) -> Result<host_core::Amount, Error> {
        let fees = self.fees().await?;
        let cost = u128::from(plan.gas()).saturating_mul(fees.max);
        Ok(host_core::Amount(cost))
    }

    /// Deploys the whole set, binds its parts to each other and registers them. Epoch 0 begins with
    /// the newest block before the first transaction.
    ///
    /// Errors: those of sending; what was deployed before an error is left behind unused.
    pub async fn deploy_network(&self, params: &DeployParams) -> Result<NetworkContracts, Error> {
        let plan = self.plan_deployment(params).await?;
        let steps: Vec<Step> = plan.steps.iter().map(|one| one.step.clone()).collect();
        let receipts = self.run_all(&steps, PATIENCE).await?;
        for (receipt, planned) in receipts.iter().zip(&plan.steps) {
            if receipt.created != planned.creates {
                let what = planned.step.intent.what;
                let why = "the contract stands elsewhere than planned".into();
                return Err(Error::Malformed { what, why });
            }
        }
        let anchor = Head::from(self.newest_block().await?);
        let mut code = Vec::new();
        for (_, contract) in plan.contracts.named() {
            code.push((contract, self.code_hash(contract).await?));
        }
        let guard = Guard {
            chain_id: self.chain_id(),
            anchor: Some(anchor),
            code,
        };
        let readings = self.read_all(&plan.contracts, None).await?;
        let facts = readings.facts.into_iter();
        // Code of the contracts themselves has a list of its own.
        let guarded = |key: &str| {
            let contract = key.strip_suffix(".code");
            contract.is_some_and(|contract| !contract.contains('.'))
        };
        let facts = facts.filter(|fact| !guarded(&fact.key));
        let facts = facts.map(|fact| (fact.key, fact.value)).collect();
        Ok(NetworkContracts {
            facts,
            contracts: plan.contracts,
            genesis_block: plan.genesis_block,
            anchor,
            guard,
        })
    }
}
