//! The wrapped native token and every ERC-20: calldata, results, events.

use super::{Log, calldata, event, result};
use crate::bindings::token::token as abi;
use crate::error::Error;
use crate::translate::{address, amount, h160, u256};
use host_core::{Address, Amount};

/// Wraps the native value sent with the call.
#[must_use]
pub fn deposit() -> Vec<u8> {
    calldata(abi::DepositCall {})
}

/// Unwraps `sum` back to native value.
#[must_use]
pub fn withdraw(sum: Amount) -> Vec<u8> {
    calldata(abi::WithdrawCall { wad: u256(sum) })
}

/// Lets `spender` take up to `sum`.
#[must_use]
pub fn approve(spender: Address, sum: Amount) -> Vec<u8> {
    calldata(abi::ApproveCall {
        guy: h160(spender),
        wad: u256(sum),
    })
}

/// Moves `sum` to `to`.
#[must_use]
pub fn transfer(to: Address, sum: Amount) -> Vec<u8> {
    calldata(abi::TransferCall {
        dst: h160(to),
        wad: u256(sum),
    })
}

/// Asks what `owner` holds; read with `read_amount`.
#[must_use]
pub fn balance_of(owner: Address) -> Vec<u8> {
    calldata(abi::BalanceOfCall(h160(owner)))
}

/// Asks what `spender` may take from `owner`; read with `read_amount`.
#[must_use]
pub fn allowance(owner: Address, spender: Address) -> Vec<u8> {
    calldata(abi::AllowanceCall(h160(owner), h160(spender)))
}

/// The number that a question for one amount returned.
pub fn read_amount(what: &'static str, bytes: &[u8]) -> Result<Amount, Error> {
    amount(what, result(what, bytes)?)
}

/// Creation code of our token.
#[must_use]
pub fn create() -> Vec<u8> {
    abi::TOKEN_BYTECODE.to_vec()
}

/// What a token tells.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenEvent {
    /// `sum` moved.
    Transfer {
        /// From whom.
        from: Address,
        /// To whom.
        to: Address,
        /// How much.
        sum: Amount,
    },
    /// Native value was wrapped.
    Wrapped {
        /// For whom.
        owner: Address,
        /// How much.
        sum: Amount,
    },
    /// Tokens were unwrapped.
    Unwrapped {
        /// By whom.
        owner: Address,
        /// How much.
        sum: Amount,
    },
}

/// Reads a token's log; nothing when it is another event.
pub fn read_event(log: &Log) -> Result<Option<TokenEvent>, Error> {
    let Some(found) = event::<abi::TokenEvents>(log) else {
        return Ok(None);
    };
    Ok(Some(match found {
        abi::TokenEvents::TransferFilter(one) => TokenEvent::Transfer {
            from: address(one.src),
            to: address(one.dst),
            sum: amount("Transfer", one.wad)?,
        },
        abi::TokenEvents::DepositFilter(one) => TokenEvent::Wrapped {
            owner: address(one.dst),
            sum: amount("Deposit", one.wad)?,
        },
        abi::TokenEvents::WithdrawalFilter(one) => TokenEvent::Unwrapped {
            owner: address(one.src),
            sum: amount("Withdrawal", one.wad)?,
        },
        abi::TokenEvents::ApprovalFilter(_) => return Ok(None),
    }))
}
