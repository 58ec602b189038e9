//! Where a node can be reached, as far as it knows, and what that comes to in one word.
//!
//! Enters: what relays and those who tested an address said. Leaves: addresses to tell others, and
//! a `Standpoint` with what mends it. Invariants: an address counts as reachable only after another
//! node dialled it from a fresh port; what was proven is told first, circuits last. Pure. Does not:
//! test anything, or take a proof back that nobody refuted.

use host_core::limits;

/// Addresses through relays that are told: one relay may have several of its own.
const CIRCUITS_SAID_MAX: usize = 2;

/// Where a node can be reached, as far as it knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Reach {
    /// Whether relays are asked for a place, and to dial back.
    pub asked: bool,
    /// Own addresses another node has dialled.
    pub direct: Vec<String>,
    /// Addresses through relays that hold a place for us.
    pub relayed: Vec<String>,
    /// Own addresses another node tried to dial in vain.
    pub closed: Vec<String>,
}

/// From where a node can be reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Standpoint {
    /// From everywhere: an address of this machine was dialled.
    Public,
    /// From everywhere: an address was dialled that a router maps to this machine.
    Mapped,
    /// From everywhere, through relays alone.
    Relayed,
    /// From inside its own network alone.
    Inside,
    /// Nobody was asked.
    Untested,
}

impl Standpoint {
    /// One word for it.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Mapped => "port map",
            Self::Relayed => "relay",
            Self::Inside => "inside",
            Self::Untested => "untested",
        }
    }

    /// The standpoint of a label.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        let all = [
            Self::Public,
            Self::Mapped,
            Self::Relayed,
            Self::Inside,
            Self::Untested,
        ];
        all.into_iter().find(|one| one.label() == label)
    }

    /// What makes it better; empty where nothing has to be.
    #[must_use]
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Public | Self::Mapped => "",
            Self::Relayed => {
                "map the port of `swarm.listen` at the router and name it in `swarm.announce`: a \
                 relay bounds what one connection carries"
            }
            Self::Inside => {
                "map the port of `swarm.listen` at the router and name it in `swarm.announce`, or \
                 have a relay of `services.relays` in the network file hold a place for this peer \
                 (`holdfast-services relay --host PEER`)"
            }
            Self::Untested => {
                "a relay in `services.relays` of the network file dials a host back; `holdfast why` \
                 asks from where it runs"
            }
        }
    }
}

impl Reach {
    /// Adds to what is said otherwise: proven addresses before, circuits behind, which keep a place
    /// among the `limits::ADDRS_MAX` that others read.
    pub(crate) fn join(&self, said: Vec<String>) -> Vec<String> {
        let circuits = self.relayed.iter().take(CIRCUITS_SAID_MAX);
        let mut all = self.direct.clone();
        all.extend(said.into_iter().filter(|text| !self.direct.contains(text)));
        all.truncate(limits::ADDRS_MAX - circuits.len());
        all.extend(circuits.cloned());
        all
    }

    /// Another node dialled this address; whether that is new.
    pub(crate) fn prove(&mut self, text: String) -> bool {
        self.closed.retain(|known| *known != text);
        let new = !self.direct.contains(&text) && self.direct.len() < limits::ADDRS_MAX;
        if new {
            self.direct.push(text);
        }
        new
    }

    /// Another node dialled this address in vain; whether that is new.
    pub(crate) fn refute(&mut self, text: String) -> bool {
        self.direct.retain(|known| *known != text);
        let new = !self.closed.contains(&text) && self.closed.len() < limits::ADDRS_MAX;
        if new {
            self.closed.push(text);
        }
        new
    }

    /// What it comes to, for a node that listens on these addresses.
    #[must_use]
    pub fn standpoint(&self, listening: &[String]) -> Standpoint {
        if self.direct.iter().any(|known| listening.contains(known)) {
            Standpoint::Public
        } else if !self.direct.is_empty() {
            Standpoint::Mapped
        } else if !self.relayed.is_empty() {
            Standpoint::Relayed
        } else if self.asked {
            Standpoint::Inside
        } else {
            Standpoint::Untested
        }
    }
}

#[cfg(test)]
mod tests;
