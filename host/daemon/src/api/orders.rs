//! What an operator orders on the chain, and every transaction of the host: orders go through the
//! outbox, so that each is sent once, also across a crash, a silent chain and dear gas.
//!
//! The order's own name is its intent: the same thing is under way at most once. What the contract
//! would refuse ends as a transaction with its reason; the command line looks first.

use axum::extract::State;
use axum::{Extension, Json};
use host_api::Scope;
use host_chain::codec::{airdrop, demand, escrow, governor, staking};
use host_core::network::Contracts;
use host_core::{Address, AgreementDigest, Amount, Digest32};
use host_ledger::{CallRow, IntentKey, OutboxRow};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::SharedApi;
use super::caller::{Caller, Failure};
use super::chain::{WaitingSaid, waiting};
use crate::prices;

mod count;

/// Ended transactions told at most.
const ENDED_MAX: usize = 1_000;

/// What is ordered; sums in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(tag = "what", rename_all = "kebab-case", deny_unknown_fields)]
pub enum Order {
    /// Add to the live stake, wrapping native tokens and approving as needed.
    Stake {
        /// How much more.
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Move live stake to unbonding.
    RequestUnstake {
        /// How much.
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Move unbonding stake back to live.
    CancelUnstake {
        /// How much.
        #[schema(value_type = String)]
        amount: Amount,
    },
    /// Pay out what has unbonded.
    WithdrawStake,
    /// Claim the reward of a closed round.
    Claim {
        /// Which.
        round: u64,
        /// The host's share in the round's list, ten-thousandths.
        bps: u16,
        /// What shows the share in the list.
        #[schema(value_type = Vec<String>)]
        path: Vec<Digest32>,
    },
    /// Have the proven, paid epochs of a sponsored agreement of the host counted for rewards.
    Count {
        /// Which agreement.
        #[schema(value_type = String)]
        agreement: AgreementDigest,
    },
    /// Close rewards' rounds whose counting is over.
    CloseRounds {
        /// How many at most.
        most: u64,
    },
    /// Move the network's price by its rule.
    StepPrice,
    /// Have one proven epoch of an agreement of the host paid by the escrow.
    Release {
        /// Which agreement.
        #[schema(value_type = String)]
        agreement: AgreementDigest,
        /// Which epoch.
        epoch: u64,
    },
    /// Give the account's votes to somebody.
    Delegate {
        /// To whom.
        #[schema(value_type = String)]
        to: Address,
    },
    /// Vote on a proposal.
    Vote {
        /// Its number.
        #[schema(value_type = String)]
        proposal: Digest32,
        /// 0 against, 1 for, 2 abstain.
        support: u8,
    },
}

/// What an order became.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Ordered {
    /// Under which name its transaction is found.
    pub intent: String,
    /// What happens next.
    pub next: String,
}

/// A transaction that ended.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct EndedSaid {
    /// What it was for.
    pub intent: String,
    /// mined, reverted, replaced or abandoned.
    pub state: String,
    /// Its newest hash; absent when nothing was signed.
    pub tx: Option<String>,
    /// The block it is in.
    pub block: Option<u64>,
    /// Why it ended.
    pub why: String,
}

/// The transactions of the host.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub struct TransactionsSaid {
    /// Under way, each with what it waits for.
    pub waiting: Vec<WaitingSaid>,
    /// Ended, at most a thousand.
    pub ended: Vec<EndedSaid>,
    /// A stake order that stands, in words; empty when none does.
    pub stake_order: String,
}

/// The transactions of the host, under way and ended.
#[utoipa::path(get, path = "/api/v1/transactions", tag = "money",
    responses((status = 200, description = "the transactions", body = TransactionsSaid)))]
pub(crate) async fn transactions(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
) -> Result<Json<TransactionsSaid>, Failure> {
    caller.demand(Scope::Read)?;
    let view = api.road.ledger.read().map_err(Failure::internal)?;
    let rows = view.outbox_ended(None, ENDED_MAX);
    let mut rows: Vec<OutboxRow> = rows
        .map_err(Failure::internal)?
        .into_iter()
        .map(|(_, row)| row)
        .collect();
    rows.sort_by_key(|row| std::cmp::Reverse(row.mined.map_or(row.sent_block, |at| at.block)));
    let ended = rows.into_iter().map(|row| EndedSaid {
        intent: row.intent().to_string(),
        state: row.state.label().to_owned(),
        tx: row.newest().map(|form| form.hash.to_string()),
        block: row.mined.map(|mined| mined.block),
        why: row.reason,
    });
    let order = api.stakes.standing();
    let stake_order = order.map_or(String::new(), |order| {
        format!("live stake of {}: {}", order.live, api.stakes.why())
    });
    Ok(Json(TransactionsSaid {
        waiting: waiting(&api.road)?,
        ended: ended.collect(),
        stake_order,
    }))
}

/// Writes an order down; its transaction follows.
#[utoipa::path(post, path = "/api/v1/transactions", tag = "money", request_body = Order,
    responses((status = 200, description = "written down", body = Ordered)))]
