//! Who talks to whom: opens streams over live connections, shares one dial among all who wait
//! for the same peer, bounds dials and inbound streams. One `Opening` gets exactly one answer;
//! when its connection goes away first, the answer is the dropped channel, and the caller tries
//! once more. What it deliberately does not do: read or write a stream.

mod handler;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};

use futures::channel::mpsc;
use host_core::limits;
use host_core::wire::Protocol;
use libp2p::core::transport::PortUse;
use libp2p::core::{ConnectedPoint, Endpoint};
use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::behaviour::{ConnectionClosed, ConnectionEstablished};
use libp2p::swarm::dial_opts::{DialOpts, PeerCondition};
use libp2p::swarm::{
    CloseConnection, ConnectionDenied, ConnectionId, DialError, DialFailure, FromSwarm,
    NetworkBehaviour, NotifyHandler, Stream, THandler, THandlerInEvent, THandlerOutEvent, ToSwarm,
};
use libp2p::{Multiaddr, PeerId};
use tokio::sync::{Semaphore, oneshot};

use handler::Handler;
pub(crate) use handler::{Accepted, Places};

use crate::inside::Inside;
use crate::keys;
use crate::options::Bounds;

/// One wish for a stream.
#[derive(Debug)]
pub(crate) struct Opening {
    /// To whom.
    pub(crate) peer: PeerId,
    /// Where the peer may be dialled; already judged by the policy.
    pub(crate) addresses: Vec<Multiaddr>,
    /// For which conversation.
    pub(crate) protocol: Protocol,
    /// Whether it must stay inside; then its addresses are judged for that too.
    pub(crate) inside: bool,
    /// The one answer.
    pub(crate) answer: oneshot::Sender<Result<Wanted, NoStream>>,
    /// Taken when a connection is to carry it, so that the peer counts as busy from then on.
    pub(crate) places: Places,
}

/// A stream that was asked for.
#[derive(Debug)]
pub(crate) struct Wanted {
    /// The stream.
    pub(crate) stream: Stream,
    /// Given back when the conversation ends.
    pub(crate) places: Places,
}

/// Why there is no stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum NoStream {
    /// The peer does not speak the protocol.
    Unsupported,
    /// The connection did not answer; it is being closed.
    Dead,
    /// There is no connection and no address to dial.
    NoAddress,
    /// A bound of ours refused the connection.
    Bound(String),
    /// No address answered as this peer.
    Undialled(String),
    /// An address was reached or not; who may be there says nothing we understand.
    Strange(String),
}

/// What is known of a connected peer.
struct Linked {
    connections: Vec<Connection>,
    /// Places of streams the peer opened; bounded.
    streams: Arc<Semaphore>,
    /// Places of streams we opened; only counted.
    wanted: Arc<Semaphore>,
}

/// A connection, and what may go over it.
#[derive(Debug, Clone, Copy)]
struct Connection {
    id: ConnectionId,
    /// Both ends lie inside.
    inside: bool,
    /// It goes through a relay.
    relayed: bool,
}

/// Who waits for which kind of connection: to a peer, and whether it must be inside.
type Wait = (PeerId, bool);

/// Places of the streams we open to one peer: never reached, the callers are bounded.
const WANTED_MAX: usize = 1 << 16;

impl Linked {
    /// Whether no stream joins us to the peer, in either direction.
    fn is_idle(&self, bounds: &Bounds) -> bool {
        self.streams.available_permits() == bounds.streams_per_peer
            && self.wanted.available_permits() == WANTED_MAX
    }
}

/// The behaviour that carries conversations.
pub(crate) struct Talk {
    served: Arc<[Protocol]>,
    accepted: mpsc::Sender<Accepted>,
    bounds: Bounds,
    streams: Arc<Semaphore>,
    linked: HashMap<PeerId, Linked>,
    inside: Inside,
    waiting: HashMap<Wait, Vec<Opening>>,
    queue: VecDeque<Wait>,
    dialling: HashMap<ConnectionId, Wait>,
    actions: VecDeque<ToSwarm<std::convert::Infallible, Opening>>,
}

