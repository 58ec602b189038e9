//! A whole body onto the network, by a session of the renter that this put's row names: asked for
//! once or often, over starts of the gateway, it comes to one object.
//!
//! Invariants: the row says that it is to be stored before the session is begun, and a session
//! that a crash kept from the row is found by its file; the body goes once the object can be read;
//! an object that can be read is never given up here. What is kept of an object once it is stored
//! is the renter's.

use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use futures::future::{Either, select};
use host_core::{Blame, ObjectId};
use host_renter::{Early, Error, Progress, SessionId, State};
use hyper::StatusCode;
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use super::fault::{Fault, Own, file_fault};
use super::puts::{One, Turn, apart};
use super::row::{Due, Row};
use super::{Answered, Local, said};

/// Runs of one session before its put is said to have failed.
const RUNS_MAX: u32 = 3;
/// Between two runs.
const RUN_AFTER: Duration = Duration::from_millis(500);
/// Between two looks at all puts.
const ROUND: Duration = Duration::from_secs(60);
/// Bytes hashed at once.
const RUN_LEN: usize = 1 << 20;

/// The digest of a file in hex.
fn digest_of(path: &std::path::Path) -> std::io::Result<String> {
    use std::io::Read;
    let mut file = std::fs::File::open(path)?;
    let (mut run, mut hash) = (vec![0; RUN_LEN], Sha256::new());
    loop {
        match file.read(&mut run)? {
            0 => return Ok(hex::encode(hash.finalize())),
            len => hash.update(run.get(..len).unwrap_or_default()),
        }
    }
}

impl Local {
    /// Stores a put, or says how that goes. Errors: body-short, put-unknown, busy.
    pub(super) async fn store(&self, id: &str) -> Answered {
        let one = self.puts.get(id)?;
        let row = match one.try_turn() {
            None if one.row().storing => one.row(),
            None => return Err(Fault::own(Own::Busy, "a body of the put is under way")),
            Some(turn) => self.begin_store(&one, turn).await?,
        };
        let status = match row.whole {
            true => StatusCode::OK,
            false => StatusCode::ACCEPTED,
        };
        Ok(said(status, &row.to_json(id)))
    }

    async fn begin_store(&self, one: &Arc<One>, turn: Turn) -> Result<Row, Fault> {
        self.puts.get(&one.id)?;
        let row = one.row();
        if row.whole {
            return Ok(row);
        }
        if row.received < row.order.length {
            let words = format!("{} of {} bytes are there", row.received, row.order.length);
            return Err(Fault::own(Own::BodyShort, words).at(row.received));
        }
        let now = self.gateway.now_ms();
        let asked = self.puts.change(one, &turn, move |row| {
            (row.storing, row.trouble, row.changed_ms) = (true, None, now);
        });
        let row = asked.await?;
        tokio::spawn(self.clone().work(Arc::clone(one), turn));
        Ok(row)
    }

    /// Stores to the end, and writes down how it ended.
    async fn work(self, one: Arc<One>, turn: Turn) {
        let mut given_up = one.given_up.subscribe();
        let ended = {
            let storing = pin!(self.to_its_end(&one, &turn));
            let gone = pin!(async {
                let _ended = given_up.wait_for(|gone| *gone).await.is_ok();
            });
            match select(storing, gone).await {
                Either::Left((ended, _)) => ended,
                // Whoever gives it up cleans up.
                Either::Right(_) => return,
            }
        };
        let now = self.gateway.now_ms();
        let written = self.puts.change(&one, &turn, move |row| {
            row.changed_ms = now;
            match ended {
                Ok(()) => (row.whole, row.trouble) = (true, None),
                Err(fault) => row.trouble = Some(*fault.trouble),
            }
        });
        match written.await {
            Ok(row) if row.whole => self.puts.drop_body(&one).await,
            Ok(row) => {
                let why = row.trouble.map(|trouble| trouble.message);
                tracing::warn!(session = %one.id, err = ?why, "a put is not stored");
            }
            // The next start goes on.
            Err(fault) => {
                let why = fault.trouble.message;
                tracing::error!(session = %one.id, err = %why, "a put's end is not written down");
            }
        }
    }

