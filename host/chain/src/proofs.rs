//! The seam of stake and proof over `EvmChain`.
//!
//! Enters and leaves: host-core types. Invariant: what a host acts upon was said alike by two
//! endpoints where there are two; the numbers that never change are asked once. Does not: send
//! anything, or know when something is due.

use crate::chain::EvmChain;
use crate::codec::proof::{self, Constant};
use crate::codec::{factory, token};
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::fault::Fault;
use host_core::seams::{
    BoxFuture, Chain, ChainError, ContractCall, Head, ProofChain, ProofLook, ProofRules, ProofVerb,
};
use host_core::{Address, Amount};
use std::sync::Arc;
use tokio::sync::OnceCell;

/// The contracts of stake and proof of one network. Clones share what was asked once.
#[derive(Debug, Clone)]
pub struct Proofs {
    chain: EvmChain,
    token: Address,
    staking: Address,
    proofs: Address,
    rules: Arc<OnceCell<ProofRules>>,
}

impl Proofs {
    /// The proofs of the network `chain` knows the contracts of. Nothing is sent.
    ///
    /// Errors: `NoContracts` when the network has none of stake or proof.
    pub fn of(chain: &EvmChain) -> Result<Self, Error> {
        let what = "storage proof";
        let contracts = chain.contracts(what)?;
        let none = |_| Error::NoContracts { what };
        Ok(Self {
            token: contracts.token,
            staking: contracts.staking().map_err(none)?,
            proofs: contracts.proofs().map_err(none)?,
            chain: chain.clone(),
            rules: Arc::default(),
        })
    }

    /// Whether a period of `host` was proven.
    ///
    /// Errors: those of reading.
    pub async fn proven(&self, host: Address, period: u64) -> Result<bool, Error> {
        let data = proof::proven_at(host, period);
        let bytes = self
            .chain
            .agreed_call("provenAt", self.proofs, data)
            .await?;
        factory::read_flag("provenAt", &bytes)
    }

    async fn read_rules(&self) -> Result<ProofRules, Error> {
        let read = async {
            let ask = |what, of| async move {
                let data = proof::constant(of);
                let bytes = self.chain.agreed_call(what, self.proofs, data).await?;
                proof::read_number(what, &bytes)
            };
            let draws = ask("challengeCount", Constant::Draws).await?;
            let far = |_| Error::Malformed {
                what: "challengeCount",
                why: format!("{draws} is over 16 bits"),
            };
            Ok(ProofRules {
                genesis_block: ask("genesisBlock", Constant::GenesisBlock).await?,
                period_blocks: ask("periodBlocks", Constant::PeriodBlocks).await?,
                seed_delay: ask("seedDelay", Constant::SeedDelay).await?,
                window_blocks: ask("windowBlocks", Constant::WindowBlocks).await?,
                draws: u16::try_from(draws).map_err(far)?,
            })
        };
        self.rules.get_or_try_init(|| read).await.copied()
    }

    async fn read_look(&self, host: Address, period: u64) -> Result<ProofLook, Error> {
        let window = self.read_rules().await?.window_blocks;
        let (proofs, staking) = (self.proofs, self.staking);
        let raw = self
            .chain
            .pool
            .agreed("state of a proof", |endpoint| async move {
                RawLook::read(&endpoint, proofs, staking, host, period).await
            })
            .await?;
        raw.decode(period, window)
    }

    fn call_of(&self, verb: &ProofVerb) -> ContractCall {
        let (to, data) = match verb {
            ProofVerb::Approve { sum } => (self.token, token::approve(self.staking, *sum)),
            ProofVerb::Stake { sum } => (self.staking, proof::stake(*sum)),
            ProofVerb::StakeFor { host, sum } => (self.staking, proof::stake_for(*host, *sum)),
            ProofVerb::Commit {
                peaks,
                node,
                sum,
                end,
                count,
            } => (self.proofs, proof::commit(peaks, *node, *sum, *end, *count)),
            ProofVerb::Seal { period } => (self.proofs, proof::seal(*period)),
            ProofVerb::Prove {
                host,
                period,
                peaks,
                answers,
            } => (self.proofs, proof::prove(*host, *period, peaks, answers)),
            ProofVerb::Unjail => (self.proofs, proof::unjail()),
        };
        ContractCall { to, data }
    }
}

impl ProofChain for Proofs {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Chain::head(&self.chain)
    }

    fn rules(&self) -> BoxFuture<'_, Result<ProofRules, ChainError>> {
        Box::pin(async move { Ok(self.read_rules().await?) })
    }

    fn look(&self, host: Address, period: u64) -> BoxFuture<'_, Result<ProofLook, ChainError>> {
        Box::pin(async move { Ok(self.read_look(host, period).await?) })
    }

    fn tokens(&self, of: Address) -> BoxFuture<'_, Result<Amount, ChainError>> {
        Box::pin(async move { Ok(self.chain.token_balance(of).await?) })
    }

    fn call(&self, verb: &ProofVerb) -> Result<ContractCall, ChainError> {
        Ok(self.call_of(verb))
    }

    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a ProofVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async move {
            let call = self.call_of(verb);
            Ok(self.chain.tried(verb.what(), from, &call).await?)
        })
    }
}

/// The answers of one endpoint about one host and period, compared as bytes.
#[derive(PartialEq)]
struct RawLook {
    seal: Vec<u8>,
    proven: Vec<u8>,
    missed: Vec<u8>,
    current: Vec<u8>,
    previous: Vec<u8>,
    duty: Vec<u8>,
    paused: Vec<u8>,
    stake: Vec<u8>,
    per_gib: Vec<u8>,
}

impl RawLook {
    async fn read(
        endpoint: &Endpoint,
        proofs: Address,
        staking: Address,
        host: Address,
        period: u64,
    ) -> Result<Self, Fault> {
        let ask = |to: Address, data: Vec<u8>| async move { endpoint.call(None, to, &data).await };
        let told = tokio::try_join!(
            ask(proofs, proof::seals(period)),
            ask(proofs, proof::proven_at(host, period)),
            ask(proofs, proof::missed_at(host, period)),
            ask(proofs, proof::current_of(host)),
            ask(proofs, proof::previous_of(host)),
            ask(proofs, proof::duty_of(host)),
            ask(proofs, proof::paused()),
            ask(staking, proof::live_stake_of(host)),
            ask(staking, proof::min_stake_per_gib()),
        )?;
        let (seal, proven, missed, current, previous, duty, paused, stake, per_gib) = told;
        Ok(Self {
            seal,
            proven,
            missed,
            current,
            previous,
            duty,
            paused,
            stake,
            per_gib,
        })
    }

    fn decode(self, period: u64, window: u64) -> Result<ProofLook, Error> {
        let duty = proof::read_duty(&self.duty)?;
        Ok(ProofLook {
            period,
            seal: proof::read_seal(&self.seal, window)?,
            proven: factory::read_flag("provenAt", &self.proven)?,
            missed: factory::read_flag("missedAt", &self.missed)?,
            current: proof::read_name("currentOf", &self.current)?,
            previous: proof::read_name("previousOf", &self.previous)?,
            committed_next: duty.committed_next,
            duty_from: duty.from,
            duty_until: duty.until,
            misses: duty.misses,
            jailed_until: duty.jailed_until,
            paused: factory::read_flag("paused", &self.paused)?,
            stake: token::read_amount("liveStakeOf", &self.stake)?,
            stake_per_gib: token::read_amount("minStakePerGiB", &self.per_gib)?,
        })
    }
}
