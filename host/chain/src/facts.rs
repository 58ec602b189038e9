//! What the contracts say of one host's stake, of an escrow and of the rewards, each as one answer.
//!
//! Enters: whom to ask about. Leaves: plain values. Invariant: figures that decide about money were
//! said alike by two endpoints where there are two. Does not: decide or send anything.

use crate::chain::EvmChain;
use crate::codec::airdrop::{self, AirdropEvent, Round, Rules};
use crate::codec::escrow::{self, Lease};
use crate::codec::{factory, proof, staking, token, vault};
use crate::error::Error;
use crate::reads::LogFilter;
use host_core::network::Contracts;
use host_core::{Address, AgreementDigest, Amount, Digest32};

/// The stake of one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct StakeFacts {
    /// Stands for committed bytes.
    pub live: Amount,
    /// Of that, what no committed byte requires.
    pub free: Amount,
    /// What committed bytes require.
    pub required: Amount,
    /// What each committed GiB requires.
    pub per_gib: Amount,
    /// On its way out.
    pub unbonding: Amount,
    /// First block in which that may be withdrawn.
    pub ready_at: u64,
    /// Blocks stake unbonds.
    pub unbonding_blocks: u64,
    /// Open challenges, which hold withdrawals.
    pub holds: u32,
    /// Taken in the present period.
    pub slashed: Amount,
    /// Where withdrawals go; none for the host itself.
    pub payout: Option<Address>,
    /// Tokens of the host that are not staked.
    pub tokens: Amount,
    /// Tokens the stake contract may take from the host.
    pub allowance: Amount,
}

/// The rewards as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AirdropFacts {
    /// What the network chose once.
    pub rules: Rules,
    /// Epoch round 0 begins with.
    pub first_epoch: u64,
    /// The first round that is not closed.
    pub next_round: u64,
    /// The round of the present epoch.
    pub round_now: u64,
    /// Not promised to any round.
    pub pot: Amount,
    /// Promised to closed rounds and not claimed.
    pub promised: Amount,
}

fn named(
    contracts: &Contracts,
    what: &'static str,
    of: impl FnOnce(&Contracts) -> Result<Address, host_core::Error>,
) -> Result<Address, Error> {
    of(contracts).map_err(|_| Error::NoContracts { what })
}

impl EvmChain {
    /// The contract named by `of`. Errors: `NoContracts` when the network has none.
    pub fn contract(
        &self,
        what: &'static str,
        of: impl FnOnce(&Contracts) -> Result<Address, host_core::Error>,
    ) -> Result<Address, Error> {
        named(self.contracts(what)?, what, of)
    }

    pub(crate) async fn amount_of(
        &self,
        what: &'static str,
        to: Address,
        data: Vec<u8>,
    ) -> Result<Amount, Error> {
        token::read_amount(what, &self.agreed_call(what, to, data).await?)
    }

    pub(crate) async fn number_of(
        &self,
        what: &'static str,
        to: Address,
        data: Vec<u8>,
    ) -> Result<u64, Error> {
        proof::read_number(what, &self.agreed_call(what, to, data).await?)
    }

    /// What a spender may take of an account's tokens; two endpoints must agree.
    pub async fn allowance(&self, of: Address, spender: Address) -> Result<Amount, Error> {
        let token = self.contracts("allowance")?.token;
        self.amount_of("allowance", token, token::allowance(of, spender))
            .await
    }

    /// Where the vault of `issuer` and `salt` is or will be, and whether it stands; two endpoints
    /// must agree. Nothing is sent.
    pub async fn vault_place(
        &self,
        issuer: Address,
        salt: Digest32,
    ) -> Result<(Address, bool), Error> {
        let what = "vault of an account";
        let made_by = self.contracts(what)?.vault_factory;
        let place = self.agreed_call(what, made_by, factory::vault_address(issuer, salt));
        let place = vault::read_address(what, &place.await?)?;
        let known = self.agreed_call(what, made_by, factory::deployed_contracts(place));
        Ok((place, factory::read_flag(what, &known.await?)?))
    }

    /// What `beneficiary` may count on in a vault; two endpoints must agree. A vault of BTFS's own
    /// code has no locks: there it is the balance.
    pub async fn cover_of(&self, of: Address, beneficiary: Address) -> Result<Amount, Error> {
        let of_token = self.contracts("cover")?.token;
        match self
            .amount_of("cover", of, vault::cover_of(of_token, beneficiary))
            .await
        {
            Err(Error::Reverted { .. } | Error::Malformed { .. }) => {
                Ok(self.vault_facts(of, beneficiary).await?.balance)
            }
            answer => answer,
        }
    }

    /// What `host` has staked and cannot take out at once; none on a network without stakes. Two
    /// endpoints must agree.
    pub async fn live_stake(&self, host: Address) -> Result<Option<Amount>, Error> {
        let what = "stake";
        if self.contracts(what)?.staking.is_none() {
            return Ok(None);
        }
        let at = self.contract(what, Contracts::staking)?;
        let data = proof::live_stake_of(host);
        Ok(Some(self.amount_of(what, at, data).await?))
    }

