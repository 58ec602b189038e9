//! Money that waits for proofs, one agreement each: calldata and results.

use super::{calldata, result};
use crate::bindings::escrow::escrow as abi;
use crate::error::Error;
use crate::translate::{amount, u256};
use host_core::agreement::{Agreement, SignedAgreement};
use host_core::seams::Claimed;
pub use host_core::seams::{Lease, LeaseState};
use host_core::{AgreementDigest, Amount};

fn terms(of: &Agreement) -> abi::Agreement {
    super::terms_words!(abi, of)
}

/// Locks the whole price of a signed agreement, at most `most`. The sender pays.
#[must_use]
pub fn open(signed: &SignedAgreement, most: Amount) -> Vec<u8> {
    calldata(abi::OpenCall {
        terms: terms(&signed.terms),
        renter_sig: signed.renter_signature.0.to_vec().into(),
        host_sig: signed.host_signature.0.to_vec().into(),
        most: u256(most),
    })
}

/// Pays one proven epoch; `inclusion` shows the agreement in the dataset that was proven.
#[must_use]
pub fn release(of: &Agreement, epoch: u64, inclusion: &[u8]) -> Vec<u8> {
    calldata(abi::ReleaseCall {
        terms: terms(of),
        epoch,
        inclusion: inclusion.to_vec().into(),
    })
}

/// Pays several proven epochs with one payment.
#[must_use]
pub fn release_many(of: &Agreement, claims: &[Claimed]) -> Vec<u8> {
    let inclusions = claims.iter().map(|claim| claim.inclusion.clone().into());
    calldata(abi::ReleaseManyCall {
        terms: terms(of),
        epochs: claims.iter().map(|claim| claim.epoch).collect(),
        inclusions: inclusions.collect(),
    })
}

/// Gives the price of missed epochs back to the renter.
#[must_use]
pub fn refund(of: &Agreement, epochs: &[u64]) -> Vec<u8> {
    calldata(abi::RefundCall {
        terms: terms(of),
        epochs: epochs.to_vec(),
    })
}

/// Ends an agreement whose last epoch can no longer be claimed.
#[must_use]
pub fn settle(of: &Agreement) -> Vec<u8> {
    calldata(abi::SettleCall { terms: terms(of) })
}

/// Asks what is known of an agreement; read with `read_lease`.
#[must_use]
pub fn lease_of(agreement: &AgreementDigest) -> Vec<u8> {
    calldata(abi::LeaseOfCall {
        agreement: agreement.0,
    })
}

/// Asks whether an epoch was paid; read with `factory::read_flag`.
#[must_use]
pub fn is_released(agreement: &AgreementDigest, start_epoch: u64, epoch: u64) -> Vec<u8> {
    calldata(abi::IsReleasedCall {
        agreement: agreement.0,
        start_epoch,
        epoch,
    })
}

/// Asks for the epochs after a proven one in which it may be claimed; read with
/// `proof::read_number`.
#[must_use]
pub fn claim_epochs() -> Vec<u8> {
    calldata(abi::ClaimEpochsCall {})
}

/// The lease a question returned.
pub fn read_lease(bytes: &[u8]) -> Result<Lease, Error> {
    let what = "leaseOf";
    let found: abi::LeaseOfReturn = result(what, bytes)?;
    let state = match found.state {
        0 => LeaseState::None,
        1 => LeaseState::Open,
        2 => LeaseState::Settled,
        other => {
            let why = format!("{other} is no state");
            return Err(Error::Malformed { what, why });
        }
    };
    Ok(Lease {
        left: amount(what, found.left)?,
        released: found.released,
        refunded: found.refunded,
        state,
    })
}
