//! How bytes travel: TCP with Noise and Yamux, and QUIC, behind one boxed transport. A guard in
//! front of both refuses to dial what the policy refuses, after names were resolved, so a name
//! cannot lead into the operator's own network, and bounds dials on the machine's own links.

use std::io;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::{Duration, Instant};

use futures::future::BoxFuture;
use futures::{AsyncRead, AsyncWrite};
use libp2p::core::muxing::StreamMuxerBox;
use libp2p::core::transport::{Boxed, DialOpts, ListenerId, TransportError, TransportEvent};
use libp2p::core::upgrade::Version;
use libp2p::multiaddr::Protocol as Part;
use libp2p::pnet::PnetConfig;
use libp2p::{Multiaddr, PeerId, Transport, dns, noise, quic, relay, tcp};

use crate::error::Error;
use crate::keys::Credentials;
use crate::lan::Lan;
use crate::mux::Yamux;
use crate::policy::Policy;
use crate::swarm_key::SwarmKey;
use crate::ways::HEAD_START;

/// What the swarm is built over.
pub(crate) type Link = Boxed<(PeerId, StreamMuxerBox)>;

/// Unread bytes of one QUIC stream, and of all streams of one QUIC connection.
const QUIC_STREAM_WINDOW: u32 = 1024 * 1024;
const QUIC_CONNECTION_WINDOW: u32 = 4 * 1024 * 1024;
/// Streams a peer may hold open on one QUIC connection.
const QUIC_STREAMS: u32 = 128;

/// Builds the transport. `timeout` bounds one connection's making, handshakes included;
/// `circuits` are those through relays, which end in the same handshakes. With a
/// swarm key there is TCP alone, every byte of it under the key.
/// Errors when the key cannot make the handshake's certificates.
pub(crate) fn build(
    key: &Credentials,
    swarm: Option<&SwarmKey>,
    judges: &(Policy, Lan),
    timeout: Duration,
    circuits: relay::client::Transport,
) -> Result<Link, Error> {
    let circuits = secured(circuits, key, timeout)?;
    let (policy, lan) = judges.clone();
    let guard = |inner| Guard {
        inner,
        policy,
        lan: lan.clone(),
    };
    let numeric = || numeric(key, swarm, timeout).map(guard);
    match dns::tokio::Transport::system(numeric()?) {
        Ok(named) => Ok(either(circuits, named)),
        // A box without resolver configuration still reaches every numeric address.
        Err(err) => {
            tracing::warn!(%err, "names cannot be resolved here");
            Ok(either(circuits, numeric()?))
        }
    }
}

/// Circuits through relays first: what is none of theirs, the others dial.
fn either<T>(circuits: Link, plain: T) -> Link
where
    T: Transport<Output = (PeerId, StreamMuxerBox)> + Send + Unpin + 'static,
    T::Error: Send + Sync + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    Later(circuits)
        .or_transport(plain)
        .map(|either, _| either.into_inner())
        .boxed()
}

/// TCP and, where the key is at hand and the network open, QUIC to numeric addresses.
fn numeric(key: &Credentials, swarm: Option<&SwarmKey>, timeout: Duration) -> Result<Link, Error> {
    let tcp = tcp::tokio::Transport::new(tcp::Config::new().nodelay(true));
    if let Some(swarm) = swarm {
        let shared = swarm.shared();
        let keyed = tcp.and_then(move |socket, _| PnetConfig::new(shared).handshake(socket));
        return secured(keyed, key, timeout);
    }
    let tcp = secured(tcp, key, timeout)?;
    let Credentials::Own(key) = key else {
        return Ok(tcp);
    };
    let mut config = quic::Config::new(key);
    config.handshake_timeout = timeout;
    config.max_stream_data = QUIC_STREAM_WINDOW;
    config.max_connection_data = QUIC_CONNECTION_WINDOW;
    config.max_concurrent_stream_limit = QUIC_STREAMS;
    let quic = quic::tokio::Transport::new(config)
        .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)));
    Ok(quic
        .or_transport(tcp)
        .map(|either, _| either.into_inner())
        .boxed())
}

/// Noise and Yamux over a raw transport.
fn secured<T>(raw: T, key: &Credentials, timeout: Duration) -> Result<Link, Error>
where
    T: Transport + Send + Unpin + 'static,
    T::Output: AsyncRead + AsyncWrite + Unpin + Send + 'static,
    T::Error: Send + Sync + 'static,
    T::Dial: Send + 'static,
    T::ListenerUpgrade: Send + 'static,
{
    let raw = raw.upgrade(Version::V1Lazy);
    Ok(match key {
        Credentials::Own(key) => {
            let noise = noise::Config::new(key).map_err(|e| Error::Transport {
                part: "noise",
                why: e.to_string(),
            })?;
            raw.authenticate(noise)
                .multiplex(Yamux)
                .timeout(timeout)
                .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
                .boxed()
        }
        Credentials::Kept(_, noise) => raw
            .authenticate(noise.clone())
            .multiplex(Yamux)
            .timeout(timeout)
            .map(|(peer, muxer), _| (peer, StreamMuxerBox::new(muxer)))
            .boxed(),
    })
}

/// Circuits, dialled a little later than what is dialled beside them: a direct way that works wins.
struct Later(Link);

impl Transport for Later {
    type Output = <Link as Transport>::Output;
    type Error = io::Error;
    type ListenerUpgrade = <Link as Transport>::ListenerUpgrade;
    type Dial = BoxFuture<'static, io::Result<Self::Output>>;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        self.0.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.0.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let dial = self.0.dial(address, options)?;
        Ok(Box::pin(async {
            tokio::time::sleep(HEAD_START).await;
            dial.await
        }))
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.0).poll(cx)
    }
}

/// Refuses dials that the policy or the state of the own links refuses; everything else passes.
struct Guard {
    inner: Link,
    policy: Policy,
    lan: Lan,
}

impl Transport for Guard {
    type Output = <Link as Transport>::Output;
    type Error = io::Error;
    type ListenerUpgrade = <Link as Transport>::ListenerUpgrade;
    type Dial = <Link as Transport>::Dial;

    fn listen_on(
        &mut self,
        id: ListenerId,
        address: Multiaddr,
    ) -> Result<(), TransportError<io::Error>> {
        self.inner.listen_on(id, address)
    }

    fn remove_listener(&mut self, id: ListenerId) -> bool {
        self.inner.remove_listener(id)
    }

    fn dial(
        &mut self,
        address: Multiaddr,
        options: DialOpts,
    ) -> Result<Self::Dial, TransportError<io::Error>> {
        let judged = self.policy.judge_resolved(&address);
        let quic = address.iter().any(|part| matches!(part, Part::QuicV1));
        if let Err(why) = judged.and_then(|ip| self.lan.admit(ip, quic, Instant::now())) {
            return Err(TransportError::Other(io::Error::new(
                io::ErrorKind::PermissionDenied,
                why,
            )));
        }
        self.inner.dial(address, options)
    }

    fn poll(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
    ) -> Poll<TransportEvent<Self::ListenerUpgrade, io::Error>> {
        Pin::new(&mut self.inner).poll(cx)
    }
}
