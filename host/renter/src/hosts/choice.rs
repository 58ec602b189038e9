//! Which announced hosts take part in a put. Announcements enter in any order, one at a time;
//! what is held never exceeds a few candidates for each shard. Pure: randomness is one seed.
//!
//! Two draws decide. While announcements pass, every host that fits has a number from
//! SHA-256(seed, peer), and the lowest numbers are held: a uniform sample, whatever the order. On
//! a public network each network prefix (prefix.rs) holds one place in it at most, so that a
//! thousand hosts in one rack are one candidate. At the end the held ones are ordered by a second
//! draw in which price, free space and version weigh: a host at a quarter of the median price is
//! twice as likely as one at the median to come early, and never more than four times (a price of
//! nothing must not draw every shard to itself).

use std::collections::{BTreeMap, BTreeSet};

use host_core::PeerId;
use host_core::announce::Announcement;
use sha2::{Digest, Sha256};

use super::prefix::{self, Prefix};
use super::{Chosen, Wanted};
use crate::error::Error;

/// Candidates held for each host needed.
const HELD_PER_NEED: usize = 8;
/// Candidates held at least.
const HELD_MIN: usize = 64;
/// How far price can move a host's weight, up or down.
const PRICE_SWAY: f64 = 4.0;

/// A host's place in the first draw; the peer makes it unique.
type Draw = (u128, PeerId);

/// Which of two words of a host is newer: the copy restored last, then its time.
pub(crate) const fn age(host: &Announcement) -> (u64, u64) {
    (host.offer.generation, host.offer.at_ms)
}

/// The candidates so far.
pub(crate) struct Choice {
    wanted: Wanted,
    /// Whether prefixes must differ.
    apart: bool,
    seed: [u8; 32],
    held_max: usize,
    /// Newest word of every host, and whether it fits.
    seen: BTreeMap<PeerId, ((u64, u64), bool)>,
    held: BTreeMap<Draw, Announcement>,
    by_prefix: BTreeMap<Prefix, Draw>,
}

impl Choice {
    /// No candidate yet. `apart` asks for hosts in different network prefixes.
    pub(crate) fn new(wanted: Wanted, apart: bool, seed: [u8; 32]) -> Self {
        Self {
            held_max: (wanted.need * HELD_PER_NEED).max(HELD_MIN),
            wanted,
            apart,
            seed,
            seen: BTreeMap::new(),
            held: BTreeMap::new(),
            by_prefix: BTreeMap::new(),
        }
    }

    /// Considers a host whose signature was checked. An older word than one before is ignored; a
    /// newer one replaces it, also when the host does not fit any more.
    pub(crate) fn take(&mut self, host: &Announcement) {
        let (peer, age) = (host.offer.peer, age(host));
        let draw = (number(b"held", &self.seed, &peer), peer);
        match self.seen.get(&peer) {
            Some((known, _)) if *known >= age => return,
            Some(_) => self.drop_held(&draw),
            None => {}
        }
        let fits = self.fits(host);
        self.seen.insert(peer, (age, fits));
        if fits {
            self.hold(draw, host);
        }
    }

    fn fits(&self, host: &Announcement) -> bool {
        let (offer, wanted) = (&host.offer, &self.wanted);
        offer.free >= wanted.bytes
            && offer.epochs_max >= wanted.epochs
            && wanted.price_max.is_none_or(|max| offer.price <= max)
            && !offer.leaving
    }

    fn hold(&mut self, draw: Draw, host: &Announcement) {
        // The lowest number of a prefix stands for it, so that the order of arrival is nothing.
        let home = self.home(host);
        match self.by_prefix.get(&home).copied() {
            Some(before) if before <= draw => return,
            Some(before) => self.drop_held(&before),
            None if self.held.len() < self.held_max => {}
            None => match self.held.last_key_value().map(|(last, _)| *last) {
                Some(last) if last > draw => self.drop_held(&last),
                _ => return,
            },
        }
        self.by_prefix.insert(home, draw);
        self.held.insert(draw, host.clone());
    }

