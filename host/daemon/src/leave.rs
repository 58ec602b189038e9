//! A host that leaves for good: how far it is, and its stake asked back once nobody relies on it.
//!
//! Enters: the mode, the ledger's counts, what the chain says of the stake. Leaves: wishes for the
//! outbox, one at a time, and a report. Invariants: stake is asked back only when no agreement
//! runs, so that what is kept stays proven and paid to its last day; everything is read anew each
//! time (the mode from its file, the rest from ledger and chain), so that a crash changes nothing;
//! a wish is made only while none of its kind is under way. Does not: read other members' shards or
//! move its own: whoever watches an object is told by the refused challenge and moves them.

use std::sync::Arc;
use std::time::Duration;

use host_api::{ExitSaid, Mode};
use host_chain::StakeFacts;
use host_chain::codec::staking;
use host_core::Amount;
use host_core::network::Contracts;
use host_ledger::{CallRow, IntentKey, OutboxRow};
use tracing::{debug, info};

use crate::assemble::HostDesk;
use crate::chain::Road;
use crate::mode::ModeBook;
use crate::supervise::Stopping;

/// Between two steps.
const STEP_EVERY: Duration = Duration::from_secs(5);
/// Asking stake back, and taking it once it is free; the names orders have, too.
const UNSTAKE: &str = "stake/unstake";
const WITHDRAW: &str = "stake/withdraw";

/// What comes next for a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Next {
    Stays,
    Move,
    Settle,
    Unstake(Amount),
    Unbond,
    Withdraw,
    Done,
}

/// Decides. `uncashed` transactions are still under way; without `facts` the network has no stake.
fn next(said: &ExitSaid, facts: Option<&StakeFacts>, block: u64) -> Next {
    if !said.leaving {
        return Next::Stays;
    }
    if said.agreements > 0 {
        return Next::Move;
    }
    let Some(facts) = facts else {
        return Next::Done;
    };
    if facts.unbonding > Amount::ZERO {
        let ripe = block >= facts.ready_at && facts.holds == 0;
        return if ripe { Next::Withdraw } else { Next::Unbond };
    }
    match (facts.free, facts.live) {
        (Amount::ZERO, Amount::ZERO) => Next::Done,
        // Committed bytes whose agreements were given up count until their term ends.
        (Amount::ZERO, _) => Next::Settle,
        (free, _) => Next::Unstake(free),
    }
}

fn words(next: Next, said: &ExitSaid, block: u64) -> String {
    match next {
        Next::Stays => "it stays; `holdfast exit --yes` begins to leave".to_owned(),
        Next::Move => format!(
            "{} agreements run; guards and renters move what they cover, the last ends with epoch {}",
            said.agreements, said.last_epoch
        ),
        Next::Settle => "the stake stands for committed bytes until their terms end".to_owned(),
        Next::Unstake(free) => format!("{free} of the stake is asked back"),
        Next::Unbond => {
            let left = said.ready_at.saturating_sub(block);
            format!("the stake unbonds, {left} blocks to go")
        }
        Next::Withdraw => "the stake is paid out".to_owned(),
        Next::Done => "nothing is left here: cash what is owed, then stop the host".to_owned(),
    }
}

/// What is left of a host, and what comes next. Without `facts` the stake is not known or the
/// network has none. Errors: the ledger does not read.
pub(crate) fn report(
    desk: &HostDesk,
    mode: Mode,
    facts: Option<&StakeFacts>,
) -> anyhow::Result<ExitSaid> {
    let view = desk.ledger().read()?;
    let totals = view.totals()?;
    let ends = view.last_end()?;
    let sum = |of: fn(&StakeFacts) -> Amount| facts.map(of).unwrap_or_default();
    let mut said = ExitSaid {
        leaving: mode == Mode::Leaving,
        agreements: totals.active.saturating_add(totals.offered),
        shards: totals.shards,
        bytes: totals.bytes,
        last_epoch: ends.map_or(0, |end| end.saturating_sub(1)),
        stake: sum(|facts| facts.live).to_string(),
        unbonding: sum(|facts| facts.unbonding).to_string(),
        ready_at: facts.map_or(0, |facts| facts.ready_at),
        uncashed: Amount(totals.received.0.saturating_sub(totals.cashed.0)).to_string(),
        next: String::new(),
        done: false,
    };
    let block = desk.block_known();
    let next = next(&said, facts, block);
    said.next = words(next, &said, block);
    said.done = next == Next::Done;
    Ok(said)
}

/// The stake of this host; none where the network has no such contract. Errors: a silent chain.
pub(crate) async fn facts(desk: &HostDesk, road: &Road) -> anyhow::Result<Option<StakeFacts>> {
    if road.evm.contract("stake", Contracts::staking).is_err() {
        return Ok(None);
    }
    Ok(Some(road.evm.stake_facts(desk.policy().host).await?))
}

/// One step of a host that leaves. Errors when chain or ledger do not answer; repeated then.
async fn step(desk: &HostDesk, road: &Road) -> anyhow::Result<Next> {
    let said = report(desk, Mode::Leaving, None)?;
    if said.agreements > 0 {
        return Ok(Next::Move);
    }
    let facts = facts(desk, road).await?;
    let next = next(&said, facts.as_ref(), desk.block_known());
    let (intent, data) = match next {
        Next::Unstake(free) => (UNSTAKE, staking::request_unstake(free)),
        Next::Withdraw => (WITHDRAW, staking::withdraw()),
        _ => return Ok(next),
    };
    let call = CallRow {
        to: road.evm.contract("stake", Contracts::staking)?,
        value: Amount::ZERO,
        data,
    };
    let row = OutboxRow::wanted_call(IntentKey(intent.to_owned()), call);
    if road.cashier.outbox().want(row).await? {
        info!(intent, "step towards leaving");
        road.cashier.follow().await?;
    }
    Ok(next)
}

/// Moves the exit on while the mode says so, until told to end.
pub(crate) async fn keep(
    desk: Arc<HostDesk>,
    road: Arc<Road>,
    mode: Arc<ModeBook>,
    mut stopping: Stopping,
) {
    let mut last = Next::Stays;
    while stopping.sleep(STEP_EVERY).await {
        if mode.said().mode != Mode::Leaving {
            last = Next::Stays;
            continue;
        }
        match step(&desk, &road).await {
            Ok(next) => {
                if std::mem::replace(&mut last, next) != next {
                    info!(step = ?next, "leaving");
                }
            }
            Err(err) => debug!(err = format!("{err:#}"), "exit waits"),
        }
    }
}

#[cfg(test)]
mod tests;
