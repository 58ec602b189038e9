//! The node as other rooms see it: started once, cloned freely, opened through the `Peers` seam.
//! Every clone speaks to the one swarm task; the node ends with `stop` or with its last clone.

use std::net::{IpAddr, SocketAddr, TcpListener, UdpSocket};
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::StreamExt;
use futures::channel::mpsc as line;
use host_core::PeerId;
use host_core::seams::{BoxFuture, Frames, LinkError, PeerAddr, Peers};
use host_core::wire::Protocol;
use libp2p::swarm::{Swarm, SwarmEvent};
use libp2p::{Multiaddr, core::transport::ListenerId, relay};
use tokio::sync::{mpsc, oneshot, watch};
use tokio::task::JoinHandle;
use tokio::time::Instant;

use crate::conversation::Conversation;
use crate::error::Error;
use crate::inside::Inside;
use crate::keys::{self, Credentials};
use crate::lan::{Lan, OnLink};
use crate::options::{Bounds, NodeKey, Options};
use crate::policy::{self, Policy, Target};
use crate::reach::Reach;
use crate::swarm::{self, Parts, Shared, Wish};
use crate::talk::{Accepted, NoStream, Opening, Talk, Wanted};
use crate::transport;
use crate::ways::{Links, Places, Routes, Ways, is_circuit};

/// Wishes that may wait for the swarm task.
const WISHES_MAX: usize = 256;
/// Accepted streams that may wait for the acceptor, beside one for every connection; more wait
/// at their connections, inside their own bounds.
const ACCEPTED_MAX: usize = 64;
/// Longest wait for a listener to say which port it got.
const LISTEN_WAIT: Duration = Duration::from_secs(5);

/// A conversation another peer opened.
pub struct Inbound {
    /// Which one.
    pub protocol: Protocol,
    /// Its frames.
    pub frames: Box<dyn Frames>,
}

/// Where inbound conversations arrive. While nobody takes them they wait, within the bounds.
#[derive(Debug)]
pub struct Inlet {
    line: line::Receiver<Accepted>,
    idle: Duration,
}

impl Inlet {
    /// The next conversation, or none when the node has stopped.
    pub async fn next(&mut self) -> Option<Inbound> {
        let Accepted {
            peer,
            origin,
            protocol,
            stream,
            places,
        } = self.line.next().await?;
        Some(Inbound {
            protocol,
            frames: Box::new(Conversation::new(peer, stream, self.idle, places).from(origin)),
        })
    }
}

/// A running node.
#[derive(Debug, Clone)]
pub struct Net {
    me: PeerId,
    policy: Policy,
    inside: Inside,
    /// Where what is told to others must lie.
    told: Inside,
    lan: Lan,
    bounds: Bounds,
    announce: Arc<[String]>,
    wishes: mpsc::Sender<Wish>,
    shared: Arc<Shared>,
    task: Arc<Mutex<Option<JoinHandle<()>>>>,
}

impl Net {
    /// Starts a node on the current tokio runtime: listens, then returns it with the inlet of
    /// conversations others open. Errors when an address is malformed or refused by the policy,
    /// when a port is taken, or when the key is not usable or its keeper does not vouch for this
    /// node. With a kept key, QUIC addresses are left out.
    pub async fn start<K: Into<NodeKey>>(options: Options<K>) -> Result<(Self, Inlet), Error> {
        Self::start_in(options, Ways::default()).await
    }

