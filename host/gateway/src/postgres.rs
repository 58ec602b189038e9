//! The catalogue's rows in PostgreSQL, for several gateways over one namespace.
//!
//! Keys and values are the bytes that the file of a single gateway holds, in one table. Invariants:
//! a change is one transaction that holds a lock for each key it expects or writes, so that two
//! gateways cannot both find what they expect; `commit` answers true after the server has flushed;
//! a connection that failed is never used again. A change whose answer was lost may or may not be
//! there: its writer is told so and asks again. Does not: make databases or roles, or know what
//! rows mean.

use std::collections::BTreeMap;
use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError, mpsc};
use std::time::Duration;

use host_ledger::catalogue::{RowChange, RowPair, counter_bytes, counters};
use sha2::{Digest, Sha256};
use tokio::runtime::{Builder, Handle, Runtime, RuntimeFlavor};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Config, IsolationLevel, Statement};

use crate::catalogue::Rows;
use crate::error::Error;

mod tls;

/// Connections of one gateway.
const CONNECTIONS: usize = 8;
/// Longest wait for the server, connecting included.
const ANSWER: Duration = Duration::from_secs(20);
/// First number of our advisory locks: "hfct".
const LOCKS: i32 = 0x6866_6374;
/// Keys share so many locks: a change of ten thousand keys stays within the server's lock table.
const LOCK_PLACES: u16 = 256;
/// Where the format's number stands; no row of a gateway begins with a zero byte.
const FORMAT_KEY: &[u8] = b"\0format";
const FORMAT: &[u8] = b"1";

const MAKE: &str = "CREATE TABLE IF NOT EXISTS holdfast_rows \
    (key bytea PRIMARY KEY, value bytea NOT NULL)";
const GET: &str = "SELECT value FROM holdfast_rows WHERE key = $1";
const SCAN: &str = "SELECT key, value FROM holdfast_rows WHERE key >= $1 AND key < $2 \
    ORDER BY key LIMIT $3";
const LOCK: &str = "SELECT pg_advisory_xact_lock($1, place) FROM unnest($2::int4[]) AS place";
const LOOK: &str = "SELECT key, value FROM holdfast_rows WHERE key = ANY($1)";
const REMOVE: &str = "DELETE FROM holdfast_rows WHERE key = ANY($1)";
const INSERT: &str = "INSERT INTO holdfast_rows SELECT * FROM unnest($1::bytea[], $2::bytea[]) \
    ON CONFLICT (key) DO UPDATE SET value = excluded.value";

/// Where a catalogue is.
#[derive(Clone)]
pub struct PostgresAt {
    /// `postgres://USER@HOST/DATABASE`, or words as libpq takes them; without a password.
    pub url: String,
    /// The role's password.
    pub password: Option<String>,
    /// Certificates, PEM, of who signed the server's; without them only a socket or loopback.
    pub authority: Option<PathBuf>,
}

/// A catalogue in PostgreSQL; clones share its connections.
pub struct Postgres {
    pool: Arc<Pool>,
    /// Connections live here, so that calls may block wherever they come from.
    runtime: Option<Runtime>,
}

struct Pool {
    config: Config,
    tls: tls::Connector,
    idle: Mutex<Vec<Session>>,
    seats: Arc<Semaphore>,
}

/// A connection and its statements.
struct Session {
    client: Client,
    get: Statement,
    scan: Statement,
    lock: Statement,
    look: Statement,
    remove: Statement,
    insert: Statement,
}

/// A session in use; it goes back to the pool only when it is given back.
struct Seat {
    session: Session,
    _permit: OwnedSemaphorePermit,
}

fn failed(what: &'static str) -> impl Fn(tokio_postgres::Error) -> Error {
    move |error| {
        // Its own text leaves out what the server said.
        let said = error.as_db_error().map(|said| said.message().to_owned());
        let source = std::error::Error::source(&error).map(ToString::to_string);
        let why = match said.or(source) {
            Some(said) => format!("{error}: {said}"),
            None => error.to_string(),
        };
        Error::Database { what, why }
    }
}

fn wrong(what: &'static str, why: impl Into<String>) -> Error {
    let why = why.into();
    Error::Database { what, why }
}

impl Postgres {
    /// Connects, and makes the table where there is none. Blocks. Errors: Database when the server
    /// is not there, does not flush, or holds a newer format.
    pub fn open(at: &PostgresAt) -> Result<Self, Error> {
        let what = "setting up";
        let mut config: Config = at.url.parse().map_err(failed("reading the address"))?;
        if config.get_password().is_some() {
            return Err(wrong(
                "reading the address",
                "it holds a password; put that into a file of its own",
            ));
        }
        if let Some(password) = &at.password {
            config.password(password);
        }
        config.connect_timeout(ANSWER / 2);
        config.application_name("holdfast-gateway");
        let tls = tls::Connector::of(&mut config, at.authority.as_deref())?;
        let mut runtime = Builder::new_multi_thread();
        runtime.worker_threads(1).thread_name("catalogue");
        let runtime = runtime.enable_all().build();
        let runtime = runtime.map_err(|error| wrong(what, error.to_string()))?;
        let pool = Arc::new(Pool {
            config,
            tls,
            idle: Mutex::default(),
            seats: Arc::new(Semaphore::new(CONNECTIONS)),
        });
        let engine = Self {
            pool,
            runtime: Some(runtime),
        };
        let pool = Arc::clone(&engine.pool);
        engine.wait(what, async move { pool.set_up().await })?;
        Ok(engine)
    }

