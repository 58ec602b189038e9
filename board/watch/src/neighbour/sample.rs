//! One look at the tables: what the whole kernel holds, and which of it we can see.
//!
//! Enters: messages of a dump, the text of /proc/net/snmp. Leaves: [`Sample`], plain numbers that a
//! trace can record. Invariant: the count by interface is bounded by [`INTERFACES`].

use super::wire::{Entry, Family, Table};

/// Interfaces counted by name; the entries of further ones count in the totals alone.
const INTERFACES: usize = 64;

/// What is known of the tables at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Sample {
    /// The kernel's tables, IPv4 then IPv6; absent where the kernel has none or told none.
    pub tables: [Option<Table>; 2],
    /// Entries of our own namespace, when they were counted in this look.
    pub own: Option<OwnEntries>,
    /// What our own namespace failed to send since boot, when it could be read.
    pub drops: Option<Drops>,
}

/// Entries that our own namespace shows, each pair IPv4 then IPv6.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OwnEntries {
    /// All of them.
    pub visible: [u32; 2],
    /// Those that the limits do not count: permanent and externally learned ones.
    pub exempt: [u32; 2],
    /// Those that did not answer and wait for collection.
    pub failed: [u32; 2],
    /// Those still being asked for: nobody can collect them for three seconds.
    pub unresolved: [u32; 2],
    /// Entries by interface, the fullest first. Loopback and multicast entries are left out.
    pub by_interface: Vec<(u32, u32)>,
}

/// Datagrams that never left, from /proc/net/snmp of our own namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Drops {
    /// Ip OutDiscards: dropped on the way out, a full neighbour table among the reasons.
    pub ip_out_discards: u64,
    /// Udp SndbufErrors: a socket's queue was full, or the neighbour could not be created.
    pub udp_sndbuf_errors: u64,
}

impl OwnEntries {
    pub(crate) fn add(&mut self, entry: Entry) {
        let family = entry.family;
        let count = |pair: &mut [u32; 2], holds: bool| {
            if let Some(place) = pair.get_mut(family.index()).filter(|_| holds) {
                *place = place.saturating_add(1);
            }
        };
        count(&mut self.visible, true);
        count(&mut self.exempt, entry.is_exempt());
        count(&mut self.failed, entry.has_failed());
        count(&mut self.unresolved, entry.is_unresolved());
        if entry.is_fixed() {
            return;
        }
        let known = self
            .by_interface
            .iter_mut()
            .find(|(interface, _)| *interface == entry.interface);
        if let Some((_, count)) = known {
            *count = count.saturating_add(1);
        } else if self.by_interface.len() < INTERFACES {
            self.by_interface.push((entry.interface, 1));
        }
    }

    pub(crate) fn sorted(mut self) -> Self {
        self.by_interface
            .sort_by_key(|(interface, count)| (std::cmp::Reverse(*count), *interface));
        self
    }

    /// Of one family: all, exempt.
    pub(crate) fn of(&self, family: Family) -> (u32, u32) {
        let get = |pair: &[u32; 2]| pair.get(family.index()).copied().unwrap_or_default();
        (get(&self.visible), get(&self.exempt))
    }
}

impl Drops {
    /// Reads the text of /proc/net/snmp: a line of names, then a line of numbers, for each part.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        Some(Self {
            ip_out_discards: field(text, "Ip:", "OutDiscards")?,
            udp_sndbuf_errors: field(text, "Udp:", "SndbufErrors")?,
        })
    }
}

fn field(text: &str, part: &str, name: &str) -> Option<u64> {
    let mut lines = text
        .lines()
        .filter(|line| line.split(' ').next() == Some(part));
    let (names, numbers) = (lines.next()?, lines.next()?);
    let place = names.split_whitespace().position(|word| word == name)?;
    numbers.split_whitespace().nth(place)?.parse().ok()
}

#[cfg(test)]
mod tests;
