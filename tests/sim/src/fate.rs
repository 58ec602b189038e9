//! What happens to everybody: faults at times that the seed chooses. At the end all of them are
//! healed, save what no healing brings back (a machine that lies, bytes that rotted); of those
//! there are never more than the code bears.

use std::sync::Arc;
use std::time::Duration;

use host_core::seams::Clock;
use host_store::simulated::Chance;

use crate::machine::Machine;
use crate::run::{Cast, Shape, Told};
use crate::tenant::CODE;

/// Longest time between two faults.
const PAUSE_MAX: u64 = 900;
/// How long renters may take, once everything is well, to store what they began.
pub(crate) const CALM: Duration = Duration::from_secs(3 * 3600);

/// What a repair may take once everything is well.
const MEND_S: u64 = 4 * 3600;

/// One kind of fault.
#[derive(Debug, Clone, Copy)]
enum Fault {
    PowerCut,
    Kill,
    Unreachable,
    Slow,
    Lies,
    Garbles,
    Replay,
    Rot,
    Silence,
    Reorganisation,
    DearGas,
    RenterKill,
    GuardKill,
    Gone,
    Mute,
}

const FAULTS: [Fault; 19] = [
    Fault::PowerCut,
    Fault::PowerCut,
    Fault::PowerCut,
    Fault::Kill,
    Fault::Unreachable,
    Fault::Slow,
    Fault::Lies,
    Fault::Garbles,
    Fault::Replay,
    Fault::Rot,
    Fault::Silence,
    Fault::Reorganisation,
    Fault::DearGas,
    Fault::RenterKill,
    Fault::GuardKill,
    Fault::Gone,
    Fault::Gone,
    Fault::Mute,
    Fault::Mute,
];

/// The last so many happen only where there are guards.
const OF_GUARDED: usize = 5;

/// Lets as many faults happen as the shape says, then heals and waits for calm.
pub(crate) async fn strike(
    cast: &Cast,
    shape: Shape,
    chance: &mut Chance,
    told: &mut Told,
) -> anyhow::Result<()> {
    let time = &cast.ground.time;
    let mut bad = Vec::new();
    for _ in 0..shape.faults {
        time.sleep(Duration::from_secs(chance.below(PAUSE_MAX)))
            .await;
        // Without guards nobody mends what is gone for good.
        let kinds = match shape.guards {
            0 => FAULTS.len() - OF_GUARDED,
            _ => FAULTS.len(),
        };
        let which = usize::try_from(chance.below(kinds as u64))?;
        let fault = FAULTS.get(which).copied().unwrap_or(Fault::Kill);
        let number = chance.below(cast.machines.len() as u64);
        let Some(machine) = cast.machines.get(usize::try_from(number)?) else {
            continue;
        };
        let for_good = matches!(fault, Fault::Lies | Fault::Rot | Fault::Gone | Fault::Mute);
        if machine.is_gone() || (for_good && !may_go_bad(&mut bad, number)) {
            continue;
        }
        let at = time.monotonic().as_secs();
        told.faults.push(format!("{at} {fault:?} {number}"));
        happen(cast, fault, machine, chance).await?;
    }
    heal(cast).await
}

/// Fewer than the parity can be bad for good: the others bring everything back.
fn may_go_bad(bad: &mut Vec<u64>, number: u64) -> bool {
    if !bad.contains(&number) {
        if bad.len() + 1 >= usize::from(CODE.1) {
            return false;
        }
        bad.push(number);
    }
    true
}