    /// Does some work on the connections' threads and waits for it here.
    fn wait<T: Send + 'static>(
        &self,
        what: &'static str,
        work: impl Future<Output = Result<T, Error>> + Send + 'static,
    ) -> Result<T, Error> {
        let (say, hear) = mpsc::sync_channel(1);
        let runtime = self.runtime.as_ref().ok_or(Error::Worker)?;
        runtime.spawn(async move {
            let done = tokio::time::timeout(ANSWER, work).await;
            let late = || Err(wrong(what, "the server does not answer"));
            // Whoever waited may be gone.
            let _gone = say.send(done.unwrap_or_else(|_| late()));
        });
        let wait = move || hear.recv().unwrap_or(Err(Error::Worker));
        let serves = Handle::try_current().map(|handle| handle.runtime_flavor());
        match serves {
            Ok(RuntimeFlavor::MultiThread) => tokio::task::block_in_place(wait),
            _ => wait(),
        }
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

impl Rows for Postgres {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let (pool, key) = (Arc::clone(&self.pool), key.to_vec());
        self.wait("reading a row", async move { pool.get(&key).await })
    }

    fn scan(&self, from: &[u8], until: &[u8], limit: usize) -> Result<Vec<RowPair>, Error> {
        let pool = Arc::clone(&self.pool);
        let (from, until) = (from.to_vec(), until.to_vec());
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let scan = async move { pool.scan(&from, &until, limit).await };
        self.wait("reading rows", scan)
    }

    fn commit(&self, change: &RowChange) -> Result<bool, Error> {
        let (pool, change) = (Arc::clone(&self.pool), change.clone());
        self.wait("writing rows", async move { pool.commit(&change).await })
    }
}

impl Pool {
    async fn set_up(&self) -> Result<(), Error> {
        let what = "setting up";
        let mut client = self.connect().await?;
        let fsync = client.query_one("SHOW fsync", &[]).await;
        let fsync: String = fsync.map_err(failed(what))?.get(0);
        if fsync != "on" {
            let why = "it runs with fsync off: what it says is stored can be lost; turn it on";
            return Err(wrong(what, why));
        }
        let made = client.transaction().await.map_err(failed(what))?;
        // Two gateways that start at once make it once.
        let ours = "SELECT pg_advisory_xact_lock($1, -1)";
        made.execute(ours, &[&LOCKS]).await.map_err(failed(what))?;
        made.batch_execute(MAKE).await.map_err(failed(what))?;
        let note = "INSERT INTO holdfast_rows VALUES ($1, $2) ON CONFLICT DO NOTHING";
        let noted = made.execute(note, &[&FORMAT_KEY, &FORMAT]).await;
        noted.map_err(failed(what))?;
        let found = made.query_one(GET, &[&FORMAT_KEY]).await;
        let found: Vec<u8> = found.map_err(failed(what))?.get(0);
        if found != FORMAT {
            let found = String::from_utf8_lossy(&found).into_owned();
            let why = format!("its rows have format {found}, this version knows 1; upgrade first");
            return Err(wrong(what, why));
        }
        made.commit().await.map_err(failed(what))
    }

