//! A town whose hosts are the product's own: every conversation is served by `host_session` over a
//! real ledger and a store on a simulated disk. What fails is the street: each host's wire has a
//! mood, so that a stalling, slow, dying or forgetful host is one line of a test.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use host_agreement::Policy;
use host_core::announce::{Announcement, HostOffer};
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network};
use host_core::pressure::Pressure;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Clock, Entropy, Frames, Head, LinkError, PeerAddr,
    Peers, SignedTx, TxReceipt, VaultFacts,
};
use host_core::wire::{self, DownloadReply, HubReply, HubRequest, Protocol, Refusal, RefusalCode};
use host_core::witness::SpeedWord;
use host_core::{Address, Amount, Digest32, PeerId, VolumeId, codec};
use host_ledger::{AgreementRow, Ledger};
use host_renter::{NoMeter, Parts, Renter};
use host_session::desk::{Desk, Parts as DeskParts};
use host_session::head::HeadMemory;
use host_store::simulated::{Disk, Power};
use host_store::{Label, Store};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::clock::{Idle, Working};

pub(crate) const VAULT: Address = Address([7; 20]);
pub(crate) const CHAIN: u64 = 31_337;
/// Blocks of an epoch.
pub(crate) const EPOCH: u64 = 20;

/// How a host's wire behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    /// Cannot be reached.
    Dead,
    /// Takes this many frames of an upload and then nothing more, ever.
    Stalls(usize),
    /// Each frame of an upload takes this long.
    Slow(Duration),
    /// Signs the terms, and is dead from then on.
    DiesAfterAgree,
    /// Keeps nothing it is asked for later.
    Drops,
    /// Cheques overtake each other on the way to it, if they are let.
    Jumbles,
    /// Its answer to a cheque takes this long.
    SlowAnswer(Duration),
    /// Its answer to the first cheque is lost, once, with an upload or apart; then all is well.
    LosesAnswer,
    /// Its answer to the first cheque is lost and it is dead from then on.
    DiesPaid,
}

pub(crate) struct Host {
    pub(crate) mood: Mutex<Mood>,
    pub(crate) desk: Arc<Desk<Disk>>,
    /// Body frames that reached it.
    pub(crate) bodies: Mutex<usize>,
    key: SecretKey,
    head: Arc<HeadMemory>,
    _dir: TempDir,
    _pressure: watch::Sender<Pressure>,
}

pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) clock: Idle,
    pub(crate) hosts: BTreeMap<PeerId, Host>,
    pub(crate) vault: Mutex<VaultFacts>,
    pub(crate) block: Mutex<u64>,
    pub(crate) dials: Mutex<usize>,
    /// Speeds that the hub was told.
    pub(crate) speeds: Mutex<Vec<SpeedWord>>,
    hub: SecretKey,
    /// What hosts ask for a GiB that is read.
    reads: Amount,
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn key(n: u16) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    SecretKey::from_bytes(&bytes).expect("a scalar")
}

fn rule() -> EpochRule {
    EpochRule {
        genesis_block: 0,
        epoch_blocks: EPOCH,
        block_seconds: 43_200 / EPOCH,
        grace_epochs: 1,
        depth: 1,
    }
}

async fn host(
    number: u16,
    network: &Network,
    town: &Arc<Bank>,
    clock: &Idle,
    reads: Amount,
) -> Host {
    let (dir, key) = (tempfile::tempdir().expect("a directory"), key(number));
    let ledger = Ledger::open(dir.path(), host_ledger::Options::default()).expect("opens");
    let disk = Disk::new("disk", 64 << 20, &Power::default());
    let label = Label::new(VolumeId([9; 16]), key.peer_id(), network.id());
    host_store::format(&disk, label).await.expect("formatted");
    let volumes = vec![("disk".to_owned(), disk)];
    let opened = Store::open(volumes, ledger.clone(), key.peer_id(), network.id()).await;
    let (store, _) = opened.expect("opens");
    let (pressure, level) = watch::channel(Pressure::Calm);
    let head = Arc::new(HeadMemory::starting_at(Some(100)));
    let desk = Desk::new(DeskParts {
        policy: Policy {
            network: network.id(),
            chain_id: CHAIN,
            host: key.address(),
            payout: key.address(),
            price: Amount(1 << 30),
            egress_price: reads,
            epochs_max: 10_000,
            escrow: false,
        },
        key: key.clone().into(),
        epoch: rule(),
        ledger,
        store,
        chain: Arc::clone(town) as Arc<dyn Chain>,
        clock: Arc::new(clock.clone()),
        head: Arc::clone(&head),
        pressure: level,
    });
    desk.set_addrs(vec!["/memory/3".into()]);
    Host {
        mood: Mutex::new(Mood::Good),
        desk: Arc::new(desk),
        bodies: Mutex::new(0),
        key,
        head,
        _dir: dir,
        _pressure: pressure,
    }
}

