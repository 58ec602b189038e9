//! Whole conversations, both halves of the real code, over frames in memory: the order of trust,
//! forged money, broken bodies, leases.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use host_agreement::Policy;
use host_core::agreement::{Agreement, PayMode};
use host_core::cheque::Cheque;
use host_core::epoch::EpochRule;
use host_core::identity::SecretKey;
use host_core::pressure::Pressure;
use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, Clock, Frames, Head, LinkError, PeerAddr, Peers,
    SignedTx, TxReceipt, VaultFacts,
};
use host_core::signed::{self, read_body};
use host_core::wire::{Protocol, ReadPayer, RefusalCode};
use host_core::{Address, AgreementId, Amount, Digest32, NetworkId, PeerId, ShardId, VolumeId};
use host_ledger::Ledger;
use host_proof::TreeBuilder;
use host_store::simulated::{Disk, Power};
use host_store::{Label, Store};
use host_transfer::upload::{self, Opened, StoredShard};
use host_transfer::{delete, download, info, pay};
use tempfile::TempDir;
use tokio::sync::{mpsc, watch};

use crate::desk::{Desk, Parts};
use crate::head::HeadMemory;
use crate::serve;

pub(crate) const CHAIN: u64 = 31_337;
const VAULT: Address = Address([3; 20]);

/// One end of a conversation in memory.
struct Wire {
    peer: PeerId,
    out: Option<mpsc::Sender<Bytes>>,
    into: mpsc::Receiver<Bytes>,
}

impl Frames for Wire {
    fn peer(&self) -> PeerId {
        self.peer
    }

    fn send(&mut self, frame: Bytes) -> BoxFuture<'_, Result<(), LinkError>> {
        let broken = LinkError::Broken {
            peer: self.peer,
            why: "closed".into(),
        };
        Box::pin(async move {
            let out = self.out.as_ref().ok_or_else(|| broken.clone())?;
            out.send(frame).await.map_err(|_| broken)
        })
    }

    fn recv(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, LinkError>> {
        Box::pin(async move { Ok(self.into.recv().await) })
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        self.out = None;
        Box::pin(async { Ok(()) })
    }
}

/// A network of one host.
pub(crate) struct OneHost {
    desk: Arc<Desk<Disk>>,
    renter: PeerId,
}

impl Peers for OneHost {
    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        protocol: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>> {
        let (ours, theirs) = (mpsc::channel(3), mpsc::channel(3));
        let near = Wire {
            peer: to.peer,
            out: Some(ours.0),
            into: theirs.1,
        };
        let far = Wire {
            peer: self.renter,
            out: Some(theirs.0),
            into: ours.1,
        };
        tokio::spawn(serve(Arc::clone(&self.desk), protocol, Box::new(far)));
        Box::pin(async move { Ok(Box::new(near) as Box<dyn Frames>) })
    }
}

/// A chain that knows one vault.
struct OneVault;

impl Chain for OneVault {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        Box::pin(async {
            Ok(Head {
                block: 100,
                hash: Digest32([0; 32]),
            })
        })
    }

    fn vault(&self, vault: Address, _: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        let facts = VaultFacts {
            issuer: renter_key().address(),
            known: vault == VAULT,
            balance: Amount(1_000_000),
            paid_out: Amount(0),
            locked: Amount(0),
        };
        Box::pin(async move { Ok(facts) })
    }

    fn prepare(&self, _: ChainCall, _: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        Box::pin(async {
            Err(ChainError::Unreachable {
                tried: 0,
                why: "not asked".into(),
            })
        })
    }

    fn broadcast<'a>(&'a self, _: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        Box::pin(async { Ok(()) })
    }

    fn receipt(&self, _: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        Box::pin(async { Ok(None) })
    }
}

struct StoppedClock;

impl Clock for StoppedClock {
    fn wall_ms(&self) -> u64 {
        1_700_000_000_000
    }

    fn monotonic(&self) -> Duration {
        Duration::ZERO
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        Box::pin(tokio::time::sleep(span))
    }
}

pub(crate) fn renter_key() -> SecretKey {
    SecretKey::from_bytes(&[1; 32]).expect("a scalar")
}

pub(crate) fn host_key() -> SecretKey {
    SecretKey::from_bytes(&[2; 32]).expect("a scalar")
}

