//! A town: hubs and hosts that know each other, on the common ground. Destructive tests build
//! their own; the others share one.

use std::path::PathBuf;
use std::sync::OnceLock;
use std::time::Duration;

use host_core::epoch::EpochRule;
use host_core::network::Network;
use host_core::{Amount, PeerId};
use serde::Deserialize;

use super::child::Child;
use super::ground::{Ground, block_on, ground, write_network};
use super::home::Home;
use super::host::{Host, Plan};
use super::poll::until;
use super::wire::Caller;

/// Ask price of every host unless a plan says otherwise: the built-in default.
pub(crate) const PRICE: Amount = Amount(1_000_000_000_000);

/// How large a town is.
#[derive(Debug, Clone, Default)]
pub(crate) struct Shape {
    pub(crate) hosts: usize,
    pub(crate) hubs: usize,
    /// What each host is made from.
    pub(crate) plan: Plan,
    /// Endpoints other than the ground's own.
    pub(crate) endpoints: Vec<String>,
    /// A ground other than the common one.
    pub(crate) ground: Option<&'static Ground>,
    /// Epochs other than the ground's own.
    pub(crate) epoch: Option<EpochRule>,
}

/// Hubs and hosts of one network file.
#[derive(Debug)]
pub(crate) struct Town {
    pub(crate) dir: PathBuf,
    pub(crate) file: PathBuf,
    pub(crate) network: Network,
    pub(crate) hubs: Vec<Hub>,
    pub(crate) hosts: Vec<Host>,
    pub(crate) ground: &'static Ground,
}

/// A hub and its process.
#[derive(Debug)]
pub(crate) struct Hub {
    pub(crate) child: Child,
    pub(crate) name: String,
}

#[derive(Debug, Deserialize)]
struct HubReady {
    hub: String,
}

/// The town of tests that break nothing: six hosts, one hub.
pub(crate) fn shared() -> &'static Town {
    static SHARED: OnceLock<Town> = OnceLock::new();
    SHARED.get_or_init(|| {
        Town::start(
            "shared",
            Shape {
                hosts: 6,
                hubs: 1,
                ..Shape::default()
            },
        )
    })
}

impl Town {
    /// Builds a town and waits until every host serves and every hub lists every host.
    pub(crate) fn start(name: &str, shape: Shape) -> Self {
        let ground = shape.ground.unwrap_or_else(ground);
        let dir = ground.place(name);
        std::fs::create_dir(&dir).expect("the town's name is its own");
        let endpoints = match shape.endpoints.is_empty() {
            true => vec![ground.rpc().to_owned()],
            false => shape.endpoints,
        };
        let file = dir.join("network.toml");
        let mut network = ground.network(Vec::new(), endpoints);
        network.epoch = shape.epoch.unwrap_or(network.epoch);
        write_network(&file, &network);
        let hubs: Vec<Hub> = (0..shape.hubs)
            .map(|index| start_hub(&dir, &file, index))
            .collect();
        network.hubs = hubs.iter().map(|hub| hub.name.clone()).collect();
        write_network(&file, &network);
        let mut town = Self {
            dir,
            file,
            network,
            hubs,
            hosts: Vec::new(),
            ground,
        };
        for _ in 0..shape.hosts {
            town.add(&shape.plan);
        }
        for host in &mut town.hosts {
            host.launch();
        }
        for host in &mut town.hosts {
            host.serving();
        }
        town.listed(shape.hosts);
        town
    }

    /// Makes one more host; it does not run yet.
    pub(crate) fn add(&mut self, plan: &Plan) -> &mut Host {
        let dir = self.dir.join(format!("host-{}", self.hosts.len()));
        let host = Host::make(&dir, &self.file, plan);
        self.ground.fund(host.address);
        self.hosts.push(host);
        self.hosts.last_mut().expect("one was added")
    }

    /// Waits until every hub that runs lists at least this many hosts.
    pub(crate) fn listed(&self, count: usize) {
        let caller = Caller::stranger(&self.network);
        for index in 0..self.hubs.len() {
            until("every host is listed", Duration::from_secs(30), || {
                (caller.listed_at(index).len() >= count).then_some(())
            });
        }
    }

    /// A renter's home that joined this town; `deposit` goes into its vault.
    pub(crate) fn renter(&self, name: &str, deposit: Amount) -> Home {
        Home::make_on(self.ground, &self.dir.join(name), &self.file, deposit)
    }

    /// The host of this peer id.
    pub(crate) fn host(&self, peer: &PeerId) -> &Host {
        let found = self.hosts.iter().find(|host| host.peer == *peer);
        found.unwrap_or_else(|| panic!("{peer} is no host of this town"))
    }

    /// The newest block of the chain.
    pub(crate) fn block(&self) -> u64 {
        block_on(self.ground.chain().newest_block())
            .expect("the chain answers")
            .number
    }
}

fn start_hub(dir: &std::path::Path, network: &std::path::Path, index: usize) -> Hub {
    let data = dir.join(format!("hub-{index}"));
    let words = [
        "hub",
        "--network",
        &network.to_string_lossy(),
        "--data",
        &data.to_string_lossy(),
        "--listen",
        "/ip4/127.0.0.1/tcp/0",
    ]
    .map(str::to_owned);
    let child = Child::start("holdfast-services", &words, &data.with_extension("log"));
    let ready: HubReady = child.ready();
    Hub {
        child,
        name: ready.hub,
    }
}
