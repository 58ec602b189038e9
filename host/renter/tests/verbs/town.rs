//! A town in memory: a hub, hosts that speak the wire's words, a chain that knows one vault. Each
//! host has a mood, so that every way a host can fail is one line in a test.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use host_core::announce::{Announcement, HostOffer};
use host_core::cheque::SignedCheque;
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::network::{Contracts, Network};
use host_core::receipt::{Receipt, ReceiptBody};
use host_core::records::SignedRecord;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Clock, Entropy, Frames, Head, LinkError, PeerAddr,
    Peers, SignedTx, TxReceipt, VaultFacts,
};
use host_core::wire::{self, *};
use host_core::{Address, Amount, Digest32, ObjectId, PeerId, ShardId, codec};
use host_proof::TreeBuilder;
use tokio::sync::mpsc;

use host_renter::{NoMeter, Parts, Renter};

pub(crate) const VAULT: Address = Address([7; 20]);

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Mood {
    Good,
    Dead,
    Refuses,
    HangsUp,
    Lies,
    Loses,
    /// Gives every byte wrong.
    Twists,
    /// Says what it has and then nothing more.
    Stalls,
}

pub(crate) struct Host {
    key: SecretKey,
    pub(crate) mood: Mood,
    pub(crate) shards: BTreeMap<ShardId, Vec<u8>>,
    pub(crate) cheques: Vec<SignedCheque>,
    pub(crate) closed: usize,
    pub(crate) bodies: usize,
    pub(crate) records: BTreeMap<ObjectId, SignedRecord>,
}

pub(crate) struct Town {
    pub(crate) network: Network,
    pub(crate) hosts: Mutex<BTreeMap<PeerId, Host>>,
    pub(crate) balance: Mutex<Amount>,
    pub(crate) hub_alive: Mutex<bool>,
    pub(crate) dials: Mutex<usize>,
    /// Who was asked for which shard, and body bytes that left.
    pub(crate) downloads: Mutex<Vec<(PeerId, ShardId)>>,
    pub(crate) sent: Mutex<usize>,
    /// Time stands still: nobody is late, however busy the machine is.
    pub(crate) still: Mutex<bool>,
    /// What every host announces.
    pub(crate) addrs: Mutex<Vec<String>>,
    hub: SecretKey,
}

fn key(n: u16) -> SecretKey {
    let mut bytes = [1; 32];
    bytes[..2].copy_from_slice(&n.to_be_bytes());
    SecretKey::from_bytes(&bytes).expect("holds")
}

pub(crate) fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Town {
    pub(crate) fn new(count: u16) -> Arc<Self> {
        let hub = key(9999);
        let dead = key(9998).peer_id();
        let epoch = EpochRule {
            genesis_block: 0,
            epoch_blocks: 20,
            block_seconds: 43_200,
            grace_epochs: 1,
            depth: 2,
        };
        let zero = Address::ZERO;
        let contracts = Contracts::of_vaults(zero, zero, zero);
        let network = Network {
            guard: Default::default(),
            services: Default::default(),
            name: "town".into(),
            private: true,
            chain_id: 31337,
            endpoints: Vec::new(),
            hubs: vec![
                format!("/memory/1/p2p/{dead}"),
                format!("/memory/2/p2p/{}", hub.peer_id()),
            ],
            score_bar: 0,
            epoch,
            contracts,
        };
        let hosts = (1..=count).map(|n| {
            let host = Host {
                key: key(n),
                mood: Mood::Good,
                shards: BTreeMap::new(),
                cheques: Vec::new(),
                closed: 0,
                bodies: 0,
                records: BTreeMap::new(),
            };
            (key(n).peer_id(), host)
        });
        Arc::new(Self {
            network,
            hosts: Mutex::new(hosts.collect()),
            balance: Mutex::new(Amount(u128::from(u64::MAX))),
            hub_alive: Mutex::new(true),
            dials: Mutex::new(0),
            downloads: Mutex::new(Vec::new()),
            sent: Mutex::new(0),
            still: Mutex::new(false),
            addrs: Mutex::new(vec!["/memory/3".into()]),
            hub,
        })
    }

    pub(crate) fn renter(self: &Arc<Self>, home: &Path) -> Renter {
        Renter::open(Parts {
            network: self.network.clone(),
            key: key(5000),
            seal_key: [5; 32],
            vault: VAULT,
            peers: Arc::new(Streets(self.clone())),
            chain: Arc::new(Bank(self.clone())),
            clock: Arc::new(Watch(Instant::now(), self.clone())),
            entropy: Arc::new(Dice),
            meter: Arc::new(NoMeter),
            heavy: host_renter::Heavy::Threads,
            home: home.to_path_buf(),
        })
        .expect("holds")
    }

    pub(crate) fn mood(&self, count: usize, mood: Mood) {
        for host in lock(&self.hosts).values_mut().take(count) {
            host.mood = mood;
        }
    }

    pub(crate) fn sum(&self, of: impl Fn(&Host) -> usize) -> usize {
        lock(&self.hosts).values().map(of).sum()
    }

    fn with<T>(&self, peer: &PeerId, act: impl FnOnce(&mut Host) -> T) -> T {
        act(lock(&self.hosts).get_mut(peer).expect("holds"))
    }

    fn announcements(&self) -> Vec<Announcement> {
        let sign = |host: &Host| {
            let offer = HostOffer {
                peer: host.key.peer_id(),
                addrs: lock(&self.addrs).clone(),
                price: Amount(1 << 30),
                egress_price: Amount::ZERO,
                free: 1 << 40,
                used: 0,
                payout: Address([8; 20]),
                version: "town".into(),
                epochs_max: 1000,
                at_ms: 1,
                instance: [0; 16],
                generation: 0,
                leaving: false,
                claims: None,
            };
            Announcement::sign(offer, &self.network.id(), &host.key)
        };
        lock(&self.hosts).values().map(sign).collect()
    }
}

