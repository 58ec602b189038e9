//! Signed transactions: reading the raw bytes and finding who signed them.
//!
//! Enters: raw bytes of a stranger. Leaves: a `SignedTx` whose sender is proven by its signature.
//! Invariants: legacy transactions carry a chain id (EIP-155), signatures have a low s (EIP-2), the
//! hash is Keccak-256 of exactly the bytes that came. Does not: look at nonce, balance or fees;
//! blob and delegation transactions are refused by name.

use crate::rlp::{self, Items};
use revm::context::transaction::{AccessList, AccessListItem};
use revm::primitives::{Address, B256, Bytes, TxKind, U256, keccak256};
use secp256k1::ecdsa::{RecoverableSignature, RecoveryId};
use secp256k1::{Message, SECP256K1};

/// Why raw bytes are not a transaction of this chain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Unreadable {
    /// A length points past the end.
    #[error("rlp: length points past the end")]
    TooShort,
    /// Bytes stand behind the last item.
    #[error("rlp: bytes behind the last item")]
    TrailingBytes,
    /// A string stands where a list belongs.
    #[error("rlp: string where a list belongs")]
    NotAList,
    /// A list stands where a string belongs.
    #[error("rlp: list where a string belongs")]
    ListForText,
    /// A shorter encoding of the same item exists.
    #[error("rlp: encoding is not the shortest")]
    NotShortest,
    /// A number begins with a zero byte.
    #[error("rlp: number with a leading zero")]
    LeadingZero,
    /// A number has more bits than its field.
    #[error("rlp: number too big for its field")]
    NumberTooBig,
    /// A field has another fixed length.
    #[error("rlp: field of {have} bytes where {need} belong")]
    FieldLen {
        /// Bytes that belong there.
        need: usize,
        /// Bytes that stand there.
        have: usize,
    },
    /// The transaction type is not served.
    #[error("transaction type {0} is not supported (legacy and 2 are)")]
    Type(u8),
    /// A legacy transaction without replay protection.
    #[error("only replay-protected (EIP-155) transactions allowed")]
    WithoutChainId,
    /// The transaction was signed for another chain.
    #[error("invalid chain id: transaction says {have}, chain is {need}")]
    ChainId {
        /// Id of this chain.
        need: u64,
        /// Id in the transaction.
        have: u64,
    },
    /// The signature does not lead to a key.
    #[error("invalid transaction v, r, s values")]
    Signature,
}

/// A transaction with a proven sender.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct SignedTx {
    pub(crate) raw: Bytes,
    pub(crate) hash: B256,
    pub(crate) from: Address,
    pub(crate) kind: TxKind,
    pub(crate) nonce: u64,
    pub(crate) value: U256,
    pub(crate) gas_limit: u64,
    /// Highest price a gas unit may cost; a legacy transaction's gas price.
    pub(crate) max_fee: u128,
    /// Tip a gas unit of an EIP-1559 transaction; none for a legacy one.
    pub(crate) max_tip: Option<u128>,
    pub(crate) input: Bytes,
    pub(crate) access_list: AccessList,
    pub(crate) signature: Rsv,
}

/// The signature's three numbers as they stand on the wire.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Rsv {
    pub(crate) r: U256,
    pub(crate) s: U256,
    pub(crate) v: u64,
}

impl SignedTx {
    /// Reads `raw` as a legacy or EIP-1559 transaction for `chain_id`.
    pub(crate) fn decode(raw: &[u8], chain_id: u64) -> Result<Self, Unreadable> {
        match raw.first() {
            None => Err(Unreadable::TooShort),
            Some(2) => decode_dynamic(raw, chain_id),
            Some(tag) if *tag >= 0xc0 => decode_legacy(raw, chain_id),
            Some(tag) => Err(Unreadable::Type(*tag)),
        }
    }

    /// Price a gas unit costs in a block of `base_fee`, or nothing when the offer is below it.
    pub(crate) fn price_at(&self, base_fee: u64) -> Option<u128> {
        let base_fee = u128::from(base_fee);
        if self.max_fee < base_fee {
            return None;
        }
        Some(match self.max_tip {
            None => self.max_fee,
            Some(tip) => base_fee.saturating_add(tip).min(self.max_fee),
        })
    }

    /// The most that this transaction can take from its sender.
    pub(crate) fn cost_max(&self) -> U256 {
        U256::from(self.gas_limit)
            .saturating_mul(U256::from(self.max_fee))
            .saturating_add(self.value)
    }
}