    async fn to_its_end(&self, one: &Arc<One>, turn: &Turn) -> Result<(), Fault> {
        let place = Arc::clone(&self.gateway.inner.stores).acquire_owned().await;
        let _place = place.map_err(|_| Fault::from(crate::error::Error::Worker))?;
        if one.row().object.is_none() {
            self.must_fit(one, turn).await?;
        }
        let session = self.session_of(one, turn).await?;
        self.run(one, turn, session).await?;
        self.gateway.inner.renter.tell_speeds().await;
        Ok(())
    }

    /// Errors: body-differs, over-cap.
    async fn must_fit(&self, one: &Arc<One>, turn: &Turn) -> Result<(), Fault> {
        let (row, path) = (one.row(), self.puts.body_of(one));
        if row.sha256.is_none() {
            let of = path.clone();
            let digest = apart(move || digest_of(&of).map_err(file_fault(&of))).await?;
            let told = digest.clone();
            self.puts
                .change(one, turn, move |row| row.sha256 = Some(told))
                .await?;
            let wanted = row.order.sha256.as_ref();
            if wanted.is_some_and(|wanted| !wanted.eq_ignore_ascii_case(&digest)) {
                let words = format!("the body has the SHA-256 {digest}");
                return Err(Fault::own(Own::BodyDiffers, words));
            }
        }
        let wanted = row.order.sha256.as_ref().zip(one.row().sha256);
        if wanted.is_some_and(|(wanted, has)| !wanted.eq_ignore_ascii_case(&has)) {
            let words = "the body has another SHA-256 than it began with";
            return Err(Fault::own(Own::BodyDiffers, words));
        }
        if let (Some(cap), None) = (row.order.cap, &row.session) {
            let request = row.order.request(&path);
            let cost = self.gateway.inner.renter.quote(&request).await?.cost;
            if cost > cap {
                let words = format!("the term may cost {cost}, the cap is {cap}");
                return Err(Fault::own(Own::OverCap, words));
            }
        }
        Ok(())
    }

    /// The renter's session of a put: the one its row names, one whose file is its body, or a new
    /// one.
    async fn session_of(&self, one: &Arc<One>, turn: &Turn) -> Result<SessionId, Fault> {
        let (row, path) = (one.row(), self.puts.body_of(one));
        if let Some(session) = &row.session {
            return Ok(session.parse::<SessionId>()?);
        }
        let renter = self.gateway.inner.renter.clone();
        let begun = apart(move || {
            let file = path.canonicalize().map_err(file_fault(&path))?;
            let of_body = |id: &SessionId| {
                let session = renter.session(*id);
                session.is_ok_and(|session| {
                    let over = matches!(session.state(), State::Completed | State::Cancelled);
                    session.path() == file.to_string_lossy() && !over
                })
            };
            match renter.sessions()?.into_iter().find(of_body) {
                Some(session) => Ok(session),
                None => Ok(renter.begin(&row.order.request(&path))?),
            }
        });
        let session = begun.await?;
        self.puts
            .change(one, turn, move |row| {
                row.session = Some(session.to_string())
            })
            .await?;
        Ok(session)
    }

    /// Works on the session until every shard has its host; hosts that fail are replaced in a next
    /// run. Writes the object down as soon as it can be read.
    async fn run(&self, one: &Arc<One>, turn: &Turn, session: SessionId) -> Result<(), Fault> {
        let mut runs = 0;
        loop {
            runs += 1;
            match self.run_once(one, turn, session).await {
                Ok(object) => return self.recorded(one, turn, object).await,
                Err(error) if runs < RUNS_MAX && error.blame() == Blame::Peer => {
                    tracing::info!(session = %session, err = %error, "put goes on after a fault");
                    self.gateway.inner.clock.sleep(RUN_AFTER).await;
                }
                Err(error) => return Err(error.into()),
            }
        }
    }

