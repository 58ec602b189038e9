//! What a network's owner sends once: the creation of staking, proofs, disputes, escrow and
//! airdrop, and the calls that bind them to each other.
//!
//! Enters: addresses and first values. Leaves: creation code and calldata. Pure. Does not: know an
//! order; `deploy` does.

use super::{calldata, creation};
use crate::bindings::airdrop::airdrop as airdrop_abi;
use crate::bindings::disputes::disputes as disputes_abi;
use crate::bindings::escrow::escrow as escrow_abi;
use crate::bindings::oracle::price_oracle as oracle_abi;
use crate::bindings::proofs::proof_of_storage as proof_abi;
use crate::bindings::staking::staking as staking_abi;
use crate::deploy::{AirdropRules, ProofRules, StakeRules};
use crate::translate::{h160, u256};
use ethers_core::types::U256;
use host_core::{Address, Amount, NetworkId};

/// Who owns a contract and with how much notice it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Owner {
    pub(crate) address: Address,
    /// Blocks of notice.
    pub(crate) delay: u64,
}

/// Creation code of Staking over `token`, with periods of `blocks` from `genesis` on.
pub(crate) fn staking(
    owner: Owner,
    token: Address,
    (genesis, blocks): (u64, u64),
    rules: &StakeRules,
) -> Vec<u8> {
    let treasury = rules.treasury.unwrap_or(owner.address);
    let first = (
        u256(rules.min_per_gib),
        U256::from(rules.event_bps),
        U256::from(rules.epoch_bps),
    );
    let arguments = (
        h160(owner.address),
        U256::from(owner.delay),
        h160(token),
        h160(treasury),
        U256::from(genesis),
        U256::from(blocks),
        U256::from(rules.unbonding_blocks),
        u256(rules.min_per_gib_max),
        first,
    );
    creation(&staking_abi::STAKING_BYTECODE, arguments)
}

/// Creation code of ProofOfStorage over a Staking that stands.
pub(crate) fn proofs(
    owner: Owner,
    staking: Address,
    network: NetworkId,
    rules: &ProofRules,
) -> Vec<u8> {
    let config = (
        h160(owner.address),
        U256::from(owner.delay),
        h160(staking),
        network.0,
        U256::from(rules.seed_delay),
        U256::from(rules.window_blocks),
        U256::from(rules.pause_blocks_max),
        U256::from(rules.challenges),
    );
    let first = (
        u256(rules.bond),
        U256::from(rules.miss_bps),
        U256::from(rules.challenge_bps),
        U256::from(rules.reward_bps),
        U256::from(rules.misses_to_jail),
        U256::from(rules.jail_periods),
    );
    creation(&proof_abi::PROOFOFSTORAGE_BYTECODE, (config, first))
}

/// Creation code of Disputes over a ProofOfStorage that stands.
pub(crate) fn disputes(proofs: Address, answer_blocks: u64) -> Vec<u8> {
    let arguments = (h160(proofs), U256::from(answer_blocks));
    creation(&disputes_abi::DISPUTES_BYTECODE, arguments)
}

/// Creation code of Escrow over the contracts that stand.
pub(crate) fn escrow(
    token: Address,
    proofs: Address,
    factory: Address,
    network: NetworkId,
    claim_epochs: u64,
) -> Vec<u8> {
    let arguments = (
        h160(token),
        h160(proofs),
        h160(factory),
        network.0,
        U256::from(claim_epochs),
    );
    creation(&escrow_abi::ESCROW_BYTECODE, arguments)
}

/// Creation code of Airdrop; `sources` are token, proofs, escrow and factory, which stand.
pub(crate) fn airdrop(
    owner: Owner,
    sources: [Address; 4],
    network: NetworkId,
    rules: &AirdropRules,
) -> Vec<u8> {
    let values = (
        u256(rules.fee_per_gib),
        u256(rules.reward_per_gib),
        U256::from(rules.epochs_per_round),
        U256::from(rules.count_epochs),
        U256::from(rules.band_epochs),
        U256::from(rules.claim_epochs),
        U256::from(rules.veto_blocks),
    );
    let arguments = (
        h160(owner.address),
        U256::from(owner.delay),
        sources.map(h160),
        network.0,
        values,
        vec![h160(owner.address)],
    );
    creation(&airdrop_abi::AIRDROP_BYTECODE, arguments)
}

/// Names the only slasher of Staking. Owner only, once.
pub(crate) fn bind_proof(proofs: Address) -> Vec<u8> {
    calldata(staking_abi::BindProofCall {
        proof: h160(proofs),
    })
}

/// Names the judge of challenges. Owner only, once.
pub(crate) fn bind_disputes(disputes: Address) -> Vec<u8> {
    calldata(proof_abi::BindDisputesCall {
        disputes: h160(disputes),
    })
}

/// How the oracle's price follows the used share of staked space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct UsedShare {
    pub(crate) staking: Address,
    pub(crate) proofs: Address,
    /// Live stake that lets one GiB count, smallest units.
    pub(crate) stake_per_gib: Amount,
    /// Used share at which the price stands still, ten-thousandths.
    pub(crate) target_bps: u16,
    /// Blocks an announcement counts.
    pub(crate) fresh_blocks: u64,
    /// Bytes of announced space below which the price stands still.
    pub(crate) min_capacity: u64,
}

/// Proposes a rule to the oracle. Owner only; the first needs no notice.
pub(crate) fn propose_rule(rule: &UsedShare) -> Vec<u8> {
    calldata(oracle_abi::ProposeRuleCall {
        next: oracle_abi::Rule {
            staking: h160(rule.staking),
            proofs: h160(rule.proofs),
            stake_per_gi_b: rule.stake_per_gib.0,
            target_bps: rule.target_bps,
            fresh_blocks: rule.fresh_blocks,
            min_capacity: rule.min_capacity,
        },
    })
}

/// Puts a proposed rule in force. Owner only.
pub(crate) fn apply_rule() -> Vec<u8> {
    calldata(oracle_abi::ApplyRuleCall {})
}

/// Bytes of code that stand on the chain once everything is created, contract by contract.
pub(crate) mod size {
    use crate::bindings;

    pub(crate) fn token() -> usize {
        bindings::token::TOKEN_DEPLOYED_BYTECODE.len()
    }

    /// The factory makes the vaults' logic too.
    pub(crate) fn factory() -> usize {
        let own = bindings::factory::VAULTFACTORY_DEPLOYED_BYTECODE.len();
        own + bindings::vault::VAULT_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn oracle() -> usize {
        bindings::oracle::PRICEORACLE_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn registry() -> usize {
        bindings::registry::REGISTRY_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn staking() -> usize {
        bindings::staking::STAKING_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn proofs() -> usize {
        bindings::proofs::PROOFOFSTORAGE_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn disputes() -> usize {
        bindings::disputes::DISPUTES_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn escrow() -> usize {
        bindings::escrow::ESCROW_DEPLOYED_BYTECODE.len()
    }

    pub(crate) fn airdrop() -> usize {
        bindings::airdrop::AIRDROP_DEPLOYED_BYTECODE.len()
    }
}
