//! Who decides about a network where it names a governor: votes, delegation, proposals. Reads only.
//!
//! Invariant: what a person votes by was said alike by two endpoints where there are two. Does not:
//! vote; that is a transaction like any other.

use crate::chain::EvmChain;
use crate::codec::governor::{self, Proposed};
use crate::codec::{factory, proof, token, vault};
use crate::error::Error;
use crate::reads::LogFilter;
use host_core::network::Contracts;
use host_core::{Address, Amount};

/// Proposals told at most, the newest.
const PROPOSALS_MAX: usize = 32;

/// A proposal and where it stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Proposal {
    /// What it says.
    pub proposed: Proposed,
    /// Its state as the governor numbers it: 0 pending, 1 active, 2 cancelled, 3 defeated,
    /// 4 succeeded, 5 queued, 6 expired, 7 executed.
    pub state: u64,
    /// Votes against, for and abstaining.
    pub votes: [Amount; 3],
    /// Whether the account voted.
    pub voted: bool,
}

/// A network's governor as one account sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Governance {
    /// The governor.
    pub governor: Address,
    /// The token whose holders vote.
    pub token: Address,
    /// Whom the account's votes are given to; the zero address for nobody, who then votes for
    /// nobody.
    pub delegate: Address,
    /// The votes the account may cast.
    pub votes: Amount,
    /// Proposals, the newest first.
    pub proposals: Vec<Proposal>,
}

impl EvmChain {
    /// The network's governor as `account` sees it, with the proposals of the last `blocks` blocks.
    ///
    /// Errors: `NoContracts` where the network names none; those of reading.
    pub async fn governance(&self, account: Address, blocks: u64) -> Result<Governance, Error> {
        let at = self.contract("governance", Contracts::governor)?;
        let bytes = self.agreed_call("token", at, governor::token()).await?;
        let of_token = vault::read_address("token", &bytes)?;
        let data = governor::delegates(account);
        let bytes = self.agreed_call("delegates", of_token, data).await?;
        let delegate = vault::read_address("delegates", &bytes)?;
        let data = governor::votes(account);
        let bytes = self.agreed_call("getVotes", of_token, data).await?;
        let votes = token::read_amount("getVotes", &bytes)?;
        let head = self.newest_block().await?.number;
        let filter = LogFilter {
            from: head.saturating_sub(blocks),
            to: head,
            addresses: vec![at],
            topics: vec![vec![governor::created_topic()]],
        };
        let mut logs = self.logs(&filter).await?;
        logs.sort_by_key(|log| std::cmp::Reverse((log.block, log.index)));
        let mut proposals = Vec::new();
        for log in logs.iter().take(PROPOSALS_MAX) {
            if let Some(proposed) = governor::read_proposed(log)? {
                proposals.push(self.proposal(at, account, proposed).await?);
            }
        }
        Ok(Governance {
            governor: at,
            token: of_token,
            delegate,
            votes,
            proposals,
        })
    }

    async fn proposal(
        &self,
        at: Address,
        account: Address,
        proposed: Proposed,
    ) -> Result<Proposal, Error> {
        let state = self.agreed_call("state", at, governor::state(proposed.id));
        let state = proof::read_number("state", &state.await?)?;
        let votes = self.agreed_call("votes", at, governor::proposal_votes(proposed.id));
        let votes = governor::read_votes(&votes.await?)?;
        let voted = self.agreed_call("voted", at, governor::has_voted(proposed.id, account));
        let voted = factory::read_flag("hasVoted", &voted.await?)?;
        Ok(Proposal {
            proposed,
            state,
            votes,
            voted,
        })
    }
}
