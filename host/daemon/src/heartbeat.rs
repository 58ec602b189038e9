//! The host's word to hubs and status servers: a signed announcement in every slot, which is its
//! heartbeat, and the proofs of its days that it keeps.
//!
//! Enters: hubs and status servers of the network file, the rules of the scores. Leaves:
//! announcements; `days.jsonl` of the data directory, one line a day, status server and proof.
//! Invariants: a dead hub delays no other; a slot is never skipped by a clock's drift, since the
//! host speaks more often than once in each; a day's line is written only after its proof was
//! checked. Does not: decide which copy of a host may speak (`standing`).

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use host_core::announce::Claims;
use host_core::network::Network;
use host_core::seams::PeerAddr;
use host_core::witness::{DayProof, ScoreRules};
use host_core::{Amount, NetworkId, limits};
use host_net::Net;
use host_session::announce;
use host_transfer::hub;
use serde::{Deserialize, Serialize};
use tracing::{debug, warn};

use crate::assemble::{HostDesk, peers_of};
use crate::clock::now_ms;
use crate::config::Config;
use crate::standing::Standing;
use crate::supervise::Stopping;

/// Between two tries to announce while no hub took it.
const RETRY: Duration = Duration::from_secs(3);
/// From one found address to the announcement of it: more are found in the same moments.
const SETTLES: Duration = Duration::from_secs(2);
/// Name of the file of kept days.
pub const DAYS_FILE: &str = "days.jsonl";
/// Days kept of each status server: two years.
const DAYS_MAX: usize = 730;
/// How long a status server may take to close a day.
const CLOSING: Duration = Duration::from_secs(5);

/// What the host needs to be heard.
#[derive(Debug, Clone)]
pub(crate) struct Heartbeats {
    dir: PathBuf,
    network: NetworkId,
    rules: ScoreRules,
    status: Vec<PeerAddr>,
    region: String,
    inside: Vec<String>,
}

/// One kept day.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptDay {
    /// Which day.
    pub day: u64,
    /// Who counted.
    pub status: host_core::PeerId,
    /// Heartbeats of the day.
    pub beats: u32,
    /// The proof: hexadecimal digits of its CBOR.
    pub proof: String,
}

impl Heartbeats {
    /// Errors when the network file lists a status server that is no address.
    pub(crate) fn new(dir: &Path, config: &Config, network: &Network) -> anyhow::Result<Self> {
        Ok(Self {
            dir: dir.to_owned(),
            network: network.id(),
            rules: network.services.score.clone(),
            status: peers_of("status server", &network.services.status)?,
            region: config.offer.region.clone(),
            inside: config.swarm.inside.clone(),
        })
    }

    /// Six heartbeats in five slots, so that none stays empty; at least as often as hubs forget.
    fn every(&self) -> Duration {
        let slot = Duration::from_millis(self.rules.slot_ms());
        (slot * 5 / 6).min(limits::ANNOUNCE_EVERY)
    }

    fn claims(&self, stake: Amount) -> Option<Claims> {
        let claims = Claims {
            region: self.region.clone(),
            stake,
            inside: self.inside.clone(),
        };
        (claims != Claims::default()).then_some(claims)
    }
}

/// Announces the host to every hub and status server until told to stop; each hub is asked first
/// whether another copy holds the identity.
pub(crate) async fn announce(
    beats: Heartbeats,
    desk: Arc<HostDesk>,
    net: Net,
    standing: Arc<Standing>,
    mut stopping: Stopping,
) {
    let mut stake = Amount::ZERO;
    let mut reach = net.watch_reach();
    loop {
        reach.mark_unchanged();
        desk.set_addrs(net.addresses());
        // A chain that is silent leaves what was known last.
        if let Ok(Some(live)) = desk.chain().stake_of(desk.key().address()).await {
            stake = live;
        }
        desk.set_claims(beats.claims(stake));
        let taken = once(&beats, &desk, &net, &standing).await;
        let pause = if taken || standing.hubs().is_empty() {
            beats.every()
        } else {
            RETRY.min(beats.every())
        };
        tokio::select! {
            more = stopping.sleep(pause) => if !more { return },
            // Whoever asks a hub now must not be sent where nobody answers.
            Ok(()) = reach.changed() => if !stopping.sleep(SETTLES).await { return },
        }
    }
}