    /// A fresh connection whose commits wait for the disk.
    async fn connect(&self) -> Result<Client, Error> {
        let what = "connecting";
        let (client, connection) = self
            .config
            .connect(self.tls.clone())
            .await
            .map_err(failed(what))?;
        tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(err = %error, "connection to the catalogue ends");
            }
        });
        // A database or role may have turned it off; a stricter setting stays.
        let durable = "DO $$ BEGIN IF current_setting('synchronous_commit') = 'off' THEN \
            PERFORM set_config('synchronous_commit', 'on', false); END IF; END $$";
        client.batch_execute(durable).await.map_err(failed(what))?;
        Ok(client)
    }

    async fn session(&self) -> Result<Session, Error> {
        let client = self.connect().await?;
        let made = async |text: &str| client.prepare(text).await.map_err(failed("connecting"));
        Ok(Session {
            get: made(GET).await?,
            scan: made(SCAN).await?,
            lock: made(LOCK).await?,
            look: made(LOOK).await?,
            remove: made(REMOVE).await?,
            insert: made(INSERT).await?,
            client,
        })
    }

    /// A connection for one call. Waits while all are in use.
    async fn seat(&self) -> Result<Seat, Error> {
        let permit = Arc::clone(&self.seats).acquire_owned().await;
        let permit = permit.map_err(|_| Error::Worker)?;
        let idle = loop {
            let next = self.idle().pop();
            match next {
                Some(session) if session.client.is_closed() => {}
                next => break next,
            }
        };
        let session = match idle {
            Some(session) => session,
            None => self.session().await?,
        };
        Ok(Seat {
            session,
            _permit: permit,
        })
    }

    fn idle(&self) -> std::sync::MutexGuard<'_, Vec<Session>> {
        self.idle.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn give_back(&self, seat: Seat) {
        self.idle().push(seat.session);
    }

    async fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, Error> {
        let seat = self.seat().await?;
        let session = &seat.session;
        let found = session.client.query_opt(&session.get, &[&key]).await;
        let found = found.map_err(failed("reading a row"))?;
        self.give_back(seat);
        Ok(found.map(|row| row.get(0)))
    }

    async fn scan(&self, from: &[u8], until: &[u8], limit: i64) -> Result<Vec<RowPair>, Error> {
        let seat = self.seat().await?;
        let session = &seat.session;
        let bounds: [&(dyn ToSql + Sync); 3] = [&from, &until, &limit];
        let found = session.client.query(&session.scan, &bounds).await;
        let found = found.map_err(failed("reading rows"))?;
        self.give_back(seat);
        Ok(found.iter().map(|row| (row.get(0), row.get(1))).collect())
    }

    async fn commit(&self, change: &RowChange) -> Result<bool, Error> {
        let mut seat = self.seat().await?;
        let done = seat.session.write(change).await?;
        self.give_back(seat);
        Ok(done)
    }
}

/// The lock of a key.
fn place_of(key: &[u8]) -> i32 {
    let digest = Sha256::digest(key);
    let first = u16::from_be_bytes([digest[0], digest[1]]);
    i32::from(first % LOCK_PLACES)
}

/// Rows as a change leaves them; none where it expects something else.
fn outcome(
    change: &RowChange,
    found: &BTreeMap<Vec<u8>, Vec<u8>>,
) -> Option<BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
    let stands = |(key, wanted): &(Vec<u8>, Option<Vec<u8>>)| found.get(key) == wanted.as_ref();
    if !change.expect.iter().all(stands) {
        return None;
    }
    let mut rows = change.write.clone();
    for (key, (first, second)) in &change.add {
        let now = match rows.get(key) {
            Some(written) => written.as_ref(),
            None => found.get(key),
        };
        let now = now.map_or((0, 0), |value| counters(value));
        let sum = (now.0.saturating_add(*first), now.1.saturating_add(*second));
        rows.insert(key.clone(), Some(counter_bytes(sum)));
    }
    Some(rows)
}

impl Session {
    /// One change in one transaction. An error leaves the connection in an unknown state.
    async fn write(&mut self, change: &RowChange) -> Result<bool, Error> {
        let what = "writing rows";
        let expected = change.expect.iter().map(|(key, _)| key);
        let keys = expected.chain(change.write.keys()).chain(change.add.keys());
        let keys: Vec<&[u8]> = keys.map(Vec::as_slice).collect();
        // In order, so that two changes never wait for each other.
        let mut places: Vec<i32> = keys.iter().map(|key| place_of(key)).collect();
        places.sort_unstable();
        places.dedup();
        let begun = self.client.build_transaction();
        // Each statement sees what was committed before it, so the look sees what a holder of the
        // same locks left.
        let begun = begun.isolation_level(IsolationLevel::ReadCommitted).start();
        let turn = begun.await.map_err(failed(what))?;
        let locked = turn.execute(&self.lock, &[&LOCKS, &places]).await;
        locked.map_err(failed(what))?;
        let found = turn.query(&self.look, &[&keys]).await;
        let found = found.map_err(failed(what))?;
        let found = found.iter().map(|row| (row.get(0), row.get(1))).collect();
        let Some(rows) = outcome(change, &found) else {
            turn.rollback().await.map_err(failed(what))?;
            return Ok(false);
        };
        let (mut gone, mut kept, mut values) = (Vec::new(), Vec::new(), Vec::new());
        for (key, value) in &rows {
            match value {
                None => gone.push(key.as_slice()),
                Some(value) => {
                    kept.push(key.as_slice());
                    values.push(value.as_slice());
                }
            }
        }
        if !gone.is_empty() {
            let removed = turn.execute(&self.remove, &[&gone]).await;
            removed.map_err(failed(what))?;
        }
        if !kept.is_empty() {
            let inserted = turn.execute(&self.insert, &[&kept, &values]).await;
            inserted.map_err(failed(what))?;
        }
        let lost = "committing rows, which may or may not be there now";
        turn.commit().await.map_err(failed(lost))?;
        Ok(true)
    }
}

#[cfg(test)]
mod tests;
