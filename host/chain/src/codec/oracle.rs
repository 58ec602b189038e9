//! The price oracle with BTFS's read functions: calldata and results.

use super::{calldata, creation};
use crate::bindings::oracle::price_oracle as abi;
use crate::translate::{h160, u256};
use ethers_core::types::U256;
use host_core::{Address, Amount};

/// Asks for the price of a GiB and day in micro-tokens; read with `token::read_amount`.
#[must_use]
pub fn get_price(of_token: Address) -> Vec<u8> {
    calldata(abi::GetPriceCall {
        token: h160(of_token),
    })
}

/// Asks how many smallest units make a micro-token; read with `token::read_amount`.
#[must_use]
pub fn get_rate(of_token: Address) -> Vec<u8> {
    calldata(abi::GetRateCall {
        token: h160(of_token),
    })
}

/// Bounds of one token's price.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// Lowest and highest price.
    pub price: (Amount, Amount),
    /// Lowest and highest rate.
    pub rate: (Amount, Amount),
    /// Largest step of one update in ten-thousandths.
    pub move_bps: u16,
    /// Blocks between two updates.
    pub interval: u64,
}

/// First values of a new oracle.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OracleStart {
    /// Who updates.
    pub owner: Address,
    /// Blocks of notice for new limits and a new owner.
    pub delay: u64,
    /// The first token.
    pub token: Address,
    /// Its price: micro-tokens per GiB and day.
    pub price: Amount,
    /// Its rate: smallest units per micro-token.
    pub rate: Amount,
    /// Its bounds.
    pub limits: Limits,
}

/// Creation code.
#[must_use]
pub fn create(start: &OracleStart) -> Vec<u8> {
    let limits = &start.limits;
    let bounds = (
        u256(limits.price.0),
        u256(limits.price.1),
        u256(limits.rate.0),
        u256(limits.rate.1),
        U256::from(limits.move_bps),
        U256::from(limits.interval),
    );
    let owner = (
        h160(start.owner),
        U256::from(start.delay),
        h160(start.token),
    );
    let (owner, delay, token) = owner;
    creation(
        &abi::PRICEORACLE_BYTECODE,
        (
            owner,
            delay,
            token,
            u256(start.price),
            u256(start.rate),
            bounds,
        ),
    )
}
