//! A renter of a run: puts files, is killed in the middle, goes on, pays, gets. What it must
//! remember lies in its home, as in the product; beside it stands only what the run compares with.

use std::io::Write;
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use host_core::cheque::SignedCheque;
use host_core::identity::SecretKey;
use host_core::repair::DomainRule;
use host_core::seams::{Clock, Entropy, PeerAddr};
use host_core::{Address, AgreementDigest, Amount, ObjectId, PeerId};
use host_ledger::AgreementRow;
use host_renter::{GuardTerms, Heavy, NoMeter, Parts, Progress, PutRequest, Renter, SessionId};
use host_store::simulated::Chance;
use tempfile::TempDir;
use tokio::sync::watch;

use crate::lock;
use crate::machine::{Ground, Machine};
use crate::time::Owner;

/// Data and parity shards of a segment.
pub(crate) const CODE: (u16, u16) = (4, 4);
/// Seconds in which guards ask for every shard once.
const ROUND_S: u64 = 1200;
/// Guards repair below the data shards and this many more.
pub(crate) const MARGIN: u16 = 3;
/// Agreements looked through.
const ROWS: usize = 1000;
/// Longest file.
const FILE_MAX: u64 = 400_000;

/// One file and how far it is.
#[derive(Debug, Clone)]
pub(crate) struct Work {
    pub(crate) bytes: Vec<u8>,
    path: PathBuf,
    session: Option<SessionId>,
    pub(crate) object: Option<ObjectId>,
    /// Guards took the order.
    pub(crate) guarded: bool,
}

/// A renter.
pub(crate) struct Tenant {
    pub(crate) owner: Owner,
    pub(crate) key: SecretKey,
    pub(crate) vault: Address,
    pub(crate) works: Mutex<Vec<Work>>,
    ground: Ground,
    dice: Arc<Dice>,
    guards: Vec<PeerAddr>,
    home: TempDir,
}

/// Random bytes that repeat with the seed.
pub(crate) struct Dice(Mutex<Chance>);

impl Dice {
    /// Dice of their own, thrown from a seed of the run's.
    pub(crate) fn new(chance: &mut Chance) -> Self {
        Self(Mutex::new(Chance::new(chance.next())))
    }
}

impl Entropy for Dice {
    fn fill(&self, buffer: &mut [u8]) {
        let mut chance = lock(&self.0);
        buffer.fill_with(|| chance.next().to_le_bytes()[0]);
    }
}

/// A file in memory.
struct Sink(Arc<Mutex<Vec<u8>>>);

impl Write for Sink {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        lock(&self.0).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

impl Ground {
    /// A renter's program of this run on its own home: a tenant's, or a guard's book.
    pub(crate) fn renter(
        &self,
        key: &SecretKey,
        vault: Address,
        dice: &Arc<Dice>,
        home: PathBuf,
    ) -> anyhow::Result<Renter> {
        let renter = Renter::open(Parts {
            network: self.network.clone(),
            key: key.clone(),
            seal_key: [7; 32],
            vault,
            peers: Arc::new(self.streets.seen_by(key.peer_id())),
            chain: Arc::new(self.ether.line(key.address())),
            clock: Arc::new(self.time.clone()),
            entropy: Arc::clone(dice) as Arc<dyn Entropy>,
            meter: Arc::new(NoMeter),
            heavy: Heavy::Here,
            home,
        })?;
        if self.proves {
            renter.set_proofs(Arc::new(self.ether.line(key.address())));
        }
        Ok(renter)
    }
}

impl Tenant {
    /// A renter with `count` files of its own.
    pub(crate) fn new(
        owner: Owner,
        key: SecretKey,
        ground: &Ground,
        chance: &mut Chance,
        (count, guards): (u64, &[PeerAddr]),
    ) -> anyhow::Result<Self> {
        let home = tempfile::tempdir()?;
        let mut works = Vec::new();
        for number in 0..count {
            let len = 1 + chance.below(FILE_MAX);
            let bytes: Vec<u8> = (0..len).map(|_| chance.next().to_le_bytes()[0]).collect();
            let path = home.path().join(format!("file-{number}"));
            std::fs::write(&path, &bytes)?;
            works.push(Work {
                bytes,
                path,
                session: None,
                object: None,
                guarded: false,
            });
        }
        let mut vault = [0x55; 20];
        vault[..4].copy_from_slice(&owner.to_be_bytes());
        Ok(Self {
            owner,
            key,
            vault: Address(vault),
            works: Mutex::new(works),
            ground: ground.clone(),
            dice: Arc::new(Dice::new(chance)),
            guards: guards.to_vec(),
            home,
        })
    }

    /// The renter's program, started on its home.
    pub(crate) fn program(&self) -> anyhow::Result<Renter> {
        let (key, home) = (&self.key, self.home.path().join("home"));
        self.ground.renter(key, self.vault, &self.dice, home)
    }

    /// Its files and how far they are.
    pub(crate) fn works(&self) -> Vec<Work> {
        lock(&self.works).clone()
    }

    /// Whether every file is stored.
    pub(crate) fn is_done(&self) -> bool {
        lock(&self.works).iter().all(|work| work.object.is_some())
    }

    /// Every trial of every session: the host and the agreement.
    pub(crate) fn tried(&self) -> anyhow::Result<Vec<(PeerId, AgreementDigest)>> {
        let renter = self.program()?;
        let mut tried = Vec::new();
        for session in renter.sessions()? {
            let trials = renter.session(session)?.trials();
            tried.extend(trials.iter().map(|trial| (trial.host, trial.agreement)));
        }
        Ok(tried)
    }

