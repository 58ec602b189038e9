//! Which hosts are listed. Pure: every method is told the time. Invariants: each listed
//! announcement was signed by its host for this network and brought by that host; for one host
//! the newest word of its latest copy stands; nothing is shown past its time; the list and each
//! page are bounded.

use std::collections::BTreeMap;
use std::ops::Bound;

use host_core::announce::Announcement;
use host_core::{NetworkId, PeerId, codec, limits};
use host_net::Policy;

use crate::error::Error;

/// How far an announcement's time may be from the hub's clock.
pub const CLOCK_OFF_MAX_MS: u64 = 10 * 60 * 1000;
/// Bytes of a page that are not announcements: the reply's own heads.
const PAGE_HEAD_LEN: usize = 64;

/// The list of hosts.
#[derive(Debug)]
pub struct Directory {
    network: NetworkId,
    policy: Policy,
    hosts_max: usize,
    hosts: BTreeMap<PeerId, Listed>,
}

#[derive(Debug)]
struct Listed {
    announcement: Announcement,
    /// Its encoded bytes, so that a page is cut without encoding twice.
    len: usize,
    until_ms: u64,
}

/// Some hosts in peer order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page {
    /// The hosts.
    pub hosts: Vec<Announcement>,
    /// Whether others follow the last one.
    pub more: bool,
}

impl Directory {
    /// An empty list for a network. `policy` judges announced addresses, `hosts_max` bounds it.
    #[must_use]
    pub const fn new(network: NetworkId, policy: Policy, hosts_max: usize) -> Self {
        Self {
            network,
            policy,
            hosts_max,
            hosts: BTreeMap::new(),
        }
    }

    /// The network it lists.
    #[must_use]
    pub const fn network(&self) -> NetworkId {
        self.network
    }

    /// Hosts listed, those whose time is over included until `expire`.
    #[must_use]
    pub fn len(&self) -> usize {
        self.hosts.len()
    }

    /// Whether nobody is listed.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.hosts.is_empty()
    }

    /// Lists what `from` says of itself at `now_ms`. The same announcement again is fine.
    /// Errors name the first broken fact; the signature is checked last because it costs most.
    pub fn announce(
        &mut self,
        from: PeerId,
        announcement: Announcement,
        now_ms: u64,
    ) -> Result<(), Error> {
        let offer = &announcement.offer;
        if offer.peer != from {
            return Err(Error::NotItself {
                from,
                peer: offer.peer,
            });
        }
        let off_ms = offer.at_ms.abs_diff(now_ms);
        if off_ms > CLOCK_OFF_MAX_MS {
            return Err(Error::Clock {
                off_ms,
                bound_ms: CLOCK_OFF_MAX_MS,
            });
        }
        match self.hosts.get(&from) {
            Some(listed) if listed.announcement == announcement => return Ok(()),
            Some(listed) if listed.announcement.offer.generation > offer.generation => {
                return Err(Error::OlderCopy {
                    generation: offer.generation,
                    listed: listed.announcement.offer.generation,
                });
            }
            Some(listed)
                if listed.announcement.offer.generation == offer.generation
                    && listed.announcement.offer.at_ms >= offer.at_ms =>
            {
                return Err(Error::Stale {
                    by_ms: listed.announcement.offer.at_ms - offer.at_ms,
                });
            }
            Some(_) => {}
            None if self.hosts.len() >= self.hosts_max => {
                self.expire(now_ms);
                if self.hosts.len() >= self.hosts_max {
                    return Err(Error::Full {
                        bound: self.hosts_max,
                    });
                }
            }
            None => {}
        }
        if offer.addrs.is_empty() {
            return Err(Error::NoAddress);
        }
        for address in offer.addrs.iter().take(limits::ADDRS_MAX) {
            self.policy.check(address).map_err(|why| Error::Address {
                address: address.chars().take(64).collect(),
                why,
            })?;
        }
        announcement.check(&self.network)?;
        self.put(announcement, now_ms);
        Ok(())
    }

    /// Takes back what this hub itself once checked and wrote down.
    pub fn restore(&mut self, announcements: Vec<Announcement>, now_ms: u64) {
        for announcement in announcements.into_iter().take(self.hosts_max) {
            self.put(announcement, now_ms);
        }
        self.expire(now_ms);
    }

    /// A host's clock that runs ahead gains it nothing: its time counts from the earlier of its
    /// word and ours.
    fn put(&mut self, announcement: Announcement, now_ms: u64) {
        let ttl_ms = u64::try_from(limits::ANNOUNCE_TTL.as_millis()).unwrap_or(u64::MAX);
        let until_ms = announcement.offer.at_ms.min(now_ms).saturating_add(ttl_ms);
        let listed = Listed {
            len: codec::to_bytes(&announcement).len(),
            until_ms,
            announcement,
        };
        self.hosts.insert(listed.announcement.offer.peer, listed);
    }

    /// Forgets those whose time is over; returns how many.
    pub fn expire(&mut self, now_ms: u64) -> usize {
        let before = self.hosts.len();
        self.hosts.retain(|_, listed| listed.until_ms > now_ms);
        before - self.hosts.len()
    }

    /// The newest word of one host, also one that it leaves with.
    #[must_use]
    pub fn find(&self, peer: &PeerId, now_ms: u64) -> Option<Announcement> {
        let listed = self.hosts.get(peer)?;
        (listed.until_ms > now_ms).then(|| listed.announcement.clone())
    }

    /// Hosts after `after` in peer order: at most `limit`, at most a page, below one frame. Those
    /// that said they leave are passed over.
    #[must_use]
    pub fn page(&self, after: Option<PeerId>, limit: u32, now_ms: u64) -> Page {
        let most = usize::try_from(limit)
            .unwrap_or(usize::MAX)
            .clamp(1, limits::HUB_PAGE_MAX);
        let from = after.map_or(Bound::Unbounded, Bound::Excluded);
        let mut room = limits::FRAME_LEN_MAX - PAGE_HEAD_LEN;
        let mut hosts = Vec::new();
        for listed in self.hosts.range((from, Bound::Unbounded)).map(|(_, l)| l) {
            if listed.until_ms <= now_ms || listed.announcement.offer.leaving {
                continue;
            }
            if hosts.len() == most || listed.len > room {
                return Page { hosts, more: true };
            }
            room -= listed.len;
            hosts.push(listed.announcement.clone());
        }
        Page { hosts, more: false }
    }

    /// Every announcement, for the snapshot.
    pub fn all(&self) -> impl Iterator<Item = &Announcement> {
        self.hosts.values().map(|listed| &listed.announcement)
    }
}

#[cfg(test)]
mod tests;