    /// The stake of `host`; two endpoints must agree. Errors: `NoContracts`, those of reading.
    pub async fn stake_facts(&self, host: Address) -> Result<StakeFacts, Error> {
        let what = "stake";
        let at = self.contract(what, Contracts::staking)?;
        let of = |data| self.amount_of(what, at, data);
        let (live, free, required, per_gib, tokens, allowance) = tokio::try_join!(
            of(proof::live_stake_of(host)),
            of(staking::free_stake_of(host)),
            of(staking::required_stake_of(host)),
            of(proof::min_stake_per_gib()),
            self.token_balance(host),
            self.allowance(host, at),
        )?;
        let (unbonding, slashes, payout, unbonding_blocks) = tokio::try_join!(
            self.agreed_call(what, at, staking::unbonding_of(host)),
            self.agreed_call(what, at, staking::slash_state_of(host)),
            self.agreed_call(what, at, staking::payout_of(host)),
            self.number_of(what, at, staking::unbonding_blocks()),
        )?;
        let (unbonding, ready_at) = staking::read_unbonding(&unbonding)?;
        let (holds, slashed) = staking::read_slashes(&slashes)?;
        let payout = vault::read_address(what, &payout)?;
        Ok(StakeFacts {
            live,
            free,
            required,
            per_gib,
            unbonding,
            ready_at,
            unbonding_blocks,
            holds,
            slashed,
            payout: (payout != Address::ZERO).then_some(payout),
            tokens,
            allowance,
        })
    }

    /// What the escrow knows of an agreement; two endpoints must agree.
    pub async fn lease(&self, agreement: &AgreementDigest) -> Result<Lease, Error> {
        let at = self.contract("escrow", Contracts::escrow)?;
        let data = escrow::lease_of(agreement);
        escrow::read_lease(&self.agreed_call("escrow", at, data).await?)
    }

    /// Whether the escrow paid an epoch of an agreement.
    pub async fn is_released(
        &self,
        agreement: &AgreementDigest,
        start_epoch: u64,
        epoch: u64,
    ) -> Result<bool, Error> {
        let at = self.contract("escrow", Contracts::escrow)?;
        let data = escrow::is_released(agreement, start_epoch, epoch);
        factory::read_flag("isReleased", &self.agreed_call("escrow", at, data).await?)
    }

    /// Epochs after a proven one in which it may be claimed from the escrow.
    pub async fn escrow_claim_epochs(&self) -> Result<u64, Error> {
        let at = self.contract("escrow", Contracts::escrow)?;
        self.number_of("escrow", at, escrow::claim_epochs()).await
    }

    /// The rewards as a whole; two endpoints must agree.
    pub async fn airdrop_facts(&self) -> Result<AirdropFacts, Error> {
        let what = "airdrop";
        let at = self.contract(what, Contracts::airdrop)?;
        let rules = self.agreed_call(what, at, airdrop::rules_of());
        let (rules, first_epoch, next_round, pot, promised) = tokio::try_join!(
            rules,
            self.number_of(what, at, airdrop::first_epoch()),
            self.number_of(what, at, airdrop::next_round()),
            self.amount_of(what, at, airdrop::pot()),
            self.amount_of(what, at, airdrop::promised()),
        )?;
        let rules = airdrop::read_rules(&rules)?;
        let proofs = self.contract(what, Contracts::proofs)?;
        let now = self.number_of(what, proofs, proof::current_period());
        let passed = now.await?.saturating_sub(first_epoch);
        Ok(AirdropFacts {
            round_now: passed / rules.epochs_per_round.max(1),
            rules,
            first_epoch,
            next_round,
            pot,
            promised,
        })
    }

    /// One round; two endpoints must agree.
    pub async fn airdrop_round(&self, round: u64) -> Result<Round, Error> {
        let at = self.contract("airdrop", Contracts::airdrop)?;
        let bytes = self.agreed_call("airdrop", at, airdrop::round_of(round));
        airdrop::read_round(&bytes.await?)
    }

    /// A host's bytes x epochs in a round, and whether it claimed; two endpoints must agree.
    pub async fn airdrop_share(&self, round: u64, host: Address) -> Result<(u128, bool), Error> {
        let at = self.contract("airdrop", Contracts::airdrop)?;
        let bytes = self.agreed_call("airdrop", at, airdrop::share_of(round, host));
        airdrop::read_share(&bytes.await?)
    }

    /// Everything the airdrop told in the blocks `from..=to`, in order.
    pub async fn airdrop_events(&self, from: u64, to: u64) -> Result<Vec<AirdropEvent>, Error> {
        let filter = LogFilter {
            from,
            to,
            addresses: vec![self.contract("airdrop", Contracts::airdrop)?],
            topics: Vec::new(),
        };
        let mut logs = self.logs(&filter).await?;
        logs.sort_by_key(|log| (log.block, log.index));
        let mut events = Vec::with_capacity(logs.len());
        for log in &logs {
            events.extend(airdrop::read_event(log)?);
        }
        Ok(events)
    }
}
