//! Assembly: drivers are opened, rooms joined, tasks started. The only place that knows which
//! driver stands behind which seam.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use host_agreement::Policy;
use host_core::keeper::Identity;
use host_core::network::Network;
use host_core::pressure::Pressure;
use host_core::seams::{Chain, PeerAddr};
use host_core::wire::Protocol;
use host_net::{Bounds, Inlet, Net, SwarmKey, Ways};
use host_session::Desk;
use host_session::desk::Parts;
use host_session::head::HeadMemory;
use host_settle::{Cashier, Purse, Reader};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, watch};
use tracing::warn;

use crate::alerts::Alerts;
use crate::api::door::{self, RemoteDoor};
use crate::api::{self, Audit, tls};
use crate::chain::Road;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::config::layers::{self, Layered};
use crate::deadline::VolumeDevice;
use crate::elsewhere::Elsewhere;
use crate::events::Events;
use crate::guard::ChainGuard;
use crate::heartbeat::Heartbeats;
use crate::live::Live;
use crate::mode::ModeBook;
use crate::prices::PriceBook;
use crate::ready::{Places, Ready};
use crate::reload::Reloader;
use crate::signer::Kept;
use crate::standing::Standing;
use crate::tokens::Tokens;
use crate::vitals::Vitals;
use crate::volumes::{Opened, open_volumes};
use crate::welcome::MeansBook;
use crate::{chain, claim, prover};

mod running;

pub use running::Running;

/// The desk over the real devices.
pub type HostDesk = Desk<VolumeDevice>;

/// A host with every driver open, not yet serving.
pub struct Host {
    desk: Arc<HostDesk>,
    net: Net,
    inlet: Inlet,
    road: Arc<Road>,
    live: Arc<Live>,
    reloader: Reloader,
    head: Arc<HeadMemory>,
    standing: Arc<Standing>,
    heartbeats: Heartbeats,
    doors: Doors,
    gateway: Option<TcpListener>,
    records: Records,
    restart: Arc<Notify>,
    unclaimed: Option<Arc<claim::Desk>>,
    driver: &'static str,
    places: Places,
    pressure: watch::Sender<Pressure>,
    dir: PathBuf,
    _lock: host_uring::DirLock,
}

/// The doors of the API, bound.
struct Doors {
    local: Option<TcpListener>,
    socket: Option<UnixListener>,
    remote: Option<(RemoteDoor, String)>,
}

/// What the API knows and writes down.
struct Records {
    token: String,
    events: Events,
    vitals: Arc<Vitals>,
    tokens: Tokens,
    audit: Audit,
    alerts: Arc<Alerts>,
}