pub(crate) fn network() -> NetworkId {
    NetworkId::of_name("test")
}

pub(crate) struct Rig {
    _dir: TempDir,
    desk: Arc<Desk<Disk>>,
    pub(crate) peers: OneHost,
    pub(crate) host: PeerAddr,
    _pressure: watch::Sender<Pressure>,
}

pub(crate) async fn rig() -> Rig {
    rig_that_saw(100).await
}

/// A host whose newest block is `block`, while the chain is at 100.
async fn rig_that_saw(block: u64) -> Rig {
    let dir = tempfile::tempdir().expect("a directory");
    let ledger = Ledger::open(dir.path(), host_ledger::Options::default()).expect("opens");
    let disk = Disk::new("disk", 32 << 20, &Power::default());
    let label = Label::new(VolumeId([9; 16]), host_key().peer_id(), network());
    host_store::format(&disk, label).await.expect("formatted");
    let volumes = vec![("disk".to_owned(), disk)];
    let (store, left_out) = Store::open(volumes, ledger.clone(), host_key().peer_id(), network())
        .await
        .expect("opens");
    assert!(left_out.is_empty());
    let (pressure, level) = watch::channel(Pressure::Calm);
    let desk = Arc::new(Desk::new(Parts {
        policy: Policy {
            network: network(),
            chain_id: CHAIN,
            host: host_key().address(),
            payout: host_key().address(),
            price: Amount(1 << 30),
            egress_price: Amount(0),
            epochs_max: 100,
            escrow: true,
        },
        key: host_key().into(),
        epoch: EpochRule {
            genesis_block: 0,
            epoch_blocks: 20,
            block_seconds: 1,
            grace_epochs: 1,
            depth: 1,
        },
        ledger,
        store,
        chain: Arc::new(OneVault),
        clock: Arc::new(StoppedClock),
        head: Arc::new(HeadMemory::starting_at(Some(block))),
        pressure: level,
    }));
    let peers = OneHost {
        desk: Arc::clone(&desk),
        renter: renter_key().peer_id(),
    };
    let host = PeerAddr {
        peer: host_key().peer_id(),
        addrs: Vec::new(),
    };
    Rig {
        _dir: dir,
        desk,
        peers,
        host,
        _pressure: pressure,
    }
}

pub(crate) fn body(len: usize) -> Vec<u8> {
    (0..len)
        .map(|at| u8::try_from(at * 7 % 253).expect("small"))
        .collect()
}

fn shard_of(body: &[u8]) -> ShardId {
    let mut tree = TreeBuilder::new();
    tree.push(body);
    tree.finish().expect("not empty").shard_id()
}

/// Terms over `body`: one byte costs one unit an epoch.
pub(crate) fn terms(body: &[u8], number: u8) -> Agreement {
    Agreement {
        network: network(),
        id: AgreementId([number; 32]),
        renter: renter_key().address(),
        host: host_key().address(),
        payout: host_key().address(),
        shard: shard_of(body),
        shard_len: body.len() as u64,
        codec: 1,
        price: Amount(1 << 30),
        start_epoch: 5,
        end_epoch: 35,
        egress_price: Amount(0),
        pay_mode: PayMode::Cheque,
        nonce: 0,
    }
}

async fn open(rig: &Rig, terms: &Agreement) -> Result<Opened, host_transfer::Error> {
    let signature = terms.sign(CHAIN, &renter_key());
    upload::open(&rig.peers, &rig.host, CHAIN, &network(), terms, signature).await
}

pub(crate) async fn store(rig: &Rig, body: &[u8], number: u8) -> StoredShard {
    match open(rig, &terms(body, number)).await.expect("admitted") {
        Opened::Stored(stored) => stored,
        Opened::Send(mut stream) => {
            stream.send(body).await.expect("sent");
            stream.finish().await.expect("a receipt")
        }
    }
}

fn cheque(cumulative: u128) -> host_core::cheque::SignedCheque {
    let beneficiary = host_key().address();
    Cheque {
        vault: VAULT,
        beneficiary,
        cumulative: Amount(cumulative),
        token: None,
    }
    .sign(CHAIN, &renter_key())
}

