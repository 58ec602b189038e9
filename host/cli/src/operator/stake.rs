//! `holdfast stake`: what a host has at stake, and how it adds to it and takes it out again.
//!
//! Enters: a host's data directory. Leaves: figures, or an order to the running host. Invariant: a
//! refusal names what is there and what was asked. What the host is ordered to do goes through its
//! outbox; nothing here signs.

use clap::{Args, Subcommand};
use host_chain::codec::{proof, staking, token};
use host_chain::{Intent, StakeFacts, Step};
use host_core::network::Contracts;
use host_core::{Address, Amount};
use host_daemon::api::Order;
use serde::Serialize;

use super::onchain::{OnChain, OnChainArgs};
use crate::money::{self, Tokens};
use crate::print;

/// Gas of staking that rests on an approval which is not in a block yet.
const STAKE_GAS: u64 = 130_000;

/// The stake of a host.
#[derive(Debug, Args)]
pub(crate) struct StakeArgs {
    #[command(flatten)]
    on: OnChainArgs,
    #[command(subcommand)]
    what: StakeCommand,
}

/// Sums are smallest units, or tokens with `t` behind them (`1.5t`).
#[derive(Debug, Subcommand)]
enum StakeCommand {
    /// Live, free, required and unbonding stake
    Show {
        /// Another host's account
        #[arg(long)]
        host: Option<Address>,
    },
    /// Lock more; native tokens are wrapped when wrapped ones are short
    Add {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
    },
    /// Begin to take stake out that no committed byte requires
    RequestUnstake {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
    },
    /// Take a request back
    CancelUnstake {
        /// How much
        #[arg(value_parser = money::typed)]
        amount: Amount,
    },
    /// Pay out what has unbonded
    Withdraw,
}

/// What `stake show` says; sums in smallest units.
#[derive(Debug, Serialize)]
struct StakeSaid {
    host: Address,
    live: Amount,
    free: Amount,
    required: Amount,
    per_gib: Amount,
    unbonding: Amount,
    ready_at: u64,
    unbonding_blocks: u64,
    holds: u32,
    slashed: Amount,
    payout: Option<Address>,
    tokens: Amount,
}

fn said(host: Address, facts: &StakeFacts) -> StakeSaid {
    StakeSaid {
        host,
        live: facts.live,
        free: facts.free,
        required: facts.required,
        per_gib: facts.per_gib,
        unbonding: facts.unbonding,
        ready_at: facts.ready_at,
        unbonding_blocks: facts.unbonding_blocks,
        holds: facts.holds,
        slashed: facts.slashed,
        payout: facts.payout,
        tokens: facts.tokens,
    }
}

/// Errors with both figures when `have` is below `need`.
fn enough(what: &str, have: Amount, need: Amount, why: &str) -> anyhow::Result<()> {
    if have >= need {
        return Ok(());
    }
    let missing = Tokens(Amount(need.0 - have.0));
    let (have, need) = (Tokens(have), Tokens(need));
    anyhow::bail!("{what} {have} of {need} tokens; {missing} is missing{why}")
}

/// Runs one stake command.
pub(crate) async fn stake(args: StakeArgs) -> anyhow::Result<()> {
    let on = OnChain::of(&args.on)?;
    let host = match &args.what {
        StakeCommand::Show { host: Some(host) } => *host,
        _ => on.account().await?,
    };
    let facts = on.chain.stake_facts(host).await?;
    let at = on.chain.contract("stake", Contracts::staking)?;
    let (call, moves, order) = match args.what {
        StakeCommand::Show { .. } => return show(&on, host, &facts, &args.on).await,
        StakeCommand::Add { amount } => return add(&on, host, &facts, amount, &args.on).await,
        StakeCommand::RequestUnstake { amount } => {
            let why = "; the rest stands for committed bytes";
            enough("free to unstake are", facts.free, amount, why)?;
            let call = Intent::call("unstake request", at, staking::request_unstake(amount));
            (call, amount, Order::RequestUnstake { amount })
        }
        StakeCommand::CancelUnstake { amount } => {
            enough("unbonding are", facts.unbonding, amount, "")?;
            let call = Intent::call("unstake cancel", at, staking::cancel_unstake(amount));
            (call, amount, Order::CancelUnstake { amount })
        }
        StakeCommand::Withdraw => {
            ripe(&on, &facts).await?;
            let call = Intent::call("stake withdrawal", at, staking::withdraw());
            (call, facts.unbonding, Order::WithdrawStake)
        }
    };
    on.order(host, call, moves, &order, &args.on).await
}

/// Errors with the block stake may leave in when it may not leave now.
async fn ripe(on: &OnChain, facts: &StakeFacts) -> anyhow::Result<()> {
    if facts.unbonding == Amount::ZERO {
        anyhow::bail!("nothing unbonds; `holdfast stake request-unstake` begins it");
    }
    let head = on.chain.newest_block().await?.number;
    if head < facts.ready_at {
        anyhow::bail!(
            "{} tokens unbond until block {}; the head is {head}, {} to go",
            Tokens(facts.unbonding),
            facts.ready_at,
            facts.ready_at - head
        );
    }
    if facts.holds > 0 {
        anyhow::bail!("{} open challenges hold the stake", facts.holds);
    }
    Ok(())
}

async fn add(
    on: &OnChain,
    host: Address,
    facts: &StakeFacts,
    amount: Amount,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let native = on.chain.native_balance(host).await?;
    let all = facts.tokens.plus(native)?;
    enough(
        "the account holds",
        all,
        amount,
        "; send tokens to it first",
    )?;
    if !args.money.dry_run {
        return on.give(&Order::Stake { amount }, args).await;
    }
    let of_token = on.chain.contracts("stake")?.token;
    let at = on.chain.contract("stake", Contracts::staking)?;
    let mut steps = Vec::new();
    let missing = Amount(amount.0.saturating_sub(facts.tokens.0));
    if missing > Amount::ZERO {
        let mut wrap = Intent::call("wrap", of_token, token::deposit());
        wrap.value = missing;
        steps.push(Step::now(wrap));
    }
    if facts.allowance < amount {
        let data = token::approve(at, amount);
        steps.push(Step::now(Intent::call("approve", of_token, data)));
    }
    let add = Intent::call("stake", at, proof::stake(amount));
    steps.push(Step::after(add, STAKE_GAS));
    on.show(host, steps, amount, &args.money).await
}

async fn show(
    on: &OnChain,
    host: Address,
    facts: &StakeFacts,
    args: &OnChainArgs,
) -> anyhow::Result<()> {
    let head = on.chain.newest_block().await?.number;
    print::either(args.money.json, &said(host, facts), |said| {
        let sum = |of| money::sum(of, args.money.rate.as_ref());
        let mut lines = vec![
            format!("host      {}", said.host),
            format!("live      {}", sum(said.live)),
            format!("  required {}", sum(said.required)),
            format!("  free     {}", sum(said.free)),
            format!("per GiB   {}", sum(said.per_gib)),
            format!("in hand   {}", sum(said.tokens)),
        ];
        if said.unbonding > Amount::ZERO {
            let left = said.ready_at.saturating_sub(head);
            lines.push(format!(
                "unbonding {} until block {} ({left} to go)",
                sum(said.unbonding),
                said.ready_at
            ));
        }
        if said.slashed > Amount::ZERO || said.holds > 0 {
            let (taken, holds) = (sum(said.slashed), said.holds);
            lines.push(format!(
                "slashed   {taken} this period, {holds} open challenges"
            ));
        }
        let payout = said.payout.map(|to| format!("payout    {to}"));
        lines.extend(payout);
        lines.join("\n")
    })
}