pub(crate) async fn order(
    State(api): State<SharedApi>,
    Extension(caller): Extension<Caller>,
    Json(order): Json<Order>,
) -> Result<Json<Ordered>, Failure> {
    caller.demand(Scope::Operate)?;
    if let Order::Stake { amount } = order {
        return stake(&api, amount).await.map(Json);
    }
    let (intent, call) = match &order {
        Order::Delegate { to } => delegate(&api, *to).await?,
        Order::Count { agreement } => count::call_of(&api, agreement).await?,
        order => call_of(&api, order)?,
    };
    let intent = IntentKey(intent);
    let outbox = api.road.cashier.outbox();
    let row = OutboxRow::wanted_call(intent.clone(), call);
    let wanted = outbox.want(row).await.map_err(Failure::internal)?;
    if !wanted {
        let told = waiting(&api.road)?.into_iter();
        let why = told.filter(|one| one.intent == intent.0).map(|one| one.why);
        let why = why.collect::<String>();
        let words = format!("{intent} is under way already: {why}");
        return Err(Failure::refused("order-busy", words));
    }
    tracing::info!(intent = %intent, "order written down");
    if let Err(err) = outbox.follow().await {
        tracing::debug!(err = %err, "order waits for the chain");
    }
    Ok(Json(Ordered {
        intent: intent.0,
        next: "it is sent as soon as the chain answers; GET /api/v1/transactions tells".into(),
    }))
}

async fn stake(api: &SharedApi, amount: Amount) -> Result<Ordered, Failure> {
    let host = api.desk.policy().host;
    let facts = api.road.evm.stake_facts(host).await;
    let facts = facts.map_err(|err| Failure::refused("chain", err.to_string()))?;
    let order = api.stakes.order(facts.live, amount);
    let order = order.map_err(Failure::internal)?;
    api.road.means.look_again();
    Ok(Ordered {
        intent: "stake/add".into(),
        next: format!("live stake rises to {}", order.live),
    })
}

fn call_of(api: &SharedApi, order: &Order) -> Result<(String, CallRow), Failure> {
    let chain = &api.road.evm;
    let missing = |err: host_chain::Error| Failure::refused("no-contract", err.to_string());
    let staking_at = || chain.contract("stake", Contracts::staking).map_err(missing);
    let airdrop_at = || {
        chain
            .contract("rewards", Contracts::airdrop)
            .map_err(missing)
    };
    let host: Address = api.desk.policy().host;
    let (intent, to, data) = match order {
        Order::RequestUnstake { amount } => {
            let data = staking::request_unstake(*amount);
            ("stake/unstake".to_owned(), staking_at()?, data)
        }
        Order::CancelUnstake { amount } => {
            let data = staking::cancel_unstake(*amount);
            ("stake/cancel".to_owned(), staking_at()?, data)
        }
        Order::WithdrawStake => (
            "stake/withdraw".to_owned(),
            staking_at()?,
            staking::withdraw(),
        ),
        Order::Claim { round, bps, path } => {
            let data = airdrop::claim(*round, host, *bps, path);
            (format!("airdrop/claim/{round}"), airdrop_at()?, data)
        }
        Order::CloseRounds { most } => {
            let data = airdrop::close_rounds(*most);
            ("airdrop/close".to_owned(), airdrop_at()?, data)
        }
        Order::Release { agreement, epoch } => {
            let (to, data) = release(api, agreement, *epoch)?;
            (format!("escrow/{agreement}/{epoch}"), to, data)
        }
        Order::StepPrice => {
            let contracts = chain.contracts("price").map_err(missing)?;
            let data = demand::step(contracts.token);
            (prices::STEP.to_owned(), contracts.price_oracle, data)
        }
        Order::Vote { proposal, support } => {
            let at = chain.contract("governance", Contracts::governor);
            let data = governor::cast_vote(*proposal, *support);
            (
                format!("govern/vote/{proposal}"),
                at.map_err(missing)?,
                data,
            )
        }
        Order::Stake { .. } | Order::Delegate { .. } | Order::Count { .. } => {
            return Err(Failure::internal("such orders have a desk of their own"));
        }
    };
    let value = Amount::ZERO;
    Ok((intent, CallRow { to, value, data }))
}

/// The token whose holders vote takes the delegation; the governor names it.
async fn delegate(api: &SharedApi, to: Address) -> Result<(String, CallRow), Failure> {
    let host = api.desk.policy().host;
    let told = api.road.evm.governance(host, 0).await;
    let told = told.map_err(|err| Failure::refused("no-contract", err.to_string()))?;
    let call = CallRow {
        to: told.token,
        value: Amount::ZERO,
        data: governor::delegate(to),
    };
    Ok(("govern/delegate".to_owned(), call))
}

fn release(
    api: &SharedApi,
    agreement: &AgreementDigest,
    epoch: u64,
) -> Result<(Address, Vec<u8>), Failure> {
    let refused = |why: String| Failure::refused("no-such-agreement", why);
    let at = api.road.evm.contract("escrow", Contracts::escrow);
    let at = at.map_err(|err| Failure::refused("no-contract", err.to_string()))?;
    let view = api.road.ledger.read().map_err(Failure::internal)?;
    let row = view.agreement(agreement).map_err(Failure::internal)?;
    let row = row.ok_or_else(|| refused(format!("this host has no agreement {agreement}")))?;
    let prover = api.vitals.proofs.prover();
    let prover = prover.ok_or_else(|| refused("this network asks for no storage proofs".into()))?;
    let bytes = prover.inclusion_at(agreement, epoch);
    let bytes = bytes.map_err(|err| refused(format!("epoch {epoch}: {err}")))?;
    Ok((at, escrow::release(&row.signed.terms, epoch, &bytes)))
}