pub(crate) fn code<T>(result: Result<T, host_transfer::Error>) -> Option<RefusalCode> {
    result
        .err()
        .and_then(|error| error.refusal().map(|refusal| refusal.code))
}

/// Goal: the order of trust end to end. Method: upload, pay, read back whole and in part.
#[tokio::test]
async fn a_shard_is_kept_paid_and_read_back() {
    let rig = rig().await;
    let body = body(200_000);
    let mut stored = store(&rig, &body, 1).await;
    let paid = stored.pay(6, cheque(200_000)).await.expect("accepted");
    assert_eq!(paid, Amount(200_000));
    stored.close().await;
    for (offset, len) in [(0, 200_000), (65_536, 65_536), (131_072, 68_928)] {
        let mut stream = download::open(
            &rig.peers,
            &rig.host,
            &shard_of(&body),
            200_000,
            offset,
            len,
        )
        .await
        .expect("served");
        let mut got = Vec::new();
        while let Some(unit) = stream.next().await.expect("verified") {
            got.extend_from_slice(&unit);
        }
        assert!(
            got == body[offset as usize..(offset + len) as usize],
            "{offset}+{len}"
        );
    }
    let last = pay::last(&rig.peers, &rig.host, VAULT)
        .await
        .expect("answered");
    assert_eq!(last, Some(cheque(200_000)));
    let told = info::ask(&rig.peers, &rig.host, &network())
        .await
        .expect("announced");
    assert!(told.offer.used >= 200_000);
}

/// Goal: nothing wrong is believed and nothing of it is recorded. Method: a changed byte, a short
/// and a long body, then the totals.
#[tokio::test]
async fn a_wrong_body_leaves_nothing_behind() {
    let rig = rig().await;
    let body = body(100_000);
    let mut changed = body.clone();
    changed[77] ^= 1;
    for (sent, wanted) in [
        (changed.as_slice(), RefusalCode::Root),
        (&body[..99_999], RefusalCode::Malformed),
    ] {
        let Opened::Send(mut stream) = open(&rig, &terms(&body, 1)).await.expect("admitted") else {
            unreachable!("nothing is kept yet")
        };
        stream.send(sent).await.expect("sent");
        assert_eq!(code(stream.finish().await), Some(wanted));
    }
    let totals = rig
        .desk
        .ledger()
        .read()
        .expect("reads")
        .totals()
        .expect("totals");
    assert_eq!((totals.shards, totals.active), (0, 0));
    let used = rig.desk.store().space().expect("space").1;
    assert_eq!(used, 0);
}

/// Goal: the same shard under two agreements is stored once, and goes with the last one.
#[tokio::test]
async fn the_same_shard_twice_is_stored_once() {
    let rig = rig().await;
    let body = body(70_000);
    store(&rig, &body, 1).await.close().await;
    assert!(matches!(
        open(&rig, &terms(&body, 2)).await,
        Ok(Opened::Stored(_))
    ));
    let again = open(&rig, &terms(&body, 1))
        .await
        .expect("the same receipt");
    assert!(matches!(again, Opened::Stored(_)));
    let totals = rig
        .desk
        .ledger()
        .read()
        .expect("reads")
        .totals()
        .expect("totals");
    assert_eq!((totals.shards, totals.active), (1, 2));
    for (number, freed) in [(1, false), (2, true)] {
        let digest = terms(&body, number).digest(CHAIN);
        let closed = delete::close(&rig.peers, &rig.host, &network(), digest, &renter_key()).await;
        assert_eq!(closed.expect("closed").freed, freed);
    }
    assert_eq!(rig.desk.store().space().expect("space").1, 0);
}

/// Goal: a host that is behind the chain refuses no honest terms. Method: a host that saw epoch 2
/// last is offered terms of epoch 5, which the chain is at, and of epoch 9, which it is not.
#[tokio::test]
async fn a_host_that_is_behind_asks_the_chain_before_it_refuses_a_start() {
    let rig = rig_that_saw(40).await;
    let ahead = Agreement {
        start_epoch: 9,
        ..terms(&body(10_000), 1)
    };
    let refused = code(open(&rig, &ahead).await);
    assert_eq!(refused, Some(RefusalCode::Term));
    let rig = rig_that_saw(40).await;
    store(&rig, &body(10_000), 2).await.close().await;
    assert_eq!(rig.desk.epoch_known(), Some(5));
}

