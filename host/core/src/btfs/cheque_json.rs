//! A cheque as BTFS's programs send it: one JSON object with a bare integer payout.
//!
//! Enters: a signed cheque, or bytes from a BTFS peer. Leaves: the object in Go's field order, or
//! the cheque. Payouts are read as integers of up to 128 bits, never through a float. BTFS always
//! names the token, also the vault's own one, so both ways need to know that token's address. What
//! this file does not do: check the signature (`SignedCheque::issuer`).
//! Source: go-btfs 4.1, settlement/swap/vault/cheque.go.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::amount::Amount;
use crate::cheque::{Cheque, SignedCheque};
use crate::error::Error;
use crate::identity::Signature;
use crate::ids::Address;

/// Bytes of the longest cheque: the fields take 350 with the largest payout; the rest is blanks.
pub const CHEQUE_LEN_MAX: usize = 1024;

const WHAT: &str = "btfs cheque";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Wire {
    token: String,
    vault: String,
    beneficiary: String,
    cumulative_payout: u128,
    signature: String,
}

fn lower(address: &Address) -> String {
    format!("0x{}", hex::encode(address.0))
}

fn address(text: &str) -> Result<Address, Error> {
    if text.len() != 42 || !text.starts_with("0x") {
        return Err(wrong("an address is not 0x and 40 digits"));
    }
    text.parse()
}

const fn wrong(why: &'static str) -> Error {
    Error::Btfs { what: WHAT, why }
}

/// Writes the cheque; `vault_token` is the token a cheque without one is in (BTFS: WBTT).
/// Errors never in practice: every field is text or an integer.
pub fn encode(signed: &SignedCheque, vault_token: &Address) -> Result<Vec<u8>, Error> {
    let cheque = &signed.cheque;
    let wire = Wire {
        token: lower(cheque.token.as_ref().unwrap_or(vault_token)),
        vault: lower(&cheque.vault),
        beneficiary: lower(&cheque.beneficiary),
        cumulative_payout: cheque.cumulative.0,
        signature: STANDARD.encode(signed.signature.0),
    };
    serde_json::to_vec(&wire).map_err(|_| wrong("it cannot be written"))
}

/// Reads a cheque. One in `vault_token` comes back without a token, so that it hashes as BTFS's
/// single-token type. Unknown fields are ignored, as Go does.
/// Errors when it is too long, not such an object, or a field is not what it must be.
pub fn decode(bytes: &[u8], vault_token: &Address) -> Result<SignedCheque, Error> {
    if bytes.len() > CHEQUE_LEN_MAX {
        return Err(wrong("it is longer than 1024 bytes"));
    }
    let wire: Wire = serde_json::from_slice(bytes)
        .map_err(|_| wrong("it is no object of a cheque's fields with a bare integer payout"))?;
    let signature = STANDARD
        .decode(&wire.signature)
        .map_err(|_| wrong("its signature is not base64"))?;
    let token = address(&wire.token)?;
    Ok(SignedCheque {
        cheque: Cheque {
            vault: address(&wire.vault)?,
            beneficiary: address(&wire.beneficiary)?,
            cumulative: Amount(wire.cumulative_payout),
            token: (token != *vault_token).then_some(token),
        },
        signature: Signature(
            signature
                .try_into()
                .map_err(|_| wrong("its signature is not 65 bytes"))?,
        ),
    })
}

#[cfg(test)]
mod tests;