struct Dice;

impl Entropy for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        ring::rand::SecureRandom::fill(&ring::rand::SystemRandom::new(), buffer).expect("holds");
    }
}

struct Watch(Instant, Arc<Town>);

impl Clock for Watch {
    fn wall_ms(&self) -> u64 {
        1
    }
    fn monotonic(&self) -> Duration {
        match *lock(&self.1.still) {
            true => Duration::ZERO,
            false => self.0.elapsed(),
        }
    }
    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        match *lock(&self.1.still) {
            true => Box::pin(std::future::pending()),
            false => Box::pin(tokio::time::sleep(span / 20)),
        }
    }
}

struct Bank(Arc<Town>);

impl Chain for Bank {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async {
            Ok(Head {
                block: 100,
                hash: Digest32([0; 32]),
            })
        })
    }
    fn vault(&self, _: Address, _: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        Box::pin(async {
            Ok(VaultFacts {
                issuer: key(5000).address(),
                known: true,
                balance: *lock(&self.0.balance),
                paid_out: Amount::ZERO,
                locked: Amount::ZERO,
            })
        })
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

struct Pipe {
    peer: PeerId,
    send: Option<mpsc::Sender<Bytes>>,
    recv: mpsc::Receiver<Bytes>,
}

impl Frames for Pipe {
    fn peer(&self) -> PeerId {
        self.peer
    }
    fn send(&mut self, frame: Bytes) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(async move {
            let broken = LinkError::Broken {
                peer: self.peer,
                why: "closed".into(),
            };
            self.send
                .as_ref()
                .ok_or(broken.clone())?
                .send(frame)
                .await
                .map_err(|_| broken)
        })
    }
    fn recv(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, LinkError>> {
        Box::pin(async { Ok(self.recv.recv().await) })
    }
    fn close(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        self.send = None;
        Box::pin(async { Ok(()) })
    }
}

impl Pipe {
    async fn hear<T: for<'b> minicbor::Decode<'b, ()>>(&mut self) -> Option<T> {
        codec::from_bytes("test", &self.recv.recv().await?).ok()
    }
    async fn say<T: minicbor::Encode<()>>(&mut self, word: &T) {
        let _ = self.send(wire::message(word)).await;
    }
}

struct Streets(Arc<Town>);

impl Peers for Streets {
    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        protocol: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>> {
        Box::pin(async move {
            let dead = || LinkError::Unreachable {
                peer: to.peer,
                why: "dead".into(),
            };
            let town = self.0.clone();
            let hub = to.peer == town.hub.peer_id();
            let alive = if hub {
                *lock(&town.hub_alive)
            } else {
                let mood = lock(&town.hosts).get(&to.peer).map(|host| host.mood);
                *lock(&town.dials) += usize::from(mood.is_some());
                mood.is_some_and(|mood| mood != Mood::Dead)
            };
            if !alive {
                return Err(dead());
            }
            let (a, b) = (mpsc::channel(4), mpsc::channel(4));
            let ours = Pipe {
                peer: to.peer,
                send: Some(a.0),
                recv: b.1,
            };
            let theirs = Pipe {
                peer: to.peer,
                send: Some(b.0),
                recv: a.1,
            };
            tokio::spawn(serve(town, to.peer, protocol, theirs));
            Ok(Box::new(ours) as Box<dyn Frames>)
        })
    }
}

async fn serve(town: Arc<Town>, peer: PeerId, protocol: Protocol, pipe: Pipe) {
    let _ = match protocol {
        Protocol::Hub => hub(&town, pipe).await,
        Protocol::Upload => upload(&town, peer, pipe).await,
        Protocol::Download => download(&town, peer, pipe).await,
        Protocol::Delete => delete(&town, peer, pipe).await,
        Protocol::Cheque => cheque(&town, peer, pipe).await,
        Protocol::Records => records(&town, peer, pipe).await,
        Protocol::Info | Protocol::Inclusion | Protocol::Challenge | Protocol::Guard => None,
    };
}

async fn hub(town: &Town, mut pipe: Pipe) -> Option<()> {
    while let Some(request) = pipe.hear().await {
        let all = town.announcements();
        let (after, limit) = match request {
            HubRequest::Query { after, limit } => (after, limit),
            HubRequest::Find { peer } => {
                let hosts = all.into_iter().filter(|a| a.offer.peer == peer).collect();
                pipe.say(&HubReply::Page { hosts, more: false }).await;
                continue;
            }
            _ => return None,
        };
        let rest: Vec<_> = all
            .into_iter()
            .filter(|a| Some(a.offer.peer) > after)
            .collect();
        let more = rest.len() > limit as usize;
        let hosts = rest.into_iter().take(limit as usize).collect();
        pipe.say(&HubReply::Page { hosts, more }).await;
    }
    Some(())
}

fn refusal(code: RefusalCode) -> Refusal {
    Refusal {
        code,
        text: "town".into(),
    }
}

fn accept(host: &mut Host, cheque: SignedCheque) -> Result<Amount, Refusal> {
    let last = host
        .cheques
        .last()
        .map_or(Amount::ZERO, |c| c.cheque.cumulative);
    if cheque.cheque.cumulative <= last {
        return Err(refusal(RefusalCode::Increment));
    }
    let sum = cheque.cheque.cumulative;
    host.cheques.push(cheque);
    Ok(sum)
}

async fn upload(town: &Town, peer: PeerId, mut pipe: Pipe) -> Option<()> {
    let UploadRequest::Open { terms, signature } = pipe.hear().await? else {
        return None;
    };
    let (key, mood) = town.with(&peer, |host| (host.key.clone(), host.mood));
    if mood == Mood::Refuses {
        pipe.say(&UploadReply::Refused(refusal(RefusalCode::Space)))
            .await;
        return None;
    }
    terms.check_renter(31337, &signature).ok()?;
    let id = town.network.id();
    let body = ReceiptBody {
        agreement: terms.digest(31337),
        shard: terms.shard,
        len: terms.shard_len,
        end_epoch: terms.end_epoch,
    };
    let receipt = Receipt::sign(body, &id, &key);
    let kept = town.with(&peer, |host| host.shards.contains_key(&terms.shard));
    let signature = terms.sign(31337, &key);
    pipe.say(&UploadReply::Ready {
        signature,
        receipt: kept.then(|| receipt.clone()),
    })
    .await;
    if !kept {
        let mut bytes = Vec::new();
        loop {
            match wire::parse(pipe.recv.recv().await?).ok()? {
                Frame::Body(run) => bytes.extend_from_slice(&run),
                Frame::Message(_) => break,
            }
            if mood == Mood::HangsUp {
                return None;
            }
        }
        let mut tree = TreeBuilder::new();
        tree.push(&bytes);
        assert_eq!(tree.finish().expect("holds").shard_id(), terms.shard);
        if mood == Mood::Loses {
            bytes = vec![0];
        }
        town.with(&peer, |host| {
            host.bodies += 1;
            host.shards.insert(terms.shard, bytes)
        });
        pipe.say(&UploadReply::Stored { receipt }).await;
    }
    while let Some(UploadRequest::Pay { cheque, .. }) = pipe.hear().await {
        match town.with(&peer, |host| accept(host, cheque)) {
            Ok(cumulative) => pipe.say(&UploadReply::Paid { cumulative }).await,
            Err(no) => {
                pipe.say(&UploadReply::Refused(no)).await;
                return None;
            }
        }
    }
    Some(())
}

async fn download(town: &Town, peer: PeerId, mut pipe: Pipe) -> Option<()> {
    let request: DownloadRequest = pipe.hear().await?;
    lock(&town.downloads).push((peer, request.shard));
    let found = town.with(&peer, |host| host.shards.get(&request.shard).cloned());
    let (Some(mut bytes), mood) = (found, town.with(&peer, |host| host.mood)) else {
        pipe.say(&DownloadReply::Refused(refusal(RefusalCode::Unknown)))
            .await;
        return None;
    };
    let mut tree = TreeBuilder::new();
    tree.push(&bytes);
    let (shard_len, units) = (bytes.len() as u64, tree.finish().expect("holds").units);
    pipe.say(&DownloadReply::Ready { shard_len, units }).await;
    if mood == Mood::Lies {
        bytes[0] ^= 1;
    }
    if mood == Mood::Twists {
        bytes.iter_mut().for_each(|byte| *byte = !*byte);
    }
    if mood == Mood::Stalls {
        std::future::pending::<()>().await;
    }
    let end = (request.offset + request.len).min(shard_len) as usize;
    *lock(&town.sent) += end - request.offset as usize;
    for run in bytes[request.offset as usize..end].chunks(wire_len()) {
        pipe.send(wire::body(run).expect("holds")).await.ok()?;
    }
    pipe.say(&DownloadReply::End).await;
    pipe.recv.recv().await;
    Some(())
}

const fn wire_len() -> usize {
    host_core::limits::BODY_LEN_MAX
}

async fn delete(town: &Town, peer: PeerId, mut pipe: Pipe) -> Option<()> {
    let request: DeleteRequest = pipe.hear().await?;
    let key = town.with(&peer, |host| {
        host.closed += 1;
        host.key.clone()
    });
    let body = host_core::signed::deleted_body(&request.agreement, true);
    let kind = host_core::signed::DELETED;
    let signature = host_core::signed::sign(&key, kind, &town.network.id(), &body);
    pipe.say(&DeleteReply::Closed {
        freed: true,
        signature,
    })
    .await;
    pipe.recv.recv().await;
    Some(())
}

async fn cheque(town: &Town, peer: PeerId, mut pipe: Pipe) -> Option<()> {
    let reply = match pipe.hear().await? {
        ChequeRequest::Last { .. } => ChequeReply::Last {
            cheque: town.with(&peer, |host| host.cheques.last().cloned()),
        },
        ChequeRequest::Pay { cheque, .. } | ChequeRequest::Reads { cheque } => {
            match town.with(&peer, |host| accept(host, cheque)) {
                Ok(cumulative) => ChequeReply::Paid { cumulative },
                Err(no) => ChequeReply::Refused(no),
            }
        }
    };
    pipe.say(&reply).await;
    pipe.recv.recv().await;
    Some(())
}

async fn records(town: &Town, peer: PeerId, mut pipe: Pipe) -> Option<()> {
    while let Some(request) = pipe.hear().await {
        let reply = match request {
            RecordsRequest::Put(record) => {
                town.with(&peer, |host| {
                    host.records.insert(record.record.object, record)
                });
                RecordsReply::Kept
            }
            RecordsRequest::List { after, .. } => {
                let next = town.with(&peer, |host| {
                    let mut rest = host.records.iter().filter(|(id, _)| Some(**id) > after);
                    (rest.next().map(|(_, r)| r.clone()), rest.next().is_some())
                });
                RecordsReply::Page {
                    records: next.0.into_iter().collect(),
                    more: next.1,
                }
            }
        };
        pipe.say(&reply).await;
    }
    Some(())
}