async fn happen(
    cast: &Cast,
    fault: Fault,
    machine: &Arc<Machine>,
    chance: &mut Chance,
) -> anyhow::Result<()> {
    let (ground, peer) = (&cast.ground, machine.key.peer_id());
    let span = Duration::from_secs(1 + chance.below(1200));
    match fault {
        Fault::PowerCut => cut_power(cast, machine, chance).await?,
        Fault::Kill => {
            machine.kill();
            ground.time.sleep(span / 8).await;
            machine.start().await?;
        }
        Fault::Unreachable => {
            ground.streets.change(&peer, |way| way.cut = true);
            ground.time.sleep(span).await;
            ground.streets.change(&peer, |way| way.cut = false);
        }
        Fault::Slow => {
            let delay = Duration::from_millis(chance.below(8_000));
            ground.streets.change(&peer, |way| way.delay = delay);
        }
        Fault::Lies => ground.streets.change(&peer, |way| way.lies = true),
        Fault::Garbles => {
            ground.streets.change(&peer, |way| way.garbles = true);
            ground.time.sleep(span).await;
            ground.streets.change(&peer, |way| way.garbles = false);
        }
        Fault::Replay => replay(cast, machine, span).await?,
        Fault::Rot => machine.rot(chance),
        Fault::Gone => machine.vanish(),
        Fault::Mute => machine.fall_mute(),
        Fault::GuardKill => {
            let count = cast.wardens.len().max(1) as u64;
            let number = usize::try_from(chance.below(count))?;
            if let Some(warden) = cast.wardens.get(number) {
                warden.kill();
                ground.time.sleep(span * 2).await;
                warden.start()?;
            }
        }
        Fault::Silence => {
            ground.ether.world().silent = true;
            ground.time.sleep(span).await;
            ground.ether.world().silent = false;
        }
        Fault::Reorganisation => {
            let depth = 1 + usize::try_from(chance.below(3))?;
            ground.ether.world().reorganise(depth);
        }
        Fault::DearGas => {
            ground.ether.world().floor = 1_000 + chance.below(100_000);
            ground.time.sleep(span * 2).await;
            ground.ether.world().floor = 1;
        }
        Fault::RenterKill => {
            let number = usize::try_from(chance.below(cast.tenants.len() as u64))?;
            if let Some(tenant) = cast.tenants.get(number) {
                tenant.kill();
                ground.time.sleep(span / 4).await;
                tenant.begin(Duration::from_secs(1));
            }
        }
    }
    Ok(())
}

/// Every renter shows the machine a cheque again that has long been followed by others.
async fn replay(cast: &Cast, machine: &Arc<Machine>, span: Duration) -> anyhow::Result<()> {
    let mut old = Vec::new();
    for tenant in &cast.tenants {
        if let Some(life) = machine.life() {
            let kept = life.desk.ledger().read()?.cheque(&tenant.vault)?;
            old.extend(kept.map(|kept| (Arc::clone(tenant), kept.cheque)));
        }
    }
    cast.ground.time.sleep(span * 6).await;
    for (tenant, cheque) in old {
        tenant.show_again(machine, cheque).await?;
    }
    Ok(())
}

/// Power goes during one of the machine's next operations, or at once when it does none.
async fn cut_power(cast: &Cast, machine: &Arc<Machine>, chance: &mut Chance) -> anyhow::Result<()> {
    let time = &cast.ground.time;
    machine.power.cut_after(chance.below(60));
    for _ in 0..chance.below(600) {
        if machine.power.is_off() {
            break;
        }
        time.sleep(Duration::from_millis(500)).await;
    }
    machine.kill();
    time.sleep(Duration::from_secs(1 + chance.below(600))).await;
    machine.settle(chance);
    machine.start().await
}

/// Everything is well again, and everybody has time to end what was begun.
async fn heal(cast: &Cast) -> anyhow::Result<()> {
    let ground = &cast.ground;
    {
        let mut world = ground.ether.world();
        (world.silent, world.floor) = (false, 1);
    }
    for machine in &cast.machines {
        let peer = machine.key.peer_id();
        ground.streets.change(&peer, |way| {
            way.cut = false;
            way.garbles = false;
            way.delay = way.delay.min(Duration::from_millis(100));
        });
    }
    let until = ground.time.monotonic() + CALM;
    while ground.time.monotonic() < until && !cast.tenants.iter().all(|tenant| tenant.is_done()) {
        ground.time.sleep(Duration::from_secs(60)).await;
    }
    ground.time.sleep(Duration::from_secs(600)).await;
    if !cast.wardens.is_empty() && cast.machines.iter().any(|machine| machine.is_gone()) {
        // Three misses, turns of three guards, the repair, and its owner's taking over.
        ground.time.sleep(Duration::from_secs(MEND_S)).await;
    }
    Ok(())
}
