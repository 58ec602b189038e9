//! The one task that turns the crank: takes wishes from `Net`, polls the swarm, keeps the list of
//! addresses listened on, and closes every connection in order when it is told to stop.

use std::sync::{Arc, Mutex, RwLock};
use std::time::Duration;

use futures::StreamExt;
use libp2p::connection_limits::{self, ConnectionLimits};
use libp2p::core::transport::ListenerId;
use libp2p::identity::PublicKey;
use libp2p::swarm::{NetworkBehaviour, Swarm, SwarmEvent};
use libp2p::{Multiaddr, identify, ping};
use tokio::sync::{mpsc, oneshot, watch};

use crate::crowd::Crowd;
use crate::options::Bounds;
use crate::policy::Policy;
use crate::reach::Reach;
use crate::talk::{Opening, Talk};
use crate::transport::Link;
use crate::ways::{Links, Places, RETRY, Routes, RoutesEvent, is_circuit, without_end};

/// The identify protocol's word for which network family a node belongs to.
const FAMILY: &str = "holdfast/1";
/// Longest wait for an answer to a ping; two in a row without one end a connection.
const PING_TIMEOUT: Duration = Duration::from_secs(8);
/// Longest wait for open connections to close at a stop.
const STOP_WAIT: Duration = Duration::from_secs(2);
/// At a stop, time for what was written to reach its readers before connections close (a closed
/// socket with unread bytes resets the other side's, and QUIC forgets what was not acknowledged),
/// and time for the word of closing to leave.
const LINGER: Duration = Duration::from_millis(150);
/// Inbound streams of one connection that may still be negotiating their protocol.
const NEGOTIATING_MAX: usize = 64;

/// What `Net` asks of the task.
#[derive(Debug)]
pub(crate) enum Wish {
    /// A stream.
    Open(Opening),
    /// A sign of life.
    Sign,
    /// Let go of idle peers, then answer how many.
    Thin(oneshot::Sender<usize>),
    /// Close everything, then answer.
    Stop(oneshot::Sender<()>),
}

/// What the swarm is made of. The limits stand first: what they refuse, nobody else sees.
#[derive(NetworkBehaviour)]
pub(crate) struct Parts {
    limits: connection_limits::Behaviour,
    crowd: Crowd,
    pub(crate) talk: Talk,
    routes: Routes,
    identify: identify::Behaviour,
    ping: ping::Behaviour,
}

/// Facts the task shares with every `Net`.
#[derive(Debug, Default)]
pub(crate) struct Shared {
    /// Addresses listened on, as bound.
    pub(crate) listening: RwLock<Vec<Multiaddr>>,
    /// Established connections.
    pub(crate) connections: std::sync::atomic::AtomicU32,
    /// Signs of life given.
    pub(crate) signs: std::sync::atomic::AtomicU64,
    /// Where the node is reachable, as far as it knows.
    pub(crate) reach: watch::Sender<Reach>,
    /// Connections made, by their way.
    pub(crate) links: Mutex<Links>,
    /// Whether the addresses listened on are those a relay tells to who asks for a place.
    pub(crate) relays: bool,
}

impl Shared {
    fn count(&self, more: impl FnOnce(&mut Links)) {
        if let Ok(mut links) = self.links.lock() {
            more(&mut links);
        }
    }

    /// Notes how many connections stand.
    fn stand(&self, swarm: &Swarm<Parts>) {
        let count = swarm.network_info().connection_counters().num_established();
        self.connections
            .store(count, std::sync::atomic::Ordering::Relaxed);
    }
}

/// Makes the swarm; it does nothing until it is run.
pub(crate) fn build(
    link: Link,
    key: PublicKey,
    talk: Talk,
    routes: Routes,
    agent: String,
    policy: Policy,
    bounds: Bounds,
) -> Swarm<Parts> {
    let limits = ConnectionLimits::default()
        .with_max_pending_incoming(Some(bounds.pending_inbound))
        .with_max_established(Some(bounds.connections))
        .with_max_established_per_peer(Some(bounds.connections_per_peer));
    // Listen addresses stay our own matter: what others may know is announced.
    let identify = identify::Config::new(FAMILY.to_owned(), key.clone())
        .with_agent_version(agent)
        .with_hide_listen_addrs(true)
        .with_cache_size(0);
    let ping = ping::Config::new()
        .with_interval(bounds.ping_every)
        .with_timeout(PING_TIMEOUT);
    let parts = Parts {
        limits: connection_limits::Behaviour::new(limits),
        crowd: Crowd::new((!policy.private).then_some(bounds.connections_per_address)),
        talk,
        routes,
        identify: identify::Behaviour::new(identify),
        ping: ping::Behaviour::new(ping),
    };
    let config = libp2p::swarm::Config::with_tokio_executor()
        .with_idle_connection_timeout(bounds.idle_connection)
        .with_max_negotiating_inbound_streams(NEGOTIATING_MAX);
    Swarm::new(link, parts, key.to_peer_id(), config)
}

