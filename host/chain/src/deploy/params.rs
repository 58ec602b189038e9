//! What a new network starts with, for a demo and for the public.
//!
//! Enters: the network's name and clock. Leaves: first values for every contract. Invariant: each
//! set of values passes the contracts' own checks. Does not: read a chain; who deploys for the
//! public looks at the price and the rate before signing.

use host_core::epoch::EpochRule;
use host_core::network::Network;
use host_core::{Address, Amount, NetworkId};

/// Seconds of a day.
const DAY: u64 = 86_400;
/// One whole token of 18 decimals.
const ONE: u128 = 1_000_000_000_000_000_000;

/// First values of every contract of a network.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeployParams {
    /// The network every dataset, agreement and escrow is bound to.
    pub network_id: NetworkId,
    /// The wrapped native token that stands already; nothing deploys one.
    pub token: Option<Address>,
    /// Blocks between a vault's withdrawal request and its effect.
    pub withdraw_delay: u64,
    /// Blocks of notice for owners, limits and registry changes.
    pub owner_delay: u64,
    /// Price: micro-tokens per GiB and day.
    pub price: Amount,
    /// Smallest units per micro-token.
    pub rate: Amount,
    /// Blocks between two steps of the price.
    pub price_interval: u64,
    /// Blocks of an epoch, which is a period of proofs.
    pub epoch_blocks: u64,
    /// The stake.
    pub stake: StakeRules,
    /// The proofs.
    pub proof: ProofRules,
    /// Blocks to answer a challenge.
    pub answer_blocks: u64,
    /// Epochs after its own in which an epoch's escrow can be claimed; at most 24, because proofs
    /// are remembered for 32 periods.
    pub claim_epochs: u64,
    /// The airdrop.
    pub airdrop: AirdropRules,
    /// How the price follows demand.
    pub demand: DemandRules,
}

/// First values of Staking.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StakeRules {
    /// Blocks from request to withdrawal, at least three epochs.
    pub unbonding_blocks: u64,
    /// Live stake for each GiB committed, smallest units.
    pub min_per_gib: Amount,
    /// The most that minimum can ever become.
    pub min_per_gib_max: Amount,
    /// Most one slash takes, ten-thousandths of the stake.
    pub event_bps: u16,
    /// Most all slashes of one epoch take.
    pub epoch_bps: u16,
    /// Receives what slashes take; nothing is the account that deploys.
    pub treasury: Option<Address>,
}

/// First values of ProofOfStorage.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProofRules {
    /// Blocks from an epoch's end to the block whose hash is the seed.
    pub seed_delay: u64,
    /// Blocks from the seal to the deadline.
    pub window_blocks: u64,
    /// Longest pause; at most the unbonding time.
    pub pause_blocks_max: u64,
    /// Draws a proof.
    pub challenges: u16,
    /// Bond of a challenge, smallest units.
    pub bond: Amount,
    /// Slash for a missed proof, ten-thousandths of the stake.
    pub miss_bps: u16,
    /// Slash for a lost challenge.
    pub challenge_bps: u16,
    /// The reporter's share of a slash.
    pub reward_bps: u16,
    /// Misses in a row that jail.
    pub misses_to_jail: u8,
    /// Epochs of jail.
    pub jail_periods: u32,
}

/// First values of Airdrop.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AirdropRules {
    /// Fee for a GiB and epoch, smallest units.
    pub fee_per_gib: Amount,
    /// Reward for a GiB and epoch at most; below the fee.
    pub reward_per_gib: Amount,
    /// Epochs of a round.
    pub epochs_per_round: u64,
    /// Epochs for counting a round.
    pub count_epochs: u64,
    /// Epochs for its score list.
    pub band_epochs: u64,
    /// Epochs for claims.
    pub claim_epochs: u64,
    /// Blocks between a list and its use.
    pub veto_blocks: u64,
}

/// How the oracle's price follows the used share of staked space.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DemandRules {
    /// Used share at which the price stands still, ten-thousandths.
    pub target_bps: u16,
    /// Blocks an announcement counts.
    pub fresh_blocks: u64,
    /// Announced bytes below which the price stands still.
    pub min_capacity: u64,
}

impl Default for DeployParams {
    /// The demo named `holdfast-demo` with epochs of 20 blocks.
    fn default() -> Self {
        Self::demo(NetworkId::of_name("holdfast-demo"), 20)
    }
}

