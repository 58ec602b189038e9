//! The seam of bonded challenges over `EvmChain`.
//!
//! Enters and leaves: host-core types. Invariant: what is open was said by the contract now, not by
//! an old event. Does not: send anything, or decide whom to challenge.

use crate::chain::EvmChain;
use crate::codec::{dispute, proof, token};
use crate::error::Error;
use crate::reads::LogFilter;
use host_core::seams::{
    BoxFuture, Chain, ChainError, ContractCall, DisputeChain, DisputeVerb, Head, ShardChallenge,
};
use host_core::{Address, Amount};

/// The contract of challenges of one network.
#[derive(Debug, Clone)]
pub struct Disputes {
    chain: EvmChain,
    token: Address,
    proofs: Address,
    disputes: Address,
}

impl Disputes {
    /// The challenges of the network `chain` knows the contracts of. Nothing is sent.
    ///
    /// Errors: `NoContracts` when the network has none.
    pub fn of(chain: &EvmChain) -> Result<Self, Error> {
        let what = "bonded challenge";
        let contracts = chain.contracts(what)?;
        let none = |_| Error::NoContracts { what };
        Ok(Self {
            token: contracts.token,
            proofs: contracts.proofs().map_err(none)?,
            disputes: contracts.disputes().map_err(none)?,
            chain: chain.clone(),
        })
    }

    async fn read_terms(&self) -> Result<(Amount, u64), Error> {
        let bond = self.chain.agreed_call("bond", self.proofs, dispute::bond());
        let bond = token::read_amount("bond", &bond.await?)?;
        let what = "answerBlocks";
        let blocks = self
            .chain
            .agreed_call(what, self.disputes, dispute::answer_blocks());
        Ok((bond, proof::read_number(what, &blocks.await?)?))
    }

    async fn read_open(&self, host: Address, from: u64) -> Result<Vec<ShardChallenge>, ChainError> {
        let filter = LogFilter {
            from,
            to: Chain::head(&self.chain).await?.block,
            addresses: vec![self.disputes],
            topics: dispute::challenged_topics(host),
        };
        let mut open = Vec::new();
        for log in self.chain.logs(&filter).await? {
            let Some(mut one) = dispute::read_event(&log)? else {
                continue;
            };
            let what = "answerableUntil";
            let until = dispute::answerable_until(one.id);
            let until = self.chain.agreed_call(what, self.disputes, until).await?;
            one.until = proof::read_number(what, &until)?;
            if one.until > 0 {
                open.push(one);
            }
        }
        Ok(open)
    }

    fn call_of(&self, verb: &DisputeVerb) -> ContractCall {
        let (to, data) = match verb {
            DisputeVerb::Approve { sum } => (self.token, token::approve(self.disputes, *sum)),
            DisputeVerb::Open {
                host,
                entry,
                inclusion,
                index,
            } => {
                let data = dispute::challenge_shard(*host, entry, inclusion, *index);
                (self.disputes, data)
            }
            DisputeVerb::Answer {
                id,
                entry,
                index,
                shown,
            } => {
                let data = dispute::answer_shard(*id, entry, *index, shown);
                (self.disputes, data)
            }
            DisputeVerb::Released {
                id,
                entry,
                index,
                terms,
                signature,
            } => {
                let data = dispute::answer_released(*id, entry, *index, terms, signature);
                (self.disputes, data)
            }
            DisputeVerb::Claim { id } => (self.disputes, dispute::claim(*id)),
        };
        ContractCall { to, data }
    }
}

impl DisputeChain for Disputes {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Chain::head(&self.chain)
    }

    fn terms(&self) -> BoxFuture<'_, Result<(Amount, u64), ChainError>> {
        Box::pin(async move { Ok(self.read_terms().await?) })
    }

    fn tokens(&self, of: Address) -> BoxFuture<'_, Result<Amount, ChainError>> {
        Box::pin(async move { Ok(self.chain.token_balance(of).await?) })
    }

    fn open_on(
        &self,
        host: Address,
        from: u64,
    ) -> BoxFuture<'_, Result<Vec<ShardChallenge>, ChainError>> {
        Box::pin(self.read_open(host, from))
    }

    fn call(&self, verb: &DisputeVerb) -> Result<ContractCall, ChainError> {
        Ok(self.call_of(verb))
    }

    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a DisputeVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async move {
            let call = self.call_of(verb);
            Ok(self.chain.tried(verb.what(), from, &call).await?)
        })
    }
}
