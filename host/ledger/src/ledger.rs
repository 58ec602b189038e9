//! The open ledger: a handle that is cheap to clone, one committer thread behind it.

use std::path::Path;
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::thread::JoinHandle;

use futures::channel::oneshot;
use host_core::VolumeId;
use redb::{Database, DatabaseError, ReadableDatabase};

use crate::apply::dataset::all_wait;
use crate::apply::outbox::name_by_intent;
use crate::commit::{Committer, begin};
use crate::error::Error;
use crate::fact::Fact;
use crate::journal::{FoundRing, Journal};
use crate::queue::{Order, Queue};
use crate::restore::Restored;
use crate::rings::Rings;
use crate::snapshot::Snapshot;
use crate::storage::{Backend, Storage};
use crate::tables::{Place, SCHEMA, Tables};

/// Name of the file in the state directory.
const FILE: &str = "ledger.redb";
/// Name of a ledger being made.
const FRESH: &str = "ledger.redb.new";
/// The schema this program writes.
pub(crate) const SCHEMA_VERSION: u32 = 3;

/// Where groups are committed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Commits {
    /// On a thread of the ledger's own: what programs want, since a flush blocks.
    OwnThread,
    /// On the thread that polls the commit: the same steps, and a run of one thread repeats.
    Caller,
}

/// What the root decides about the ledger.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Bytes of database pages kept in memory.
    pub cache_len: usize,
    /// Where groups are committed.
    pub commits: Commits,
}

impl Default for Options {
    /// 8 MiB: the upper levels of the tables of a million shards, and the rows of one busy hour.
    fn default() -> Self {
        Self {
            cache_len: 8 << 20,
            commits: Commits::OwnThread,
        }
    }
}

fn file_error(path: &Path, why: &dyn std::fmt::Display) -> Error {
    Error::File {
        path: path.display().to_string(),
        why: why.to_string(),
    }
}

fn open_file(path: &Path, options: Options) -> Result<Database, Error> {
    let opened = Database::builder()
        .set_cache_size(options.cache_len)
        .create(path);
    opened.map_err(|error| match error {
        DatabaseError::DatabaseAlreadyOpen => Error::Locked {
            path: path.display().to_string(),
        },
        other => file_error(path, &other),
    })
}

/// Makes an empty ledger beside its place and moves it there whole: a database cut off while it
/// is being made is no database, and must not be taken for a damaged one.
fn make(dir: &Path, path: &Path, options: Options) -> Result<(), Error> {
    let fresh = dir.join(FRESH);
    let failed = |error: std::io::Error| file_error(&fresh, &error);
    match std::fs::remove_file(&fresh) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(failed(error)),
        _ => (),
    }
    prepare(&open_file(&fresh, options)?)?;
    std::fs::rename(&fresh, path).map_err(failed)?;
    std::fs::File::open(dir)
        .and_then(|dir| dir.sync_all())
        .map_err(failed)
}

/// Opens the file in the directory `dir`, making both when they are not there.
/// Errors: File, Locked, Database.
pub(crate) fn create(dir: &Path, options: Options) -> Result<Database, Error> {
    let path = dir.join(FILE);
    let failed = |error: std::io::Error| file_error(&path, &error);
    std::fs::create_dir_all(dir).map_err(failed)?;
    if !path.try_exists().map_err(failed)? {
        make(dir, &path, options)?;
    }
    open_file(&path, options)
}

pub(crate) struct Shared {
    pub(crate) database: RwLock<Option<Arc<Database>>>,
    queue: Arc<Queue>,
    rings: Arc<Rings>,
    committer: Mutex<Option<JoinHandle<()>>>,
    here: Mutex<Option<Committer>>,
}

/// The ledger; clones share it. It closes when the last one is dropped.
#[derive(Clone)]
pub struct Ledger {
    pub(crate) shared: Arc<Shared>,
}

impl Ledger {
    /// Opens the ledger in the directory `dir`, making both when they are not there. Cost: a few
    /// pages, whatever the number of rows and however the last run ended.
    /// Errors: File, Locked, Schema, Database.
    pub fn open(dir: &Path, options: Options) -> Result<Self, Error> {
        Self::start(create(dir, options)?, options.commits)
    }

    /// Opens a ledger on any storage: the door for simulations of power cuts.
    pub fn open_on(storage: impl Storage, options: Options) -> Result<Self, Error> {
        let database = Database::builder()
            .set_cache_size(options.cache_len)
            .create_with_backend(Backend(storage))
            .map_err(Error::database)?;
        Self::start(database, options.commits)
    }

    fn start(database: Database, commits: Commits) -> Result<Self, Error> {
        prepare(&database)?;
        let database = Arc::new(database);
        let (queue, rings) = (Arc::new(Queue::default()), Arc::new(Rings::default()));
        let committer = Committer {
            database: Arc::clone(&database),
            queue: Arc::clone(&queue),
            rings: Arc::clone(&rings),
        };
        let (thread, here) = match commits {
            Commits::OwnThread => (Some(spawn(committer)?), None),
            Commits::Caller => (None, Some(committer)),
        };
        Ok(Self {
            shared: Arc::new(Shared {
                database: RwLock::new(Some(database)),
                queue,
                rings,
                committer: Mutex::new(thread),
                here: Mutex::new(here),
            }),
        })
    }