    /// Like `start`, with what the network shares and how nodes are found that not everybody can
    /// dial. Where members share a key, who has another one, or none, is not understood, and TCP
    /// alone is spoken: QUIC addresses are left out. Errors like `start`, and when a relay's
    /// address is malformed.
    pub async fn start_in<K: Into<NodeKey>>(
        options: Options<K>,
        ways: Ways,
    ) -> Result<(Self, Inlet), Error> {
        keep_heap_top();
        let policy = Policy {
            private: options.private_network,
        };
        let key = options.key.into();
        let credentials = Credentials::of(&key).await?;
        let mut listen_on = options.listen;
        if ways.swarm_key.is_some() || matches!(key, NodeKey::Kept(_)) {
            listen_on.retain(|address| !address.contains("/quic"));
        }
        let bounds = options.bounds;
        let lan = Lan::default();
        let judges = (policy, lan.clone());
        let places = Places::of(&ways)?;
        let me = credentials.public().to_peer_id();
        let (circuits, client) = relay::client::new(me);
        let (key_shared, timeout) = (ways.swarm_key.as_ref(), bounds.dial_timeout);
        let link = transport::build(&credentials, key_shared, &judges, timeout, circuits)?;
        let (accepted, line) = line::channel(ACCEPTED_MAX);
        let inside = ways.inside.clone();
        let serves_shards = options.protocols.iter().any(|one| inside.holds(*one));
        let told = if serves_shards {
            inside.clone()
        } else {
            Inside::default()
        };
        let announced = announced(policy, &told, &options.announce)?;
        let talk = Talk::new(options.protocols.into(), accepted, bounds, inside.clone());
        let mut swarm = swarm::build(
            link,
            credentials.public(),
            talk,
            Routes::new(me, client, &ways),
            options.agent,
            policy,
            bounds,
        );
        let shared = Arc::new(Shared {
            relays: ways.relaying.is_some() && options.announce.is_empty(),
            ..Shared::default()
        });
        shared.reach.send_modify(|reach| reach.asked = places.any());
        for address in announced {
            if ways.relaying.is_some() {
                swarm.add_external_address(address);
            } else if places.any() {
                swarm.behaviour_mut().talk.candidate(address);
            }
        }
        let listeners = listen(&mut swarm, &shared, &listen_on).await?;
        let (wishes, taken) = mpsc::channel(WISHES_MAX);
        let running = swarm::run(swarm, taken, Arc::clone(&shared), listeners, places);
        let task = tokio::spawn(running);
        let net = Self {
            me: key.peer_id(),
            policy,
            inside,
            told,
            lan,
            bounds,
            announce: options.announce.into(),
            wishes,
            shared,
            task: Arc::new(Mutex::new(Some(task))),
        };
        let idle = bounds.idle_stream;
        Ok((net, Inlet { line, idle }))
    }

    /// Who this node is.
    #[must_use]
    pub const fn peer_id(&self) -> PeerId {
        self.me
    }

    /// Takes what is on this machine's own links and how many new addresses there may be dialled
    /// a second, from now on. Until the first call nothing is counted.
    pub fn set_on_link(&self, on_link: OnLink) {
        self.lan.set(on_link);
    }

    /// What to tell others, without the peer id: the configured addresses, or else those listened
    /// on that the policy allows; those another node dialled first, those through relays last.
    #[must_use]
    pub fn addresses(&self) -> Vec<String> {
        let mut said = self.announce.to_vec();
        if said.is_empty() {
            said = self.listening();
        }
        let mut said = self.reach().join(said);
        said.retain(|text| match self.policy.admit(text) {
            Ok(address) => self.told.lies(&address),
            Err(_) => false,
        });
        said
    }

    /// Where this node can be reached, as far as it knows; empty while it is found by itself, or
    /// knows no relay that could tell.
    #[must_use]
    pub fn reach(&self) -> Reach {
        self.shared.reach.borrow().clone()
    }

    /// The same, to be waited on.
    #[must_use]
    pub fn watch_reach(&self) -> watch::Receiver<Reach> {
        self.shared.reach.subscribe()
    }

    /// The addresses listened on, as bound.
    #[must_use]
    pub fn listening(&self) -> Vec<String> {
        let listening = self.shared.listening.read();
        listening
            .map(|known| known.iter().map(ToString::to_string).collect())
            .unwrap_or_default()
    }

    /// Established connections now.
    #[must_use]
    pub fn connections(&self) -> u32 {
        self.shared.connections.load(Ordering::Relaxed)
    }

    /// Connections made since the start, by the way they took.
    #[must_use]
    pub fn links(&self) -> Links {
        self.shared
            .links
            .lock()
            .map(|links| *links)
            .unwrap_or_default()
    }

    /// Asks the swarm's task for a sign of life and tells how many it has given: a number that
    /// stands still over several calls is a task that does. Waits for nothing.
    #[must_use]
    pub fn sign_of_life(&self) -> u64 {
        // A full line is a task that does not take from it: the count then stands still.
        let _ = self.wishes.try_send(Wish::Sign);
        self.shared.signs.load(Ordering::Relaxed)
    }