impl Talk {
    /// Serves `served`, handing accepted streams to `accepted`.
    pub(crate) fn new(
        served: Arc<[Protocol]>,
        accepted: mpsc::Sender<Accepted>,
        bounds: Bounds,
        inside: Inside,
    ) -> Self {
        Self {
            served,
            accepted,
            bounds,
            inside,
            streams: Arc::new(Semaphore::new(bounds.streams)),
            linked: HashMap::new(),
            waiting: HashMap::new(),
            queue: VecDeque::new(),
            dialling: HashMap::new(),
            actions: VecDeque::new(),
        }
    }

    /// Takes a wish: over a live connection, with the dial in flight, or with a new dial.
    pub(crate) fn open(&mut self, opening: Opening) {
        let wait = (opening.peer, opening.inside);
        if let Some(connection) = self.best(wait) {
            return self.pass(connection, opening);
        }
        if let Some(others) = self.waiting.get_mut(&wait) {
            others.push(opening);
            return;
        }
        if opening.addresses.is_empty() {
            let _ = opening.answer.send(Err(NoStream::NoAddress));
            return;
        }
        self.waiting.insert(wait, vec![opening]);
        self.queue.push_back(wait);
        self.dial_next();
    }

    /// Has others told that we may be at this address, so that they try it.
    pub(crate) fn candidate(&mut self, address: Multiaddr) {
        self.actions
            .push_back(ToSwarm::NewExternalAddrCandidate(address));
    }

    /// Closes a connection that no longer answers.
    pub(crate) fn close(&mut self, peer: PeerId, connection: ConnectionId) {
        self.actions.push_back(ToSwarm::CloseConnection {
            peer_id: peer,
            connection: CloseConnection::One(connection),
        });
    }

    /// Closes the connections of every peer that no stream joins to us; how many peers. Whoever
    /// wants such a peer later dials it again.
    pub(crate) fn close_idle(&mut self) -> usize {
        let idle = self
            .linked
            .iter()
            .filter(|(_, linked)| !linked.connections.is_empty() && linked.is_idle(&self.bounds));
        let before = self.actions.len();
        self.actions
            .extend(idle.map(|(peer, _)| ToSwarm::CloseConnection {
                peer_id: *peer,
                connection: CloseConnection::All,
            }));
        self.actions.len() - before
    }

    /// The direct connection made last, which is the likeliest to be alive; else one over a relay.
    fn best(&self, (peer, inside): Wait) -> Option<ConnectionId> {
        let all = self.linked.get(&peer)?.connections.iter().rev();
        let mut fit = all.filter(|one| one.inside || !inside);
        let newest = fit.next()?;
        let direct = std::iter::once(newest).chain(fit).find(|one| !one.relayed);
        Some(direct.unwrap_or(newest).id)
    }

    fn pass(&mut self, connection: ConnectionId, mut opening: Opening) {
        let wanted = self.linked.get(&opening.peer).map(|one| &one.wanted);
        let place = wanted.and_then(|places| Arc::clone(places).try_acquire_owned().ok());
        opening.places.extend(place);
        self.actions.push_back(ToSwarm::NotifyHandler {
            peer_id: opening.peer,
            handler: NotifyHandler::One(connection),
            event: opening,
        });
    }

    /// Starts queued dials while there is room, skipping those nobody waits for any more.
    fn dial_next(&mut self) {
        while self.dialling.len() < self.bounds.dials {
            let Some(wait) = self.queue.pop_front() else {
                return;
            };
            let Some(openings) = self.waiting.get_mut(&wait) else {
                continue;
            };
            openings.retain(|opening| !opening.answer.is_closed());
            let addresses = everywhere(openings);
            if addresses.is_empty() {
                self.waiting.remove(&wait);
                continue;
            }
            self.dial(wait, addresses);
        }
    }

