//! What a host asks and does about its stake: calldata and results. Adding stake and the figures
//! that proofs need stand in `proof`.

use super::{calldata, result};
use crate::bindings::staking::staking as abi;
use crate::error::Error;
use crate::translate::{amount, h160, u256};
use host_core::{Address, Amount};

/// Moves `sum` of the sender's live stake to unbonding.
#[must_use]
pub fn request_unstake(sum: Amount) -> Vec<u8> {
    calldata(abi::RequestUnstakeCall { amount: u256(sum) })
}

/// Moves `sum` of the sender's unbonding stake back to live.
#[must_use]
pub fn cancel_unstake(sum: Amount) -> Vec<u8> {
    calldata(abi::CancelUnstakeCall { amount: u256(sum) })
}

/// Pays out what the sender has unbonded.
#[must_use]
pub fn withdraw() -> Vec<u8> {
    calldata(abi::WithdrawCall {})
}

/// Asks for the stake of `host` that no committed byte requires; read with `token::read_amount`.
#[must_use]
pub fn free_stake_of(host: Address) -> Vec<u8> {
    calldata(abi::FreeStakeOfCall { host: h160(host) })
}

/// Asks for the stake the bytes of `host` require; read with `token::read_amount`.
#[must_use]
pub fn required_stake_of(host: Address) -> Vec<u8> {
    calldata(abi::RequiredStakeOfCall { host: h160(host) })
}

/// Asks for what unbonds; read with `read_unbonding`.
#[must_use]
pub fn unbonding_of(host: Address) -> Vec<u8> {
    calldata(abi::UnbondingOfCall { host: h160(host) })
}

/// The sum that unbonds, and the first block it may be withdrawn in.
pub fn read_unbonding(bytes: &[u8]) -> Result<(Amount, u64), Error> {
    let found: abi::UnbondingOfReturn = result("unbondingOf", bytes)?;
    Ok((amount("unbondingOf", found.amount)?, found.ready_at))
}

/// Asks for holds and this period's slashes; read with `read_slashes`.
#[must_use]
pub fn slash_state_of(host: Address) -> Vec<u8> {
    calldata(abi::SlashStateOfCall { host: h160(host) })
}

/// Open challenges, and what was taken in the present period.
pub fn read_slashes(bytes: &[u8]) -> Result<(u32, Amount), Error> {
    let found: abi::SlashStateOfReturn = result("slashStateOf", bytes)?;
    Ok((found.holds, amount("slashStateOf", found.slashed)?))
}

/// Asks where withdrawals of `host` go (zero: to the host); read with `vault::read_address`.
#[must_use]
pub fn payout_of(host: Address) -> Vec<u8> {
    calldata(abi::PayoutOfCall { host: h160(host) })
}

/// Registers the address that alone receives the sender's withdrawals; once.
#[must_use]
pub fn set_payout(payout: Address) -> Vec<u8> {
    calldata(abi::SetPayoutCall {
        payout: h160(payout),
    })
}

/// Asks how many blocks stake unbonds; read with `proof::read_number`.
#[must_use]
pub fn unbonding_blocks() -> Vec<u8> {
    calldata(abi::UnbondingBlocksCall {})
}
