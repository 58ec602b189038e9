//! The renter's side: a file becomes encrypted, coded shards on many hosts, each agreed, paid and
//! written down; and comes back from any `data` of them.

mod book;
mod cipher;
mod codes;
mod cosign;
mod costs;
mod delete;
mod encode;
mod error;
mod fault;
mod get;
mod guard;
mod health;
mod hosts;
mod lease;
mod pay;
mod progress;
mod purse;
mod put;
mod reads;
mod record;
mod session;
mod share;
mod shred;
mod speeds;
mod verify;

use std::collections::BTreeMap;
use std::io::Write;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicU64;
use std::sync::{Arc, OnceLock};

use host_core::agreement::{Agreement, SignedAgreement};
use host_core::announce::Announcement;
use host_core::challenge::SignedVerdict;
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::object::{Descriptor, Place};
use host_core::seams::{Chain, Clock, Entropy, Escrow, PeerAddr, Peers, ProofChain};
use host_core::wire::RefusalCode;
use host_core::{Address, AgreementDigest, Amount, NetworkId, ObjectId, PeerId};
use host_score::{Facts, Score};
use tokio::sync::watch;

pub use codes::Code;
pub use costs::{Costs, ObjectCost};
pub use delete::{Deleted, DeletedPlace, LetGo};
pub use error::Error;
pub use get::Got;
pub use guard::{Adopted, GuardPaid, GuardStanding, GuardTerms, Named};
pub use health::{Condition, Health, ShardHealth};
pub use hosts::{Chosen, Constraint, Evidence, POLICY_FILE, PlacementPolicy, Reason, Wanted};
pub use pay::{Missed, Paid};
pub use progress::{Cost, Meter, NoMeter, Phase, Progress};
pub use put::renew::{RenewRequest, Renewed};
pub use put::repair::{RepairDone, RepairJob, Repaired};
pub use put::reuse::Already;
pub use put::{Early, PutDone, PutRequest, Quote, Recorded, put_geometry};
pub use record::shelf::Recovered;
pub use session::{Session, SessionId, ShardRow, ShardState, State, StateChange};
pub use share::capsule::Share;
pub use share::{SHARE_PREFIX, Shared};

use crate::book::Book;
use crate::reads::Reads;
use crate::record::{ObjectRecord, shelf};
use crate::speeds::Speeds;

/// Everything a renter is made of; the root builds it.
pub struct Parts {
    /// The network.
    pub network: Network,
    /// The issuer key: signs agreements, cheques, records.
    pub key: SecretKey,
    /// Seals secrets and records.
    pub seal_key: [u8; 32],
    /// The vault cheques are drawn on.
    pub vault: Address,
    /// The network driver.
    pub peers: Arc<dyn Peers>,
    /// The chain driver.
    pub chain: Arc<dyn Chain>,
    /// Time.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub entropy: Arc<dyn Entropy>,
    /// CPU and memory of the process.
    pub meter: Arc<dyn Meter>,
    /// Where coding and hashing run.
    pub heavy: Heavy,
    /// The renter's directory; made when missing.
    pub home: PathBuf,
}

/// Where work runs that takes a core for milliseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Heavy {
    /// On threads of tokio's for blocking work: conversations go on meanwhile.
    Threads,
    /// Where it is awaited: a run of one thread repeats.
    Here,
}

/// What every verb works with.
pub(crate) struct Inner {
    pub(crate) network: Network,
    pub(crate) id: NetworkId,
    pub(crate) key: SecretKey,
    pub(crate) owner: Address,
    pub(crate) seal: [u8; 32],
    pub(crate) vault: Address,
    pub(crate) peers: Arc<dyn Peers>,
    pub(crate) chain: Arc<dyn Chain>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) meter: Arc<dyn Meter>,
    pub(crate) heavy: Heavy,
    pub(crate) book: Book,
    pub(crate) escrow: OnceLock<Arc<dyn Escrow>>,
    pub(crate) proofs: OnceLock<Arc<dyn ProofChain>>,
    /// The first epoch in which the escrow was not asked for returns yet.
    pub(crate) escrow_looked: AtomicU64,
    pub(crate) speeds: Speeds,
    pub(crate) reads: Reads,
}

impl Inner {
    /// Does heavy work in its place. Errors: Worker when it panicked there.
    pub(crate) async fn apart<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Error> {
        match self.heavy {
            Heavy::Threads => {
                let done = tokio::task::spawn_blocking(work).await;
                done.map_err(|_| Error::Worker)
            }
            Heavy::Here => Ok(work()),
        }
    }