    /// A new source port each time: reusing the listening one collides with connections of the
    /// same two ends that the kernel still remembers.
    fn dial(&mut self, wait: Wait, addresses: Vec<Multiaddr>) {
        let opts = DialOpts::peer_id(wait.0)
            .condition(PeerCondition::Always)
            .addresses(addresses)
            .allocate_new_port()
            .build();
        self.dialling.insert(opts.connection_id(), wait);
        self.actions.push_back(ToSwarm::Dial { opts });
    }

    fn established(&mut self, event: &ConnectionEstablished<'_>) {
        let (peer, id) = (event.peer_id, event.connection_id);
        self.dialling.remove(&id);
        let inside = self.inside.joins(event.endpoint);
        let relayed = event.endpoint.is_relayed();
        if let Some(linked) = self.linked.get_mut(&peer) {
            linked.connections.push(Connection {
                id,
                inside,
                relayed,
            });
        }
        for needs in [false, true] {
            if inside || !needs {
                for opening in self.waiting.remove(&(peer, needs)).unwrap_or_default() {
                    self.pass(id, opening);
                }
            }
        }
        self.dial_next();
    }

    fn closed(&mut self, event: &ConnectionClosed<'_>) {
        if let Some(linked) = self.linked.get_mut(&event.peer_id) {
            linked
                .connections
                .retain(|one| one.id != event.connection_id);
        }
        if event.remaining_established == 0 {
            self.linked.remove(&event.peer_id);
        }
    }

    /// A dial ended without a connection. When a stranger answered at one address, the others
    /// are still worth a try; else everybody who waited is told.
    fn undialled(&mut self, event: &DialFailure<'_>) {
        // Relays and hole punching dial too; nobody here waits for those.
        let Some(wait) = self.dialling.remove(&event.connection_id) else {
            return;
        };
        if let (DialError::WrongPeerId { address, .. }, Some(openings)) =
            (event.error, self.waiting.get_mut(&wait))
        {
            for opening in openings.iter_mut() {
                opening
                    .addresses
                    .retain(|other| !same_place(other, address));
            }
            let rest = everywhere(openings);
            if !rest.is_empty() {
                self.dial(wait, rest);
                return;
            }
        }
        // A dial that lost the race against an inbound connection disturbs nobody.
        for opening in self.waiting.remove(&wait).unwrap_or_default() {
            let _ = opening.answer.send(Err(reason(event.error)));
        }
        self.dial_next();
    }

    /// What is served over a connection: not everything, where an end of it lies outside.
    fn served_to(&self, inside: bool) -> Arc<[Protocol]> {
        if inside {
            return Arc::clone(&self.served);
        }
        let all = self.served.iter().copied();
        all.filter(|one| !self.inside.holds(*one)).collect()
    }

    /// The stream bound of a peer, one for all its connections.
    fn handler(
        &mut self,
        connection: ConnectionId,
        (peer, origin): (PeerId, Option<IpAddr>),
        inside: bool,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let Some(name) = keys::inward(&peer) else {
            return Err(ConnectionDenied::new(std::io::Error::other(
                "the peer's key is not secp256k1",
            )));
        };
        let served = self.served_to(inside);
        let bound = self.bounds.streams_per_peer;
        let linked = self.linked.entry(peer).or_insert_with(|| Linked {
            connections: Vec::new(),
            streams: Arc::new(Semaphore::new(bound)),
            wanted: Arc::new(Semaphore::new(WANTED_MAX)),
        });
        Ok(Handler::new(
            (name, origin),
            connection,
            served,
            self.accepted.clone(),
            [Arc::clone(&linked.streams), Arc::clone(&self.streams)],
            self.bounds.dial_timeout / 2,
        ))
    }
}

