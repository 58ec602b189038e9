//! The network of a run: conversations between a renter or a host and those who serve, over wires
//! that are slow, break, are cut in the middle of a frame's way, or change a byte.
//!
//! Invariants of the seam hold here too: frames arrive whole and in order, three are in flight at
//! most, an end that was not said is a break, and silence of half a minute ends a conversation.
//! Does not: know what a frame says, except whether it is a run of body that a liar may change.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use host_core::PeerId;
use host_core::limits;
use host_core::seams::{BoxFuture, Clock, Frames, LinkError, PeerAddr, Peers};
use host_core::wire::{self, Frame, Protocol};
use tokio::sync::mpsc;

use crate::lock;
use crate::time::{Owner, Time};

/// Frames in flight one way.
const IN_FLIGHT: usize = 3;

/// How the way to one peer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Way {
    /// What a frame takes.
    pub(crate) delay: Duration,
    /// Nothing passes.
    pub(crate) cut: bool,
    /// Bytes of body that leave the peer are not those it has.
    pub(crate) lies: bool,
    /// Bytes of body that reach the peer are not those that were sent.
    pub(crate) garbles: bool,
}

/// Serves a conversation that reached a peer; it spawns what it needs.
pub(crate) type Door = Arc<dyn Fn(Protocol, Box<dyn Frames>) + Send + Sync>;

struct Place {
    owner: Owner,
    way: Way,
    door: Option<Door>,
    /// Counts how often every conversation of the peer broke.
    breaks: u64,
}

/// Everybody's whereabouts; clones share them.
#[derive(Clone)]
pub(crate) struct Streets {
    time: Time,
    places: Arc<Mutex<BTreeMap<PeerId, Place>>>,
}

impl Streets {
    pub(crate) fn new(time: &Time) -> Self {
        Self {
            time: time.clone(),
            places: Arc::default(),
        }
    }

    /// A peer lives here from now on; nobody opens yet.
    pub(crate) fn settle(&self, peer: PeerId, owner: Owner, delay: Duration) {
        let way = Way {
            delay,
            cut: false,
            lies: false,
            garbles: false,
        };
        let place = Place {
            owner,
            way,
            door: None,
            breaks: 0,
        };
        lock(&self.places).insert(peer, place);
    }

    /// Opens the door of a peer, or closes it; what was under way breaks when it closes.
    pub(crate) fn door(&self, peer: &PeerId, door: Option<Door>) {
        if let Some(place) = lock(&self.places).get_mut(peer) {
            place.breaks += u64::from(door.is_none());
            place.door = door;
        }
    }

    /// Changes the way to a peer. A cut breaks what is under way.
    pub(crate) fn change(&self, peer: &PeerId, change: impl FnOnce(&mut Way)) {
        if let Some(place) = lock(&self.places).get_mut(peer) {
            change(&mut place.way);
            place.breaks += u64::from(place.way.cut);
        }
    }

    fn of<T>(&self, peer: &PeerId, read: impl FnOnce(&Place) -> T) -> Option<T> {
        lock(&self.places).get(peer).map(read)
    }

    /// The network as `own` sees it.
    pub(crate) fn seen_by(&self, own: PeerId) -> View {
        View {
            streets: self.clone(),
            own,
        }
    }
}

/// One peer's sight of the streets.
pub(crate) struct View {
    streets: Streets,
    own: PeerId,
}

enum Item {
    Frame(Bytes),
    End,
}

/// One end of a wire.
struct Wire {
    streets: Streets,
    /// Who is on the other side.
    peer: PeerId,
    /// Whose way the frames take, and its count of breaks when the wire was made.
    way: (PeerId, u64),
    /// Frames from the served peer may be changed on the way.
    far: bool,
    out: Option<mpsc::Sender<(Duration, Item)>>,
    into: mpsc::Receiver<(Duration, Item)>,
    held: Option<(Duration, Item)>,
    ended: bool,
}

impl Wire {
    fn broken(&self) -> LinkError {
        LinkError::Broken {
            peer: self.peer,
            why: "cut".into(),
        }
    }

    /// How the way is now; none when it broke since the wire was made.
    fn whole(&self) -> Option<Way> {
        let (peer, breaks) = &self.way;
        let way = self.streets.of(peer, |place| (place.way, place.breaks));
        way.filter(|(way, seen)| seen == breaks && !way.cut)
            .map(|(way, _)| way)
    }

