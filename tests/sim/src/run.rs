//! One run: a seed makes a network of machines, a hub, renters and a chain, lets fate loose on
//! them for some hours of their time, heals everything, and asks whether the promises held.

use std::sync::Arc;
use std::time::Duration;

use host_core::Amount;
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network};
use host_core::seams::{Clock, Frames, PeerAddr};
use host_core::wire::Protocol;
use host_core::{Address, limits};
use host_net::Policy;
use host_services::hub::{Directory, Hub};
use host_store::simulated::Chance;
use serde::Serialize;

use crate::chain::Ether;
use crate::fate;
use crate::machine::{Ground, Machine};
use crate::promises;
use crate::silence;
use crate::street::Streets;
use crate::tenant::Tenant;
use crate::time::{Owner, Time};
use crate::warden::Warden;
use crate::watch::Watch;

/// The chain of a run: no network has its number.
const CHAIN: u64 = 31_337;
/// Time between two blocks.
pub(crate) const BLOCK: Duration = Duration::from_secs(60);
/// Who owns the tasks of nobody's machine.
const WORLD: Owner = 0;
/// Money in a renter's vault.
const RICH: Amount = Amount(1 << 70);

/// What a run is made of.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Shape {
    pub(crate) machines: u32,
    pub(crate) tenants: u32,
    pub(crate) files: u64,
    pub(crate) guards: u32,
    /// It begins with a day without a chain.
    pub(crate) silent_day: bool,
    /// Hosts prove on its chain, and guards challenge them there.
    pub(crate) proves: bool,
    /// Faults in the course of it.
    pub(crate) faults: u64,
    /// The mutation that proves that a run sees a missing flush.
    pub(crate) ignore_flush: bool,
}

/// What came of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub(crate) struct Told {
    /// The seed.
    pub(crate) seed: u64,
    /// Promises that were broken, in words.
    pub(crate) violations: Vec<String>,
    /// Faults that happened, in order, with the second of the run.
    pub(crate) faults: Vec<String>,
    /// Files stored, and all.
    pub(crate) stored: (usize, usize),
    /// Proofs the chain accepted, and challenges on it.
    pub(crate) proofs: (usize, usize),
    /// Seconds of the run's own time.
    pub(crate) seconds: u64,
    /// A number two equal runs share.
    pub(crate) print: u64,
}

/// Everybody of a run.
pub(crate) struct Cast {
    pub(crate) ground: Ground,
    pub(crate) machines: Vec<Arc<Machine>>,
    pub(crate) tenants: Vec<Arc<Tenant>>,
    pub(crate) wardens: Vec<Arc<Warden>>,
    pub(crate) watch: Watch,
}

/// Runs one seed.
pub(crate) fn run(seed: u64, shape: Shape) -> Told {
    let time = Time::default();
    let (clock, told) = (time.clone(), time.run(live(seed, shape, time.clone())));
    let mut told = match told {
        Some(Ok(told)) => told,
        Some(Err(error)) => broken(seed, format!("the run could not go on: {error:#}")),
        None => broken(seed, "everything stands still for ever".into()),
    };
    told.seconds = clock.monotonic().as_secs();
    told
}

fn broken(seed: u64, why: String) -> Told {
    Told {
        seed,
        violations: vec![why],
        ..Told::default()
    }
}

/// A key that belongs to a number.
fn key(number: u32) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[..4].copy_from_slice(&number.to_be_bytes());
    // Far below the order of the curve, and not zero: always a key.
    SecretKey::from_bytes(&bytes).expect("a scalar of the curve")
}

fn network(hub: &PeerAddr) -> Network {
    let zero = Address::ZERO;
    Network {
        name: "sim".into(),
        private: true,
        chain_id: CHAIN,
        endpoints: Vec::new(),
        hubs: vec![format!("{}/p2p/{}", hub.addrs.concat(), hub.peer)],
        score_bar: 0,
        epoch: EpochRule {
            genesis_block: 0,
            epoch_blocks: 30,
            block_seconds: BLOCK.as_secs(),
            grace_epochs: 1,
            depth: 3,
        },
        contracts: Contracts::of_vaults(zero, zero, zero),
        guard: Default::default(),
        services: Default::default(),
    }
}

