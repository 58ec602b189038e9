//! The hub's conversations: a request, a reply, as often as the other side likes within a bound.
//! A request that is wrong gets a refusal and ends its conversation. `converse` takes any
//! `Frames`, so a simulation speaks to the same hub as a peer does.

use std::collections::{BTreeMap, VecDeque};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use host_core::PeerId;
use host_core::codec;
use host_core::neighbourhood::Neighbourhood;
use host_core::seams::{Clock, Frames, LinkError};
use host_core::wire::{self, Frame, HubReply, HubRequest, Refusal, RefusalCode};
use host_core::witness::DayProof;
use host_net::Inlet;
use tokio::sync::{Semaphore, watch};
use tokio::task::JoinSet;

use crate::error::Error;
use crate::hub::days::Closed;
use crate::hub::{Caller, Days, Directory, Witness, snapshot};
use crate::status::{Picture, SAMPLES_MAX, Sample};

/// Conversations at once; further ones wait at the inlet.
const CONVERSATIONS_MAX: usize = 512;
/// Requests of one conversation: every page of a full directory, with room to spare.
const REQUESTS_MAX: usize = 2048;
/// How often the directory is written down and cleared of those whose time is over.
const SAVE_EVERY: Duration = Duration::from_secs(30);

/// A directory that conversations share.
#[derive(Debug)]
pub struct Hub {
    directory: Mutex<Directory>,
    file: Option<PathBuf>,
    counts: Option<Counts>,
    days: Option<Mutex<Days>>,
    /// Newest last.
    samples: Mutex<VecDeque<Sample>>,
    bar: u32,
}

/// What the hub counts, and the file it is kept in.
#[derive(Debug)]
struct Counts {
    witness: Mutex<Witness>,
    file: Option<PathBuf>,
}

impl Hub {
    /// Serves a directory; `file` is where it is kept, if it is.
    #[must_use]
    pub const fn new(directory: Directory, file: Option<PathBuf>) -> Self {
        Self {
            directory: Mutex::new(directory),
            file,
            counts: None,
            days: None,
            samples: Mutex::new(VecDeque::new()),
            bar: 0,
        }
    }

    /// Also keeps days and their roots, as a status server does; `bar` is the network's.
    #[must_use]
    pub fn remembering(mut self, days: Days, bar: u32) -> Self {
        self.days = Some(Mutex::new(days));
        self.bar = bar;
        self
    }