impl Town {
    pub(crate) async fn new(count: u16) -> Arc<Self> {
        Self::selling(count, Amount::ZERO).await
    }

    /// Hosts that sell reads at a price a GiB.
    pub(crate) async fn selling(count: u16, reads: Amount) -> Arc<Self> {
        let (hub, clock) = (key(9999), Idle::start());
        let zero = Address::ZERO;
        let network = Network {
            name: "town".into(),
            private: true,
            chain_id: CHAIN,
            endpoints: Vec::new(),
            hubs: vec![format!("/memory/2/p2p/{}", hub.peer_id())],
            guard: Default::default(),
            services: Default::default(),
            score_bar: 0,
            epoch: rule(),
            contracts: Contracts::of_vaults(zero, zero, zero),
        };
        let bank = Arc::new(Bank::default());
        let mut hosts = BTreeMap::new();
        for number in 1..=count {
            let host = host(number, &network, &bank, &clock, reads).await;
            hosts.insert(host.key.peer_id(), host);
        }
        let town = Arc::new(Self {
            network,
            clock,
            hosts,
            vault: Mutex::new(VaultFacts {
                issuer: key(5000).address(),
                known: true,
                balance: Amount(u128::from(u64::MAX)),
                paid_out: Amount::ZERO,
                locked: Amount::ZERO,
            }),
            block: Mutex::new(100),
            dials: Mutex::new(0),
            speeds: Mutex::default(),
            hub,
            reads,
        });
        *lock(&bank.0) = Arc::downgrade(&town);
        town
    }

    /// The renter `number`; every one of the same home shares its book.
    pub(crate) fn renter_of(self: &Arc<Self>, home: &Path, number: u16, vault: Address) -> Renter {
        let bank = Bank::default();
        *lock(&bank.0) = Arc::downgrade(self);
        Renter::open(Parts {
            network: self.network.clone(),
            key: key(number),
            seal_key: [5; 32],
            vault,
            peers: Arc::new(Streets(self.clone(), key(number).peer_id())),
            chain: Arc::new(bank),
            clock: Arc::new(self.clock.clone()),
            entropy: Arc::new(Dice),
            meter: Arc::new(NoMeter),
            heavy: host_renter::Heavy::Threads,
            home: home.to_path_buf(),
        })
        .expect("opens")
    }

    pub(crate) fn renter(self: &Arc<Self>, home: &Path) -> Renter {
        self.renter_of(home, 5000, VAULT)
    }

    /// Puts the first `count` hosts into a mood.
    pub(crate) fn mood(&self, count: usize, mood: Mood) {
        for host in self.hosts.values().take(count) {
            *lock(&host.mood) = mood;
        }
    }

    /// The chain goes on by whole epochs.
    pub(crate) fn pass(&self, epochs: u64) {
        let mut block = lock(&self.block);
        *block += epochs * EPOCH;
        for host in self.hosts.values() {
            host.head.saw(*block);
        }
    }

    /// Open agreements of every host, read from their ledgers.
    pub(crate) fn agreements(&self) -> Vec<(PeerId, AgreementRow)> {
        let rows = self.hosts.iter().flat_map(|(peer, host)| {
            let rows = host.desk.ledger().read().expect("reads");
            let rows = rows.agreements(None, 10_000).expect("reads");
            rows.into_iter().map(|row| (*peer, row))
        });
        rows.collect()
    }

    /// What each host counts on from a vault.
    pub(crate) fn counted_each(&self, vault: Address) -> Vec<u128> {
        let sums = self.hosts.values().map(|host| {
            let snapshot = host.desk.ledger().read().expect("reads");
            let row = snapshot.cheque(&vault).expect("reads");
            row.map_or(0, |row| row.cheque.cheque.cumulative.0)
        });
        sums.collect()
    }

    /// What the hosts count on from a vault, together.
    pub(crate) fn counted(&self, vault: Address) -> Amount {
        Amount(self.counted_each(vault).iter().sum())
    }

    pub(crate) fn bodies(&self) -> usize {
        self.hosts.values().map(|host| *lock(&host.bodies)).sum()
    }

