//! Stake and proof of storage: calldata and results.

use super::{calldata, result};
use crate::bindings::proofs::proof_of_storage as abi;
use crate::bindings::staking::staking as stakes;
use crate::error::Error;
use crate::translate::{amount, h160, h256, u256};
use ethers_core::types::U256;
use host_core::seams::Seal;
use host_core::{Address, Amount, Digest32};

/// Lower 40 bits of a seal: its block.
const BLOCK_MASK: u64 = (1 << 40) - 1;
/// The bit of a seal that a pause sets.
const VOID_BIT: usize = 40;
/// Lowest bytes of a seal that are no part of the seed.
const SEED_TAIL: usize = 6;

/// Adds `sum` of the sender's tokens to the sender's stake.
#[must_use]
pub fn stake(sum: Amount) -> Vec<u8> {
    calldata(stakes::StakeCall { amount: u256(sum) })
}

/// Adds `sum` of the sender's tokens to the stake of `host`.
#[must_use]
pub fn stake_for(host: Address, sum: Amount) -> Vec<u8> {
    calldata(stakes::StakeForCall {
        host: h160(host),
        amount: u256(sum),
    })
}

/// Asks for the stake of `host` that stands for committed bytes; read with `token::read_amount`.
#[must_use]
pub fn live_stake_of(host: Address) -> Vec<u8> {
    calldata(stakes::LiveStakeOfCall { host: h160(host) })
}

/// Asks for the stake each committed GiB needs; read with `token::read_amount`.
#[must_use]
pub fn min_stake_per_gib() -> Vec<u8> {
    calldata(stakes::MinStakePerGiBCall {})
}

/// Appends a batch to the sender's dataset.
#[must_use]
pub fn commit(peaks: &[u8], node: Digest32, sum: u64, end: u64, count: u64) -> Vec<u8> {
    calldata(abi::CommitCall {
        peaks: peaks.to_vec().into(),
        node: h256(node).0,
        sum,
        end,
        count,
    })
}

/// Sets the seed of a period.
#[must_use]
pub fn seal(period: u64) -> Vec<u8> {
    calldata(abi::SealCall { period })
}

/// Proves a period for `host`.
#[must_use]
pub fn prove(host: Address, period: u64, peaks: &[u8], answers: &[u8]) -> Vec<u8> {
    calldata(abi::ProveCall {
        host: h160(host),
        period,
        peaks: peaks.to_vec().into(),
        answers: answers.to_vec().into(),
    })
}

/// Ends the sender's jail.
#[must_use]
pub fn unjail() -> Vec<u8> {
    calldata(abi::UnjailCall {})
}

/// Asks for a number that never changes; read with `read_number`.
#[must_use]
pub fn constant(of: Constant) -> Vec<u8> {
    match of {
        Constant::GenesisBlock => calldata(abi::GenesisBlockCall {}),
        Constant::PeriodBlocks => calldata(abi::PeriodBlocksCall {}),
        Constant::SeedDelay => calldata(abi::SeedDelayCall {}),
        Constant::WindowBlocks => calldata(abi::WindowBlocksCall {}),
        Constant::Draws => calldata(abi::ChallengeCountCall {}),
    }
}

/// A number that never changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Constant {
    /// First block of period 0.
    GenesisBlock,
    /// Blocks of a period.
    PeriodBlocks,
    /// Blocks from a period's end to its seed's block.
    SeedDelay,
    /// Blocks from the seal to the deadline.
    WindowBlocks,
    /// Draws a proof.
    Draws,
}

/// Asks for the bytes a host has committed to and must keep; read with `read_number`.
#[must_use]
pub fn bytes_at_risk(host: Address) -> Vec<u8> {
    calldata(abi::BytesAtRiskCall { host: h160(host) })
}

/// Asks which period the newest block is in; read with `read_number`.
#[must_use]
pub fn current_period() -> Vec<u8> {
    calldata(abi::CurrentPeriodCall {})
}