    async fn put(&mut self, item: Item) -> Result<(), LinkError> {
        let way = self.whole().ok_or_else(|| self.broken())?;
        let due = self.streets.time.monotonic() + way.delay;
        let item = match item {
            Item::Frame(frame) if (self.far && way.lies) || (!self.far && way.garbles) => {
                Item::Frame(changed(frame))
            }
            item => item,
        };
        let out = self.out.clone().ok_or_else(|| self.broken())?;
        let idle = self.streets.time.sleep(limits::SESSION_IDLE);
        let sent = out.send((due, item));
        tokio::select! {
            biased;
            sent = sent => sent.map_err(|_| self.broken()),
            () = idle => Err(self.silent()),
        }
    }

    fn silent(&self) -> LinkError {
        LinkError::Silent {
            peer: self.peer,
            seconds: limits::SESSION_IDLE.as_secs(),
        }
    }

    async fn take(&mut self) -> Result<Option<Bytes>, LinkError> {
        if self.ended {
            return Ok(None);
        }
        if self.held.is_none() {
            let idle = self.streets.time.sleep(limits::SESSION_IDLE);
            let next = tokio::select! {
                biased;
                next = self.into.recv() => next,
                () = idle => return Err(self.silent()),
            };
            self.held = Some(next.ok_or_else(|| self.broken())?);
        }
        let due = self.held.as_ref().map_or(Duration::ZERO, |(due, _)| *due);
        let now = self.streets.time.monotonic();
        if due > now {
            self.streets.time.sleep(due - now).await;
        }
        self.whole().ok_or_else(|| self.broken())?;
        match self.held.take() {
            Some((_, Item::Frame(frame))) => Ok(Some(frame)),
            _ => {
                self.ended = true;
                Ok(None)
            }
        }
    }
}

/// The same frame with another byte, where it is a run of body.
fn changed(frame: Bytes) -> Bytes {
    match wire::parse(frame.clone()) {
        Ok(Frame::Body(body)) if !body.is_empty() => {
            let mut body = body.to_vec();
            let middle = body.len() / 2;
            if let Some(byte) = body.get_mut(middle) {
                *byte ^= 1;
            }
            wire::body(&body).unwrap_or(frame)
        }
        _ => frame,
    }
}

impl Frames for Wire {
    fn peer(&self) -> PeerId {
        self.peer
    }

    fn send(&mut self, frame: Bytes) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(self.put(Item::Frame(frame)))
    }

    fn recv(&mut self) -> BoxFuture<'_, Result<Option<Bytes>, LinkError>> {
        Box::pin(self.take())
    }

    fn close(&mut self) -> BoxFuture<'_, Result<(), LinkError>> {
        Box::pin(async move {
            if self.out.is_some() {
                self.put(Item::End).await?;
            }
            self.out = None;
            Ok(())
        })
    }
}

impl Peers for View {
    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        protocol: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>> {
        Box::pin(async move {
            let unreachable = |why: &str| LinkError::Unreachable {
                peer: to.peer,
                why: why.into(),
            };
            let streets = &self.streets;
            let seen = streets.of(&to.peer, |place| (place.way, place.breaks, place.owner));
            let (way, breaks, _) = seen.ok_or_else(|| unreachable("lives nowhere"))?;
            streets.time.sleep(way.delay * 2).await;
            let door = streets.of(&to.peer, |place| place.door.clone()).flatten();
            let standing = streets.of(&to.peer, |place| place.breaks == breaks && !place.way.cut);
            if standing != Some(true) {
                streets.time.sleep(limits::DIAL_TIMEOUT).await;
                return Err(unreachable("no answer"));
            }
            let door = door.ok_or_else(|| unreachable("refused"))?;
            let (ours, theirs) = (mpsc::channel(IN_FLIGHT), mpsc::channel(IN_FLIGHT));
            let wire = |peer, far, out, into| Wire {
                streets: streets.clone(),
                peer,
                way: (to.peer, breaks),
                far,
                out: Some(out),
                into,
                held: None,
                ended: false,
            };
            door(protocol, Box::new(wire(self.own, true, theirs.0, ours.1)));
            Ok(Box::new(wire(to.peer, false, ours.0, theirs.1)) as Box<dyn Frames>)
        })
    }
}
