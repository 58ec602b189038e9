//! How a node is found by others where not everybody can dial it, and what it does for such nodes.
//!
//! Enters: the key of a private network, relays, what a relay may carry and for whom. Leaves: the
//! behaviours that do it (`Reach` keeps what they find). Invariants: a relay
//! reserves places for listed peers alone, and no circuit outlives its bytes or its time; an
//! address counts as reachable only after another node dialled it from a fresh port. A reservation
//! is kept and told where an address was proven too: its connection is what holds a router's
//! mapping open, and a proof is never taken back. Who dials gives direct addresses a head start.
//! Does not: choose relays, or trust one with anything but ciphertext.

use std::collections::HashSet;
use std::time::{Duration, Instant};

use host_core::PeerId;
use host_core::network::Network;
use libp2p::core::transport::ListenerId;
use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::behaviour::toggle::Toggle;
use libp2p::{Multiaddr, autonat, dcutr, relay};

use crate::error::Error;
use crate::inside::Inside;
use crate::keys;
use crate::policy;
use crate::swarm_key::SwarmKey;

/// Between two tries to get a place at a relay.
pub(crate) const RETRY: Duration = Duration::from_secs(5);
/// Relays a node holds a place at.
const RELAYS_MAX: usize = 2;
/// Hosts a relay holds places for where every member of the network may have one.
const MEMBERS_MAX: usize = 1024;
/// Circuits at once that begin or end at one peer: a renter reaches its hosts, one each.
const CIRCUITS_OF_PEER_MAX: usize = 64;
/// How long a dial through a relay waits for direct ones to succeed.
pub(crate) const HEAD_START: Duration = Duration::from_millis(400);
/// How long a reservation lasts before it must be renewed.
const RESERVATION: Duration = Duration::from_secs(600);

/// What is shared, used and served beside the protocols of `Options`.
#[derive(Debug, Clone, Default)]
pub struct Ways {
    /// The key the members of a private network share.
    pub swarm_key: Option<SwarmKey>,
    /// The networks shards stay inside.
    pub inside: Inside,
    /// Relays this node is to be reached through where nobody can dial it, as multiaddresses that
    /// end in `/p2p/<peer id>`; the first two are used. Empty for a node that is found otherwise,
    /// or by nobody.
    pub relays: Vec<String>,
    /// What this node carries as a relay, if it is one; it then also tells others whether they can
    /// be dialled.
    pub relaying: Option<Relaying>,
}

impl Ways {
    /// What a network file says to each of its members, beside their shared key. Errors when an
    /// inside network of it does not read.
    pub fn of(network: &Network, swarm_key: Option<SwarmKey>) -> Result<Self, Error> {
        Ok(Self {
            swarm_key,
            inside: Inside::read(&network.services.inside)?,
            ..Self::default()
        })
    }
}

/// What a relay carries, and for whom.
#[derive(Debug, Clone)]
pub struct Relaying {
    /// Who may be reached through it; without a list every member of a network that shares a key,
    /// and nobody where none is shared.
    pub peers: Option<Vec<PeerId>>,
    /// Circuits at once; at most 64 that begin or end at one peer.
    pub circuits: usize,
    /// Bytes of one circuit, both directions together; not 0.
    pub circuit_bytes: u64,
    /// Life of one circuit; at most 2^32 - 1 seconds.
    pub circuit_time: Duration,
}

/// Connections made since the start, by the way they took.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Links {
    /// Without a relay.
    pub direct: u64,
    /// Through a relay.
    pub relayed: u64,
    /// Of the direct ones, those opened after words over a relay: a hole was punched.
    pub punched: u64,
}

/// The behaviours of all that.
#[derive(libp2p::swarm::NetworkBehaviour)]
pub(crate) struct Routes {
    client: relay::client::Behaviour,
    relay: Toggle<relay::Behaviour>,
    punch: Toggle<dcutr::Behaviour>,
    probe: Toggle<autonat::v2::client::Behaviour>,
    probed: Toggle<autonat::v2::server::Behaviour>,
}

