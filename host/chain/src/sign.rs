//! Signing: from an intent with nonce, gas and prices to raw bytes, and back.
//!
//! Enters: values of host-core and the account's key. Leaves: `SignedTx` with the bytes that are
//! broadcast. Invariants: the chain id is always part of what is signed; the key is copied into
//! the wallet for one signature and wiped with it. Pure but for that.

use crate::chain::Account;
use crate::error::Error;
use crate::send::Intent;
use crate::translate::{address, amount, digest, h160, u256};
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{Eip1559TransactionRequest, NameOrAddress, TransactionRequest, U256};
use ethers_core::utils::{keccak256, rlp::Rlp};
use ethers_signers::{LocalWallet, Signer};
use host_core::seams::SignedTx;
use host_core::{Address, Amount, Digest32};

/// Prices of one gas unit in wei.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Fees {
    pub(crate) max: u128,
    /// Nothing for a chain without base fee.
    pub(crate) tip: Option<u128>,
}

pub(crate) fn typed(intent: &Intent, nonce: u64, gas: U256, fees: Fees) -> TypedTransaction {
    let to = intent.to.map(|to| NameOrAddress::Address(h160(to)));
    let (value, data) = (u256(intent.value), intent.data.clone());
    match fees.tip {
        Some(tip) => TypedTransaction::Eip1559(Eip1559TransactionRequest {
            to,
            gas: Some(gas),
            value: Some(value),
            data: Some(data.into()),
            nonce: Some(nonce.into()),
            max_priority_fee_per_gas: Some(tip.into()),
            max_fee_per_gas: Some(fees.max.into()),
            ..Default::default()
        }),
        None => TypedTransaction::Legacy(TransactionRequest {
            to,
            gas: Some(gas),
            value: Some(value),
            data: Some(data.into()),
            nonce: Some(nonce.into()),
            gas_price: Some(fees.max.into()),
            ..Default::default()
        }),
    }
}

pub(crate) fn sign(
    account: &Account,
    chain_id: u64,
    typed: &TypedTransaction,
) -> Result<SignedTx, Error> {
    let mut typed = typed.clone();
    typed.set_chain_id(chain_id);
    let secret = account.key.expose();
    // The wallet's own copy of the key is wiped when it is dropped here.
    let wallet = LocalWallet::from_bytes(secret.as_slice())
        .map_err(|_| Error::Key)?
        .with_chain_id(chain_id);
    let signature = wallet
        .sign_transaction_sync(&typed)
        .map_err(|_| Error::Key)?;
    let raw = typed.rlp_signed(&signature).to_vec();
    let nonce = typed.nonce().copied().unwrap_or_default().as_u64();
    Ok(SignedTx {
        hash: Digest32(keccak256(&raw)),
        nonce,
        raw,
    })
}

pub(crate) fn decode(tx: &SignedTx) -> Result<TypedTransaction, Error> {
    TypedTransaction::decode_signed(&Rlp::new(&tx.raw))
        .map(|(typed, _)| typed)
        .map_err(|error| foreign(&error.to_string()))
}

/// What a signed transaction does, read from its bytes.
pub(crate) fn intent_of(tx: &SignedTx) -> Result<Intent, Error> {
    let typed = decode(tx)?;
    let to = match typed.to() {
        Some(NameOrAddress::Address(to)) => Some(address(*to)),
        _ => None,
    };
    let value = typed.value().copied().unwrap_or_default();
    Ok(Intent {
        what: "repeated call",
        to,
        value: amount("raw transaction", value)?,
        data: typed.data().map(|data| data.to_vec()).unwrap_or_default(),
    })
}

/// Wei a signed transaction costs at most: its gas at its highest price.
pub(crate) fn cost_of(tx: &SignedTx) -> Result<Amount, Error> {
    let typed = decode(tx)?;
    let price = match &typed {
        TypedTransaction::Eip1559(inner) => inner.max_fee_per_gas,
        TypedTransaction::Legacy(inner) => inner.gas_price,
        TypedTransaction::Eip2930(inner) => inner.tx.gas_price,
    };
    let gas = typed.gas().copied().unwrap_or_default();
    amount(
        "raw transaction",
        gas.saturating_mul(price.unwrap_or_default()),
    )
}

/// The account that signed, recovered from the bytes.
pub(crate) fn sender(tx: &SignedTx) -> Option<Address> {
    let (typed, signature) = TypedTransaction::decode_signed(&Rlp::new(&tx.raw)).ok()?;
    signature.recover(typed.sighash()).ok().map(address)
}

pub(crate) fn foreign(why: &str) -> Error {
    Error::Malformed {
        what: "raw transaction",
        why: why.into(),
    }
}

/// The hash that names raw bytes on the chain.
#[must_use]
pub fn hash_of_raw(raw: &[u8]) -> Digest32 {
    digest(keccak256(raw).into())
}

#[cfg(test)]
mod tests;
