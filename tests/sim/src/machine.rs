//! A host's machine: two disks on one power switch, and the daemon's rooms put together on them as
//! the daemon does it, without its doors for people. It starts from what the disks hold, as often
//! as its power comes back.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock};
use std::time::Duration;

use host_agreement::Policy;
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::pressure::Pressure;
use host_core::seams::{BoxFuture, Chain, Clock, Frames, PeerAddr, Peers};
use host_core::wire::{self, HubRequest, Protocol};
use host_core::{Amount, ShardId, VolumeId};
use host_ledger::{Commits, Ledger};
use host_proof::LeafProof;
use host_session::desk::{Desk, Parts};
use host_session::head::HeadMemory;
use host_settle::prove::{self, Leaves};
use host_settle::{Bounds, Cashier, Defender, DefenderParts, Prover, Purse, Reader};
use host_store::simulated::{Chance, Disk, Power};
use host_store::{AskedLeaves, Label, Store};
use tokio::sync::watch;

use crate::chain::Ether;
use crate::lock;
use crate::street::{Door, Streets};
use crate::time::{Owner, Time};

/// Bytes of a machine's volume.
const VOLUME_LEN: usize = 48 << 20;
/// Price of a host: smallest units per GiB and epoch.
const PRICE: Amount = Amount(1 << 30);
/// Between two looks at the chain, and between two announcements.
const LOOK_EVERY: Duration = Duration::from_secs(30);
const ANNOUNCE_EVERY: Duration = Duration::from_secs(400);
/// Between two turns of a prover.
const PROVE_EVERY: Duration = Duration::from_secs(20);

/// What every machine of a run shares.
#[derive(Clone)]
pub(crate) struct Ground {
    pub(crate) time: Time,
    pub(crate) streets: Streets,
    pub(crate) ether: Ether,
    pub(crate) network: Network,
    pub(crate) hub: PeerAddr,
    /// Days that files are stored for.
    pub(crate) days: u64,
    /// Its chain has the contracts of proof and of challenges.
    pub(crate) proves: bool,
}

/// A machine.
pub(crate) struct Machine {
    pub(crate) owner: Owner,
    pub(crate) key: SecretKey,
    pub(crate) power: Power,
    volume: Disk,
    rotted: AtomicBool,
    gone: AtomicBool,
    mute: Arc<AtomicBool>,
    state: Disk,
    ground: Ground,
    life: Mutex<Option<Life>>,
    /// Bytes its volume has in use before the first shard.
    used_when_new: OnceLock<u64>,
}

/// A daemon that runs.
#[derive(Clone)]
pub(crate) struct Life {
    pub(crate) desk: Arc<Desk<Disk>>,
    pub(crate) cashier: Arc<Cashier>,
    reader: Arc<Reader>,
    head: Arc<HeadMemory>,
    _pressure: Arc<watch::Sender<Pressure>>,
}

/// A prover's way to the drive.
struct Shelf(AskedLeaves<Disk>);

impl Leaves for Shelf {
    fn leaf(&self, shard: ShardId, index: u64) -> BoxFuture<'_, Result<LeafProof, String>> {
        Box::pin(async move {
            let read = self.0.leaf(&shard, index).await;
            let read = read.map_err(|error| error.to_string())?;
            read.ok_or_else(|| "it is not kept here".into())
        })
    }
}

fn options() -> host_ledger::Options {
    host_ledger::Options {
        cache_len: 1 << 20,
        commits: Commits::Caller,
    }
}

impl Machine {
    /// A new machine with a formatted volume and an empty ledger; it does not run yet.
    pub(crate) async fn new(owner: Owner, key: SecretKey, ground: &Ground) -> anyhow::Result<Self> {
        let power = Power::default();
        let state = Disk::new("state", 0, &power);
        let volume = Disk::new("volume", VOLUME_LEN, &power);
        let mut id = [0; 16];
        id[..4].copy_from_slice(&owner.to_be_bytes());
        let label = Label::new(VolumeId(id), key.peer_id(), ground.network.id());
        host_store::format(&volume, label).await?;
        drop(Ledger::open_on(state.clone(), options())?);
        Ok(Self {
            owner,
            key,
            power,
            volume,
            rotted: AtomicBool::new(false),
            gone: AtomicBool::new(false),
            mute: Arc::default(),
            state,
            ground: ground.clone(),
            life: Mutex::default(),
            used_when_new: OnceLock::new(),
        })
    }