/// The number that a question returned.
pub fn read_number(what: &'static str, bytes: &[u8]) -> Result<u64, Error> {
    let found: U256 = result(what, bytes)?;
    u64::try_from(found).map_err(|_| Error::Malformed {
        what,
        why: format!("{found} is over 64 bits"),
    })
}

/// Asks for the seal of a period; read with `read_seal`.
#[must_use]
pub fn seals(period: u64) -> Vec<u8> {
    calldata(abi::SealsCall { period })
}

/// The seal that a question returned, `window` blocks before its deadline.
pub fn read_seal(bytes: &[u8], window: u64) -> Result<Seal, Error> {
    let entry: U256 = result("seals", bytes)?;
    if entry.is_zero() {
        return Ok(Seal::None);
    }
    if entry.bit(VOID_BIT) {
        return Ok(Seal::Void);
    }
    let mut seed = [0; 32];
    entry.to_big_endian(&mut seed);
    for byte in seed.iter_mut().rev().take(SEED_TAIL) {
        *byte = 0;
    }
    let block = entry.low_u64() & BLOCK_MASK;
    Ok(Seal::Set {
        seed: Digest32(seed),
        deadline: block.saturating_add(window),
    })
}

/// Asks whether a period was proven; read with `factory::read_flag`.
#[must_use]
pub fn proven_at(host: Address, period: u64) -> Vec<u8> {
    calldata(abi::ProvenAtCall {
        host: h160(host),
        period,
    })
}

/// Asks whether a miss was reported; read with `factory::read_flag`.
#[must_use]
pub fn missed_at(host: Address, period: u64) -> Vec<u8> {
    calldata(abi::MissedAtCall {
        host: h160(host),
        period,
    })
}

/// Asks for the name of the newest peaks; read with `read_name`.
#[must_use]
pub fn current_of(host: Address) -> Vec<u8> {
    calldata(abi::CurrentOfCall { host: h160(host) })
}

/// Asks for the name of the peaks before the newest; read with `read_name`.
#[must_use]
pub fn previous_of(host: Address) -> Vec<u8> {
    calldata(abi::PreviousOfCall { host: h160(host) })
}

/// The 32 bytes that a question returned.
pub fn read_name(what: &'static str, bytes: &[u8]) -> Result<Digest32, Error> {
    Ok(Digest32(result(what, bytes)?))
}

/// Asks whether penalties stand still; read with `factory::read_flag`.
#[must_use]
pub fn paused() -> Vec<u8> {
    calldata(abi::PausedCall {})
}

/// Asks for a host's duties; read with `read_duty`.
#[must_use]
pub fn duty_of(host: Address) -> Vec<u8> {
    calldata(abi::DutyOfCall { host: h160(host) })
}

/// What a host owes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Duty {
    /// First period it must prove.
    pub from: u64,
    /// First it need not.
    pub until: u64,
    /// Misses since its last proof.
    pub misses: u8,
    /// Period of the newest commitment, plus one.
    pub committed_next: u64,
    /// Period until which it is jailed, or 0.
    pub jailed_until: u64,
}

/// The duties that a question returned.
pub fn read_duty(bytes: &[u8]) -> Result<Duty, Error> {
    let found: abi::DutyOfReturn = result("dutyOf", bytes)?;
    Ok(Duty {
        from: found.from,
        until: found.until,
        misses: found.misses,
        committed_next: found.committed_next,
        jailed_until: found.jailed_until,
    })
}

/// Asks for the sum of bytes x periods proven; read with `read_byte_epochs`.
#[must_use]
pub fn byte_epochs_of(host: Address) -> Vec<u8> {
    calldata(abi::ByteEpochsOfCall { host: h160(host) })
}

/// The sum that a question returned.
pub fn read_byte_epochs(bytes: &[u8]) -> Result<Amount, Error> {
    amount("byteEpochsOf", result("byteEpochsOf", bytes)?)
}