    /// Why a file is not stored, in the words of its session.
    pub(crate) fn why(&self, work: &Work) -> String {
        let session = work
            .session
            .map(|session| self.program()?.session(session).map_err(Into::into));
        match session {
            None => "never begun".into(),
            Some(Ok(session)) => format!("{:?} {:?}", session.state(), session.stopped_by()),
            Some(Err::<_, anyhow::Error>(error)) => format!("{error:#}"),
        }
    }

    /// Begins or goes on with everything that is not stored yet.
    pub(crate) fn begin(self: &Arc<Self>, pause: Duration) {
        let tenant = Arc::clone(self);
        self.ground.time.spawn(self.owner, async move {
            let count = lock(&tenant.works).len();
            for number in 0..count {
                tenant.ground.time.sleep(pause).await;
                while !tenant.store(number).await {
                    tenant.ground.time.sleep(Duration::from_secs(60)).await;
                }
            }
            loop {
                tenant.name_guards().await;
                tenant.ground.time.sleep(Duration::from_secs(900)).await;
                tenant.pay().await;
                tenant.take_over().await;
            }
        });
    }

    /// The process ends without a word.
    pub(crate) fn kill(&self) {
        self.ground.time.end(self.owner);
    }

    /// Works on one file; whether it is stored.
    async fn store(&self, number: usize) -> bool {
        let Some(work) = lock(&self.works).get(number).cloned() else {
            return true;
        };
        if work.object.is_some() {
            return true;
        }
        let Ok(renter) = self.program() else {
            return false;
        };
        let session = match work.session {
            Some(session) => session,
            None => {
                let Ok(session) = renter.begin(&request(&work.path, self.ground.days)) else {
                    return false;
                };
                self.note(number, |work| work.session = Some(session));
                session
            }
        };
        let (progress, _watched) = watch::channel(Progress::default());
        let ended = renter.resume(session, &progress).await;
        // A put that ended before the process was killed tells its object in the book.
        let told = renter.session(session).ok().and_then(|told| told.object);
        let object = ended.ok().map(|done| done.id).or(told);
        self.note(number, |work| work.object = object);
        object.is_some()
    }

    fn note(&self, number: usize, change: impl FnOnce(&mut Work)) {
        if let Some(work) = lock(&self.works).get_mut(number) {
            change(work);
        }
    }

    /// Names the guards of every stored file that has none yet; as long as one took the order, the
    /// others are told with the next.
    pub(crate) async fn name_guards(&self) {
        let terms = GuardTerms {
            guards: self.guards.clone(),
            round_s: ROUND_S,
            leaves: 2,
            margin: MARGIN,
            price: Amount(1),
            budget: Amount(1 << 60),
            max_price: Amount(1 << 60),
            bytes_per_epoch: 1 << 40,
            rule: DomainRule::Host,
        };
        for (number, work) in self.works().into_iter().enumerate() {
            let Some(object) = work.object.filter(|_| !work.guarded) else {
                continue;
            };
            let Ok(renter) = self.program() else { return };
            if let Ok(named) = renter.name_guards(object, &terms).await {
                let all = named.iter().all(|one| one.why.is_none());
                self.note(number, |work| work.guarded = all && !named.is_empty());
            }
        }
    }

    /// Takes repairs over and pays the guards; what fails is done the next time.
    pub(crate) async fn take_over(&self) {
        let Ok(renter) = self.program() else { return };
        for object in self.works().into_iter().filter_map(|work| work.object) {
            let _again = renter.adopt_repairs(object).await;
            let _again = renter.pay_guards(object).await;
        }
    }

    /// Pays what is due.
    pub(crate) async fn pay(&self) {
        if let Ok(renter) = self.program() {
            // What was missed is due again at the next call.
            let _missed = renter.pay_due().await;
        }
    }

    /// Pays with a cheque of long ago, for the epochs that are paid: the host must not take it.
    pub(crate) async fn show_again(
        &self,
        machine: &Machine,
        cheque: SignedCheque,
    ) -> anyhow::Result<()> {
        let Some(life) = machine.life() else {
            return Ok(());
        };
        let rows = life.desk.ledger().read()?.agreements(None, ROWS)?;
        let own = |row: &&AgreementRow| row.signed.terms.renter == self.key.address();
        let Some(row) = rows.iter().find(own) else {
            return Ok(());
        };
        let to = PeerAddr {
            peer: machine.key.peer_id(),
            addrs: life.desk.addrs(),
        };
        let view = self.ground.streets.seen_by(self.key.peer_id());
        let through = row.paid_through;
        // Whether it was refused shows in what the host counts on.
        let _refused = host_transfer::pay::pay(&view, &to, row.digest, through, cheque).await;
        Ok(())
    }

    /// The bytes of an object as hosts give them. Errors in the renter's words.
    pub(crate) async fn get(&self, object: ObjectId) -> Result<Vec<u8>, String> {
        let renter = self.program().map_err(|error| error.to_string())?;
        let (progress, _watched) = watch::channel(Progress::default());
        let out = Arc::new(Mutex::new(Vec::new()));
        let sink = Box::new(Sink(Arc::clone(&out)));
        let got = renter.get(object, None, sink, &progress).await;
        got.map_err(|error| error.to_string())?;
        Ok(std::mem::take(&mut *lock(&out)))
    }
}

fn request(path: &std::path::Path, days: u64) -> PutRequest {
    PutRequest {
        path: path.to_path_buf(),
        data: CODE.0,
        parity: CODE.1,
        days,
        public: false,
        price_max: None,
        pay: host_core::agreement::PayMode::Cheque,
    }
}