/// Goal: forged money is refused with its code and never recorded. Method: each forgery over the
/// wire, then the question which cheque the host counts on.
#[tokio::test]
async fn forged_cheques_are_refused_and_not_recorded() {
    let rig = rig().await;
    let body = body(50_000);
    store(&rig, &body, 1).await.close().await;
    let digest = terms(&body, 1).digest(CHAIN);
    let other = SecretKey::from_bytes(&[7; 32]).expect("a scalar");
    let wrong_key = cheque(50_000).cheque.sign(CHAIN, &other);
    let wrong_chain = cheque(50_000).cheque.sign(1, &renter_key());
    let mut away = cheque(50_000).cheque;
    away.vault = Address([4; 20]);
    let wrong_vault = away.sign(CHAIN, &renter_key());
    let beyond = cheque(2_000_000);
    for (forged, wanted) in [
        (wrong_key, RefusalCode::Signature),
        (wrong_chain, RefusalCode::Signature),
        (wrong_vault, RefusalCode::Vault),
        (cheque(49_999), RefusalCode::Increment),
        (beyond, RefusalCode::Cover),
    ] {
        let paid = pay::pay(&rig.peers, &rig.host, digest, 6, forged).await;
        assert_eq!(code(paid), Some(wanted));
    }
    assert_eq!(
        pay::last(&rig.peers, &rig.host, VAULT)
            .await
            .expect("answered"),
        None
    );
    let paid = pay::pay(&rig.peers, &rig.host, digest, 6, cheque(50_000)).await;
    assert_eq!(paid.expect("good"), Amount(50_000));
    let again = pay::pay(&rig.peers, &rig.host, digest, 6, cheque(50_000)).await;
    assert_eq!(again.expect("the same word again"), Amount(50_000));
    let replayed = pay::pay(&rig.peers, &rig.host, digest, 7, cheque(50_000)).await;
    assert_eq!(code(replayed), Some(RefusalCode::Increment));
}

/// Goal: pressure and a closed door refuse uploads and nothing else.
#[tokio::test]
async fn pressure_refuses_uploads_and_serves_downloads() {
    let rig = rig().await;
    let body = body(10_000);
    store(&rig, &body, 1).await.close().await;
    rig._pressure.send(Pressure::Pause).expect("heard");
    let other = self::body(20_000);
    assert_eq!(
        code(open(&rig, &terms(&other, 2)).await),
        Some(RefusalCode::Pressure)
    );
    let stream = download::open(&rig.peers, &rig.host, &shard_of(&body), 10_000, 0, 10_000).await;
    assert!(stream.is_ok());
    rig._pressure.send(Pressure::Shed).expect("heard");
    let stream = download::open(&rig.peers, &rig.host, &shard_of(&body), 10_000, 0, 10_000).await;
    assert_eq!(code(stream), Some(RefusalCode::Pressure));
    rig._pressure.send(Pressure::Calm).expect("heard");
    rig.desk.set_open(false);
    assert_eq!(
        code(open(&rig, &terms(&other, 2)).await),
        Some(RefusalCode::Quota)
    );
}

/// Goal: what somebody pays for is served until the host restarts. Method: pay for one shard and
/// not for another, shed, read both.
#[tokio::test]
async fn a_shedding_host_serves_reads_of_shards_that_are_paid_for() {
    let rig = rig().await;
    let (paid, unpaid) = (body(10_000), body(20_000));
    let mut stored = store(&rig, &paid, 1).await;
    stored.pay(6, cheque(50_000)).await.expect("accepted");
    stored.close().await;
    store(&rig, &unpaid, 2).await.close().await;
    let read = async |bytes: &[u8]| {
        let len = bytes.len() as u64;
        download::open(&rig.peers, &rig.host, &shard_of(bytes), len, 0, len).await
    };
    for level in [Pressure::Shed, Pressure::Restart] {
        rig._pressure.send(level).expect("heard");
        assert_eq!(read(&paid).await.is_ok(), level == Pressure::Shed);
        assert_eq!(code(read(&unpaid).await), Some(RefusalCode::Pressure));
    }
}

