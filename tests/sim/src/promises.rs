//! What must hold at the end of every run, whatever happened in it.
//!
//! The promises are read from the product's own records and from the chain: no file with enough
//! honest hosts is lost; a host that gave a receipt has the shard; an agreement is paid once; what
//! a cheque promises is what agreements were paid; money moves once; and when every term is over,
//! all space is free again.

use std::collections::{BTreeMap, BTreeSet};
use std::time::Duration;

use host_core::seams::Clock;
use host_core::{Address, Amount, ObjectId, PeerId};
use host_ledger::{AgreementRow, AgreementState};
use host_settle::prove::INTENTS;

use crate::machine::{Life, Machine};
use crate::run::{BLOCK, Cast, Told};
use crate::tenant::{CODE, MARGIN, Tenant};
use crate::{warden, watch};

/// Agreements and cheques read from one machine.
const ROWS: usize = 100_000;
/// Blocks after which a transaction counts for everybody.
pub(crate) const DEEP: u32 = 40;

/// Asks for every promise and writes down those that are broken.
pub(crate) async fn keep(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    for tenant in &cast.tenants {
        tenant.kill();
        tenant.take_over().await;
    }
    files(cast, told).await;
    guarded(cast, told).await?;
    for warden in &cast.wardens {
        warden.kill();
    }
    receipts(cast, told)?;
    shards(cast, told).await?;
    for tenant in &cast.tenants {
        tenant.pay().await;
    }
    cheques(cast, told)?;
    cash(cast).await?;
    money(cast, told)?;
    watch::keep(cast, told);
    told.print = print(cast)?;
    terms_end(cast, told).await
}

pub(crate) fn lives(cast: &Cast) -> impl Iterator<Item = (&Machine, Life)> {
    let machines = cast.machines.iter();
    machines.filter_map(|machine| Some((machine.as_ref(), machine.life()?)))
}

fn agreements(life: &Life) -> anyhow::Result<Vec<AgreementRow>> {
    Ok(life.desk.ledger().read()?.agreements(None, ROWS)?)
}

/// Every file that was stored comes back.
pub(crate) async fn files(cast: &Cast, told: &mut Told) {
    for tenant in &cast.tenants {
        let works = tenant.works();
        told.stored.1 += works.len();
        for work in works {
            let Some(object) = work.object else {
                let why = tenant.why(&work);
                told.violations
                    .push(format!("a file was never stored: {why}"));
                continue;
            };
            told.stored.0 += 1;
            match tenant.get(object).await {
                Ok(bytes) if bytes == work.bytes => (),
                Ok(bytes) => told
                    .violations
                    .push(format!("{object}: {} other bytes came back", bytes.len())),
                Err(why) => told.violations.push(format!("{object} is lost: {why}")),
            }
        }
    }
}

/// Guards said nothing false, were paid what they earned, and repaired what was endangered while
/// enough hosts lived.
async fn guarded(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    for tenant in &cast.tenants {
        let renter = tenant.program()?;
        for object in tenant.works().into_iter().filter_map(|work| work.object) {
            for warden in &cast.wardens {
                let Ok(verdicts) = renter.audits(object, &warden.addr()).await else {
                    continue;
                };
                told.violations
                    .extend(warden::false_words(&verdicts, &cast.ground, object));
            }
            let paid = match renter.pay_guards(object).await {
                // Nobody was asked to watch this one.
                Err(host_renter::Error::NoGuards { .. }) => continue,
                paid => paid?,
            };
            for paid in paid {
                let standing = renter.guard_standings(object).await?;
                let known = standing.iter().find(|one| one.guard == paid.guard);
                let counts = known.and_then(|one| one.paid);
                if paid.why.is_none() && counts.is_some_and(|sum| sum != paid.cumulative) {
                    let (guard, sum) = (paid.guard, paid.cumulative);
                    let what = format!("guard {guard} was promised {sum}, counts on {counts:?}");
                    told.violations.push(what);
                }
            }
            mended(cast, tenant, object, told)?;
        }
    }
    Ok(())
}