    async fn run_once(
        &self,
        one: &Arc<One>,
        turn: &Turn,
        session: SessionId,
    ) -> Result<ObjectId, Error> {
        let renter = &self.gateway.inner.renter;
        // A run that ended after its last word and before ours was written.
        let before = renter.session(session)?;
        if let (State::Completed, Some(object)) = (before.state(), before.object) {
            return Ok(object);
        }
        let (progress, _) = watch::channel(Progress::default());
        let (early, told) = Early::new(self.gateway.inner.options.ack_margin);
        let work = pin!(renter.resume_early(session, &progress, &early));
        match select(work, told).await {
            Either::Left((done, _)) => done.map(|done| done.id),
            Either::Right((told, work)) => {
                if let Ok(told) = told {
                    let recorded = self.recorded(one, turn, told.id).await;
                    if let Err(fault) = recorded {
                        let why = fault.trouble.message;
                        tracing::warn!(session = %session, err = %why, "object not noted yet");
                    }
                }
                work.await.map(|done| done.id)
            }
        }
    }

    /// Writes down that the object can be read, and its retention first; then its body goes.
    async fn recorded(&self, one: &Arc<One>, turn: &Turn, object: ObjectId) -> Result<(), Fault> {
        if let Some(days) = one.row().order.retain_days {
            self.household.retain(object, days)?;
        }
        let noted = self
            .puts
            .change(one, turn, move |row| row.object = Some(object));
        noted.await?;
        self.puts.drop_body(one).await;
        Ok(())
    }

    /// Gives a put up: its body, and what its session agreed. A stored one is only forgotten.
    /// Errors: put-unknown, put-settled for an object whose last shards are under way.
    pub(super) async fn give_up(&self, id: &str) -> Answered {
        let one = self.puts.get(id)?;
        let row = one.row();
        if row.object.is_some() && !row.whole {
            let words = "its object can be read already and the last shards are on their way";
            return Err(Fault::own(Own::PutSettled, words).at(row.received));
        }
        one.given_up.send_replace(true);
        let turn = one.turn().await;
        let gone = self.forget(&one, &turn).await;
        if gone.is_err() {
            one.given_up.send_replace(false);
        }
        let (closed, silent) = gone?;
        let gone = serde_json::json!({ "session": id, "closed": closed, "silent": silent });
        Ok(said(StatusCode::OK, &gone))
    }

    async fn forget(&self, one: &Arc<One>, turn: &Turn) -> Result<(usize, usize), Fault> {
        self.puts.get(&one.id)?;
        let row = one.row();
        let mut released = (0, 0);
        if let (Some(session), false) = (&row.session, row.whole) {
            let session = session.parse::<SessionId>()?;
            if self.gateway.inner.renter.session(session)?.object.is_some() {
                let words = "its object was written down meanwhile; ask for the put's state";
                return Err(Fault::own(Own::PutSettled, words).at(row.received));
            }
            released = match self.gateway.inner.renter.cancel(session).await {
                // An earlier try that did not come to its end.
                Err(Error::Ended { .. }) => (0, 0),
                released => released?,
            };
        }
        self.puts.forget(one, turn).await?;
        Ok(released)
    }

    /// Goes on with what a start found, forgets what is too old; until the runtime ends.
    pub(super) async fn keep_puts(self) {
        loop {
            let now = self.gateway.now_ms();
            for one in self.puts.all() {
                let Some(turn) = one.try_turn() else { continue };
                let ended = match one.row().due(now) {
                    Due::Nothing => continue,
                    Due::Forget => self.forget(&one, &turn).await.map(|_| ()),
                    Due::Store => self.begin_store(&one, turn).await.map(|_| ()),
                };
                if let Err(fault) = ended {
                    let why = fault.trouble.message;
                    tracing::warn!(session = %one.id, err = %why, "a put stays as it is");
                }
            }
            self.gateway.inner.clock.sleep(ROUND).await;
        }
    }
}
