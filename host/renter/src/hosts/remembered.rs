//! The list of hosts remembered for the day all hubs are dead: a uniform sample of what was last
//! announced, newest word each. Announcements enter as hubs are read, a file leaves
//! (docs/formats/renter-book.md). Losing it costs nothing. It is checked again when it is read.

use std::collections::BTreeMap;
use std::path::Path;

use host_core::announce::Announcement;
use host_core::{PeerId, codec, limits};

use super::choice::{age, number};
use crate::error::Error;

/// Hosts remembered; enough for any geometry's put, a megabyte or two.
const ROLL_MAX: usize = 2048;
/// Bytes of a file that is read.
const FILE_MAX: u64 = 16 << 20;

/// The sample, and the newest word of everyone seen.
pub(crate) struct Roll {
    seed: [u8; 32],
    seen: BTreeMap<PeerId, (u64, u64)>,
    kept: BTreeMap<(u128, PeerId), Announcement>,
}

impl Roll {
    /// An empty sample; the seed draws it.
    pub(crate) const fn new(seed: [u8; 32]) -> Self {
        Self {
            seed,
            seen: BTreeMap::new(),
            kept: BTreeMap::new(),
        }
    }

    /// Whether a word is newer than the one known of its host: only then its signature is worth
    /// checking. A directory beyond its bound is not read further.
    pub(crate) fn is_news(&self, host: &Announcement) -> bool {
        match self.seen.get(&host.offer.peer) {
            Some(known) => *known < age(host),
            None => self.seen.len() < limits::HUB_HOSTS_MAX,
        }
    }

    /// Takes a host whose signature was checked.
    pub(crate) fn take(&mut self, host: Announcement) {
        if !self.is_news(&host) {
            return;
        }
        let peer = host.offer.peer;
        self.seen.insert(peer, age(&host));
        let draw = (number(b"roll", &self.seed, &peer), peer);
        if host.offer.leaving {
            self.kept.remove(&draw);
            return;
        }
        self.kept.insert(draw, host);
        if self.kept.len() > ROLL_MAX {
            self.kept.pop_last();
        }
    }

    /// Hosts seen.
    pub(crate) fn known(&self) -> usize {
        self.seen.len()
    }

    /// The sample.
    pub(crate) fn into_hosts(self) -> Vec<Announcement> {
        self.kept.into_values().collect()
    }
}

/// Reads the remembered list. Errors with `NoHubs`, because that is what is wrong then.
pub(crate) fn load(path: &Path) -> Result<Vec<Announcement>, Error> {
    let size = std::fs::metadata(path).map_err(|_| Error::NoHubs)?.len();
    if size > FILE_MAX {
        return Err(Error::NoHubs);
    }
    let bytes = std::fs::read(path).map_err(|_| Error::NoHubs)?;
    codec::from_bytes("host list", &bytes).map_err(|_| Error::NoHubs)
}

/// Writes the list down; failing to harms nobody today.
pub(crate) fn save(path: &Path, roll: &Roll) {
    let list: Vec<&Announcement> = roll.kept.values().collect();
    let fresh = path.with_extension("new");
    let kept = std::fs::write(&fresh, codec::to_bytes(&list));
    if let Err(err) = kept.and_then(|()| std::fs::rename(&fresh, path)) {
        tracing::debug!(err = %err, "host list is not remembered");
    }
}