    /// The network's escrow. Errors: `NoEscrow`.
    pub(crate) fn escrow(&self) -> Result<&dyn Escrow, Error> {
        self.escrow.get().map(AsRef::as_ref).ok_or(Error::NoEscrow)
    }

    pub(crate) fn nonce(&self) -> [u8; 12] {
        let mut nonce = [0; 12];
        self.entropy.fill(&mut nonce);
        nonce
    }
}

/// A renter. Cheap to clone; clones share everything.
#[derive(Clone)]
pub struct Renter {
    pub(crate) inner: Arc<Inner>,
}

/// Addresses of hosts as the hubs know them.
struct Whereabouts(BTreeMap<PeerId, Vec<String>>);

impl Whereabouts {
    /// Where the keeper of a place is: by the hubs first, then where it was when it was placed.
    fn of(&self, place: &Place) -> PeerAddr {
        let mut addrs = self.0.get(&place.host).cloned().unwrap_or_default();
        for addr in &place.addrs {
            if !addrs.contains(addr) {
                addrs.push(addr.clone());
            }
        }
        PeerAddr {
            peer: place.host,
            addrs,
        }
    }
}

/// One object of this wallet.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ObjectRow {
    /// Its name.
    pub id: ObjectId,
    /// The file's name.
    pub name: String,
    /// Plaintext bytes.
    pub bytes: u64,
    /// First epoch after the term.
    pub end_epoch: u64,
    /// Where each shard is.
    pub places: Vec<Place>,
}

/// Everything ever promised by `vault`, from the book in `home`.
pub fn issued_total(home: &Path, vault: Address) -> Result<Amount, Error> {
    Book::open(home)?.issued(vault)
}

/// What `vault` promised to each beneficiary, from the book in `home`.
pub fn issued_each(home: &Path, vault: Address) -> Result<Vec<(Address, Amount)>, Error> {
    Book::open(home)?.promises(vault)
}

/// The terms of an agreement that a session of the book in `home` made; none when none did.
pub fn terms_of(home: &Path, agreement: &AgreementDigest) -> Result<Option<Agreement>, Error> {
    let book = Book::open(home)?;
    let mut journals = book.journals()?;
    Ok(journals.find_map(|(_, session)| session.terms(agreement).cloned()))
}

/// A session as the book in `home` tells it; also while another process works on it.
pub fn read_session(home: &Path, id: SessionId) -> Result<Session, Error> {
    session::read(&Book::open(home)?.session(id), id)
}

impl Renter {
    /// Opens a renter on its home directory.
    pub fn open(parts: Parts) -> Result<Self, Error> {
        let inner = Inner {
            id: parts.network.id(),
            owner: parts.key.address(),
            book: Book::open(&parts.home)?,
            network: parts.network,
            key: parts.key,
            seal: parts.seal_key,
            vault: parts.vault,
            peers: parts.peers,
            chain: parts.chain,
            clock: parts.clock,
            entropy: parts.entropy,
            meter: parts.meter,
            heavy: parts.heavy,
            escrow: OnceLock::new(),
            proofs: OnceLock::new(),
            escrow_looked: AtomicU64::new(0),
            speeds: Speeds::default(),
            reads: Reads::default(),
        };
        Ok(Self {
            inner: Arc::new(inner),
        })
    }

    /// An agreement that a put of this home made, with its host's signature, asked for again; none
    /// when no put made it. Errors: those of asking the host.
    pub async fn signed(
        &self,
        agreement: &AgreementDigest,
    ) -> Result<Option<SignedAgreement>, Error> {
        cosign::signed(&self.inner, agreement).await
    }

    /// Names the escrow, once; without it nothing is paid that way.
    pub fn set_escrow(&self, escrow: Arc<dyn Escrow>) {
        let _ = self.inner.escrow.set(escrow);
    }

    /// Names the contracts of proof, once; without them no host is asked where an agreement stands
    /// on the chain before it is paid.
    pub fn set_proofs(&self, proofs: Arc<dyn ProofChain>) {
        let _ = self.inner.proofs.set(proofs);
    }

    /// Pays up to this for a GiB of reads where nothing was agreed; zero at first. What was agreed
    /// in an object's own agreements is paid without it.
    pub fn set_read_price_max(&self, most: Amount) {
        self.inner.reads.set_most(most);
    }

    /// Everything this process paid for reads, used up or not.
    #[must_use]
    pub fn paid_for_reads(&self) -> Amount {
        self.inner.reads.paid()
    }

