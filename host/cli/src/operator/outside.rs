//! A host as others see it: its hubs asked from this machine, by a stranger.
//!
//! Enters: a network file. Leaves: announcements and signed counts of every hub that answers, and
//! whether the host answers where it says it is. Invariants: the key is drawn for this one
//! question, so that nobody is favoured; a hub that does not answer is named and delays nothing.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::Context;
use host_core::PeerId;
use host_core::announce::Announcement;
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::seams::{Entropy, PeerAddr, Peers};
use host_core::wire::Protocol;
use host_core::witness::{SpeedWord, Statement};
use host_daemon::clock::SystemEntropy;
use host_net::{Bounds, Net, Options, SwarmKey, Ways};
use host_score::{Facts, Score, facts, merge, score};
use host_transfer::hub;

/// Longest wait for one hub or host.
const PATIENCE: Duration = Duration::from_secs(15);

/// What one hub said.
pub(crate) struct Told {
    pub(crate) hub: PeerId,
    /// Its counts and the measurements behind them, or why there are none.
    pub(crate) counts: Result<(Statement, Vec<(SpeedWord, u32)>), String>,
    /// The host's newest word there.
    pub(crate) word: Option<Announcement>,
}

/// A stranger on the network.
pub(crate) struct Outside {
    pub(crate) network: Network,
    net: Net,
    hubs: Vec<PeerAddr>,
}

impl Outside {
    /// Goes onto the network with a key of the moment.
    pub(crate) async fn go(network: Network, swarm_key: Option<&SwarmKey>) -> anyhow::Result<Self> {
        let mut bytes = [0; 32];
        SystemEntropy.fill(&mut bytes);
        let options = Options {
            key: SecretKey::from_bytes(&bytes).context("drawing a key")?,
            listen: Vec::new(),
            announce: Vec::new(),
            private_network: network.private,
            protocols: Vec::new(),
            agent: concat!("holdfast/", env!("CARGO_PKG_VERSION")).to_owned(),
            bounds: Bounds::house(),
        };
        let ways = Ways::of(&network, swarm_key.cloned())?;
        let (net, _inlet) = Net::start_in(options, ways).await?;
        let hubs = host_daemon::assemble::hubs(&network)?;
        Ok(Self { network, net, hubs })
    }

    /// What every hub says of a host, in the order of the network file.
    pub(crate) async fn ask(&self, host: PeerId) -> Vec<Told> {
        let (id, chain) = (self.network.id(), self.network.chain_id);
        let asked = self.hubs.iter().map(|to| async move {
            let counts = hub::look(&self.net, to, &id, chain, host);
            let counts = match tokio::time::timeout(PATIENCE, counts).await {
                Ok(counts) => counts.map_err(|err| err.to_string()),
                Err(_) => Err("no answer".to_owned()),
            };
            let word = hub::find(&self.net, to, &id, host);
            let word = tokio::time::timeout(PATIENCE, word).await;
            Told {
                hub: to.peer,
                counts,
                word: word.ok().and_then(Result::ok).flatten(),
            }
        });
        futures::future::join_all(asked).await
    }

    /// Every announced host of the first hub that can be read to its end.
    pub(crate) async fn market(&self) -> Vec<Announcement> {
        for to in &self.hubs {
            let mut all = Vec::new();
            let id = self.network.id();
            let read = hub::query(&self.net, to, &id, |host| all.push(host));
            if let Ok(Ok(_)) = tokio::time::timeout(PATIENCE, read).await {
                return all;
            }
        }
        Vec::new()
    }

    /// Whether a host answers at each of its addresses, asked from here.
    pub(crate) async fn dial(&self, peer: PeerId, addrs: &[String]) -> BTreeMap<String, bool> {
        let mut found = BTreeMap::new();
        for addr in addrs {
            // A connection to the address before would answer for this one.
            self.net.close_idle().await;
            let to = PeerAddr {
                peer,
                addrs: vec![addr.clone()],
            };
            let open = self.net.open(&to, Protocol::Info);
            let answers = tokio::time::timeout(PATIENCE, open).await;
            found.insert(addr.clone(), matches!(answers, Ok(Ok(_))));
        }
        found
    }

    /// Leaves the network.
    pub(crate) async fn leave(self) {
        self.net.stop().await;
    }

    /// Facts and score by what the hubs said; none when no hub gave counts.
    pub(crate) fn judge(&self, told: &[Told]) -> Option<(Facts, Score)> {
        let rules = &self.network.services.score;
        let each = told.iter().filter_map(|told| told.counts.as_ref().ok());
        let each: Vec<Option<Facts>> = each
            .map(|(said, _)| {
                let at = said.body.at_ms;
                said.body.hosts.first().map(|host| facts(host, at, rules))
            })
            .collect();
        if each.is_empty() {
            return None;
        }
        let merged = merge(&each);
        Some((merged, score(&merged, rules)))
    }
}