    /// Enters an order, and decides all that stand in the queue where that is this thread's work.
    async fn enter(&self, order: Order) -> Result<(), Error> {
        self.shared.queue.enter(order).await?;
        let here = self.shared.here.lock();
        if let Some(committer) = &*here.unwrap_or_else(PoisonError::into_inner) {
            committer.turn();
        }
        Ok(())
    }

    /// Commits a set of facts, all or none. Durability: when this answers, the set is durable on
    /// the state device and in the fact rings. A set that has entered the queue is committed even
    /// when this future is dropped.
    /// Errors: those named at each `Fact`, RingFull, Closed, Database; nothing of the set is left.
    pub async fn commit(&self, facts: Vec<Fact>) -> Result<(), Error> {
        let (answer, answered) = oneshot::channel();
        self.enter(Order::Facts(facts, answer)).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// Makes an empty ledger again from the fact rings of its volumes. Placements on volumes that
    /// are not given are lost, and agreements about them become failed.
    /// Errors: NotEmpty, Row, Closed, Database.
    pub async fn restore(&self, found: Vec<FoundRing>) -> Result<Restored, Error> {
        let (answer, answered) = oneshot::channel();
        self.enter(Order::Restore(found, answer)).await?;
        answered.await.map_err(|_| Error::Closed)?
    }

    /// The rows of this moment; later commits do not show in it. Errors: Closed, Database.
    pub fn read(&self) -> Result<Snapshot, Error> {
        let open = self
            .shared
            .database
            .read()
            .unwrap_or_else(PoisonError::into_inner);
        let database = open.as_ref().ok_or(Error::Closed)?;
        Ok(Snapshot::new(
            database.begin_read().map_err(Error::database)?,
        ))
    }

    /// From now on every group also goes to this volume's ring.
    pub fn attach(&self, volume: VolumeId, journal: Arc<dyn Journal>) {
        self.shared.rings.attach(volume, journal);
    }

    /// Groups no longer go to this volume's ring; its next attachment begins with a snapshot.
    pub fn detach(&self, volume: &VolumeId) {
        self.shared.rings.detach(volume);
    }

    /// Whether a volume's ring still gets every group. One that failed does not.
    #[must_use]
    pub fn is_attached(&self, volume: &VolumeId) -> bool {
        self.shared.rings.is_attached(volume)
    }

    /// How many sets have entered the queue and how many were answered, since the ledger opened.
    /// Sets are answered in the order they entered.
    #[must_use]
    pub fn progress(&self) -> (u64, u64) {
        self.shared.queue.counts()
    }

    /// Commits what is queued and closes the file; later commits and reads are refused.
    pub async fn close(&self) {
        let shared = Arc::clone(&self.shared);
        let (done, closed) = oneshot::channel();
        // Joining blocks until the last group is durable, so it has a thread of its own.
        std::thread::spawn(move || {
            shared.stop();
            let _ = done.send(());
        });
        let _ = closed.await;
    }
}

/// Gives the committer its thread.
fn spawn(committer: Committer) -> Result<JoinHandle<()>, Error> {
    let thread = std::thread::Builder::new().name("ledger".into());
    let spawned = thread.spawn(move || committer.run());
    spawned.map_err(|error| Error::File {
        path: FILE.into(),
        why: error.to_string(),
    })
}

impl Shared {
    fn stop(&self) {
        self.queue.close();
        let here = self
            .here
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(committer) = here {
            committer.turn();
        }
        let thread = self
            .committer
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
        if let Some(thread) = thread {
            let _ = thread.join();
        }
        self.rings.clear();
        self.database
            .write()
            .unwrap_or_else(PoisonError::into_inner)
            .take();
    }
}

impl Drop for Shared {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Makes every table and checks or writes the schema. A ledger that is up to date is not written.
pub(crate) fn prepare(database: &Database) -> Result<(), Error> {
    if schema(database)? == Some(SCHEMA_VERSION) {
        return Ok(());
    }
    let txn = begin(database)?;
    {
        let mut tables = Tables::open(&txn)?;
        let have = tables.read::<u32>(Place::Meta, SCHEMA)?;
        migrate(&mut tables, have)?;
        tables.write(Place::Meta, SCHEMA, &SCHEMA_VERSION)?;
        tables.finish()?;
    }
    txn.commit().map_err(Error::database)
}

/// The schema of the file; none when it is fresh.
fn schema(database: &Database) -> Result<Option<u32>, Error> {
    let txn = database.begin_read().map_err(Error::database)?;
    match txn.open_table(Place::Meta.definition()) {
        Err(redb::TableError::TableDoesNotExist(_)) => Ok(None),
        Err(error) => Err(Error::database(error)),
        Ok(_) => Snapshot::new(txn).schema(),
    }
}

/// Rewrites rows of a known earlier schema, in the transaction that raises it. Schema 2 named
/// transactions by their intent, schema 3 lets agreements wait for a batch of the dataset.
/// Errors: Schema.
fn migrate(tables: &mut Tables<'_>, have: Option<u32>) -> Result<(), Error> {
    match have {
        None | Some(SCHEMA_VERSION) => Ok(()),
        Some(1) => {
            name_by_intent(tables)?;
            all_wait(tables)
        }
        Some(2) => all_wait(tables),
        Some(have) => Err(Error::Schema {
            have,
            newest: SCHEMA_VERSION,
        }),
    }
}
