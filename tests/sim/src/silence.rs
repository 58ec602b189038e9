//! A day without a chain, at the beginning of some runs: every endpoint is dead when the hosts
//! start, stays dead for 24 hours of the run's time, and comes back.
//!
//! What is asked for: what was stored is served all day; every hour the hosts want their cheques
//! cashed, and one of them is killed; when the chain is back, each wish becomes one transaction,
//! every host has its money, and nothing waits any more.

use std::collections::BTreeMap;
use std::time::Duration;

use host_core::seams::Clock;
use host_core::{Address, Amount, PeerId};

use crate::fate::CALM;
use crate::promises::{DEEP, counted, files, lives};
use crate::run::{BLOCK, Cast, Told};

const HOUR: Duration = Duration::from_secs(3600);
const HOURS: usize = 24;
/// Hours between two looks whether everything is served.
const LOOK_EVERY: usize = 8;

/// What each host had to get from each vault when the chain fell silent.
type Owed = BTreeMap<(PeerId, Address), Amount>;

/// Lets everything be stored, then lets the day pass, then asks what came of it.
pub(crate) async fn day(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    let (time, ether) = (&cast.ground.time, &cast.ground.ether);
    let until = time.monotonic() + CALM;
    while time.monotonic() < until && !cast.tenants.iter().all(|tenant| tenant.is_done()) {
        time.sleep(BLOCK).await;
    }
    for tenant in &cast.tenants {
        tenant.kill();
    }
    for machine in &cast.machines {
        machine.kill();
    }
    ether.world().silent = true;
    // Tasks of a killed machine are gone when time has moved on.
    time.sleep(BLOCK).await;
    for machine in &cast.machines {
        machine.start().await?;
    }
    let owed = owed(cast)?;
    if owed.is_empty() {
        told.violations.push("nobody was owed anything".into());
    }
    let before = sent(cast);
    for hour in 0..HOURS {
        for (_, life) in lives(cast) {
            life.cashier.begin(Amount::ZERO).await?;
        }
        if let Some(machine) = cast.machines.get(hour % cast.machines.len().max(1)) {
            machine.kill();
            time.sleep(BLOCK).await;
            machine.start().await?;
        }
        time.sleep(HOUR).await;
        if hour % LOOK_EVERY == 0 {
            files(cast, told).await;
        }
    }
    if sent(cast) != before {
        told.violations
            .push("a dead chain took a transaction".into());
    }
    // Nobody asks for anything any more: what was wanted is in the ledgers.
    ether.world().silent = false;
    time.sleep(BLOCK * DEEP).await;
    settled(cast, &owed, &before, told)?;
    told.stored = (0, 0);
    for tenant in &cast.tenants {
        tenant.begin(Duration::from_secs(1));
    }
    Ok(())
}

fn owed(cast: &Cast) -> anyhow::Result<Owed> {
    let mut owed = Owed::new();
    for (machine, life) in lives(cast) {
        for tenant in &cast.tenants {
            let (sum, cashed) = counted(&life, &tenant.vault)?;
            if sum > cashed {
                owed.insert((machine.key.peer_id(), tenant.vault), sum);
            }
        }
    }
    Ok(owed)
}

/// Transactions of each machine that are in blocks.
fn sent(cast: &Cast) -> BTreeMap<PeerId, u64> {
    let machines = cast.machines.iter();
    machines
        .map(|machine| {
            let own = machine.key.address();
            (machine.key.peer_id(), cast.ground.ether.sent(own))
        })
        .collect()
}

/// Each wish became one transaction, and money is where it belongs.
fn settled(
    cast: &Cast,
    owed: &Owed,
    before: &BTreeMap<PeerId, u64>,
    told: &mut Told,
) -> anyhow::Result<()> {
    let after = sent(cast);
    for (machine, life) in lives(cast) {
        let (peer, owner) = (machine.key.peer_id(), machine.owner);
        let wishes = owed.keys().filter(|(host, _)| *host == peer).count() as u64;
        let sent = after.get(&peer).copied().unwrap_or(0);
        let sent = sent - before.get(&peer).copied().unwrap_or(0);
        if sent != wishes {
            let what = format!("host {owner} wanted {wishes} transactions and sent {sent}");
            told.violations.push(what);
        }
        let waiting = life.cashier.waiting()?;
        if !waiting.is_empty() {
            let what = format!("host {owner} still waits after the day: {waiting:?}");
            told.violations.push(what);
        }
    }
    for ((peer, vault), sum) in owed {
        let machine = cast.machines.iter();
        let machine = machine.filter(|machine| machine.key.peer_id() == *peer);
        for machine in machine {
            let paid = cast.ground.ether.paid(*vault, machine.key.address());
            if paid != *sum {
                let owner = machine.owner;
                let what = format!("host {owner} was owed {sum} and got {paid} after the day");
                told.violations.push(what);
            }
        }
    }
    Ok(())
}
