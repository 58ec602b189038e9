//! What BTFS's programs write, kept at this door only: the arithmetic of a storage price
//! (micro-token per GiB and day, truncated, times the token's rate), the storage contract and the
//! cheque's JSON. Our own agreements are priced by `Amount::of_storage` and never pass here.

pub mod cheque_json;
pub mod contract;
mod protobuf;

use crate::amount::{Amount, GIB};
use crate::error::Error;

/// What BTFS charges for `shard_len` bytes at `price` micro-token per GiB and day for `days` days,
/// in micro-token: floor(len x price x days / 2^30), at least 1. Checked integers stand in for the
/// float64 product of the original; both field vectors agree.
/// Errors when the product leaves 128 bits. Source: go-btfs upload helper, `TotalPay`.
pub fn total_micro(shard_len: u64, price: u64, days: u64) -> Result<u64, Error> {
    let overflow = Error::Overflow { what: "btfs total" };
    let product = u128::from(shard_len)
        .checked_mul(u128::from(price))
        .and_then(|sum| sum.checked_mul(u128::from(days)))
        .ok_or(overflow.clone())?;
    u64::try_from((product / GIB).max(1)).map_err(|_| overflow)
}

/// The same total in smallest token units: micro-token times the token's `rate`.
/// Errors when the product leaves 128 bits.
pub fn total(shard_len: u64, price: u64, days: u64, rate: u128) -> Result<Amount, Error> {
    let micro = total_micro(shard_len, price, days)?;
    u128::from(micro)
        .checked_mul(rate)
        .map(Amount)
        .ok_or(Error::Overflow { what: "btfs total" })
}

#[cfg(test)]
mod tests;
