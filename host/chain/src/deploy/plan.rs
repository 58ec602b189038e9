//! The transactions that put a network's contracts on a chain, in order, before any is sent.
//!
//! Enters: who signs, the first nonce, the first values. Leaves: steps with gas limits, and the
//! addresses the contracts will have. Invariant: an address is that of its creator and nonce, so
//! every step can be signed before the first is mined. Pure. Does not: send or estimate.

use super::params::DeployParams;
use crate::batch::Step;
use crate::codec::launch::{self, Owner, UsedShare, size};
use crate::codec::oracle::{Limits, OracleStart};
use crate::codec::{factory, oracle, registry, token};
use crate::send::Intent;
use crate::translate::{address, h160};
use ethers_core::utils::get_contract_address;
use host_core::network::Contracts;
use host_core::{Address, Amount};

/// A transaction that creates something: its own price and that of creation.
const CREATE_GAS: u64 = 53_000;
/// A byte of code that stays.
const CODE_GAS: u64 = 200;
/// A word that is written for the first time, with what surrounds it.
const WORD_GAS: u64 = 22_500;
/// An owner's call that writes a few words.
const CALL_GAS: u64 = 60_000;
/// Words a registry entry takes.
const ENTRY_WORDS: u64 = 4;

/// One transaction of a deployment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Planned {
    /// What is sent, with a limit that it cannot reach.
    pub step: Step,
    /// What it will use, within a tenth or so.
    pub gas: u64,
    /// The contract it makes.
    pub creates: Option<Address>,
}

/// A deployment that has not begun.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Plan {
    /// The transactions, to be sent with consecutive nonces.
    pub steps: Vec<Planned>,
    /// Where everything will stand.
    pub contracts: Contracts,
    /// First block of epoch 0.
    pub genesis_block: u64,
}

impl Plan {
    /// Gas of all transactions together, within a tenth or so.
    #[must_use]
    pub fn gas(&self) -> u64 {
        self.steps.iter().map(|step| step.gas).sum()
    }

    /// The transactions of `owner` from `nonce` on, with epochs counted from `genesis`.
    #[must_use]
    pub fn new(owner: Address, nonce: u64, genesis: u64, params: &DeployParams) -> Self {
        let mut draft = Draft {
            owner,
            nonce,
            steps: Vec::new(),
        };
        let contracts = draft.create_all(genesis, params);
        draft.bind(&contracts, params);
        draft.register(&contracts);
        Self {
            steps: draft.steps,
            contracts,
            genesis_block: genesis,
        }
    }
}

/// A plan under way.
struct Draft {
    owner: Address,
    nonce: u64,
    steps: Vec<Planned>,
}

impl Draft {
    /// Adds a creation; `stays` is the code that will stand, `words` what its constructor writes.
    fn create(&mut self, what: &'static str, data: Vec<u8>, stays: usize, words: u64) -> Address {
        let made = address(get_contract_address(h160(self.owner), self.nonce));
        let intent = Intent {
            what,
            to: None,
            value: Amount::ZERO,
            data,
        };
        let init_words = (intent.data.len() as u64).div_ceil(32);
        let gas = CREATE_GAS
            + data_gas(&intent.data)
            + 2 * init_words
            + CODE_GAS * stays as u64
            + WORD_GAS * words;
        self.push(intent, gas, Some(made));
        made
    }

    fn call(&mut self, what: &'static str, to: Address, data: Vec<u8>, gas: u64) {
        let gas = gas + data_gas(&data);
        self.push(Intent::call(what, to, data), gas, None);
    }

    fn push(&mut self, intent: Intent, gas: u64, creates: Option<Address>) {
        let limit = gas + gas / 4 + 100_000;
        self.steps.push(Planned {
            step: Step::after(intent, limit),
            gas,
            creates,
        });
        self.nonce += 1;
    }