    fn drop_held(&mut self, draw: &Draw) {
        if let Some(host) = self.held.remove(draw) {
            self.by_prefix.remove(&self.home(&host));
        }
    }

    /// The prefix a host stands for; where prefixes need not differ, itself.
    fn home(&self, host: &Announcement) -> Prefix {
        let own = || Prefix::Peer(host.offer.peer);
        match self.apart {
            true => prefix::of(&host.offer.addrs).into_iter().next(),
            false => None,
        }
        .unwrap_or_else(own)
    }

    /// The hosts in the order they are asked; twice as many as needed and a few at most.
    pub(crate) fn pick(self) -> Result<Chosen, Error> {
        let need = self.wanted.need;
        let fit = self.seen.values().filter(|(_, fits)| *fits).count();
        if fit < need {
            return Err(Error::TooFewHosts { need, have: fit });
        }
        let median = self.median_price();
        let score = |host| (self.score(host, median), host);
        let mut scored: Vec<(f64, &Announcement)> = self.held.values().map(score).collect();
        scored.sort_by(|(a, _), (b, _)| a.total_cmp(b));
        let mut taken = BTreeSet::new();
        let mut hosts = Vec::new();
        for (_, host) in scored {
            let prefixes = match self.apart {
                true => prefix::of(&host.offer.addrs),
                false => BTreeSet::new(),
            };
            if prefixes.is_disjoint(&taken) && hosts.len() < 2 * need + HELD_PER_NEED {
                taken.extend(prefixes);
                hosts.push(host.clone());
            }
        }
        if hosts.len() < need {
            let have = hosts.len();
            return Err(Error::TooFewPrefixes { need, fit, have });
        }
        Ok(Chosen {
            hosts,
            fit,
            known: self.seen.len(),
        })
    }

    /// Where a held host stands in the second draw; lower is earlier. Weighted sampling without
    /// replacement: -ln(u) / weight. Source: Efraimidis and Spirakis, 2006.
    fn score(&self, host: &Announcement, median: u128) -> f64 {
        let number = number(b"pick", &self.seed, &host.offer.peer) >> 75;
        // 53 bits fill a double's fraction; half a step keeps 0 out.
        let uniform = (number as f64 + 0.5) / 9_007_199_254_740_992.0;
        -uniform.ln() / self.weight(host, median)
    }

    /// The middle price of those held.
    fn median_price(&self) -> u128 {
        let mut prices: Vec<u128> = self.held.values().map(|host| host.offer.price.0).collect();
        prices.sort_unstable();
        prices.get(prices.len() / 2).copied().unwrap_or_default()
    }

    fn weight(&self, host: &Announcement, median: u128) -> f64 {
        let offer = &host.offer;
        let ratio = (median as f64 + 1.0) / (offer.price.0 as f64 + 1.0);
        let price = ratio.sqrt().clamp(1.0 / PRICE_SWAY, PRICE_SWAY);
        // A nearly full host is likelier to have filled up since it said so.
        let roomy = offer.free / 4 >= self.wanted.bytes;
        let room = if roomy { 1.0 } else { 0.5 };
        let version = if is_current(&offer.version) { 1.0 } else { 0.5 };
        price * room * version
    }
}

/// Whether a version text, `name/MAJOR.MINOR...`, is of this program's minor version or a later.
fn is_current(version: &str) -> bool {
    let parse = |text: &str| {
        let mut parts = text.split('.').map(|part| part.parse::<u32>().ok());
        Some((parts.next()??, parts.next()??))
    };
    let theirs = version.rsplit('/').next().and_then(parse);
    theirs >= parse(env!("CARGO_PKG_VERSION"))
}

/// The number a seed draws for a peer; `what` separates draws.
pub(crate) fn number(what: &[u8; 4], seed: &[u8; 32], peer: &PeerId) -> u128 {
    let mut hash = Sha256::new();
    hash.update(what);
    hash.update(seed);
    hash.update(peer.0);
    let hash: [u8; 32] = hash.finalize().into();
    let (head, _) = hash.split_first_chunk::<16>().unwrap_or((&[0; 16], &[]));
    u128::from_be_bytes(*head)
}

#[cfg(test)]
mod tests;