fn decode_legacy(raw: &[u8], chain_id: u64) -> Result<SignedTx, Unreadable> {
    let mut items = Items::of_list(raw)?;
    let body_from = items.rest();
    let nonce = items.number_u64()?;
    let max_fee = items.number_u128()?;
    let gas_limit = items.number_u64()?;
    let kind = kind(items.text()?)?;
    let value = items.number()?;
    let input = Bytes::copy_from_slice(items.text()?);
    let mut signed = prefix(body_from, items.rest()).to_vec();
    let v = items.number_u64()?;
    let (r, s) = (items.number()?, items.number()?);
    items.end()?;
    if v < 35 {
        return Err(Unreadable::WithoutChainId);
    }
    same_chain((v - 35) / 2, chain_id)?;
    signed.extend(rlp::number(U256::from(chain_id)));
    signed.extend([0x80, 0x80]);
    let digest = keccak256(rlp::list(&signed));
    let from = signer(digest, r, s, (v - 35) % 2 == 1)?;
    Ok(SignedTx {
        hash: keccak256(raw),
        raw: Bytes::copy_from_slice(raw),
        from,
        kind,
        nonce,
        value,
        gas_limit,
        max_fee,
        max_tip: None,
        input,
        access_list: AccessList::default(),
        signature: Rsv { r, s, v },
    })
}

fn decode_dynamic(raw: &[u8], chain_id: u64) -> Result<SignedTx, Unreadable> {
    let mut items = Items::of_list(raw.get(1..).unwrap_or_default())?;
    let body_from = items.rest();
    same_chain(items.number_u64()?, chain_id)?;
    let nonce = items.number_u64()?;
    let max_tip = items.number_u128()?;
    let max_fee = items.number_u128()?;
    let gas_limit = items.number_u64()?;
    let kind = kind(items.text()?)?;
    let value = items.number()?;
    let input = Bytes::copy_from_slice(items.text()?);
    let access_list = access_list(items.list()?)?;
    let signed = prefix(body_from, items.rest());
    let odd = items.number_u64()?;
    let (r, s) = (items.number()?, items.number()?);
    items.end()?;
    if odd > 1 {
        return Err(Unreadable::Signature);
    }
    let mut body = vec![2];
    body.extend(rlp::list(signed));
    let from = signer(keccak256(&body), r, s, odd == 1)?;
    Ok(SignedTx {
        hash: keccak256(raw),
        raw: Bytes::copy_from_slice(raw),
        from,
        kind,
        nonce,
        value,
        gas_limit,
        max_fee,
        max_tip: Some(max_tip),
        input,
        access_list,
        signature: Rsv { r, s, v: odd },
    })
}

/// The part of `whole` in front of its own tail `rest`.
fn prefix<'a>(whole: &'a [u8], rest: &[u8]) -> &'a [u8] {
    whole.get(..whole.len() - rest.len()).unwrap_or_default()
}

fn same_chain(have: u64, need: u64) -> Result<(), Unreadable> {
    if have == need {
        Ok(())
    } else {
        Err(Unreadable::ChainId { need, have })
    }
}

fn kind(text: &[u8]) -> Result<TxKind, Unreadable> {
    if text.is_empty() {
        return Ok(TxKind::Create);
    }
    address(text).map(TxKind::Call)
}

fn address(text: &[u8]) -> Result<Address, Unreadable> {
    let have = text.len();
    <[u8; 20]>::try_from(text)
        .map(Address::from)
        .map_err(|_| Unreadable::FieldLen { need: 20, have })
}

fn access_list(mut entries: Items<'_>) -> Result<AccessList, Unreadable> {
    let mut list = Vec::new();
    while entries.end().is_err() {
        let mut entry = entries.list()?;
        let address = address(entry.text()?)?;
        let mut keys = entry.list()?;
        entry.end()?;
        let mut storage_keys = Vec::new();
        while keys.end().is_err() {
            let key = keys.text()?;
            let fixed = <[u8; 32]>::try_from(key).map_err(|_| Unreadable::FieldLen {
                need: 32,
                have: key.len(),
            })?;
            storage_keys.push(B256::from(fixed));
        }
        list.push(AccessListItem {
            address,
            storage_keys,
        });
    }
    Ok(AccessList(list))
}

/// The address whose key signed `digest`. Source: yellow paper appendix F, EIP-2 for the low s.
fn signer(digest: B256, r: U256, s: U256, odd: bool) -> Result<Address, Unreadable> {
    let bad = |_| Unreadable::Signature;
    let mut scalars = [0; 64];
    let (first, second) = scalars.split_at_mut(32);
    first.copy_from_slice(&r.to_be_bytes::<32>());
    second.copy_from_slice(&s.to_be_bytes::<32>());
    let id = RecoveryId::from_u8_masked(u8::from(odd));
    let signature = RecoverableSignature::from_compact(&scalars, id).map_err(bad)?;
    let plain = signature.to_standard();
    let mut low = plain;
    low.normalize_s();
    if low != plain {
        return Err(Unreadable::Signature);
    }
    let digest = Message::from_digest(digest.0);
    let key = SECP256K1.recover_ecdsa(digest, &signature).map_err(bad)?;
    let hash = keccak256(key.serialize_uncompressed().get(1..).unwrap_or_default());
    Ok(Address::from_word(hash))
}

#[cfg(test)]
pub(crate) mod tests;