    fn create_all(&mut self, genesis: u64, params: &DeployParams) -> Contracts {
        let owner = Owner {
            address: self.owner,
            delay: params.owner_delay,
        };
        let of_token = params.token.unwrap_or_else(|| {
            let code = token::create();
            self.create("token deployment", code, size::token(), 3)
        });
        let code = factory::create(of_token, params.withdraw_delay);
        let vaults = self.create("factory deployment", code, size::factory(), 4);
        let code = oracle::create(&first_price(self.owner, of_token, params));
        let prices = self.create("oracle deployment", code, size::oracle(), 8);
        let code = registry::create(self.owner, params.owner_delay);
        let names = self.create("registry deployment", code, size::registry(), 1);
        let clock = (genesis, params.epoch_blocks);
        let code = launch::staking(owner, of_token, clock, &params.stake);
        let staking = self.create("staking deployment", code, size::staking(), 3);
        let code = launch::proofs(owner, staking, params.network_id, &params.proof);
        let proofs = self.create("proofs deployment", code, size::proofs(), 3);
        let code = launch::disputes(proofs, params.answer_blocks);
        let disputes = self.create("disputes deployment", code, size::disputes(), 1);
        let (id, epochs) = (params.network_id, params.claim_epochs);
        let code = launch::escrow(of_token, proofs, vaults, id, epochs);
        let escrow = self.create("escrow deployment", code, size::escrow(), 1);
        let sources = [of_token, proofs, escrow, vaults];
        let code = launch::airdrop(owner, sources, id, &params.airdrop);
        let airdrop = self.create("airdrop deployment", code, size::airdrop(), 7);
        Contracts {
            token: of_token,
            vault_factory: vaults,
            price_oracle: prices,
            registry: Some(names),
            staking: Some(staking),
            proofs: Some(proofs),
            disputes: Some(disputes),
            escrow: Some(escrow),
            airdrop: Some(airdrop),
            governor: None,
        }
    }

    /// Staking learns its slasher, proofs their judge, the oracle its rule.
    fn bind(&mut self, contracts: &Contracts, params: &DeployParams) {
        let (Some(staking), Some(proofs), Some(disputes)) =
            (contracts.staking, contracts.proofs, contracts.disputes)
        else {
            return;
        };
        let data = launch::bind_proof(proofs);
        self.call("binding of the proofs", staking, data, CALL_GAS);
        let data = launch::bind_disputes(disputes);
        self.call("binding of the disputes", proofs, data, CALL_GAS);
        let data = launch::propose_rule(&UsedShare {
            staking,
            proofs,
            stake_per_gib: params.stake.min_per_gib,
            target_bps: params.demand.target_bps,
            fresh_blocks: params.demand.fresh_blocks,
            min_capacity: params.demand.min_capacity,
        });
        let oracle = contracts.price_oracle;
        self.call(
            "proposal of the price rule",
            oracle,
            data,
            CALL_GAS + 5 * WORD_GAS,
        );
        let data = launch::apply_rule();
        self.call("price rule", oracle, data, CALL_GAS + 4 * WORD_GAS);
    }

    fn register(&mut self, contracts: &Contracts) {
        let Some(names) = contracts.registry else {
            return;
        };
        let entries = [
            ("Token", Some(contracts.token)),
            ("VaultFactory", Some(contracts.vault_factory)),
            ("PriceOracle", Some(contracts.price_oracle)),
            ("Staking", contracts.staking),
            ("ProofOfStorage", contracts.proofs),
            ("Disputes", contracts.disputes),
            ("Escrow", contracts.escrow),
            ("Airdrop", contracts.airdrop),
        ];
        for (name, of) in entries {
            let Some(of) = of else { continue };
            let data = registry::register(name, of);
            self.call("registration", names, data, 21_000 + ENTRY_WORDS * WORD_GAS);
        }
    }
}

/// Price of calldata: four gas a zero byte, sixteen another.
fn data_gas(data: &[u8]) -> u64 {
    let zeros = data.iter().filter(|byte| **byte == 0).count() as u64;
    4 * zeros + 16 * (data.len() as u64 - zeros)
}

fn first_price(owner: Address, token: Address, params: &DeployParams) -> OracleStart {
    OracleStart {
        owner,
        delay: params.owner_delay,
        token,
        price: params.price,
        rate: params.rate,
        limits: limits(params),
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
        interval: params.price_interval.max(1),
    }
}