async fn once(beats: &Heartbeats, desk: &HostDesk, net: &Net, standing: &Standing) -> bool {
    let announcement = match announce::make(desk).await {
        Ok(announcement) => announcement,
        Err(err) => {
            warn!(err = %err, "no announcement could be made");
            return false;
        }
    };
    let hubs = standing.hubs().iter();
    let tries = hubs.map(|to| standing.announce(net, to, &announcement));
    let status = beats.status.iter();
    let told = status.map(|to| hub::announce(net, to, announcement.clone()));
    let (taken, told) = tokio::join!(
        futures::future::join_all(tries),
        futures::future::join_all(told)
    );
    for err in told.into_iter().filter_map(Result::err) {
        debug!(err = %err, "status server did not take the heartbeat");
    }
    taken.into_iter().any(|taken| taken)
}

/// Fetches, after each day, the host's place in the day's root from every status server and
/// writes it down.
pub(crate) async fn keep_days(beats: Heartbeats, net: Net, mut stopping: Stopping) {
    if beats.status.is_empty() {
        return;
    }
    let day_length = Duration::from_secs(beats.rules.day_seconds.max(1));
    let pause = (day_length / 4).clamp(Duration::from_secs(1), Duration::from_secs(3600));
    while stopping.sleep(pause).await {
        let now_ms = now_ms();
        let closing = u64::try_from(CLOSING.as_millis()).unwrap_or_default();
        let settled = now_ms.saturating_sub(closing.min(beats.rules.day_seconds * 250));
        let Some(day) = beats.rules.day_of(settled).checked_sub(1) else {
            continue;
        };
        for status in &beats.status {
            if let Err(err) = keep_day(&beats, &net, status, day).await {
                let err = format!("{err:#}");
                debug!(peer = %status.peer, err, "day not kept, will be repeated");
            }
        }
    }
}

async fn keep_day(
    beats: &Heartbeats,
    net: &Net,
    status: &PeerAddr,
    day: u64,
) -> anyhow::Result<()> {
    let mut kept = kept_days(&beats.dir)?;
    let has = |kept: &KeptDay| kept.day == day && kept.status == status.peer;
    if kept.iter().any(has) {
        return Ok(());
    }
    let proof = hub::day(net, status, &beats.network, day).await?;
    kept.push(KeptDay {
        day,
        status: status.peer,
        beats: proof.leaf.beats,
        proof: hex::encode(host_core::codec::to_bytes(&proof)),
    });
    let over = kept.len().saturating_sub(DAYS_MAX * beats.status.len());
    let lines = kept.iter().skip(over).map(serde_json::to_string);
    let text: Result<Vec<String>, _> = lines.collect();
    crate::config::layers::write_atomic(&beats.dir.join(DAYS_FILE), &(text?.join("\n") + "\n"))?;
    Ok(())
}

/// The days a data directory keeps, oldest first; none without the file. Errors when it does not
/// read.
pub fn kept_days(dir: &Path) -> anyhow::Result<Vec<KeptDay>> {
    let text = match std::fs::read_to_string(dir.join(DAYS_FILE)) {
        Ok(text) => text,
        Err(err) if err.kind() == std::io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(err) => return Err(err.into()),
    };
    let lines = text.lines().filter(|line| !line.is_empty());
    lines.map(|line| Ok(serde_json::from_str(line)?)).collect()
}

impl KeptDay {
    /// The proof, checked again.
    pub fn proof(&self, network: &NetworkId) -> anyhow::Result<DayProof> {
        let bytes = hex::decode(&self.proof)?;
        let proof: DayProof = host_core::codec::from_bytes("day proof", &bytes)?;
        proof.check(network)?;
        Ok(proof)
    }
}