    fn announcements(&self) -> Vec<Announcement> {
        let sign = |host: &Host| {
            let offer = HostOffer {
                peer: host.key.peer_id(),
                addrs: vec!["/memory/3".into()],
                price: Amount(1 << 30),
                egress_price: self.reads,
                free: 1 << 40,
                used: 0,
                payout: host.key.address(),
                version: "town".into(),
                epochs_max: 10_000,
                at_ms: 1,
                instance: [0; 16],
                generation: 0,
                leaving: false,
                claims: None,
            };
            Announcement::sign(offer, &self.network.id(), &host.key)
        };
        self.hosts.values().map(sign).collect()
    }
}

struct Dice;

impl Entropy for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), buffer).expect("drawn");
    }
}

/// The chain: one head, one vault a renter.
#[derive(Default)]
struct Bank(Mutex<std::sync::Weak<Town>>);

impl Bank {
    fn town(&self) -> Arc<Town> {
        lock(&self.0).upgrade().expect("the town stands")
    }
}

impl Chain for Bank {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        let block = *lock(&self.town().block);
        let hash = Digest32([0; 32]);
        Box::pin(async move { Ok(Head { block, hash }) })
    }
    fn vault(&self, vault: Address, _: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        let mut facts = lock(&self.town().vault).clone();
        if vault != VAULT {
            facts.issuer = key(5001).address();
        }
        Box::pin(async move { Ok(facts) })
    }
    fn prepare(&self, _: ChainCall, _: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        Box::pin(async { Err(ChainError::Disagreement { what: "unused" }) })
    }
    fn broadcast<'a>(&'a self, _: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async { Ok(()) })
    }
    fn receipt(&self, _: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        Box::pin(async { Ok(None) })
    }
}

/// One end of a conversation; the renter's end has the host's mood.
struct Wire {
    peer: PeerId,
    out: Option<mpsc::Sender<Bytes>>,
    into: mpsc::Receiver<Bytes>,
    street: Option<Street>,
    /// A host's end: while the host has a frame in hand, time does not pass.
    clock: Option<Idle>,
    work: Option<Working>,
}

struct Street {
    town: Arc<Town>,
    protocol: Protocol,
    sent: usize,
    got: usize,
    /// Whether it is one of the conversations whose cheque comes late.
    late: bool,
}

impl Street {
    fn host(&self, peer: &PeerId) -> &Host {
        &self.town.hosts[peer]
    }

    /// Before a frame leaves the renter.
    async fn leave(&mut self, peer: &PeerId, frame: &Bytes) {
        self.town.clock.stir();
        let mood = *lock(&self.host(peer).mood);
        if self.protocol != Protocol::Upload {
            return;
        }
        match mood {
            Mood::Stalls(after) if self.sent >= after => std::future::pending().await,
            Mood::Slow(span) => self.town.clock.sleep(span).await,
            Mood::Jumbles if self.late && is_cheque(frame) => {
                self.town.clock.sleep(Duration::from_secs(2)).await;
            }
            _ => {}
        }
        self.sent += 1;
        let is_body = matches!(wire::parse(frame.clone()), Ok(wire::Frame::Body(_)));
        *lock(&self.host(peer).bodies) += usize::from(is_body);
    }

    /// How long an answer is on its way.
    fn holds_back(&self, peer: &PeerId, frame: &Bytes) -> Option<Duration> {
        match *lock(&self.host(peer).mood) {
            Mood::SlowAnswer(span) if is_paid(frame) => Some(span),
            _ => None,
        }
    }

    /// Once a frame came from the host; false when it is lost with the link.
    fn arrive(&mut self, peer: &PeerId, frame: &Bytes) -> bool {
        self.town.clock.stir();
        let is_paid = match self.protocol {
            Protocol::Upload => is_paid(frame),
            Protocol::Cheque => is_taken(frame),
            _ => return true,
        };
        self.got += 1;
        let mut mood = lock(&self.host(peer).mood);
        let (next, lost) = match *mood {
            Mood::DiesAfterAgree if self.protocol == Protocol::Upload && self.got == 1 => {
                (Mood::Dead, false)
            }
            Mood::Dead => (Mood::Dead, true),
            Mood::LosesAnswer if is_paid => (Mood::Good, true),
            Mood::DiesPaid if is_paid => (Mood::Dead, true),
            mood => (mood, false),
        };
        *mood = next;
        !lost
    }
}

fn is_cheque(frame: &Bytes) -> bool {
    let request = codec::from_bytes::<wire::UploadRequest>("request", frame);
    matches!(request, Ok(wire::UploadRequest::Pay { .. }))
}

fn is_paid(frame: &Bytes) -> bool {
    let reply = codec::from_bytes::<wire::UploadReply>("reply", frame);
    matches!(reply, Ok(wire::UploadReply::Paid { .. }))
}