/// An object of which a host is gone has as many shards alive as its order asks for.
fn mended(cast: &Cast, tenant: &Tenant, object: ObjectId, told: &mut Told) -> anyhow::Result<()> {
    let wanted = usize::from(CODE.0 + MARGIN);
    let living = cast.machines.iter().filter(|machine| !machine.is_gone());
    let living: BTreeSet<PeerId> = living.map(|machine| machine.key.peer_id()).collect();
    let is_guarded = tenant
        .works()
        .iter()
        .any(|work| work.object == Some(object) && work.guarded);
    if !is_guarded || cast.wardens.len() < 2 || living.len() < usize::from(CODE.0 + CODE.1) {
        return Ok(());
    }
    let places = tenant.program()?.stat(object)?.places;
    let mut segments: BTreeMap<u32, BTreeSet<u16>> = BTreeMap::new();
    for place in &places {
        let alive = segments.entry(place.segment).or_default();
        if living.contains(&place.host) {
            alive.insert(place.index);
        }
    }
    for (segment, alive) in segments {
        if alive.len() < wanted {
            let have = alive.len();
            let what =
                format!("{object}: segment {segment} has {have} shards and was not repaired");
            told.violations.push(what);
        }
    }
    Ok(())
}

/// Every place a renter counts on is an agreement its host holds, once.
fn receipts(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    let mut rows = BTreeMap::new();
    let gone = cast.machines.iter().filter(|machine| machine.is_gone());
    let gone: BTreeSet<PeerId> = gone.map(|machine| machine.key.peer_id()).collect();
    for (machine, life) in lives(cast) {
        for row in agreements(&life)? {
            rows.insert((machine.key.peer_id(), row.digest), row.state);
        }
    }
    for tenant in &cast.tenants {
        for work in tenant.works() {
            let Some(object) = work.object else { continue };
            for place in tenant.program()?.stat(object)?.places {
                let state = rows.get(&(place.host, place.agreement));
                if state != Some(&AgreementState::Active) && !gone.contains(&place.host) {
                    let host = place.host;
                    let what = format!("{object}: {host} gave a receipt and has {state:?}");
                    told.violations.push(what);
                }
            }
        }
    }
    Ok(())
}

/// Every shard a host keeps is whole, unless its drive rotted.
async fn shards(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    for (machine, life) in lives(cast).filter(|(machine, _)| !machine.has_rotted()) {
        for (shard, _) in life.desk.ledger().read()?.placements(None, ROWS)? {
            let opened = life.desk.store().open_shard(&shard).await;
            let whole = match opened {
                Ok(Some(mut reader)) => reader.verify().await.map_err(|error| error.to_string()),
                Ok(None) => Err("not there".into()),
                Err(error) => Err(error.to_string()),
            };
            if let Err(why) = whole {
                let what = format!("host {} keeps {shard} badly: {why}", machine.owner);
                told.violations.push(what);
            }
        }
    }
    Ok(())
}

/// What a host counts on from a vault is the sum of what its agreements were paid.
fn cheques(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    for (machine, life) in lives(cast) {
        for tenant in &cast.tenants {
            let (mut paid, mut over, mut dearest, mut standing) = (0, 0, 0, 0);
            for row in agreed(machine, &life, tenant)? {
                let terms = &row.signed.terms;
                let (epoch, epochs) = (terms.cost_of(1)?.0, row.paid_through);
                let owed = epoch * u128::from(epochs.saturating_sub(terms.start_epoch));
                paid += row.paid.0;
                over += row.paid.0.saturating_sub(owed);
                dearest = epoch.max(dearest);
                standing += u128::from(row.state == AgreementState::Active);
                // A host may die with a cheque in hand, and another take its place: one epoch. Where
                // guards repair, an agreement is given up after epochs it was rightly paid for;
                // that no more was paid is asked of `over` below.
                let may_end = !cast.wardens.is_empty();
                if row.state != AgreementState::Active && row.paid.0 > epoch && !may_end {
                    let what = format!("{} was paid for {:?}", row.digest, row.state);
                    told.violations.push(what);
                }
            }
            // What was promised for an agreement the host then did not take counts for the next.
            let own = machine.key.peer_id();
            let tried = tenant.tried()?.into_iter();
            let tried = tried.filter(|(host, _)| *host == own).count() as u128;
            if over > dearest * tried.saturating_sub(standing) {
                let what = format!("host {} was paid {over} too much", machine.owner);
                told.violations.push(what);
            }
            let counted = counted(&life, &tenant.vault)?.0;
            if counted.0 != paid {
                let owner = machine.owner;
                let what = format!("host {owner} counts on {counted}, agreements say {paid}");
                told.violations.push(what);
            }
        }
    }
    Ok(())
}