    /// Closes the connections of peers that no stream joins to us, now rather than after their
    /// idle time: their buffers are given back. How many peers; 0 when the node has stopped.
    pub async fn close_idle(&self) -> usize {
        let (answer, closed) = oneshot::channel();
        if self.wishes.send(Wish::Thin(answer)).await.is_err() {
            return 0;
        }
        closed.await.unwrap_or(0)
    }

    /// Closes listeners and connections and ends the node. What was written before leaves first
    /// (150 ms are given to it, so a path slower than that may lose the last frames of a
    /// conversation nobody waited for). A second call, or one on another clone, waits for nothing.
    pub async fn stop(&self) {
        let (answer, stopped) = oneshot::channel();
        if self.wishes.send(Wish::Stop(answer)).await.is_ok() {
            let _ = stopped.await;
        }
        let task = self.task.lock().ok().and_then(|mut slot| slot.take());
        if let Some(task) = task {
            let _ = task.await;
        }
    }

    /// A stream to the peer within the dial timeout. One more try when a connection that was
    /// already there turns out to be dead: the peer may have restarted.
    async fn stream(&self, to: &PeerAddr, protocol: Protocol) -> Result<Wanted, LinkError> {
        let unreachable = |why: String| LinkError::Unreachable { peer: to.peer, why };
        let peer = keys::outward(&to.peer)
            .ok_or_else(|| unreachable("its id holds no secp256k1 key".to_owned()))?;
        if to.peer == self.me {
            return Err(unreachable("that is this node itself".to_owned()));
        }
        let mut addresses = Vec::new();
        let mut refused = None;
        let inside = self.inside.holds(protocol);
        for text in &to.addrs {
            let judged = self.policy.admit(text).map_err(str::to_owned);
            let judged = judged.and_then(|address| match inside {
                true => self.inside.admit(&address).map(|()| address),
                false => Ok(address),
            });
            match judged {
                Ok(address) => addresses.push(address),
                Err(why) => refused = Some(format!("{text}: {why}")),
            }
        }
        let deadline = Instant::now() + self.bounds.dial_timeout;
        let mut why = "connection lost while opening".to_owned();
        for _ in 0..2 {
            match self.ask(peer, addresses.clone(), protocol, deadline).await {
                Some(Ok(stream)) => return Ok(stream),
                Some(Err(NoStream::Unsupported)) => {
                    return Err(LinkError::Unsupported {
                        peer: to.peer,
                        protocol: protocol.id(),
                    });
                }
                Some(Err(NoStream::Bound(why))) => {
                    return Err(LinkError::Refused { peer: to.peer, why });
                }
                Some(Err(NoStream::Undialled(why))) => return Err(unreachable(why)),
                Some(Err(NoStream::Strange(why))) => {
                    return Err(unreachable(self.with_key_in_mind(why)));
                }
                Some(Err(NoStream::NoAddress)) => {
                    return Err(match refused {
                        Some(why) => LinkError::Refused { peer: to.peer, why },
                        None => unreachable("no address is known".to_owned()),
                    });
                }
                Some(Err(NoStream::Dead)) => {
                    why = "connected, but nothing answers".to_owned();
                }
                None => {}
            }
            if Instant::now() >= deadline {
                let seconds = self.bounds.dial_timeout.as_secs();
                let why = format!("no answer within {seconds} s");
                return Err(unreachable(self.with_key_in_mind(why)));
            }
        }
        Err(unreachable(why))
    }

    /// Why a peer is not understood, with what it may be in a private network: who has another key
    /// sends nothing that reads, or waits for more until time is up.
    fn with_key_in_mind(&self, why: String) -> String {
        match self.policy.private {
            true => format!("{why} (silent, or under another swarm key than this node)"),
            false => why,
        }
    }

    /// One wish and its answer; none when the connection went away or time is up.
    async fn ask(
        &self,
        peer: libp2p::PeerId,
        addresses: Vec<Multiaddr>,
        protocol: Protocol,
        deadline: Instant,
    ) -> Option<Result<Wanted, NoStream>> {
        let (answer, answered) = oneshot::channel();
        let opening = Opening {
            peer,
            addresses,
            protocol,
            inside: self.inside.holds(protocol),
            answer,
            places: Vec::new(),
        };
        tokio::time::timeout_at(deadline, async {
            self.wishes.send(Wish::Open(opening)).await.ok()?;
            answered.await.ok()
        })
        .await
        .ok()
        .flatten()
    }
}

impl Peers for Net {
    fn own(&self) -> Option<PeerId> {
        Some(self.peer_id())
    }