/// Opens everything under `dir`. Errors say what is wrong and which key or command mends it; a
/// dead chain or hub is none of them.
pub async fn open(
    dir: &Path,
    layered: &Layered,
    overrides: &[String],
    network: &Network,
    kept: &Kept,
    events: Events,
) -> anyhow::Result<Host> {
    let config = &layered.config;
    let key = kept.identity.clone();
    let lock = host_uring::DirLock::acquire(dir)?;
    let standing = Standing::open(dir, network.id(), key.peer_id(), hubs(network)?)?;
    let standing = Arc::new(standing);
    let swarm_key = SwarmKey::beside(&Config::resolve(dir, &config.network), network)?;
    let (net, inlet) = open_net(config, network, &key, swarm_key).await?;
    let opening = open_volumes(dir, config, network, key.peer_id());
    let opened = if standing.must_claim() {
        // Nothing of a restored copy is touched while another one lives.
        standing.check_start(&net).await?;
        opening.await?
    } else {
        let (opened, allowed) = tokio::join!(opening, standing.check_start(&net));
        allowed?;
        opened?
    };
    let Opened {
        ledger,
        store,
        driver,
        clocks,
    } = opened;
    let doors = open_doors(dir, config).await?;
    let gateway = bind(
        "gateway.listen",
        config.gateway.enabled,
        config.gateway.listen,
    )
    .await?;
    let evm = chain::connect_with(network, &config.chain)?.with_identity(key.clone());
    let chain: Arc<dyn Chain> = Arc::new(evm.clone());
    let read_to = ledger.read()?.cursor()?.and_then(|cursor| cursor.block());
    let head = Arc::new(HeadMemory::starting_at(read_to));
    let host = key.address();
    let payout = config.offer.payout.unwrap_or(host);
    let depth = network.epoch.depth;
    let purse = Purse {
        beneficiary: host,
        recipient: payout,
    };
    let bounds = host_settle::Bounds {
        depth,
        cost_max: config.chain.cost_bound(),
    };
    let cashier = Cashier::with_bounds(ledger.clone(), Arc::clone(&chain), purse, bounds);
    let genesis = network.epoch.genesis_block;
    let road = Arc::new(Road {
        evm,
        network: network.clone(),
        ledger: ledger.clone(),
        cashier: Arc::new(cashier),
        reader: Reader::new(ledger.clone(), Arc::clone(&chain), host, genesis),
        means: MeansBook::default(),
        prices: PriceBook::default(),
        guard: ChainGuard::open(dir, host_chain::expected_of(network))?,
        elsewhere: Arc::new(Elsewhere::open(dir, config)?),
    });
    let (pressure, level) = watch::channel(Pressure::Calm);
    let sealed = !kept.plain;
    let vitals = Vitals::begin(config.storage.volumes.len(), sealed, level.clone());
    vitals.drives.set_clocks(clocks);
    let own = chain::connect_with(network, &config.chain)?.with_identity(key.clone());
    let opened = prover::open(dir, config, network, &own, &ledger, &store).await?;
    if let Some((prover, defender)) = opened {
        vitals.proofs.set(prover);
        defender
            .into_iter()
            .for_each(|one| vitals.proofs.set_defender(one));
    }
    let desk = Arc::new(Desk::new(Parts {
        policy: policy(config, network, &key),
        key,
        epoch: network.epoch,
        ledger,
        store,
        chain,
        clock: Arc::new(SystemClock::start()),
        head: Arc::clone(&head),
        pressure: level,
    }));
    let peer = desk.key().peer_id().to_string();
    let alerts = Alerts::open(dir, &config.alerts, peer, network.name.clone())?;
    let mode = ModeBook::open(dir, Arc::clone(&desk), config.offer.open)?;
    mode.set_held(!road.guard.stopped().is_empty());
    desk.set_addrs(net.addresses());
    desk.set_copy(standing.copy());
    desk.set_exposure_max(config.settle.exposure_max);
    let places = Places {
        listen: net.listening(),
        api: doors
            .local
            .as_ref()
            .map(TcpListener::local_addr)
            .transpose()?,
        health: doors
            .remote
            .as_ref()
            .map(|(door, _)| door.listens())
            .transpose()?,
    };
    let live = Arc::new(Live::new(config.settle.clone()));
    let reloader = Reloader {
        dir: dir.to_path_buf(),
        overrides: overrides.to_vec(),
        started: layered.clone(),
        network: network.clone(),
        desk: Arc::clone(&desk),
        live: Arc::clone(&live),
        mode: Arc::new(mode),
        turn: tokio::sync::Mutex::default(),
    };
    let restart = Arc::default();
    let unclaimed = unclaimed(dir, config, &doors, &desk, &restart)?;
    Ok(Host {
        desk,
        reloader,
        unclaimed,
        net,
        inlet,
        road,
        live,
        head,
        standing,
        heartbeats: Heartbeats::new(dir, config, network)?,
        doors,
        gateway,
        records: Records {
            token: api::make_token(dir)?,
            vitals: Arc::new(vitals),
            tokens: Tokens::of(dir),
            audit: Audit::open(dir)?,
            alerts: Arc::new(alerts),
            events,
        },
        restart,
        driver,
        places,
        pressure,
        dir: dir.to_path_buf(),
        _lock: lock,
    })
}

/// Binds the doors of the API. The socket's path may be too long for the system: then it is left
/// out and said, since the local door does the same.
async fn open_doors(dir: &Path, config: &Config) -> anyhow::Result<Doors> {
    let local = bind("api.listen", config.api.enabled, config.api.listen).await?;
    if let Some(listener) = &local {
        let addr = listener.local_addr()?.to_string();
        layers::write_atomic(&dir.join(api::ADDRESS_FILE), &addr)?;
    }
    let socket = door::bind_socket(dir)
        .inspect_err(|err| warn!(err = format!("{err:#}"), "no api socket"))
        .ok();
    let health = &config.health;
    let remote = if health.enabled {
        let lock = tls::open(dir, &health.names, authority(dir, config).as_deref())?;
        let fingerprint = lock.fingerprint.clone();
        Some((door::bind_remote(health.listen, lock).await?, fingerprint))
    } else {
        None
    };
    Ok(Doors {
        local,
        socket,
        remote,
    })
}