/// Runs the swarm until a stop or until every `Net` is gone.
pub(crate) async fn run(
    mut swarm: Swarm<Parts>,
    mut wishes: mpsc::Receiver<Wish>,
    shared: Arc<Shared>,
    listeners: Vec<ListenerId>,
    mut places: Places,
) {
    let mut again = tokio::time::interval(RETRY);
    let answer = loop {
        tokio::select! {
            _ = again.tick(), if places.any() => {
                for (relay, listener) in places.missing() {
                    *listener = swarm.listen_on(relay.clone()).ok();
                }
            }
            wish = wishes.recv() => match wish {
                Some(Wish::Open(opening)) => swarm.behaviour_mut().talk.open(opening),
                Some(Wish::Sign) => {
                    shared.signs.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
                }
                Some(Wish::Thin(answer)) => {
                    let _ = answer.send(swarm.behaviour_mut().talk.close_idle());
                }
                Some(Wish::Stop(answer)) => break Some(answer),
                None => break None,
            },
            event = swarm.select_next_some() => {
                if let SwarmEvent::ListenerClosed { listener_id, .. } = &event {
                    places.lost(*listener_id);
                }
                note(&mut swarm, &shared, event);
            }
        }
    };
    for listener in listeners {
        swarm.remove_listener(listener);
    }
    if swarm.connected_peers().next().is_some() {
        part(&mut swarm, &shared).await;
    }
    drop(swarm);
    if let Some(answer) = answer {
        let _ = answer.send(());
    }
}

/// Lets go of every peer: what was written still leaves, then connections close.
async fn part(swarm: &mut Swarm<Parts>, shared: &Shared) {
    turn(swarm, shared, LINGER, |_| false).await;
    let peers: Vec<_> = swarm.connected_peers().copied().collect();
    for peer in peers {
        let _ = swarm.disconnect_peer_id(peer);
    }
    turn(swarm, shared, STOP_WAIT, |swarm| {
        swarm.network_info().connection_counters().num_established() == 0
    })
    .await;
    turn(swarm, shared, LINGER, |_| false).await;
}

/// Polls the swarm until `done` or for `span`.
async fn turn(
    swarm: &mut Swarm<Parts>,
    shared: &Shared,
    span: Duration,
    done: impl Fn(&Swarm<Parts>) -> bool,
) {
    let turning = async {
        while !done(swarm) {
            let event = swarm.select_next_some().await;
            note(swarm, shared, event);
        }
    };
    let _ = tokio::time::timeout(span, turning).await;
}

/// Addresses through relays that hold no longer.
fn lose(shared: &Shared, gone: &[Multiaddr]) {
    let gone: Vec<String> = gone
        .iter()
        .map(|address| without_end(address).to_string())
        .collect();
    shared.reach.send_if_modified(|reach| {
        let before = reach.relayed.len();
        reach.relayed.retain(|known| !gone.contains(known));
        reach.relayed.len() != before
    });
}

/// What relays and those who test our addresses found.
fn learn(shared: &Shared, event: RoutesEvent) {
    match event {
        RoutesEvent::Probe(probe) => {
            let said = without_end(&probe.tested_addr).to_string();
            shared.reach.send_if_modified(|reach| match probe.result {
                Ok(()) => {
                    tracing::info!(address = said, "another node dialled this host");
                    reach.prove(said)
                }
                Err(err) => {
                    tracing::info!(address = said, err = %err, "nobody can dial this address");
                    reach.refute(said)
                }
            });
        }
        RoutesEvent::Punch(dcutr) => match dcutr.result {
            Ok(_) => {
                tracing::debug!(peer = %dcutr.remote_peer_id, "a direct way was opened");
                shared.count(|links| links.punched += 1);
            }
            Err(err) => {
                tracing::debug!(peer = %dcutr.remote_peer_id, err = %err, "only the relay's way");
            }
        },
        RoutesEvent::Client(_) | RoutesEvent::Relay(_) | RoutesEvent::Probed(_) => {}
    }
}

/// Keeps the shared facts and the log up to date.
pub(crate) fn note(swarm: &mut Swarm<Parts>, shared: &Shared, event: SwarmEvent<PartsEvent>) {
    match event {
        SwarmEvent::NewListenAddr { address, .. } if is_circuit(&address) => {
            let said = without_end(&address).to_string();
            shared.reach.send_if_modified(|reach| {
                let new = !reach.relayed.contains(&said);
                if new {
                    tracing::info!(address = said, "a relay holds a place for this host");
                    reach.relayed.push(said);
                }
                new
            });
        }
        SwarmEvent::ExpiredListenAddr { address, .. } if is_circuit(&address) => {
            lose(shared, &[address]);
        }
        SwarmEvent::ListenerClosed {
            addresses, reason, ..
        } => {
            if let Err(err) = reason {
                tracing::debug!(err = %err, "a listener ended");
            }
            lose(shared, &addresses);
        }
        SwarmEvent::Behaviour(PartsEvent::Routes(event)) => learn(shared, event),
        SwarmEvent::NewListenAddr { address, .. } => {
            if shared.relays {
                swarm.add_external_address(address.clone());
            }
            if let Ok(mut listening) = shared.listening.write()
                && !listening.contains(&address)
            {
                listening.push(address);
            }
        }
        SwarmEvent::ExpiredListenAddr { address, .. } => {
            if let Ok(mut listening) = shared.listening.write() {
                listening.retain(|known| *known != address);
            }
        }
        SwarmEvent::ListenerError { error, .. } => {
            tracing::warn!(err = %error, "listening went wrong");
        }
        SwarmEvent::Behaviour(PartsEvent::Ping(ping)) => {
            if let Err(ping::Failure::Timeout | ping::Failure::Other { .. }) = ping.result {
                tracing::debug!(peer = %ping.peer, "peer no longer answers, connection closed");
                swarm.behaviour_mut().talk.close(ping.peer, ping.connection);
            }
        }
        SwarmEvent::ConnectionEstablished { endpoint, .. } => {
            shared.count(|links| match endpoint.is_relayed() {
                true => links.relayed += 1,
                false => links.direct += 1,
            });
            shared.stand(swarm);
        }
        SwarmEvent::ConnectionClosed { .. } => shared.stand(swarm),
        SwarmEvent::IncomingConnectionError { error, .. } => {
            tracing::debug!(err = %error, "inbound connection refused");
        }
        _ => {}
    }
}
