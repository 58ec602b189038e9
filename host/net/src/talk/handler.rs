//! One connection's part of the talk: negotiates a protocol for every stream wanted here or there.
//! An inbound stream takes a place of the peer's and of the node's bound before it is accepted
//! and keeps both as long as it lives; without a place it is reset. Accepted streams wait in
//! line (never more than there are places) until their reader takes them.

use std::collections::VecDeque;
use std::convert::Infallible;
use std::future::{Ready, ready};
use std::net::IpAddr;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use futures::channel::mpsc;
use host_core::PeerId;
use host_core::wire::Protocol;
use libp2p::StreamProtocol;
use libp2p::core::upgrade::{InboundUpgrade, ReadyUpgrade, UpgradeInfo};
use libp2p::swarm::handler::{
    ConnectionEvent, DialUpgradeError, FullyNegotiatedInbound, FullyNegotiatedOutbound,
};
use libp2p::swarm::{
    ConnectionHandler, ConnectionHandlerEvent, ConnectionId, Stream, StreamUpgradeError,
    SubstreamProtocol,
};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{NoStream, Opening, Wanted};

/// The places a live inbound stream holds.
pub(crate) type Places = Vec<OwnedSemaphorePermit>;

/// An inbound stream on its way to its reader.
#[derive(Debug)]
pub(crate) struct Accepted {
    /// Who opened it.
    pub(crate) peer: PeerId,
    /// Where its connection comes from.
    pub(crate) origin: Option<IpAddr>,
    /// For which conversation.
    pub(crate) protocol: Protocol,
    /// The stream.
    pub(crate) stream: Stream,
    /// Given back when the conversation ends.
    pub(crate) places: Places,
}

/// Said to the behaviour when the other end of a connection does not negotiate any more.
#[derive(Debug)]
pub(crate) struct Silent;

/// One connection.
pub(crate) struct Handler {
    peer: PeerId,
    origin: Option<IpAddr>,
    connection: ConnectionId,
    served: Served,
    accepted: mpsc::Sender<Accepted>,
    bounds: [Arc<Semaphore>; 2],
    timeout: Duration,
    openings: VecDeque<Opening>,
    line: VecDeque<Accepted>,
    silent: bool,
}

impl Handler {
    pub(super) fn new(
        (peer, origin): (PeerId, Option<IpAddr>),
        connection: ConnectionId,
        served: Arc<[Protocol]>,
        accepted: mpsc::Sender<Accepted>,
        bounds: [Arc<Semaphore>; 2],
        timeout: Duration,
    ) -> Self {
        Self {
            peer,
            origin,
            connection,
            served: Served(served),
            accepted,
            bounds,
            timeout,
            openings: VecDeque::new(),
            line: VecDeque::new(),
            silent: false,
        }
    }

    /// Takes a place of each bound, or none.
    fn places(&self) -> Option<Places> {
        self.bounds
            .iter()
            .map(|bound| Arc::clone(bound).try_acquire_owned().ok())
            .collect()
    }

    fn accept(&mut self, stream: Stream, protocol: Protocol) {
        let peer = self.peer;
        let Some(places) = self.places() else {
            tracing::debug!(%peer, protocol = protocol.id(), "stream refused, bound reached");
            return;
        };
        self.line.push_back(Accepted {
            peer,
            origin: self.origin,
            protocol,
            stream,
            places,
        });
    }

    /// Answers the one who asked. An end that no longer negotiates takes its connection down.
    fn refused<E>(&mut self, opening: Opening, error: &StreamUpgradeError<E>) {
        let answer = match error {
            StreamUpgradeError::NegotiationFailed => NoStream::Unsupported,
            _ => {
                tracing::debug!(connection = %self.connection, "connection does not answer");
                self.silent = true;
                NoStream::Dead
            }
        };
        let _ = opening.answer.send(Err(answer));
    }

    /// Hands accepted streams over as far as the reader has room.
    fn hand_over(&mut self, cx: &mut Context<'_>) {
        while !self.line.is_empty() {
            match self.accepted.poll_ready(cx) {
                Poll::Pending => return,
                // Nobody accepts any more: dropping the streams resets them.
                Poll::Ready(Err(_)) => return self.line.clear(),
                Poll::Ready(Ok(())) => {}
            }
            if let Some(next) = self.line.pop_front() {
                let _ = self.accepted.start_send(next);
            }
        }
    }
}

impl ConnectionHandler for Handler {
    type FromBehaviour = Opening;
    type ToBehaviour = Silent;
    type InboundProtocol = Served;
    type OutboundProtocol = ReadyUpgrade<StreamProtocol>;
    type InboundOpenInfo = ();
    type OutboundOpenInfo = Opening;

    fn listen_protocol(&self) -> SubstreamProtocol<Served> {
        SubstreamProtocol::new(self.served.clone(), ()).with_timeout(self.timeout)
    }

    fn connection_keep_alive(&self) -> bool {
        !self.openings.is_empty() || !self.line.is_empty()
    }

    fn poll(
        &mut self,
        cx: &mut Context<'_>,
    ) -> Poll<ConnectionHandlerEvent<ReadyUpgrade<StreamProtocol>, Opening, Silent>> {
        if std::mem::take(&mut self.silent) {
            return Poll::Ready(ConnectionHandlerEvent::NotifyBehaviour(Silent));
        }
        self.hand_over(cx);
        while let Some(opening) = self.openings.pop_front() {
            if opening.answer.is_closed() {
                continue;
            }
            let upgrade = ReadyUpgrade::new(StreamProtocol::new(opening.protocol.id()));
            return Poll::Ready(ConnectionHandlerEvent::OutboundSubstreamRequest {
                protocol: SubstreamProtocol::new(upgrade, opening).with_timeout(self.timeout),
            });
        }
        Poll::Pending
    }

    fn on_behaviour_event(&mut self, opening: Opening) {
        self.openings.push_back(opening);
    }

    fn on_connection_event(
        &mut self,
        event: ConnectionEvent<'_, Served, ReadyUpgrade<StreamProtocol>, (), Opening>,
    ) {
        match event {
            ConnectionEvent::FullyNegotiatedInbound(FullyNegotiatedInbound {
                protocol: (stream, protocol),
                ..
            }) => self.accept(stream, protocol),
            ConnectionEvent::FullyNegotiatedOutbound(FullyNegotiatedOutbound {
                protocol,
                info,
            }) => {
                let _ = info.answer.send(Ok(Wanted {
                    stream: protocol,
                    places: info.places,
                }));
            }
            ConnectionEvent::DialUpgradeError(DialUpgradeError { info, error }) => {
                self.refused(info, &error);
            }
            _ => {}
        }
    }
}

/// The protocols this node answers, as the negotiation wants them.
#[derive(Debug, Clone)]
pub(crate) struct Served(Arc<[Protocol]>);

/// A protocol whose text is its id.
#[derive(Debug, Clone)]
pub(crate) struct Named(Protocol);

impl AsRef<str> for Named {
    fn as_ref(&self) -> &str {
        self.0.id()
    }
}

impl UpgradeInfo for Served {
    type Info = Named;
    type InfoIter = Vec<Named>;

    fn protocol_info(&self) -> Vec<Named> {
        self.0.iter().copied().map(Named).collect()
    }
}

impl InboundUpgrade<Stream> for Served {
    type Output = (Stream, Protocol);
    type Error = Infallible;
    type Future = Ready<Result<Self::Output, Infallible>>;

    fn upgrade_inbound(self, stream: Stream, info: Named) -> Self::Future {
        ready(Ok((stream, info.0)))
    }
}