    /// Announced hosts, the newest word of each; a sample of 2,048 where more are announced.
    pub async fn find_hosts(&self) -> Result<Vec<Announcement>, Error> {
        hosts::sample(&self.inner).await
    }

    /// Chooses hosts for a put from what all hubs list; contacts no host. Memory stays within a
    /// few candidates for each host needed, however many are announced.
    pub async fn choose(&self, wanted: &Wanted) -> Result<Chosen, Error> {
        hosts::choose(&self.inner, wanted).await
    }

    /// The placement policy of this home.
    pub fn policy(&self) -> Result<PlacementPolicy, Error> {
        PlacementPolicy::load(&self.inner.book.path(hosts::POLICY_FILE))
    }

    /// How the hosts of a session were chosen; none when it has not come so far.
    pub fn evidence(&self, id: SessionId) -> Result<Option<hosts::Evidence>, Error> {
        self.inner.book.evidence(id)
    }

    /// Facts and score of every host a hub counted, merged over the hubs that answered, and how
    /// many did.
    pub async fn scores(&self) -> (usize, BTreeMap<PeerId, (Facts, Score)>) {
        let counts = hosts::counts(&self.inner).await;
        let hosts = counts.by_hub.iter().flat_map(BTreeMap::keys);
        let all = hosts.filter_map(|host| Some((*host, counts.of(host)?)));
        (counts.by_hub.len(), all.collect())
    }

    /// What a put would cost and make; contacts hubs, no host.
    pub async fn quote(&self, request: &PutRequest) -> Result<Quote, Error> {
        put::quote(self, request).await
    }

    /// Writes a new session down; nothing else happens until `resume`. Durable when it returns.
    pub fn begin(&self, request: &PutRequest) -> Result<SessionId, Error> {
        put::begin(self, request)
    }

    /// Objects of this wallet that have the content of the request's file already, longest term
    /// first. Reads the file only when one has its length.
    pub async fn already(&self, request: &PutRequest) -> Result<Vec<Already>, Error> {
        put::reuse::already(self, request).await
    }

    /// Writes down a session that leases the content of the request's file again, on the hosts
    /// that hold it; none when it is not stored yet. Durable when it returns.
    pub async fn begin_again(&self, request: &PutRequest) -> Result<Option<SessionId>, Error> {
        put::reuse::begin(self, request).await
    }

    /// Works on a session until the object is stored, paid and written down. Shards an earlier
    /// run finished are not sent again. Dropping the future stops the work.
    pub async fn resume(
        &self,
        session: SessionId,
        progress: &watch::Sender<Progress>,
    ) -> Result<PutDone, Error> {
        put::run(self, session, progress, None).await
    }

    /// The same; and tells `early` once the object can be read, with so many shards of every
    /// segment as it waits for. The work goes on: dropped or failed after that, it leaves an object
    /// that stands, and `resume` places what it lacks.
    pub async fn resume_early(
        &self,
        session: SessionId,
        progress: &watch::Sender<Progress>,
        early: &Early,
    ) -> Result<PutDone, Error> {
        put::run(self, session, progress, Some(early)).await
    }

    /// Every session of this home: puts, leases, repairs.
    pub fn sessions(&self) -> Result<Vec<SessionId>, Error> {
        self.inner.book.sessions()
    }

    /// A session as it stands; also while another process works on it.
    pub fn session(&self, id: SessionId) -> Result<Session, Error> {
        session::read(&self.inner.book.session(id), id)
    }

    /// Gives a session up and closes the agreements it made, but for those of an object that is
    /// written down. Returns how many were closed and how many hosts did not answer.
    pub async fn cancel(&self, id: SessionId) -> Result<(usize, usize), Error> {
        put::cancel(self, id).await
    }

    /// Pays every agreement of this home whose next epoch has begun, each after its host showed
    /// that it has the shard, and gives back what is unused. Errors when the vault does not cover
    /// the whole round; then nothing was paid.
    pub async fn pay_due(&self) -> Result<Paid, Error> {
        pay::due(self).await
    }

    /// Gets an object of this wallet, or bytes `range` of it, in order into `out`.
    pub async fn get(
        &self,
        object: ObjectId,
        range: Option<Range<u64>>,
        out: Box<dyn Write + Send>,
        progress: &watch::Sender<Progress>,
    ) -> Result<Got, Error> {
        get::run(self, object, range, out, progress).await
    }

