//! Between the vocabulary of host-core and the numbers of ethers: the only file that converts.
//!
//! Invariant: nothing is rounded or cut; a chain number beyond 128 bits is an error, since no
//! token we pay with reaches it and a silent cut would be money.

use crate::error::Error;
use ethers_core::types::{H160, H256, U256};
use host_core::{Address, Amount, Digest32};

pub(crate) fn h160(address: Address) -> H160 {
    H160(address.0)
}

pub(crate) fn h256(digest: Digest32) -> H256 {
    H256(digest.0)
}

pub(crate) fn u256(amount: Amount) -> U256 {
    U256::from(amount.0)
}

pub(crate) fn address(of: H160) -> Address {
    Address(of.0)
}

pub(crate) fn digest(of: H256) -> Digest32 {
    Digest32(of.0)
}

/// Errors when `of` needs more than 128 bits.
pub(crate) fn amount(what: &'static str, of: U256) -> Result<Amount, Error> {
    u128::try_from(of)
        .map(Amount)
        .map_err(|_| Error::Malformed {
            what,
            why: format!("{of} is over 128 bits"),
        })
}