fn is_taken(frame: &Bytes) -> bool {
    let reply = codec::from_bytes::<wire::ChequeReply>("reply", frame);
    matches!(reply, Ok(wire::ChequeReply::Paid { .. }))
}

fn broken(peer: PeerId) -> LinkError {
    let why = "cut".into();
    LinkError::Broken { peer, why }
}

impl Frames for Wire {
    fn peer(&self) -> PeerId {
        self.peer
    }

    fn send(&mut self, frame: Bytes) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(async move {
            if let Some(street) = &mut self.street {
                street.leave(&self.peer, &frame).await;
                if *lock(&street.host(&self.peer).mood) == Mood::Dead {
                    return Err(broken(self.peer));
                }
            }
            let out = self.out.as_ref().ok_or_else(|| broken(self.peer))?;
            // A host that waits for its peer is not at work.
            self.work = None;
            let sent = out.send(frame).await.map_err(|_| broken(self.peer));
            self.work = self.clock.as_ref().map(Idle::work);
            sent
        })
    }

    fn recv(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, LinkError>> {
        Box::pin(async move {
            self.work = None;
            let frame = self.into.recv().await;
            self.work = self.clock.as_ref().map(Idle::work);
            if let (Some(street), Some(frame)) = (&mut self.street, &frame) {
                if let Some(span) = street.holds_back(&self.peer, frame) {
                    street.town.clock.sleep(span).await;
                }
                if !street.arrive(&self.peer, frame) {
                    return Err(broken(self.peer));
                }
            }
            Ok(frame)
        })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        self.out = None;
        Box::pin(async { Ok(()) })
    }
}

/// The network as one renter sees it.
struct Streets(Arc<Town>, PeerId);

impl Peers for Streets {
    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        protocol: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>> {
        Box::pin(async move {
            let town = &self.0;
            let (ours, theirs) = (mpsc::channel(3), mpsc::channel(3));
            let mut near = Wire {
                peer: to.peer,
                out: Some(ours.0),
                into: theirs.1,
                street: None,
                clock: None,
                work: None,
            };
            let far = Wire {
                peer: self.1,
                out: Some(theirs.0),
                into: ours.1,
                street: None,
                clock: Some(town.clock.clone()),
                work: None,
            };
            if to.peer == town.hub.peer_id() {
                tokio::spawn(hub(town.clone(), far));
                return Ok(Box::new(near) as Box<dyn Frames>);
            }
            let dial = {
                let mut dials = lock(&town.dials);
                *dials += 1;
                *dials
            };
            let host = &town.hosts[&to.peer];
            let mood = *lock(&host.mood);
            if mood == Mood::Dead {
                let (peer, why) = (to.peer, "dead".into());
                return Err(LinkError::Unreachable { peer, why });
            }
            near.street = Some(Street {
                town: town.clone(),
                protocol,
                sent: 0,
                got: 0,
                late: dial.is_multiple_of(2),
            });
            if mood == Mood::Drops && protocol == Protocol::Download {
                tokio::spawn(forget(far));
            } else {
                let desk = Arc::clone(&host.desk);
                tokio::spawn(host_session::serve(desk, protocol, Box::new(far)));
            }
            Ok(Box::new(near) as Box<dyn Frames>)
        })
    }
}

/// A host that does not have what it is asked for.
async fn forget(mut wire: Wire) {
    let _asked = wire.recv().await;
    let refusal = Refusal {
        code: RefusalCode::Unknown,
        text: "gone".into(),
    };
    let _ = wire
        .send(wire::message(&DownloadReply::Refused(refusal)))
        .await;
}

async fn hub(town: Arc<Town>, mut wire: Wire) {
    while let Ok(Some(frame)) = wire.recv().await {
        let all = town.announcements();
        let hosts = match codec::from_bytes::<HubRequest>("hub", &frame) {
            Ok(HubRequest::Query { after, .. }) => all
                .into_iter()
                .filter(|host| Some(host.offer.peer) > after)
                .collect(),
            Ok(HubRequest::Find { peer }) => all
                .into_iter()
                .filter(|host| host.offer.peer == peer)
                .collect(),
            Ok(HubRequest::Speed(word)) => {
                lock(&town.speeds).push(*word);
                if wire.send(wire::message(&HubReply::Listed)).await.is_err() {
                    return;
                }
                continue;
            }
            _ => return,
        };
        let page = HubReply::Page { hosts, more: false };
        if wire.send(wire::message(&page)).await.is_err() {
            return;
        }
    }
}