/// Every agreement a renter and a host ever made that either of them knows: the host's open ones,
/// and those the renter tried, open or ended.
fn agreed(machine: &Machine, life: &Life, tenant: &Tenant) -> anyhow::Result<Vec<AgreementRow>> {
    let own = agreements(life)?.into_iter();
    let own = own.filter(|row| row.signed.terms.renter == tenant.key.address());
    let mut rows: BTreeMap<_, _> = own.map(|row| (row.digest, row)).collect();
    let snapshot = life.desk.ledger().read()?;
    for (host, tried) in tenant.tried()? {
        if host == machine.key.peer_id()
            && let Some(row) = snapshot.agreement(&tried)?
        {
            rows.insert(tried, row);
        }
    }
    Ok(rows.into_values().collect())
}

/// The best cheque's sum and what was cashed of it.
pub(crate) fn counted(life: &Life, vault: &Address) -> anyhow::Result<(Amount, Amount)> {
    let row = life.desk.ledger().read()?.cheque(vault)?;
    Ok(row.map_or((Amount::ZERO, Amount::ZERO), |row| {
        (row.cheque.cheque.cumulative, row.cashed)
    }))
}

/// Everybody cashes everything, while gas becomes dear and stays so.
async fn cash(cast: &Cast) -> anyhow::Result<()> {
    for _ in 0..2 {
        for (_, life) in lives(cast) {
            life.cashier.begin(Amount::ZERO).await?;
        }
        cast.ground.ether.world().floor *= 150;
        cast.ground.time.sleep(BLOCK * DEEP).await;
    }
    Ok(())
}

/// The chain moved what was promised, once, and hosts know it.
fn money(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    for (machine, life) in lives(cast) {
        for tenant in &cast.tenants {
            let (counted, cashed) = counted(&life, &tenant.vault)?;
            let paid = cast.ground.ether.paid(tenant.vault, machine.key.address());
            if counted != cashed || cashed != paid {
                let owner = machine.owner;
                let why = format!("counts on {counted}, cashed {cashed}, chain paid {paid}");
                told.violations.push(format!("host {owner} {why}"));
            }
        }
        let mut waiting = life.cashier.waiting()?;
        // Proofs go on until the terms end.
        waiting.retain(|one| !one.intent.0.starts_with(INTENTS));
        if !waiting.is_empty() {
            let what = format!("host {} still waits: {waiting:?}", machine.owner);
            told.violations.push(what);
        }
    }
    Ok(())
}

/// When every term is over, nothing is kept and all space is free.
async fn terms_end(cast: &Cast, told: &mut Told) -> anyhow::Result<()> {
    let rule = cast.ground.network.epoch;
    // The last term begins a few hours after the first.
    let epochs = rule.epochs_of_days(cast.ground.days)? + 12;
    let blocks = rule.epoch_blocks * (epochs + rule.grace_epochs) + rule.depth;
    {
        let mut world = cast.ground.ether.world();
        (0..blocks).for_each(|_| world.mine());
    }
    cast.ground.time.sleep(Duration::from_secs(120)).await;
    for (machine, life) in lives(cast) {
        let snapshot = life.desk.ledger().read()?;
        let kept = snapshot.placements(None, ROWS)?.len();
        let (_, used) = life.desk.store().space()?;
        if kept != 0 || used != machine.used_when_new() {
            let owner = machine.owner;
            let what = format!("host {owner} keeps {kept} shards and {used} bytes after the end");
            told.violations.push(what);
        }
    }
    Ok(())
}

/// A number that two runs share only when they went alike: all agreements, sums and the time.
fn print(cast: &Cast) -> anyhow::Result<u64> {
    let mut print = cast.ground.time.monotonic().as_nanos() as u64;
    let mut mix = |bytes: &[u8]| {
        for byte in bytes {
            print = (print ^ u64::from(*byte)).wrapping_mul(0x100_0000_01b3);
        }
    };
    for (_, life) in lives(cast) {
        for row in agreements(&life)? {
            mix(&row.digest.0);
            mix(&row.paid.0.to_be_bytes());
        }
    }
    Ok(print)
}