    /// From now on flushes of its volume do nothing: the mutation that a run must see.
    pub(crate) fn ignore_flush(&self) {
        self.volume.ignore_flush();
    }

    /// A byte of the volume turns over. Not in its first MiB: a volume without labels is another
    /// test's.
    pub(crate) fn rot(&self, chance: &mut Chance) {
        let room = (VOLUME_LEN - (1 << 20)) as u64;
        let at = usize::try_from(chance.below(room)).unwrap_or(0);
        self.volume.damage((1 << 20) + at);
        self.rotted.store(true, Ordering::Relaxed);
    }

    /// Whether it ever rotted.
    pub(crate) fn has_rotted(&self) -> bool {
        self.rotted.load(Ordering::Relaxed)
    }

    /// From now on nobody off the chain is shown a proof; who asks on the chain is.
    pub(crate) fn fall_mute(&self) {
        self.mute.store(true, Ordering::Relaxed);
    }

    /// The machine ends for good, with everything on it.
    pub(crate) fn vanish(&self) {
        self.gone.store(true, Ordering::Relaxed);
        self.kill();
    }

    /// Whether it is gone for good.
    pub(crate) fn is_gone(&self) -> bool {
        self.gone.load(Ordering::Relaxed)
    }

    /// The running daemon, if one runs.
    pub(crate) fn life(&self) -> Option<Life> {
        lock(&self.life).clone()
    }

    /// Starts the daemon on what the disks hold. Errors when it cannot: that is never right.
    pub(crate) async fn start(self: &Arc<Self>) -> anyhow::Result<()> {
        let ground = &self.ground;
        let ledger = Ledger::open_on(self.state.clone(), options())?;
        let peer = self.key.peer_id();
        let network = ground.network.id();
        let volumes = vec![("volume".to_owned(), self.volume.clone())];
        let (store, left_out) = Store::open(volumes, ledger.clone(), peer, network).await?;
        anyhow::ensure!(left_out.is_empty(), "volume left out: {left_out:?}");
        let (_, used) = store.space()?;
        self.used_when_new.get_or_init(|| used);
        let own = self.key.address();
        let chain: Arc<dyn Chain> = Arc::new(ground.ether.line(own));
        let purse = Purse {
            beneficiary: own,
            recipient: own,
        };
        let bounds = Bounds {
            depth: ground.network.epoch.depth,
            cost_max: Amount(u128::MAX),
        };
        let cashier = Cashier::with_bounds(ledger.clone(), Arc::clone(&chain), purse, bounds);
        let reader = Reader::new(ledger.clone(), Arc::clone(&chain), own, 0);
        let read_to = ledger.read()?.cursor()?.and_then(|cursor| cursor.block());
        let head = Arc::new(HeadMemory::starting_at(read_to));
        let (pressure, level) = watch::channel(Pressure::Calm);
        let desk = Desk::new(Parts {
            policy: Policy {
                network,
                chain_id: ground.network.chain_id,
                host: own,
                payout: own,
                price: PRICE,
                egress_price: Amount::ZERO,
                epochs_max: 10_000,
                escrow: false,
            },
            key: self.key.clone().into(),
            epoch: ground.network.epoch,
            ledger,
            store,
            chain,
            clock: Arc::new(ground.time.clone()),
            head: Arc::clone(&head),
            pressure: level,
        });
        desk.set_addrs(vec![format!(
            "/ip4/10.0.{}.{}/tcp/4001",
            self.owner / 250,
            1 + self.owner % 250
        )]);
        let life = Life {
            desk: Arc::new(desk),
            cashier: Arc::new(cashier),
            reader: Arc::new(reader),
            head,
            _pressure: Arc::new(pressure),
        };
        *lock(&self.life) = Some(life.clone());
        if ground.proves {
            self.prove(&life).await;
        }
        ground.streets.door(&peer, Some(self.door(&life)));
        ground
            .time
            .spawn(self.owner, look(life.clone(), ground.clone()));
        ground
            .time
            .spawn(self.owner, announce(life, ground.clone()));
        Ok(())
    }

