//! How many connections one machine may make to us: peer ids cost nothing, so a bound by peer
//! alone lets one address take every place of a node. Counted by IPv4 address and by IPv6 /64 (the
//! smallest network a customer gets). A private network has no such bound: there one address is
//! many honest nodes.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::task::{Context, Poll};

use libp2p::core::Endpoint;
use libp2p::core::transport::PortUse;
use libp2p::multiaddr::Protocol as Part;
use libp2p::swarm::behaviour::{ConnectionClosed, ListenFailure};
use libp2p::swarm::{
    ConnectionDenied, ConnectionId, FromSwarm, NetworkBehaviour, THandler, THandlerInEvent,
    THandlerOutEvent, ToSwarm, dummy,
};
use libp2p::{Multiaddr, PeerId};

/// Why a connection from a crowded address is refused.
#[derive(Debug, thiserror::Error)]
#[error("{place} has {bound} connections here, its bound")]
struct Crowded {
    place: IpAddr,
    bound: usize,
}

/// Counts inbound connections by where they come from.
pub(crate) struct Crowd {
    bound: Option<usize>,
    counts: HashMap<IpAddr, usize>,
    places: HashMap<ConnectionId, IpAddr>,
}

impl Crowd {
    /// At most `bound` connections from one place, or any number without a bound.
    pub(crate) fn new(bound: Option<usize>) -> Self {
        Self {
            bound,
            counts: HashMap::new(),
            places: HashMap::new(),
        }
    }

    /// Counts one in. Errors when its place is full.
    fn enter(&mut self, connection: ConnectionId, from: &Multiaddr) -> Result<(), Crowded> {
        let (Some(bound), Some(place)) = (self.bound, place(from)) else {
            return Ok(());
        };
        let count = self.counts.entry(place).or_default();
        if *count >= bound {
            return Err(Crowded { place, bound });
        }
        *count += 1;
        self.places.insert(connection, place);
        Ok(())
    }

    /// Counts one out, if it was in.
    fn leave(&mut self, connection: ConnectionId) {
        let Some(place) = self.places.remove(&connection) else {
            return;
        };
        if let Some(count) = self.counts.get_mut(&place) {
            *count -= 1;
            if *count == 0 {
                self.counts.remove(&place);
            }
        }
    }
}

/// The address a connection is counted under.
fn place(from: &Multiaddr) -> Option<IpAddr> {
    match from.iter().next()? {
        Part::Ip4(ip) => Some(ip.into()),
        Part::Ip6(ip) => match ip.to_ipv4_mapped() {
            Some(inner) => Some(inner.into()),
            None => {
                let [a, b, c, d, ..] = ip.segments();
                Some(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0).into())
            }
        },
        _ => None,
    }
}

impl NetworkBehaviour for Crowd {
    type ConnectionHandler = dummy::ConnectionHandler;
    type ToSwarm = std::convert::Infallible;

    fn handle_pending_inbound_connection(
        &mut self,
        connection: ConnectionId,
        _: &Multiaddr,
        from: &Multiaddr,
    ) -> Result<(), ConnectionDenied> {
        self.enter(connection, from).map_err(ConnectionDenied::new)
    }

    fn handle_established_inbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: &Multiaddr,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn handle_established_outbound_connection(
        &mut self,
        _: ConnectionId,
        _: PeerId,
        _: &Multiaddr,
        _: Endpoint,
        _: PortUse,
    ) -> Result<THandler<Self>, ConnectionDenied> {
        Ok(dummy::ConnectionHandler)
    }

    fn on_swarm_event(&mut self, event: FromSwarm<'_>) {
        match event {
            FromSwarm::ConnectionClosed(ConnectionClosed { connection_id, .. })
            | FromSwarm::ListenFailure(ListenFailure { connection_id, .. }) => {
                self.leave(connection_id);
            }
            _ => {}
        }
    }

    fn on_connection_handler_event(
        &mut self,
        _: PeerId,
        _: ConnectionId,
        event: THandlerOutEvent<Self>,
    ) {
        match event {}
    }

    fn poll(&mut self, _: &mut Context<'_>) -> Poll<ToSwarm<Self::ToSwarm, THandlerInEvent<Self>>> {
        Poll::Pending
    }
}

#[cfg(test)]
mod tests;
