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
use host_core::seams::{Chain, Escrow, PeerAddr};
use host_core::wire::Protocol;
use host_net::{Bounds, Inlet, Net, SwarmKey, Ways};
use host_session::Desk;
use host_session::desk::Parts;
use host_session::head::HeadMemory;
use host_settle::{Cashier, Purse, Reader, Releaser};
use tokio::net::{TcpListener, UnixListener};
use tokio::sync::{Notify, watch};
use tracing::{info, warn};

use crate::alerts::Alerts;
use crate::api::door::{self, RemoteDoor};
use crate::api::{self, Api, Audit, tls};
use crate::backup::instance::Refusal;
use crate::chain::Road;
use crate::clock::SystemClock;
use crate::config::Config;
use crate::config::layers::{self, Layered};
use crate::deadline::VolumeDevice;
use crate::elsewhere::{self, Elsewhere};
use crate::events::Events;
use crate::firsts::Firsts;
use crate::guard::ChainGuard;
use crate::heartbeat::{self, Heartbeats};
use crate::live::Live;
use crate::machine::pulse::Pulse;
use crate::machine::{self, Watching};
use crate::mode::ModeBook;
use crate::prices::{self, PriceBook};
use crate::ready::{Places, Ready};
use crate::reload::Reloader;
use crate::signer::Kept;
use crate::stakes::StakeDesk;
use crate::standing::Standing;
use crate::supervise::Tasks;
use crate::tokens::Tokens;
use crate::vitals::Vitals;
use crate::volumes::{Opened, open_volumes};
use crate::welcome::{self, MeansBook};
use crate::{chain, claim, forget, leave, memory, nvme, prover, scrub, tasks};

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

/// A serving host.
pub struct Running {
    desk: Arc<HostDesk>,
    net: Net,
    tasks: Tasks,
    standing: Arc<Standing>,
    /// Rung when a restart is asked for over the API.
    pub restart: Arc<Notify>,
    _lock: host_uring::DirLock,
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