    /// Lets the daemon's prover and its answers to challenges take turns.
    async fn prove(&self, life: &Life) {
        let (ground, own) = (&self.ground, self.key.address());
        let ledger = life.desk.ledger().clone();
        let devices = vec![("volume".to_owned(), self.volume.clone())];
        let (leaves, _) = AskedLeaves::open(devices, ledger.clone()).await;
        let leaves: Arc<dyn Leaves> = Arc::new(Shelf(leaves));
        let line = || Arc::new(ground.ether.line(own));
        let bounds = Bounds {
            depth: ground.network.epoch.depth,
            cost_max: Amount(u128::MAX),
        };
        let defender = Defender::new(DefenderParts {
            ledger: ledger.clone(),
            chain: line(),
            disputes: line(),
            leaves: Arc::clone(&leaves),
            host: own,
            bounds,
        });
        let prover = Arc::new(Prover::new(prove::Parts {
            ledger,
            chain: line(),
            proofs: line(),
            leaves,
            host: own,
            bounds,
            stake_max: Amount::ZERO,
        }));
        life.desk.set_prover(Arc::clone(&prover));
        let time = ground.time.clone();
        ground.time.spawn(self.owner, async move {
            loop {
                // Each says what is wrong in its log and is repeated.
                let _repeated = prover.turn().await;
                let _repeated = defender.turn().await;
                time.sleep(PROVE_EVERY).await;
            }
        });
    }

    /// Whether the daemon runs and its disks answer.
    pub(crate) fn is_well(&self) -> bool {
        self.life().is_some() && !self.power.is_off() && !self.is_gone()
    }

    /// Bytes its volume had in use before the first shard.
    pub(crate) fn used_when_new(&self) -> u64 {
        self.used_when_new.get().copied().unwrap_or(0)
    }

    /// The process ends without a word; the disks keep what they show.
    pub(crate) fn kill(&self) {
        self.ground.streets.door(&self.key.peer_id(), None);
        self.ground.time.end(self.owner);
        *lock(&self.life) = None;
    }

    /// What a power cut leaves is decided, then power is back. The daemon does not run.
    pub(crate) fn settle(&self, chance: &mut Chance) {
        self.state.settle(chance);
        self.volume.settle(chance);
        self.power.restore();
    }

    fn door(&self, life: &Life) -> Door {
        let (desk, time, owner) = (Arc::clone(&life.desk), self.ground.time.clone(), self.owner);
        let mute = Arc::clone(&self.mute);
        Arc::new(move |protocol: Protocol, frames: Box<dyn Frames>| {
            if protocol == Protocol::Challenge && mute.load(Ordering::Relaxed) {
                return;
            }
            time.spawn(
                owner,
                host_session::serve(Arc::clone(&desk), protocol, frames),
            );
        })
    }
}

impl Life {
    /// One look at the chain, as the daemon's tasks take it.
    pub(crate) async fn look(&self) {
        let desk = &self.desk;
        if let Ok(seen) = desk.chain().head().await {
            self.head.saw(seen.block);
        }
        // Each says what is wrong in its log and is repeated; the run judges by what comes of it.
        let _repeated = self.cashier.follow().await;
        let _repeated = self.reader.read().await;
        let block = desk.block_known();
        let _repeated =
            host_agreement::expire::expire(desk.ledger(), desk.epoch_rule(), block).await;
    }
}

async fn look(life: Life, ground: Ground) {
    loop {
        life.look().await;
        ground.time.sleep(LOOK_EVERY).await;
    }
}

async fn announce(life: Life, ground: Ground) {
    let view = ground.streets.seen_by(life.desk.key().peer_id());
    loop {
        if let Ok(told) = host_session::announce::make(&life.desk).await
            && let Ok(mut frames) = view.open(&ground.hub, Protocol::Hub).await
        {
            let asked = wire::message(&HubRequest::Announce(told));
            if frames.send(asked).await.is_ok() {
                let _listed = frames.recv().await;
            }
        }
        ground.time.sleep(ANNOUNCE_EVERY).await;
    }
}