    fn days(&self) -> Result<MutexGuard<'_, Days>, Error> {
        let days = self.days.as_ref();
        let days = days.ok_or(Error::NotKept { what: "days" })?;
        Ok(days.lock().unwrap_or_else(PoisonError::into_inner))
    }

    fn samples(&self) -> MutexGuard<'_, VecDeque<Sample>> {
        self.samples.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Closed days, oldest first; none where no days are kept.
    #[must_use]
    pub fn closed_days(&self) -> BTreeMap<u64, Closed> {
        self.days()
            .map(|days| days.closed().clone())
            .unwrap_or_default()
    }

    /// A host's place in the root of a closed day. Errors when there is none.
    pub fn day_proof(&self, host: &PeerId, day: u64, now_ms: u64) -> Result<DayProof, Error> {
        self.days()?.proof(host, day, now_ms)
    }

    /// The network now, and the samples of the last day.
    #[must_use]
    pub fn picture(&self, now_ms: u64) -> (Picture, Vec<Sample>) {
        let (counted, rules) = match self.witness() {
            Ok(witness) => (witness.everybody(now_ms), witness.rules().clone()),
            Err(_) => Default::default(),
        };
        let mut directory = self.directory();
        directory.expire(now_ms);
        let picture = Picture::of(directory.all(), &counted, (&rules, self.bar), now_ms);
        drop(directory);
        let samples = self.samples().iter().copied().collect();
        (picture, samples)
    }

    /// Writes the running day down and takes a sample.
    fn remember(&self, now_ms: u64) -> Result<(), Error> {
        let Ok(mut days) = self.days() else {
            return Ok(());
        };
        days.save(now_ms)?;
        drop(days);
        let (picture, _) = self.picture(now_ms);
        let mut samples = self.samples();
        if samples.len() >= SAMPLES_MAX {
            samples.pop_front();
        }
        samples.push_back(picture.sample());
        Ok(())
    }

    /// Also counts heartbeats and speeds; `file` is where the counts are kept, if they are.
    #[must_use]
    pub fn watching(mut self, witness: Witness, file: Option<PathBuf>) -> Self {
        let witness = Mutex::new(witness);
        self.counts = Some(Counts { witness, file });
        self
    }

    /// The counts, if this hub counts. Like the directory, one insert a change.
    fn witness(&self) -> Result<MutexGuard<'_, Witness>, Error> {
        let counts = self.counts.as_ref();
        let counts = counts.ok_or(Error::NotKept { what: "counts" })?;
        let lock = counts.witness.lock();
        Ok(lock.unwrap_or_else(PoisonError::into_inner))
    }

    /// The directory. A panic elsewhere cannot leave it half-changed: every change is one insert
    /// or one removal.
    fn directory(&self) -> MutexGuard<'_, Directory> {
        self.directory
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
    }

    /// Hosts listed now.
    #[must_use]
    pub fn len(&self) -> usize {
        self.directory().len()
    }

    /// Whether nobody is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.directory().is_empty()
    }

    /// Answers one request of `from` at `now_ms`. Pure but for the directory.
    pub fn answer(
        &self,
        from: impl Into<Caller>,
        request: HubRequest,
        now_ms: u64,
    ) -> Result<HubReply, Error> {
        let caller = from.into();
        let from = caller.peer;
        match request {
            HubRequest::Announce(announcement) => {
                let (version, leaving) = {
                    let offer = &announcement.offer;
                    (offer.version.clone(), offer.leaving)
                };
                self.directory().announce(from, announcement, now_ms)?;
                if !leaving && let Ok(mut witness) = self.witness() {
                    witness.beat(caller, &version, now_ms);
                }
                if !leaving && let Ok(mut days) = self.days() {
                    days.beat(from, now_ms)?;
                }
                Ok(HubReply::Listed)
            }
            HubRequest::Counts { after, limit } => {
                let page = self.witness()?.page(after, limit, now_ms);
                Ok(HubReply::Counts(page))
            }
            HubRequest::Look { peer } => {
                let (statement, speeds, groups) = self.witness()?.look(&peer, now_ms);
                Ok(HubReply::Looked {
                    statement,
                    speeds,
                    groups,
                })
            }
            HubRequest::Speed(word) => {
                self.witness()?.speed(*word, caller.near, now_ms)?;
                Ok(HubReply::Listed)
            }
            HubRequest::Day { day } => Ok(HubReply::Day(self.day_proof(&from, day, now_ms)?)),
            HubRequest::Query { after, limit } => {
                let page = self.directory().page(after, limit, now_ms);
                Ok(HubReply::Page {
                    hosts: page.hosts,
                    more: page.more,
                })
            }
            HubRequest::Find { peer } => Ok(HubReply::Page {
                hosts: self.directory().find(&peer, now_ms).into_iter().collect(),
                more: false,
            }),
        }
    }

    /// Forgets the outdated and writes the rest down.
    pub fn save(&self, now_ms: u64) -> Result<(), Error> {
        let mut directory = self.directory();
        let gone = directory.expire(now_ms);
        let count = directory.len();
        let bytes = self.file.is_some().then(|| snapshot::encode(&directory));
        drop(directory);
        tracing::debug!(gone, count, "directory saved");
        if let (Some(file), Some(bytes)) = (&self.file, bytes) {
            snapshot::save(file, &bytes)?;
        }
        if let Some(file) = self.counts.as_ref().and_then(|counts| counts.file.as_ref()) {
            let bytes = snapshot::encode_counts(&*self.witness()?);
            snapshot::save(file, &bytes)?;
        }
        self.remember(now_ms)
    }

    /// Holds one conversation to its end.
    pub async fn converse(
        &self,
        mut frames: Box<dyn Frames>,
        clock: &dyn Clock,
    ) -> Result<(), LinkError> {
        let from = Caller {
            peer: frames.peer(),
            near: frames.origin().map(Neighbourhood::of),
        };
        for _ in 0..REQUESTS_MAX {
            let Some(frame) = frames.recv().await? else {
                break;
            };
            let answer = match read(frame) {
                Ok(request) => self.answer(from, request, clock.wall_ms()),
                Err(error) => Err(error.into()),
            };
            match answer {
                Ok(reply) => frames.send(wire::message(&reply)).await?,
                Err(error) => {
                    tracing::debug!(peer = %from.peer, err = %error, "request refused");
                    frames.send(wire::message(&refusal(&error))).await?;
                    break;
                }
            }
        }
        frames.close().await
    }
}