    /// Starts every task.
    #[must_use]
    pub fn run(self) -> Running {
        let mut running = Tasks::default();
        let stopping = running.stopping();
        let desk = self.desk;
        let pulse = Pulse::begin(desk.ledger().clone(), self.net.clone());
        let beat = pulse.conversations();
        let converse = tasks::converse(Arc::clone(&desk), self.inlet, beat, stopping.clone());
        running.spawn("converse", converse);
        let watch = tasks::watch_head(
            Arc::clone(desk.chain()),
            self.head,
            Arc::clone(&self.records.vitals),
            stopping.clone(),
        );
        running.spawn("head", watch);
        let announce = heartbeat::announce(
            self.heartbeats.clone(),
            Arc::clone(&desk),
            self.net.clone(),
            Arc::clone(&self.standing),
            stopping.clone(),
        );
        running.spawn("announce", announce);
        let days = heartbeat::keep_days(self.heartbeats, self.net.clone(), stopping.clone());
        running.spawn("days", days);
        running.spawn("reads", tasks::reads(Arc::clone(&desk), stopping.clone()));
        running.spawn("expire", tasks::expire(Arc::clone(&desk), stopping.clone()));
        let storage = self.reloader.started.config.storage.clone();
        let forgetting = forget::keep(Arc::clone(&desk), storage, stopping.clone());
        running.spawn("forget", forgetting);
        let drives = scrub::Keeping {
            dir: self.dir.clone(),
            store: desk.store().clone(),
            ledger: desk.ledger().clone(),
            book: self.records.vitals.drives.clone(),
            pressure: self.pressure.subscribe(),
            beat: pulse.drives(),
        };
        running.spawn("drives", scrub::keep(drives, stopping.clone()));
        let asking = nvme::Asking {
            places: nvme::Places::default(),
            store: desk.store().clone(),
            ledger: desk.ledger().clone(),
            book: self.records.vitals.drives.clone(),
        };
        running.spawn("nvme", nvme::keep(asking, stopping.clone()));
        let memory = memory::keep(
            self.pressure.subscribe(),
            self.net.clone(),
            stopping.clone(),
        );
        running.spawn("memory", memory);
        let paying = Arc::clone(&self.live);
        let cash = tasks::cash(Arc::clone(&self.road), self.live, stopping.clone());
        running.spawn("cash", cash);
        if let Some(prover) = self.records.vitals.proofs.prover() {
            desk.set_prover(Arc::clone(prover));
            let rule = *desk.epoch_rule();
            let defender = self.records.vitals.proofs.defender().cloned();
            let (own, beat) = (Arc::clone(prover), pulse.proofs());
            let proofs = prover::keep(own, defender, rule, beat, stopping.clone());
            running.spawn("proofs", proofs);
            if let Ok(escrows) = host_chain::Escrows::of(&self.road.evm) {
                let escrows: Arc<dyn Escrow> = Arc::new(escrows);
                desk.set_escrow(Arc::clone(&escrows));
                let ledger = desk.ledger().clone();
                let releaser = Releaser::new(ledger, escrows, Arc::clone(prover));
                let release = tasks::release(
                    (Arc::clone(&desk), Arc::clone(&self.road), paying),
                    releaser,
                    stopping.clone(),
                );
                running.spawn("release", release);
            }
        }
        let assumptions = tasks::hold_assumptions(
            Arc::clone(&self.road),
            Arc::clone(&self.reloader.mode),
            self.reloader.started.config.chain.guard_every,
            stopping.clone(),
        );
        running.spawn("assumptions", assumptions);
        let others = Arc::clone(&self.road.elsewhere);
        let others = elsewhere::keep(others, desk.policy().host, stopping.clone());
        running.spawn("elsewhere", others);
        let exit = leave::keep(
            Arc::clone(&desk),
            Arc::clone(&self.road),
            Arc::clone(&self.reloader.mode),
            stopping.clone(),
        );
        running.spawn("exit", exit);
        let stakes = Arc::new(StakeDesk::of(&self.dir));
        let started = &self.reloader.started.config;
        let cold = started.offer.payout;
        let cold = cold.filter(|payout| *payout != desk.policy().host);
        let firsts = Firsts::of(&self.dir, started.first_start, desk.key().peer_id(), cold);
        let whose = {
            let desk = Arc::clone(&desk);
            move || api::whose(&desk)
        };
        let means = welcome::keep(
            Arc::clone(&self.road),
            (firsts, Arc::clone(&stakes)),
            whose,
            stopping.clone(),
        );
        running.spawn("means", means);
        let whose = {
            let desk = Arc::clone(&desk);
            move || api::whose(&desk)
        };
        let prices = prices::keep(
            Arc::clone(&self.road),
            self.reloader.started.config.prices,
            whose,
            stopping.clone(),
        );
        running.spawn("prices", prices);
        let runtime = pulse.runtime();
        let watching = Watching {
            dir: self.dir,
            pressure: self.pressure,
            last: self.records.vitals.machine.clone(),
            net: self.net.clone(),
            drives: self.records.vitals.drives.clone(),
            restart: Arc::clone(&self.restart),
            pulse,
        };
        running.spawn("machine", machine::keep(watching, stopping.clone()));
        let mode = Arc::clone(&self.reloader.mode);
        running.spawn(
            "mode",
            tasks::keep_mode(Arc::clone(&mode), runtime, stopping.clone()),
        );
        let shared = Arc::new(Api {
            desk: Arc::clone(&desk),
            road: self.road,
            stakes,
            places: self.places,
            token: self.records.token,
            restart: Arc::clone(&self.restart),
            reloader: self.reloader,
            backing_up: tokio::sync::Mutex::default(),
            alerts: Arc::clone(&self.records.alerts),
            net: self.net.clone(),
            events: self.records.events,
            vitals: self.records.vitals,
            tokens: self.records.tokens,
            audit: self.records.audit,
            stopping: stopping.clone(),
            mode,
        });
        self.records.alerts.start(&shared, &mut running);
        if let Some(listener) = self.doors.local {
            running.spawn("api", door::serve(Arc::clone(&shared), listener));
        }
        if let Some(listener) = self.doors.socket {
            running.spawn("api-socket", door::serve(Arc::clone(&shared), listener));
        }
        match (self.doors.remote, self.unclaimed) {
            (Some((listener, _)), Some(desk)) => {
                running.spawn("claim", claim::serve(desk, listener, stopping.clone()));
            }
            (Some((listener, _)), None) => {
                running.spawn("api-remote", door::serve(shared, listener));
            }
            (None, _) => {}
        }
        if let Some(listener) = self.gateway {
            running.spawn(
                "page",
                api::serve_page(Arc::clone(&desk), listener, stopping.clone()),
            );
        }
        Running {
            desk,
            net: self.net,
            tasks: running,
            standing: self.standing,
            restart: self.restart,
            _lock: self._lock,
        }
    }
}

impl Running {
    /// Completes when another copy of this host holds the identity.
    pub async fn refused(&self) -> Refusal {
        self.standing.refused().await
    }

    /// Ends everything in order: conversations and tasks, the last word to the hubs, the network,
    /// the ledger.
    pub async fn stop(self) {
        self.tasks.stop().await;
        self.standing.leave(&self.desk, &self.net).await;
        self.net.stop().await;
        if let Err(err) = self.desk.save_all_reads().await {
            warn!(err = %err, "what was read last on paying accounts is forgotten");
        }
        self.desk.ledger().close().await;
        info!("stopped");
    }
}
