//! Signing: from an intent with nonce, gas and prices to raw bytes, and back.
//!
//! Enters: values of host-core and the account's key. Leaves: `SignedTx` with the bytes that are
//! broadcast. Invariants: the chain id is always part of what is signed; the account's keeper is
//! asked for the fields, and what it would sign is what the chain will read.

use crate::chain::Account;
use crate::error::Error;
use crate::send::Intent;
use crate::translate::{address, amount, digest, h160, u256};
use ethers_core::types::transaction::eip2718::TypedTransaction;
use ethers_core::types::{
    Eip1559TransactionRequest, NameOrAddress, Signature, TransactionRequest, U256,
};
use ethers_core::utils::{keccak256, rlp::Rlp};
use host_core::keeper::Signable;
use host_core::seams::SignedTx;
use host_core::tx::TxBody;
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

/// Asks the account's keeper for the signature. Errors: `Signer`, and `Malformed` for a transaction
/// that is no call.
pub(crate) async fn sign(
    account: &Account,
    chain_id: u64,
    typed: &TypedTransaction,
) -> Result<SignedTx, Error> {
    let mut typed = typed.clone();
    typed.set_chain_id(chain_id);
    let body = Box::new(body_of(&typed, chain_id)?);
    if body.digest() != digest(typed.sighash()) {
        return Err(foreign("two readings of the same transaction"));
    }
    let nonce = body.nonce;
    let signed = account.key.sign(&Signable::Transaction { body }).await?;
    let raw = typed.rlp_signed(&outward(&signed, chain_id)).to_vec();
    Ok(SignedTx {
        hash: Digest32(keccak256(&raw)),
        nonce,
        raw,
    })
}

/// The fields of a transaction in the house's words.
fn body_of(typed: &TypedTransaction, chain_id: u64) -> Result<TxBody, Error> {
    let wei = |value: Option<U256>| amount("raw transaction", value.unwrap_or_default());
    let whole = |value: Option<&U256>| {
        let value = value.copied().unwrap_or_default();
        u64::try_from(value).map_err(|_| foreign("a number over 64 bits"))
    };
    let (max_fee, tip) = match typed {
        TypedTransaction::Eip1559(inner) => (
            wei(inner.max_fee_per_gas)?,
            Some(wei(inner.max_priority_fee_per_gas)?),
        ),
        TypedTransaction::Legacy(inner) => (wei(inner.gas_price)?, None),
        TypedTransaction::Eip2930(_) => return Err(foreign("another transaction type")),
    };
    let to = match typed.to() {
        Some(NameOrAddress::Address(to)) => Some(address(*to)),
        Some(NameOrAddress::Name(_)) => return Err(foreign("a name for an address")),
        None => None,
    };
    Ok(TxBody {
        chain_id,
        nonce: whole(typed.nonce())?,
        to,
        value: wei(typed.value().copied())?,
        data: typed.data().map(|data| data.to_vec()).unwrap_or_default(),
        gas: whole(typed.gas())?,
        max_fee,
        tip,
    })
}

/// A signature as ethers writes it into bytes: v carries the chain id, as in EIP-155.
fn outward(signature: &host_core::identity::Signature, chain_id: u64) -> Signature {
    let (r, rest) = signature.0.split_at(32);
    let (s, v) = rest.split_at(32);
    let recovery = u64::from(v.first().copied().unwrap_or(27).saturating_sub(27));
    Signature {
        r: U256::from_big_endian(r),
        s: U256::from_big_endian(s),
        v: chain_id.saturating_mul(2).saturating_add(35 + recovery),
    }
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
