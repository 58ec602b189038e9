//! How the oracle's price may move: limits, the rule of the used share, what is proposed. Calldata
//! and results.

use super::oracle::Limits;
use super::{calldata, result};
use crate::bindings::oracle::price_oracle as abi;
use crate::error::Error;
use crate::translate::{address, amount, h160};
use ethers_core::types::U256;
use host_core::{Address, Amount};

/// Asks for the limits in force; read with `read_limits`.
#[must_use]
pub fn limits_of(token: Address) -> Vec<u8> {
    calldata(abi::LimitsOfCall { token: h160(token) })
}

/// Asks for the limits proposed; read with `read_limits`.
#[must_use]
pub fn proposed_limits_of(token: Address) -> Vec<u8> {
    calldata(abi::ProposedLimitsOfCall { token: h160(token) })
}

/// The limits a question returned; none where nothing is set.
pub fn read_limits(bytes: &[u8]) -> Result<Option<Limits>, Error> {
    let found: abi::Limits = result("limitsOf", bytes)?;
    Ok((found.max_price != 0).then_some(Limits {
        price: (Amount(found.min_price), Amount(found.max_price)),
        rate: (Amount(found.min_rate), Amount(found.max_rate)),
        move_bps: found.max_move_bps,
        interval: found.interval,
    }))
}

/// Asks for the block from which proposed limits may be applied; read with `proof::read_number`.
#[must_use]
pub fn limits_ready_at(token: Address) -> Vec<u8> {
    calldata(abi::LimitsReadyAtCall { token: h160(token) })
}

/// Asks for the rule in force; read with `read_rule`.
#[must_use]
pub fn rule_of() -> Vec<u8> {
    calldata(abi::RuleOfCall {})
}

/// Asks for the rule proposed; read with `read_rule`.
#[must_use]
pub fn proposed_rule() -> Vec<u8> {
    calldata(abi::ProposedRuleCall {})
}

/// Asks for the block from which a proposed rule may be applied; read with `proof::read_number`.
#[must_use]
pub fn rule_ready_at() -> Vec<u8> {
    calldata(abi::RuleReadyAtCall {})
}

/// How the price follows demand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Rule {
    /// Where stake is read.
    pub staking: Address,
    /// Where committed bytes are read.
    pub proofs: Address,
    /// Live stake that lets one GiB count.
    pub stake_per_gib: Amount,
    /// Used share at which the price stands still, ten-thousandths.
    pub target_bps: u16,
    /// Blocks an announcement counts.
    pub fresh_blocks: u64,
    /// Bytes of all hosts below which the price stands still.
    pub min_capacity: u64,
}

/// The rule a question returned; none while the owner moves the price.
pub fn read_rule(bytes: &[u8]) -> Result<Option<Rule>, Error> {
    let found: abi::Rule = result("ruleOf", bytes)?;
    Ok((found.stake_per_gi_b != 0).then_some(Rule {
        staking: address(found.staking),
        proofs: address(found.proofs),
        stake_per_gib: Amount(found.stake_per_gi_b),
        target_bps: found.target_bps,
        fresh_blocks: found.fresh_blocks,
        min_capacity: found.min_capacity,
    }))
}

/// Asks for announced, staked space and how much of it is used; read with `read_totals`.
#[must_use]
pub fn totals() -> Vec<u8> {
    calldata(abi::TotalsCall {})
}

/// Announced, staked bytes, and the used ones of them.
pub fn read_totals(bytes: &[u8]) -> Result<(u128, u128), Error> {
    let (capacity, used): (U256, U256) = result("totals", bytes)?;
    Ok((amount("totals", capacity)?.0, amount("totals", used)?.0))
}

/// What a host announced and what of it counts, in bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Space {
    /// The host's word.
    pub announced: u64,
    /// Of that, what its live stake covers.
    pub capacity: u64,
    /// Of that, what it has committed to.
    pub used: u64,
    /// Block of the announcement; 0 while none counts.
    pub at: u64,
}

/// Asks what counts for a host; read with `read_space`.
#[must_use]
pub fn space_of(host: Address) -> Vec<u8> {
    calldata(abi::SpaceOfCall { host: h160(host) })
}

/// What a question about a host's space returned.
pub fn read_space(bytes: &[u8]) -> Result<Space, Error> {
    let found: abi::Space = result("spaceOf", bytes)?;
    Ok(Space {
        announced: found.announced,
        capacity: found.capacity,
        used: found.used,
        at: found.at,
    })
}

/// Announces the sender's space in bytes; zero takes it back.
#[must_use]
pub fn announce(bytes: u64) -> Vec<u8> {
    calldata(abi::AnnounceCall { bytes })
}

/// Moves a token's price by the rule, once an interval.
#[must_use]
pub fn step(token: Address) -> Vec<u8> {
    calldata(abi::StepCall { token: h160(token) })
}

/// Asks for the block of a price's last step; read with `proof::read_number`.
#[must_use]
pub fn stepped_at(token: Address) -> Vec<u8> {
    calldata(abi::SteppedAtCall { token: h160(token) })
}
