//! Agreements whose epochs count for rewards because somebody paid the protocol's fee: calldata and
//! results of the sponsoring half of the airdrop.

use super::{calldata, result};
use crate::bindings::airdrop::airdrop as abi;
use crate::error::Error;
use crate::translate::{address, h160, u256};
use host_core::agreement::{Agreement, SignedAgreement};
use host_core::{Address, AgreementDigest, Amount};

fn terms(of: &Agreement) -> abi::Agreement {
    super::terms_words!(abi, of)
}

/// Pays the fee of every epoch of a signed agreement, at most `most`. Needs an allowance.
#[must_use]
pub fn sponsor(signed: &SignedAgreement, most: Amount) -> Vec<u8> {
    calldata(abi::SponsorCall {
        terms: terms(&signed.terms),
        renter_sig: signed.renter_signature.0.to_vec().into(),
        host_sig: signed.host_signature.0.to_vec().into(),
        most: u256(most),
    })
}

/// Takes the fee of the epochs back that can no longer count.
#[must_use]
pub fn close_sponsorship(of: &Agreement) -> Vec<u8> {
    calldata(abi::CloseSponsorshipCall { terms: terms(of) })
}

/// Counts epochs that the escrow paid.
#[must_use]
pub fn count_escrow(of: &Agreement, epochs: &[u64]) -> Vec<u8> {
    calldata(abi::CountEscrowCall {
        terms: terms(of),
        epochs: epochs.to_vec(),
    })
}

/// Counts proven epochs that `vault` paid by cheque; an inclusion for each.
#[must_use]
pub fn count_vault(of: &Agreement, counts: &[(u64, Vec<u8>)], vault: Address) -> Vec<u8> {
    let inclusions = counts.iter().map(|(_, shown)| shown.clone().into());
    calldata(abi::CountVaultCall {
        terms: terms(of),
        epochs: counts.iter().map(|(epoch, _)| *epoch).collect(),
        inclusions: inclusions.collect(),
        vault: h160(vault),
    })
}

/// Asks what was paid for an agreement; read with `read_sponsorship`.
#[must_use]
pub fn sponsorship_of(agreement: &AgreementDigest) -> Vec<u8> {
    calldata(abi::SponsorshipOfCall {
        agreement: agreement.0,
    })
}

/// Asks whether an epoch counts already; read with `factory::read_flag`.
#[must_use]
pub fn is_counted(agreement: &AgreementDigest, start_epoch: u64, epoch: u64) -> Vec<u8> {
    calldata(abi::IsCountedCall {
        agreement: agreement.0,
        start_epoch,
        epoch,
    })
}

/// An agreement whose fee was paid.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sponsorship {
    /// Who paid, and gets back what does not count.
    pub payer: Address,
    /// Epochs paid for.
    pub epochs: u32,
    /// Of those, counted.
    pub counted: u32,
    /// Whether the rest went back.
    pub closed: bool,
}

/// The sponsorship a question returned; none when nobody paid.
pub fn read_sponsorship(bytes: &[u8]) -> Result<Option<Sponsorship>, Error> {
    let found: abi::Sponsorship = result("sponsorshipOf", bytes)?;
    let payer = address(found.payer);
    Ok((payer != Address::ZERO).then_some(Sponsorship {
        payer,
        epochs: found.epochs,
        counted: found.counted,
        closed: found.closed,
    }))
}