impl Routes {
    pub(crate) fn new(me: libp2p::PeerId, client: relay::client::Behaviour, ways: &Ways) -> Self {
        let found = ways.relaying.is_none();
        Self {
            client,
            relay: ways
                .relaying
                .as_ref()
                .map(|of| serving(me, of, ways.swarm_key.is_some()))
                .into(),
            punch: found.then(|| dcutr::Behaviour::new(me)).into(),
            probe: (!ways.relays.is_empty())
                .then(autonat::v2::client::Behaviour::default)
                .into(),
            probed: (!found)
                .then(autonat::v2::server::Behaviour::default)
                .into(),
        }
    }
}

fn serving(me: libp2p::PeerId, of: &Relaying, among_members: bool) -> relay::Behaviour {
    let listed = of.peers.iter().flatten();
    let peers: HashSet<_> = listed.filter_map(keys::outward).collect();
    let everybody = of.peers.is_none() && among_members;
    let hosts = if everybody { MEMBERS_MAX } else { peers.len() };
    let config = relay::Config {
        max_reservations: hosts.saturating_mul(2),
        max_reservations_per_peer: 2,
        reservation_duration: RESERVATION,
        // Those reserve, nobody else.
        reservation_rate_limiters: vec![Box::new(
            move |peer: libp2p::PeerId, _: &Multiaddr, _: Instant| {
                everybody || peers.contains(&peer)
            },
        )],
        max_circuits: of.circuits,
        max_circuits_per_peer: of.circuits.min(CIRCUITS_OF_PEER_MAX),
        max_circuit_duration: of.circuit_time.min(Duration::from_secs(u32::MAX.into())),
        // None would be no bound.
        max_circuit_bytes: of.circuit_bytes.max(1),
        circuit_src_rate_limiters: Vec::new(),
    };
    let mut relay = relay::Behaviour::new(me, config);
    relay.set_status(Some(relay::Status::Enable));
    relay
}

/// Places at relays, as the task keeps them.
#[derive(Debug, Default)]
pub(crate) struct Places(Vec<(Multiaddr, Option<ListenerId>)>);

impl Places {
    /// Reads the relays. Errors: an address that is none, or names no peer.
    pub(crate) fn of(ways: &Ways) -> Result<Self, Error> {
        let places = ways.relays.iter().take(RELAYS_MAX).map(|text| {
            let wrong = |why| Error::Address {
                address: text.clone(),
                why,
            };
            let whole: Multiaddr = text.parse().map_err(|_| wrong("not a multiaddress"))?;
            let bare: Multiaddr = whole
                .iter()
                .filter(|part| !matches!(part, Part::P2p(_)))
                .collect();
            policy::read(&bare.to_string()).map_err(wrong)?;
            if !matches!(whole.iter().last(), Some(Part::P2p(_))) {
                return Err(wrong("a relay ends in /p2p/ and its peer id"));
            }
            Ok((whole.with(Part::P2pCircuit), None))
        });
        places.collect::<Result<_, _>>().map(Self)
    }

    /// Whether there is any relay to try.
    pub(crate) fn any(&self) -> bool {
        !self.0.is_empty()
    }

    /// Where a place is still missing, and where to note who listens there.
    pub(crate) fn missing(&mut self) -> impl Iterator<Item = &mut (Multiaddr, Option<ListenerId>)> {
        self.0.iter_mut().filter(|(_, listener)| listener.is_none())
    }

    /// A listener ended: its place is missing again.
    pub(crate) fn lost(&mut self, gone: ListenerId) {
        for (_, listener) in &mut self.0 {
            if *listener == Some(gone) {
                *listener = None;
            }
        }
    }
}

/// Whether an address leads through a relay.
pub(crate) fn is_circuit(address: &Multiaddr) -> bool {
    address.iter().any(|part| part == Part::P2pCircuit)
}

/// An address without the peer it ends at.
pub(crate) fn without_end(address: &Multiaddr) -> Multiaddr {
    let mut bare = address.clone();
    if let Some(end) = bare.pop()
        && !matches!(end, Part::P2p(_))
    {
        bare.push(end);
    }
    bare
}

#[cfg(test)]
mod tests;
