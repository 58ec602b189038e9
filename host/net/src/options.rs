//! What a node is told at its start: who it is, where it listens, what it announces, what it
//! serves, and how much of everything it may use.

use std::time::Duration;

use host_core::PeerId;
use host_core::identity::SecretKey;
use host_core::keeper::Identity;
use host_core::limits;
use host_core::wire::Protocol;

/// Where the identity's key is.
#[derive(Debug, Clone)]
pub enum NodeKey {
    /// In this process.
    Own(SecretKey),
    /// In another one: then the node speaks TCP alone, since QUIC's handshake wants the key itself.
    Kept(Identity),
}

impl NodeKey {
    /// The peer the key is.
    #[must_use]
    pub fn peer_id(&self) -> PeerId {
        match self {
            Self::Own(key) => key.peer_id(),
            Self::Kept(identity) => identity.peer_id(),
        }
    }
}

impl From<SecretKey> for NodeKey {
    fn from(key: SecretKey) -> Self {
        Self::Own(key)
    }
}

impl From<Identity> for NodeKey {
    fn from(identity: Identity) -> Self {
        Self::Kept(identity)
    }
}

/// A node's settings, by value.
#[derive(Debug, Clone)]
pub struct Options<K = SecretKey> {
    /// The identity; the peer id is its public key. A `SecretKey`, an `Identity` or a `NodeKey`.
    pub key: K,
    /// Where to listen: multiaddresses `/ip4/A/tcp/P`, `/ip6/A/udp/P/quic-v1`. Empty for a node
    /// that only dials.
    pub listen: Vec<String>,
    /// What to tell others, for mapped ports and names. Empty means: the addresses listened on,
    /// as bound, as far as the dial policy allows them.
    pub announce: Vec<String>,
    /// Whether addresses that are not global may be dialled and announced.
    pub private_network: bool,
    /// The protocols this node answers.
    pub protocols: Vec<Protocol>,
    /// Told to peers, for example `holdfast/0.1.0`.
    pub agent: String,
    /// How much may be used.
    pub bounds: Bounds,
}

/// What one node may use. Every number is a bound, none a goal.
#[derive(Debug, Clone, Copy)]
pub struct Bounds {
    /// Established connections.
    pub connections: u32,
    /// Established connections to one peer.
    pub connections_per_peer: u32,
    /// Inbound connections from one IPv4 address or IPv6 /64, where the network is public.
    pub connections_per_address: usize,
    /// Connections being made to us.
    pub pending_inbound: u32,
    /// Dials in flight; more wait for a place until their own time is over.
    pub dials: usize,
    /// Inbound streams of one peer.
    pub streams_per_peer: usize,
    /// Inbound streams of all peers; each can hold one receive window (256 KiB) of unread bytes.
    pub streams: usize,
    /// Longest wait for a stream, dial included.
    pub dial_timeout: Duration,
    /// A connection without streams is closed after this.
    pub idle_connection: Duration,
    /// Longest silence inside a conversation.
    pub idle_stream: Duration,
    /// Time between two pings of a live connection.
    pub ping_every: Duration,
}

/// Inbound connections from one address: a cellar full of boxes behind one router fits, one
/// machine with a thousand made-up peer ids does not.
const CONNECTIONS_PER_ADDRESS_MAX: usize = 128;
/// Connections being made to us at once: a handshake takes milliseconds, so this many serve
/// thousands a second, and a flood of half-made ones costs little memory.
const PENDING_INBOUND_MAX: u32 = 128;
/// Dials in flight: enough for one stripe of hosts with its spares at once, few enough that a
/// home router's connection table does not notice.
const DIALS_MAX: usize = 64;
/// Inbound streams of all peers: what uploads and downloads a host admits, and as many again
/// waiting for a word of refusal.
const STREAMS_MAX: usize = 2 * (limits::UPLOADS_MAX + limits::DOWNLOADS_MAX);
/// Idle connections are dropped early: operators of other networks suffer from thousands of
/// connections nobody uses. A handshake costs about a millisecond.
const IDLE_CONNECTION: Duration = Duration::from_secs(30);
/// Keeps a path's state in routers alive and finds dead peers, at a negligible cost.
const PING_EVERY: Duration = Duration::from_secs(20);

impl Bounds {
    /// The house's bounds (`host_core::limits`).
    #[must_use]
    pub const fn house() -> Self {
        Self {
            connections: limits::CONNECTIONS_MAX,
            connections_per_peer: limits::CONNECTIONS_PER_PEER_MAX,
            connections_per_address: CONNECTIONS_PER_ADDRESS_MAX,
            pending_inbound: PENDING_INBOUND_MAX,
            dials: DIALS_MAX,
            streams_per_peer: limits::STREAMS_PER_PEER_MAX,
            streams: STREAMS_MAX,
            dial_timeout: limits::DIAL_TIMEOUT,
            idle_connection: IDLE_CONNECTION,
            idle_stream: limits::SESSION_IDLE,
            ping_every: PING_EVERY,
        }
    }
}

const _: () = assert!((CONNECTIONS_PER_ADDRESS_MAX as u32) < limits::CONNECTIONS_MAX / 4);
const _: () = assert!(STREAMS_MAX >= limits::STREAMS_PER_PEER_MAX);
const _: () = assert!(DIALS_MAX >= (limits::DATA_SHARDS + limits::PARITY_SHARDS) as usize);