    /// What everything stored costs and cost, with `days` ahead. Asks the chain, no host.
    pub async fn costs(&self, days: u64) -> Result<Costs, Error> {
        costs::of(self, days).await
    }

    /// Makes the line with which somebody else reads an object of this wallet (its key is in it). A
    /// line too long to hand on goes into a small object of its own, stored for `days` or the rest
    /// of the object's term, unless it is wanted whole, `direct`. Durable when it returns.
    pub async fn share(
        &self,
        object: ObjectId,
        direct: bool,
        days: Option<u64>,
    ) -> Result<Share, Error> {
        share::capsule::share(self, object, direct, days).await
    }

    /// The line of an object of this wallet for other programs of its owner, whole however long;
    /// unlike `share` it leaves no note. Reads the book alone.
    pub fn line(&self, object: ObjectId) -> Result<String, Error> {
        share::line(&self.inner, &object)
    }

    /// The address whose key pays.
    #[must_use]
    pub fn owner(&self) -> Address {
        self.inner.owner
    }

    /// Reads a line that somebody made. Errors: Share when it is no line of this network.
    pub async fn open_share(&self, line: &str) -> Result<Shared, Error> {
        share::open(self, line).await
    }

    /// Gets what a line is of, or bytes `range` of it, as `get`.
    pub async fn get_shared(
        &self,
        shared: &Shared,
        range: Option<Range<u64>>,
        out: Box<dyn Write + Send>,
        progress: &watch::Sender<Progress>,
    ) -> Result<Got, Error> {
        share::get(self, shared, range, out, progress).await
    }

    fn row(&self, record: &ObjectRecord) -> Result<ObjectRow, Error> {
        let secret = record::secret(&self.inner.seal, &record.secret)?;
        let placement = &record.placement.placement;
        Ok(ObjectRow {
            id: placement.object,
            name: secret.name,
            bytes: secret.len,
            end_epoch: placement.end_epoch,
            places: placement.places.clone(),
        })
    }

    /// Every object of this wallet.
    pub fn ls(&self) -> Result<Vec<ObjectRow>, Error> {
        self.inner
            .book
            .objects()?
            .iter()
            .map(|record| self.row(record))
            .collect()
    }

    /// One object of this wallet.
    pub fn stat(&self, object: ObjectId) -> Result<ObjectRow, Error> {
        self.row(&self.inner.book.object(&object)?)
    }

    /// Challenges every host of an object: 16 drawn leaves each, judged by the function that guards
    /// and the contract use.
    pub async fn verify(&self, object: ObjectId) -> Result<Vec<ShardHealth>, Error> {
        verify::run(self, object).await
    }

    /// Every audit one guard has of an object, unchecked: `host_proof::check_verdict` judges each.
    pub async fn audits(
        &self,
        object: ObjectId,
        of: &PeerAddr,
    ) -> Result<Vec<SignedVerdict>, Error> {
        guard::audits(self, object, of).await
    }

    /// The public record of an object: what a repair needs and all it needs.
    pub fn descriptor(&self, object: ObjectId) -> Result<Descriptor, Error> {
        self.inner.book.object(&object)?.descriptor()
    }

    /// How an object is: every keeper is asked for a random unit of its shard. Bounded: 4,096
    /// shards, 32 at a time, a minute.
    pub async fn health(&self, object: ObjectId) -> Result<Health, Error> {
        health::check(self, self.stat(object)?).await
    }

    /// Repairs what a job names, with this wallet's money; nothing is decrypted. Durable: new
    /// places are in the book when it returns.
    pub async fn repair_job(&self, job: &RepairJob) -> Result<RepairDone, Error> {
        put::repair::run(self, job).await
    }

    /// Gives up what `repair_job` placed of an object of somebody else. Returns how many agreements
    /// were closed and how many hosts did not answer.
    pub async fn give_up_repair(&self, object: ObjectId) -> Result<(usize, usize), Error> {
        put::give_up::give_up(self, object).await
    }

    /// Asks every host of an object and places anew what is not alive now, on other hosts. What
    /// found no host is told. Durable as of `repair_job`.
    pub async fn repair(&self, object: ObjectId) -> Result<RepairDone, Error> {
        guard::repair_now(self, object).await
    }

    /// Names guards for an object; the order is written down here before it leaves. Returns which
    /// of them took it.
    pub async fn name_guards(
        &self,
        object: ObjectId,
        terms: &GuardTerms,
    ) -> Result<Vec<Named>, Error> {
        guard::name(self, object, terms).await
    }