/// What answers at the remote door of a box that has no owner yet.
fn unclaimed(
    dir: &Path,
    config: &Config,
    doors: &Doors,
    desk: &HostDesk,
    restart: &Arc<Notify>,
) -> anyhow::Result<Option<Arc<claim::Desk>>> {
    let Some((door, fingerprint)) = &doors.remote else {
        return Ok(None);
    };
    if !config.health.claim || claim::owner(dir).is_some() {
        return Ok(None);
    }
    let peer = desk.key().peer_id().to_string();
    let shown = (fingerprint.clone(), door.listens()?.port());
    let clock = Arc::new(SystemClock::start());
    let desk = claim::Desk::open(dir, peer, shown, clock, Arc::clone(restart))?;
    Ok(Some(Arc::new(desk)))
}

/// Whose certificates the remote door lets in: the owner's on a box that is claimed, else the
/// configured authority's.
fn authority(dir: &Path, config: &Config) -> Option<PathBuf> {
    let configured = &config.health.client_ca;
    if config.health.claim {
        return claim::owner(dir);
    }
    (!configured.as_os_str().is_empty()).then(|| Config::resolve(dir, configured))
}

/// What the configuration makes this host agree to.
#[must_use]
pub fn policy(config: &Config, network: &Network, key: &Identity) -> Policy {
    let host = key.address();
    Policy {
        network: network.id(),
        chain_id: network.chain_id,
        host,
        payout: config.offer.payout.unwrap_or(host),
        price: config.offer.price,
        egress_price: config.offer.egress_price,
        epochs_max: config.offer.epochs_max,
        escrow: config.offer.escrow && network.contracts.escrow().is_ok(),
    }
}

async fn open_net(
    config: &Config,
    network: &Network,
    key: &Identity,
    swarm_key: Option<SwarmKey>,
) -> anyhow::Result<(Net, Inlet)> {
    let options = host_net::Options {
        key: key.clone(),
        listen: config.swarm.listen.clone(),
        announce: config.swarm.announce.clone(),
        private_network: network.private,
        protocols: Protocol::ALL
            .into_iter()
            .filter(|p| !matches!(p, Protocol::Hub | Protocol::Guard))
            .collect(),
        agent: concat!("holdfast/", env!("CARGO_PKG_VERSION")).to_owned(),
        bounds: Bounds::house(),
    };
    let relays = &network.services.relays;
    let ways = Ways {
        relays: relays
            .iter()
            .filter(|_| config.swarm.relay)
            .cloned()
            .collect(),
        ..Ways::of(network, swarm_key)?
    };
    Net::start_in(options, ways)
        .await
        .context("starting the network (keys `swarm.listen`, `swarm.announce`, `swarm.relay`)")
}

async fn bind(key: &str, enabled: bool, listen: SocketAddr) -> anyhow::Result<Option<TcpListener>> {
    if enabled {
        Ok(Some(api::bind(key, listen).await?))
    } else {
        Ok(None)
    }
}

/// The hubs of a network file as peers. Errors name the address that does not read.
pub fn hubs(network: &Network) -> anyhow::Result<Vec<PeerAddr>> {
    peers_of("hub", &network.hubs)
}

/// Peers as the network file lists them; `what` names the list in errors.
pub(crate) fn peers_of(what: &str, of: &[String]) -> anyhow::Result<Vec<PeerAddr>> {
    let parse = |text: &String| {
        let (addr, peer) = text
            .rsplit_once("/p2p/")
            .with_context(|| format!("{what} `{text}` does not end in /p2p/<peer id>"))?;
        let peer = peer.parse().with_context(|| format!("{what} `{text}`"))?;
        Ok(PeerAddr {
            peer,
            addrs: vec![addr.to_owned()],
        })
    };
    of.iter().map(parse).collect()
}

impl Host {
    /// What the host says when it serves.
    pub fn ready(&self) -> anyhow::Result<Ready> {
        let local = |listener: &Option<TcpListener>| {
            listener.as_ref().map(TcpListener::local_addr).transpose()
        };
        let remote = self.doors.remote.as_ref();
        Ok(Ready {
            peer: self.desk.key().peer_id(),
            address: self.desk.key().address(),
            tron: self.desk.key().address().to_tron(),
            addrs: self.net.addresses(),
            listen: self.places.listen.clone(),
            dashboard: self.places.dashboard(),
            api: local(&self.doors.local)?,
            health: remote.map(|(door, _)| door.listens()).transpose()?,
            health_fingerprint: remote.map(|(_, fingerprint)| fingerprint.clone()),
            gateway: local(&self.gateway)?,
            driver: self.driver.to_owned(),
        })
    }

    /// Claims the identity when this copy was restored; without a claim nothing is served. `forced`
    /// is the operator's word that every other copy is gone. Errors with the refusal.
    pub async fn claim(&self, forced: bool) -> anyhow::Result<()> {
        if !self.standing.must_claim() {
            return Ok(());
        }
        self.standing.claim(&self.desk, &self.net, forced).await
    }
}