fn read(frame: bytes::Bytes) -> Result<HubRequest, host_core::Error> {
    match wire::parse(frame)? {
        Frame::Message(bytes) => codec::from_bytes("hub request", &bytes),
        Frame::Body(_) => Err(host_core::Error::Encoding {
            what: "hub request",
        }),
    }
}

/// Tells a peer why not; what went wrong inside stays inside.
fn refusal(error: &Error) -> HubReply {
    let code = error.code();
    let text = match code {
        RefusalCode::Internal => "the hub could not answer".to_owned(),
        _ => error.to_string(),
    };
    HubReply::Refused(Refusal { code, text })
}

/// Serves inbound conversations until `stop` says true or the node ends; then writes the
/// directory down. Every task it starts has ended when it returns.
pub async fn serve(
    hub: Arc<Hub>,
    mut inlet: Inlet,
    clock: Arc<dyn Clock>,
    mut stop: watch::Receiver<bool>,
) -> Result<(), Error> {
    let places = Arc::new(Semaphore::new(CONVERSATIONS_MAX));
    let mut talks = JoinSet::new();
    let mut saving = clock.sleep(SAVE_EVERY);
    loop {
        tokio::select! {
            () = told(&mut stop) => break,
            () = &mut saving => {
                saving = clock.sleep(SAVE_EVERY);
                if let Err(error) = save(&hub, clock.wall_ms()).await {
                    tracing::error!(err = %error, "directory could not be saved");
                }
            }
            Some(_) = talks.join_next() => {}
            inbound = next(&mut inlet, &places) => {
                let Some((inbound, place)) = inbound else { break };
                let (hub, clock) = (Arc::clone(&hub), Arc::clone(&clock));
                talks.spawn(async move {
                    let peer = inbound.frames.peer();
                    if let Err(error) = hub.converse(inbound.frames, &*clock).await {
                        tracing::debug!(%peer, err = %error, "conversation broke");
                    }
                    drop(place);
                });
            }
        }
    }
    talks.shutdown().await;
    save(&hub, clock.wall_ms()).await
}

/// Completes when the owner says stop, or is gone.
async fn told(stop: &mut watch::Receiver<bool>) {
    let _ = stop.wait_for(|told| *told).await;
}

/// The next conversation once there is a place for it.
async fn next(
    inlet: &mut Inlet,
    places: &Arc<Semaphore>,
) -> Option<(host_net::Inbound, tokio::sync::OwnedSemaphorePermit)> {
    let place = Arc::clone(places).acquire_owned().await.ok()?;
    Some((inlet.next().await?, place))
}

/// Saves on a thread that may wait for the disk.
async fn save(hub: &Arc<Hub>, now_ms: u64) -> Result<(), Error> {
    let hub = Arc::clone(hub);
    tokio::task::spawn_blocking(move || hub.save(now_ms))
        .await
        .unwrap_or(Ok(()))
}

#[cfg(test)]
mod tests;
