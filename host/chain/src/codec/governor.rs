//! Delegation and votes where a network has a governor: the faces of OpenZeppelin's Governor and
//! its votes token, calldata and results.

use super::{Log, calldata, event, result};
use crate::bindings::governor::governor as abi;
use crate::error::Error;
use crate::translate::{address, amount, h160};
use ethers_core::types::U256;
use host_core::{Address, Amount, Digest32};

/// Asks for the token whose holders vote; read with `vault::read_address`.
#[must_use]
pub fn token() -> Vec<u8> {
    calldata(abi::TokenCall {})
}

/// Asks whom an account's votes are given to; read with `vault::read_address`.
#[must_use]
pub fn delegates(account: Address) -> Vec<u8> {
    calldata(abi::DelegatesCall {
        account: h160(account),
    })
}

/// Asks for an account's votes; read with `token::read_amount`.
#[must_use]
pub fn votes(account: Address) -> Vec<u8> {
    calldata(abi::GetVotesCall {
        account: h160(account),
    })
}

/// Gives the sender's votes to an account.
#[must_use]
pub fn delegate(to: Address) -> Vec<u8> {
    calldata(abi::DelegateCall { to: h160(to) })
}

/// Asks where a proposal stands; read with `proof::read_number`.
#[must_use]
pub fn state(proposal: Digest32) -> Vec<u8> {
    let id = U256::from(proposal.0);
    calldata(abi::StateCall { id })
}

/// Asks for a proposal's votes; read with `read_votes`.
#[must_use]
pub fn proposal_votes(proposal: Digest32) -> Vec<u8> {
    let id = U256::from(proposal.0);
    calldata(abi::ProposalVotesCall { id })
}

/// Asks whether an account voted; read with `factory::read_flag`.
#[must_use]
pub fn has_voted(proposal: Digest32, account: Address) -> Vec<u8> {
    let id = U256::from(proposal.0);
    let account = h160(account);
    calldata(abi::HasVotedCall { id, account })
}

/// Votes: 0 against, 1 for, 2 abstain.
#[must_use]
pub fn cast_vote(proposal: Digest32, support: u8) -> Vec<u8> {
    let id = U256::from(proposal.0);
    calldata(abi::CastVoteCall { id, support })
}

/// The topic of a new proposal.
#[must_use]
pub fn created_topic() -> Digest32 {
    use ethers_contract::EthEvent;
    Digest32(abi::ProposalCreatedFilter::signature().0)
}

/// A proposal as its event tells it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposed {
    /// Its number.
    pub id: Digest32,
    /// Who made it.
    pub proposer: Address,
    /// First block of the vote, or second since 1970, as the governor counts.
    pub vote_start: Amount,
    /// Last one.
    pub vote_end: Amount,
    /// What it says.
    pub description: String,
}

/// The proposal of a log; none when it tells something else.
pub fn read_proposed(log: &Log) -> Result<Option<Proposed>, Error> {
    let Some(found) = event::<abi::ProposalCreatedFilter>(log) else {
        return Ok(None);
    };
    let mut id = [0; 32];
    found.proposal_id.to_big_endian(&mut id);
    let what = "ProposalCreated";
    Ok(Some(Proposed {
        id: Digest32(id),
        proposer: address(found.proposer),
        vote_start: amount(what, found.vote_start)?,
        vote_end: amount(what, found.vote_end)?,
        description: found.description,
    }))
}

/// A proposal's votes: against, for, abstaining.
pub fn read_votes(bytes: &[u8]) -> Result<[Amount; 3], Error> {
    let what = "proposalVotes";
    let (against, in_favour, abstaining): (U256, U256, U256) = result(what, bytes)?;
    Ok([
        amount(what, against)?,
        amount(what, in_favour)?,
        amount(what, abstaining)?,
    ])
}