async fn live(seed: u64, shape: Shape, time: Time) -> anyhow::Result<Told> {
    let mut chance = Chance::new(seed.wrapping_add(1));
    let cast = gather(shape, &time, &mut chance).await?;
    mine(&cast);
    for machine in &cast.machines {
        machine.start().await?;
    }
    for warden in &cast.wardens {
        warden.start()?;
    }
    time.sleep(Duration::from_secs(10)).await;
    for tenant in &cast.tenants {
        tenant.begin(Duration::from_secs(chance.below(1800)));
    }
    let mut told = Told {
        seed,
        ..Told::default()
    };
    if shape.silent_day {
        silence::day(&cast, &mut told).await?;
    }
    fate::strike(&cast, shape, &mut chance, &mut told).await?;
    promises::keep(&cast, &mut told).await?;
    Ok(told)
}

/// Everybody, not yet doing anything.
async fn gather(shape: Shape, time: &Time, chance: &mut Chance) -> anyhow::Result<Cast> {
    let hub_key = key(1);
    let hub = PeerAddr {
        peer: hub_key.peer_id(),
        addrs: vec!["/ip4/10.1.0.1/tcp/4001".into()],
    };
    let ground = Ground {
        time: time.clone(),
        streets: Streets::new(time),
        ether: Ether::new(),
        network: network(&hub),
        hub,
        // A day of silence must not outlast the terms.
        days: if shape.silent_day { 3 } else { 1 },
        proves: shape.proves,
    };
    open_hub(&ground);
    let mut machines = Vec::new();
    for number in 0..shape.machines {
        let owner = 100 + number;
        let delay = Duration::from_millis(1 + chance.below(80));
        let machine = Machine::new(owner, key(owner), &ground).await?;
        if shape.ignore_flush {
            machine.ignore_flush();
        }
        ground.streets.settle(machine.key.peer_id(), owner, delay);
        machines.push(Arc::new(machine));
    }
    let mut wardens = Vec::new();
    for number in 0..shape.guards {
        let owner = 20_000 + number;
        let warden = Warden::new(owner, key(owner), &ground, chance)?;
        let peer = warden.key.peer_id();
        ground
            .streets
            .settle(peer, owner, Duration::from_millis(10));
        let issuer = warden.key.address();
        ground.ether.fill(warden.vault, issuer, RICH);
        wardens.push(Arc::new(warden));
    }
    let named: Vec<PeerAddr> = wardens.iter().map(|warden| warden.addr()).collect();
    let mut tenants = Vec::new();
    for number in 0..shape.tenants {
        let owner = 10_000 + number;
        let tenant = Tenant::new(owner, key(owner), &ground, chance, (shape.files, &named))?;
        let issuer = tenant.key.address();
        ground.ether.fill(tenant.vault, issuer, RICH);
        tenants.push(Arc::new(tenant));
    }
    Ok(Cast {
        ground,
        machines,
        tenants,
        wardens,
        watch: Watch::default(),
    })
}

/// The product's hub, behind a door of its own.
fn open_hub(ground: &Ground) {
    let policy = Policy { private: true };
    let directory = Directory::new(ground.network.id(), policy, limits::HUB_HOSTS_MAX);
    let (hub, time) = (Arc::new(Hub::new(directory, None)), ground.time.clone());
    let peer = ground.hub.peer;
    ground
        .streets
        .settle(peer, WORLD, Duration::from_millis(20));
    let door = move |_: Protocol, frames: Box<dyn Frames>| {
        let (hub, clock) = (Arc::clone(&hub), time.clone());
        time.spawn(WORLD, async move {
            let _link_over = hub.converse(frames, &clock).await;
        });
    };
    ground.streets.door(&peer, Some(Arc::new(door)));
}

/// A block a minute, for as long as the run lasts, and a look at who was well.
fn mine(cast: &Cast) {
    let ground = &cast.ground;
    let (ether, time) = (ground.ether.clone(), ground.time.clone());
    let (machines, watch) = (cast.machines.clone(), cast.watch.clone());
    ground.time.spawn(WORLD, async move {
        loop {
            time.sleep(BLOCK).await;
            let mut world = ether.world();
            world.mine();
            watch.note(&world, &machines);
        }
    });
}
