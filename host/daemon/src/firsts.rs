//! What a new host does by itself once its account is funded: registers where its money goes,
//! makes its vault, reaches its first stake; each once, through the outbox.
//!
//! Enters: the configuration and the chain's word. Leaves: wishes for the outbox, and the first
//! stake as an order of the stake desk. Invariants: nothing is sent before money is there, nor out
//! of the gas kept for proofs; what stands on the chain is never asked for again, and the contracts
//! themselves take each of these once, so that a crash anywhere repeats nothing; the stake is
//! ordered once in a host's life, so that an operator may take it out again. Does not: move a
//! payout address, which only that address can.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use host_chain::codec::{factory, staking};
use host_core::network::Contracts;
use host_core::{Address, Amount, Digest32, PeerId};
use host_ledger::{CallRow, IntentKey, OutboxRow};
use tracing::{info, warn};

use crate::chain::Road;
use crate::config::FirstStart;
use crate::config::layers;
use crate::stakes::StakeDesk;
use crate::welcome::Means;

/// Name of the file that says the first stake was ordered.
const STAKED_FILE: &str = "stake.first";
/// The intents of this room.
const PAYOUT: &str = "first/payout";
const STAKE_PAYOUT: &str = "first/stake-payout";
const VAULT: &str = "first/vault";
/// Which of an account's vaults: the one the command line makes too.
const SALT: Digest32 = Digest32([0; 32]);

/// The first things of one host.
#[derive(Debug)]
pub struct Firsts {
    config: FirstStart,
    staked: PathBuf,
    peer: PeerId,
    /// The configured payout address, when it is not the host's own account.
    payout: Option<Address>,
    done: AtomicBool,
    /// Another payout address was found and told of.
    told: AtomicBool,
}

/// What the chain shows of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Shown {
    /// Registered with the vaults' factory.
    payout: Option<Address>,
    /// Registered with the stake; the same as wanted where there is none.
    stake_payout: Option<Address>,
    vault: bool,
}

/// The next of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Payout(Address),
    StakePayout(Address),
    Vault,
}

/// What is missing, first things first: where money goes stands before any can come.
fn next(config: &FirstStart, payout: Option<Address>, shown: &Shown) -> Option<Next> {
    let missing = |at: Option<Address>| payout.filter(|_| at.is_none());
    if let Some(to) = missing(shown.payout) {
        return Some(Next::Payout(to));
    }
    if let Some(to) = missing(shown.stake_payout) {
        return Some(Next::StakePayout(to));
    }
    (config.vault && !shown.vault).then_some(Next::Vault)
}

impl Firsts {
    /// The first things of a data directory. Nothing is read yet.
    #[must_use]
    pub fn of(dir: &Path, config: FirstStart, peer: PeerId, payout: Option<Address>) -> Self {
        Self {
            done: AtomicBool::new(!config.enabled),
            told: AtomicBool::new(false),
            staked: dir.join(STAKED_FILE),
            config,
            peer,
            payout,
        }
    }

    /// Whether something may still be to do.
    #[must_use]
    pub fn open(&self) -> bool {
        !self.done.load(Ordering::Relaxed)
    }

    /// Moves on by one step, as `means` allow. Errors when the chain or the ledger does not
    /// answer; then nothing was forgotten.
    pub async fn step(
        &self,
        road: &Road,
        stakes: &StakeDesk,
        host: Address,
        means: &Means,
    ) -> anyhow::Result<()> {
        if !self.open() || means.native <= means.reserve || road.network.guard.read_only {
            return Ok(());
        }
        let shown = self.shown(road, host).await?;
        if let Some(next) = next(&self.config, self.payout, &shown) {
            return self.want(road, next, host).await;
        }
        self.tell(&shown);
        if self.stake(stakes, means)? {
            info!("what a first start sets up stands or is ordered");
            self.done.store(true, Ordering::Relaxed);
        }
        Ok(())
    }

    async fn shown(&self, road: &Road, host: Address) -> anyhow::Result<Shown> {
        let registered = async |at: Address, data: Vec<u8>| -> anyhow::Result<Option<Address>> {
            let bytes = road.evm.agreed_call("payout address", at, data).await?;
            let found = host_chain::codec::vault::read_address("payout address", &bytes)?;
            Ok((found != Address::ZERO).then_some(found))
        };
        let contracts = road.evm.contracts("first start")?;
        let (payout, stake_payout) = match (self.payout, contracts.staking) {
            (None, _) => (None, None),
            (Some(_), Some(at)) => (
                registered(contracts.vault_factory, factory::payout_of(host)).await?,
                registered(at, staking::payout_of(host)).await?,
            ),
            (Some(to), None) => (
                registered(contracts.vault_factory, factory::payout_of(host)).await?,
                Some(to),
            ),
        };
        let vault = self.config.vault && road.evm.vault_place(host, SALT).await?.1;
        Ok(Shown {
            payout,
            stake_payout,
            vault,
        })
    }

    /// Writes the call of one of them into the outbox, unless it is under way.
    async fn want(&self, road: &Road, next: Next, host: Address) -> anyhow::Result<()> {
        let contracts = road.evm.contracts("first start")?;
        let (intent, to, data) = match next {
            Next::Payout(to) => (PAYOUT, contracts.vault_factory, factory::set_payout(to)),
            Next::StakePayout(to) => {
                let at = road.evm.contract("stake", Contracts::staking)?;
                (STAKE_PAYOUT, at, staking::set_payout(to))
            }
            Next::Vault => {
                let data = factory::deploy_vault(host, SALT, &self.peer.to_string());
                (VAULT, contracts.vault_factory, data)
            }
        };
        let value = Amount::ZERO;
        let row = OutboxRow::wanted_call(IntentKey(intent.to_owned()), CallRow { to, value, data });
        if road.cashier.outbox().want(row).await? {
            info!(intent, "the account is funded: a first thing is set up");
            // At once, where the chain answers; the outbox repeats it otherwise.
            road.cashier.follow().await?;
        }
        Ok(())
    }

    /// Says once that money goes elsewhere than configured: the address that is registered alone
    /// can move it.
    fn tell(&self, shown: &Shown) {
        for found in [shown.payout, shown.stake_payout].into_iter().flatten() {
            let other = self.payout.is_some_and(|to| to != found);
            if other && !self.told.swap(true, Ordering::Relaxed) {
                warn!(
                    payout = %found,
                    "another payout address than `offer.payout` is registered; it alone can move it"
                );
            }
        }
    }

    /// Orders the first stake, once in a host's life; false while it cannot be known.
    /// Durability: the order first, then the word that it was given; an order names a sum to reach,
    /// so that giving it again after a crash in between stakes nothing twice.
    fn stake(&self, stakes: &StakeDesk, means: &Means) -> anyhow::Result<bool> {
        let Some(live) = means.stake else {
            return Ok(true);
        };
        if self.staked.exists() {
            return Ok(true);
        }
        let wanted = match self.config.stake {
            Amount::ZERO => means.stake_for_space.unwrap_or_default(),
            set => set,
        };
        let more = Amount(wanted.0.saturating_sub(live.0));
        if more > Amount::ZERO && stakes.standing().is_none() {
            let order = stakes.order(live, more)?;
            info!(amount = %order.live, "the account is funded: the first stake is ordered");
        }
        layers::write_atomic(&self.staked, "the first stake was ordered\n")?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