    /// What each named guard says of an object.
    pub async fn guard_standings(&self, object: ObjectId) -> Result<Vec<GuardStanding>, Error> {
        guard::standings(self, object).await
    }

    /// Takes over what guards repaired: own agreements with the new hosts, a new version of the
    /// placement, and the guards told.
    pub async fn adopt_repairs(&self, object: ObjectId) -> Result<Adopted, Error> {
        guard::adopt(self, object).await
    }

    /// Reads the guards' new verdicts on an object, checks each and pays for those that hold.
    pub async fn pay_guards(&self, object: ObjectId) -> Result<Vec<GuardPaid>, Error> {
        guard::pay(self, object).await
    }

    /// Tells every hub how fast hosts were in the transfers since the last time, signed and with
    /// the hosts' receipts. Returns how many words a hub took. Costs a signature a host and
    /// direction, and seconds at most when hubs are silent.
    pub async fn tell_speeds(&self) -> usize {
        speeds::tell(&self.inner).await
    }

    /// Extends an object's term where it is, without the file, within a cap: new agreements (by
    /// cheque) with its hosts over what they have, the old ones closed. Durable when it returns.
    pub async fn renew(&self, object: ObjectId, request: &RenewRequest) -> Result<Renewed, Error> {
        put::renew::renew(self, object, request).await
    }

    /// Extends every object whose term ends within so many epochs, while the cap lasts.
    pub async fn renew_due(
        &self,
        within: u64,
        request: &RenewRequest,
    ) -> Result<Vec<Renewed>, Error> {
        put::renew::due(self, within, request).await
    }

    /// Deletes an object: its key first, then its records and agreements on hosts, whose signed
    /// words are kept. Asked again, it goes on with the hosts that were silent. Durable when it
    /// returns. Errors: Unknown, Busy while another process works on a put of it.
    pub async fn delete(&self, object: ObjectId) -> Result<Deleted, Error> {
        delete::delete(self, object).await
    }

    /// Whether the term of a deleted object is over, so that a host that stays silent keeps nothing
    /// any more; false while the chain does not answer.
    pub async fn has_run_out(&self, deleted: &Deleted) -> bool {
        let head = self.inner.chain.head().await;
        let epoch = head.map(|head| self.inner.network.epoch.epoch_of(head.block));
        epoch.is_ok_and(|epoch| epoch >= deleted.end_epoch())
    }

    /// Drops what is kept of deletions that every host answered and that were asked for before
    /// `before_ms`; no report can be made of them any more. Returns how many.
    pub fn forget_deletions(&self, before_ms: u64) -> Result<usize, Error> {
        self.inner.book.forget_deleted(before_ms)
    }

    /// Closes the agreements of some places; gives back those whose host did not answer for it.
    pub(crate) async fn close(&self, places: &[Place]) -> Vec<Place> {
        let inner = &self.inner;
        let now = Whereabouts(self.addresses(places).await);
        let closes = places.iter().map(|place| {
            let to = now.of(place);
            let (agreement, key) = (place.agreement, &inner.key);
            async move {
                let peers = inner.peers.as_ref();
                let asked = host_transfer::delete::close(peers, &to, &inner.id, agreement, key);
                match asked.await {
                    Ok(_) => true,
                    // A host that has no such agreement owes nothing and is owed nothing.
                    Err(error) => error
                        .refusal()
                        .is_some_and(|refusal| refusal.code == RefusalCode::Unknown),
                }
            }
        });
        let closed = futures::future::join_all(closes).await;
        let silent = places.iter().zip(closed).filter(|(_, ok)| !ok);
        silent.map(|(place, _)| place.clone()).collect()
    }

    /// Rebuilds the book from the records hosts keep for this wallet.
    pub async fn recover(&self) -> Result<Recovered, Error> {
        shelf::recover(&self.inner).await
    }

    /// Where the keepers of some places are now, as hubs tell; hosts no hub knows are missing.
    pub async fn whereabouts(&self, places: &[Place]) -> BTreeMap<PeerId, Vec<String>> {
        self.addresses(places).await
    }

    /// Where the keepers of some places are now, to be tried when a written-down address is dead.
    pub(crate) async fn addresses(&self, places: &[Place]) -> BTreeMap<PeerId, Vec<String>> {
        let mut hosts: Vec<PeerId> = places.iter().map(|place| place.host).collect();
        hosts.sort_unstable();
        hosts.dedup();
        hosts::whereabouts(&self.inner, &hosts).await
    }
}