/// Where a connection comes from; none over a relay, whose address says nothing of the peer.
fn origin(address: &Multiaddr) -> Option<IpAddr> {
    let mut parts = address.iter();
    let ip = match parts.next()? {
        Part::Ip4(ip) => ip.into(),
        Part::Ip6(ip) => ip.into(),
        _ => return None,
    };
    (!parts.any(|part| part == Part::P2pCircuit)).then_some(ip)
}

/// Every address that those who wait know, each once.
fn everywhere(openings: &[Opening]) -> Vec<Multiaddr> {
    let mut all: Vec<Multiaddr> = Vec::new();
    for address in openings.iter().flat_map(|opening| &opening.addresses) {
        if !all.contains(address) && all.len() < limits::ADDRS_MAX {
            all.push(address.clone());
        }
    }
    all
}

/// Whether two addresses are one, a trailing peer id aside.
fn same_place(one: &Multiaddr, other: &Multiaddr) -> bool {
    let bare = |address: &Multiaddr| {
        address
            .iter()
            .filter(|part| !matches!(part, libp2p::multiaddr::Protocol::P2p(_)))
            .collect::<Multiaddr>()
    };
    bare(one) == bare(other)
}

/// A dial's failure in words for the one who asked.
fn reason(error: &DialError) -> NoStream {
    match error {
        DialError::Denied { cause } => NoStream::Bound(deepest(cause)),
        DialError::WrongPeerId { obtained, address } => {
            NoStream::Undialled(format!("{address} is {obtained}"))
        }
        DialError::Transport(tries) => match tries.last() {
            Some((address, error)) if is_network(error) => {
                NoStream::Undialled(format!("{address}: {}", deepest(error)))
            }
            Some((address, error)) => NoStream::Strange(format!("{address}: {}", deepest(error))),
            None => NoStream::Undialled(String::new()),
        },
        other => NoStream::Undialled(other.to_string()),
    }
}

/// Whether the kernel could not reach the other side, rather than the two not understanding.
fn is_network(error: &(dyn std::error::Error + 'static)) -> bool {
    let mut cause = Some(error);
    while let Some(inner) = cause {
        if let Some(io) = inner.downcast_ref::<std::io::Error>()
            && io.raw_os_error().is_some()
        {
            return io.kind() != std::io::ErrorKind::ConnectionReset;
        }
        cause = inner.source();
    }
    false
}

/// The innermost cause: the outer ones only say that there was one.
fn deepest(error: &(dyn std::error::Error + 'static)) -> String {
    let mut cause = error;
    while let Some(inner) = cause.source() {
        cause = inner;
    }
    cause.to_string()
}

impl NetworkBehaviour for Talk {
    type ConnectionHandler = Handler;
    type ToSwarm = std::convert::Infallible;

    fn handle_established_inbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        local_addr: &Multiaddr,
        send_back_addr: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let ends = ConnectedPoint::Listener {
            local_addr: local_addr.clone(),
            send_back_addr: send_back_addr.clone(),
        };
        let origin = origin(send_back_addr);
        self.handler(connection, (peer, origin), self.inside.joins(&ends))
    }

    fn handle_established_outbound_connection(
        &mut self,
        connection: ConnectionId,
        peer: PeerId,
        address: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        let is_inside = self.inside.admit(address).is_ok();
        self.handler(connection, (peer, origin(address)), is_inside)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionEstablished(event) => self.established(&event),
            FromSwarm::ConnectionClosed(event) => self.closed(&event),
            FromSwarm::DialFailure(event) => self.undialled(&event),
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        peer: PeerId,
        connection: ConnectionId,
        handler::Silent: THandlerOutEvent<Self>,
    ) {
        self.close(peer, connection);
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        // Wishes arrive between two polls of the swarm and events during one, so there is nothing
        // to wake for.
        self.actions.pop_front().map_or(Poll::Pending, Poll::Ready)
    }
}