/// Goal: a renter over the bound stores nothing new, and what it has goes on. Method: pay by a
/// cheque that nobody cashes, set the bound below it, store, pay again; then raise the bound.
#[tokio::test]
async fn a_renter_that_owes_too_much_is_refused_new_shards_alone() {
    let rig = rig().await;
    let first = body(1_000);
    let mut stored = store(&rig, &first, 1).await;
    stored.pay(6, cheque(1_000)).await.expect("accepted");
    rig.desk.set_exposure_max(Amount(999));
    let second = body(2_000);
    let refused = open(&rig, &terms(&second, 2)).await;
    assert_eq!(code(refused), Some(RefusalCode::Quota));
    // The same agreement again, and cheques for it, are no new exposure by our own doing.
    assert!(matches!(
        open(&rig, &terms(&first, 1)).await,
        Ok(Opened::Stored(_))
    ));
    stored.pay(7, cheque(2_000)).await.expect("accepted");
    rig.desk.set_exposure_max(Amount(2_000));
    store(&rig, &second, 2).await;
}

/// Goal: a host that sells reads serves nobody for nothing. Method: one shard under terms with a
/// price of reads; read without a word, with one of nobody who paid, with a stranger's word, and
/// paid; then on trust and not beyond it.
#[tokio::test]
async fn reads_that_cost_are_served_to_those_who_paid_and_owed_for_once_as_much() {
    let rig = rig().await;
    // A unit of 64 KiB costs 64.
    let price = Amount(1 << 20);
    let unit = 64 * 1024;
    let body = body(4 * unit);
    let len = body.len() as u64;
    let terms = Agreement {
        egress_price: price,
        ..terms(&body, 1)
    };
    let Opened::Send(mut stream) = open(&rig, &terms).await.expect("admitted") else {
        panic!("it is not kept yet");
    };
    stream.send(&body).await.expect("sent");
    stream.finish().await.expect("a receipt").close().await;
    let (shard, reader) = (shard_of(&body), renter_key().peer_id());
    let word = |key: &SecretKey| {
        let words = read_body(&rig.host.peer, &reader, &VAULT);
        let signature = signed::sign(key, signed::READ, &network(), &words);
        let vault = VAULT;
        Some(ReadPayer { vault, signature })
    };
    let read = async |payer: Option<ReadPayer>| {
        let run = 0..len;
        let opened = download::open_paid(&rig.peers, &rig.host, &shard, len, run, payer).await;
        let mut stream = opened?;
        let mut units = 0;
        while stream.next().await?.is_some() {
            units += 1;
        }
        Ok::<u64, host_transfer::Error>(units)
    };
    let needs = |read: Result<u64, host_transfer::Error>| match read {
        Err(host_transfer::Error::Unpaid { needs, .. }) => Some(needs.0),
        _ => None,
    };
    let own = || word(&renter_key());
    assert_eq!(needs(read(None).await), Some(256));
    assert_eq!(needs(read(own()).await), Some(256), "nobody paid here yet");
    let paid = pay::reads(&rig.peers, &rig.host, cheque(256)).await;
    assert_eq!(paid.expect("accepted"), Amount(256));
    let again = pay::reads(&rig.peers, &rig.host, cheque(256)).await;
    assert_eq!(again.expect("known"), Amount(256));
    assert_eq!(
        code(read(word(&host_key())).await),
        Some(RefusalCode::Signature)
    );
    assert_eq!(needs(read(None).await), Some(256), "its word is asked for");
    // 256 are paid: one read, and one more on trust.
    for _ in 0..2 {
        assert_eq!(read(own()).await.expect("served"), 4);
    }
    assert_eq!(needs(read(own()).await), Some(512), "all that is owed");
    rig.desk.save_all_reads().await.expect("committed");
    let row = rig.desk.ledger().read().expect("reads").cheque(&VAULT);
    let row = row.expect("reads").expect("a cheque");
    assert_eq!((row.reads_paid, row.read_bytes), (Amount(256), 2 * len));
    assert_eq!(row.reads_cost, Amount(u128::from(2 * len) << 20));
    let low = pay::reads(&rig.peers, &rig.host, cheque(200)).await;
    assert_eq!(code(low), Some(RefusalCode::Increment));
}