    fn open<'a>(
        &'a self,
        to: &'a PeerAddr,
        protocol: Protocol,
    ) -> BoxFuture<'a, Result<Box<dyn Frames>, LinkError>> {
        Box::pin(async move {
            let Wanted { stream, places } = self.stream(to, protocol).await?;
            let idle = self.bounds.idle_stream;
            let frames = Conversation::new(to.peer, stream, idle, places);
            Ok(Box::new(frames) as Box<dyn Frames>)
        })
    }
}

/// Reads the addresses to announce. Errors with the first that the policy does not admit, or that
/// lies outside the networks shards stay inside.
fn announced(policy: Policy, told: &Inside, announce: &[String]) -> Result<Vec<Multiaddr>, Error> {
    let admit = |text: &String| {
        let wrong = |why| Error::Address {
            address: text.clone(),
            why,
        };
        let address = policy.admit(text).map_err(wrong)?;
        match told.lies(&address) {
            true => Ok(address),
            false => Err(Error::Outside {
                address: text.clone(),
                inside: told.to_string(),
            }),
        }
    };
    announce.iter().map(admit).collect()
}

/// Bytes whose release teaches glibc to keep twice as many at the top of the heap.
const HEAP_LESSON_LEN: usize = 4 * 1024 * 1024;

/// Keeps the allocator from returning the heap's top to the kernel after every 64 KiB buffer of
/// Noise and faulting it in again: measured, a receiver spends 1.0 rather than 1.6 CPU-seconds a
/// GiB. glibc raises its trim and mmap thresholds when a large block is freed (mallopt(3),
/// M_MMAP_THRESHOLD), so one block, never touched, sets them to 8 and 4 MiB; at most 8 MiB more
/// stay resident. Other allocators take no notice.
fn keep_heap_top() {
    drop(std::hint::black_box(Vec::<u8>::with_capacity(
        HEAP_LESSON_LEN,
    )));
}

/// Listens on every address and waits until each port is known.
async fn listen(
    swarm: &mut Swarm<Parts>,
    shared: &Shared,
    addresses: &[String],
) -> Result<Vec<ListenerId>, Error> {
    let mut ids = Vec::new();
    for text in addresses {
        let wrong = |why| Error::Address {
            address: text.clone(),
            why,
        };
        let (address, target) = policy::read(text).map_err(wrong)?;
        let Target::Socket { socket, quic } = target else {
            return Err(wrong("a name cannot be listened on"));
        };
        if is_circuit(&address) {
            return Err(wrong("a relay is no address of this machine"));
        }
        probe(text, socket, quic)?;
        let id = swarm.listen_on(address).map_err(|err| Error::Listen {
            address: text.clone(),
            source: std::io::Error::other(err),
        })?;
        ids.push(id);
    }
    let mut waiting = ids.clone();
    while !waiting.is_empty() {
        let event = tokio::time::timeout(LISTEN_WAIT, swarm.select_next_some()).await;
        let Ok(event) = event else {
            return Err(Error::Transport {
                part: "listener",
                why: "did not say which port it got".to_owned(),
            });
        };
        match &event {
            SwarmEvent::NewListenAddr { listener_id, .. }
            | SwarmEvent::ListenerClosed { listener_id, .. } => {
                waiting.retain(|id| id != listener_id);
            }
            _ => {}
        }
        swarm::note(swarm, shared, event);
    }
    Ok(ids)
}

/// Tries the port before the transport does: the transport shares ports (SO_REUSEPORT), so two
/// nodes of one user would silently split each other's connections.
fn probe(text: &str, socket: SocketAddr, quic: bool) -> Result<(), Error> {
    let tried = if quic {
        UdpSocket::bind(socket).map(drop)
    } else {
        TcpListener::bind(socket).map(drop)
    };
    let both_families = IpAddr::is_unspecified;
    match tried {
        Ok(()) => Ok(()),
        Err(source) if source.kind() == std::io::ErrorKind::AddrInUse => Err(Error::PortInUse {
            address: text.to_owned(),
            port: socket.port(),
        }),
        // A kernel without IPv6 cannot bind [::]; the transport says so in its own words.
        Err(_) if both_families(&socket.ip()) => Ok(()),
        Err(source) => Err(Error::Listen {
            address: text.to_owned(),
            source,
        }),
    }
}

#[cfg(test)]
mod tests;