impl DeployParams {
    /// A demo or a test: BTFS's price and rate, delays of a few epochs, a stake that the gift of a
    /// development chain covers many times. `epoch_blocks` is at least 8.
    #[must_use]
    pub fn demo(network_id: NetworkId, epoch_blocks: u64) -> Self {
        let epoch = epoch_blocks.max(8);
        Self {
            network_id,
            token: None,
            withdraw_delay: 40,
            owner_delay: 40,
            price: Amount(125_000_000),
            rate: Amount(1_000_000_000_000),
            price_interval: 1,
            epoch_blocks: epoch,
            stake: StakeRules {
                unbonding_blocks: 4 * epoch,
                min_per_gib: Amount(ONE),
                min_per_gib_max: Amount(100 * ONE),
                event_bps: 1_000,
                epoch_bps: 3_000,
                treasury: None,
            },
            proof: ProofRules {
                seed_delay: 1,
                // Thirty hosts share a machine and a block comes each second: they need more than
                // half an epoch. The rest of it is for a seal that comes late.
                window_blocks: epoch * 7 / 10,
                pause_blocks_max: 2 * epoch,
                challenges: 10,
                bond: Amount(ONE),
                miss_bps: 100,
                challenge_bps: 1_000,
                reward_bps: 1_000,
                misses_to_jail: 3,
                jail_periods: 2,
            },
            answer_blocks: epoch,
            claim_epochs: 16,
            airdrop: AirdropRules {
                // A tenth of what a demo host asks.
                fee_per_gib: Amount(100_000_000_000),
                reward_per_gib: Amount(90_000_000_000),
                epochs_per_round: 4,
                count_epochs: 4,
                band_epochs: 4,
                claim_epochs: 1_000,
                veto_blocks: epoch,
            },
            demand: DemandRules {
                target_bps: 7_000,
                fresh_blocks: 10 * epoch,
                min_capacity: 1 << 30,
            },
        }
    }

    /// A network for the public, whose epoch is about a day.
    ///
    /// Notice and withdrawal are long enough that people see a change before it holds: two days
    /// for parameters, a week for vaults and stake. A proof has half an hour, which is too short to
    /// fetch lost shards back from others. Draws, misses and challenges cost what
    /// docs/decisions/0010 expects; the minimum stake is a month of a GiB's income, so that what a
    /// lost challenge takes (a tenth) is more than three days of it.
    #[must_use]
    pub fn public(network_id: NetworkId, rule: &EpochRule) -> Self {
        let second = rule.block_seconds.max(1);
        let blocks = |seconds: u64| (seconds / second).max(1);
        let day = blocks(DAY);
        let epoch = rule.epoch_blocks.max(day / 24).max(8);
        let price = Amount(125_000_000);
        let rate = Amount(1_000_000_000_000);
        let gib_day = price.0.saturating_mul(rate.0);
        Self {
            network_id,
            token: None,
            withdraw_delay: 7 * day,
            owner_delay: 2 * day,
            price,
            rate,
            price_interval: day,
            epoch_blocks: epoch,
            stake: StakeRules {
                unbonding_blocks: (7 * day).max(4 * epoch),
                min_per_gib: Amount(gib_day.saturating_mul(30)),
                min_per_gib_max: Amount(gib_day.saturating_mul(300)),
                event_bps: 1_000,
                epoch_bps: 3_000,
                treasury: None,
            },
            proof: ProofRules {
                // Deeper than the reorganisations that are seen.
                seed_delay: blocks(120).min(epoch / 4),
                window_blocks: blocks(1_800).min(epoch / 2),
                pause_blocks_max: 2 * day,
                challenges: 10,
                bond: Amount(gib_day.saturating_mul(10)),
                miss_bps: 100,
                challenge_bps: 1_000,
                reward_bps: 1_000,
                misses_to_jail: 3,
                jail_periods: 7,
            },
            answer_blocks: day,
            claim_epochs: 14,
            airdrop: AirdropRules {
                fee_per_gib: Amount(gib_day / 20),
                reward_per_gib: Amount(gib_day / 25),
                epochs_per_round: 7,
                count_epochs: 7,
                band_epochs: 3,
                claim_epochs: 90,
                veto_blocks: 2 * day,
            },
            demand: DemandRules {
                target_bps: 7_000,
                fresh_blocks: 7 * day,
                min_capacity: 1 << 40,
            },
        }
    }

    /// What `network` asks for: a demo's values for a private one, the public's for others.
    #[must_use]
    pub fn of_network(network: &Network) -> Self {
        if network.private {
            Self::demo(network.id(), network.epoch.epoch_blocks)
        } else {
            Self::public(network.id(), &network.epoch)
        }
    }
}
