//! The verbs of `board-net`.

use std::net::IpAddr;

use minicbor::{Decode, Encode};

use crate::refusal::Refusal;

/// An address family that has a neighbour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Family {
    /// ARP.
    #[n(0)]
    V4,
    /// Neighbour discovery.
    #[n(1)]
    V6,
}

/// A neighbour that a route of this machine leads over.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
pub struct Gateway {
    /// Index of the interface it stands on.
    #[n(0)]
    pub interface: u32,
    /// Its address.
    #[n(1)]
    pub address: IpAddr,
    /// Its hardware address, as the kernel resolved it.
    #[n(2)]
    #[cbor(with = "minicbor::bytes")]
    pub hardware: [u8; 6],
}

/// A gateway and whether it is pinned.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Standing {
    /// Which.
    #[n(0)]
    pub gateway: Gateway,
    /// Exempt from every collection; the kernel goes on checking its hardware address.
    #[n(1)]
    pub pinned: bool,
}

/// One table's limits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct Limits {
    /// Which table.
    #[n(0)]
    pub family: Family,
    /// gc_thresh1, 2 and 3.
    #[n(1)]
    pub thresholds: [u32; 3],
}

/// What may be asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// The limits of both tables.
    #[n(0)]
    Thresholds,
    /// Widen a table, within `bounds::THRESHOLDS_MAX`; never narrower.
    #[n(1)]
    Widen {
        /// What to set.
        #[n(0)]
        limits: Limits,
    },
    /// Remove the entries of one interface that nobody answered for, at most once in
    /// `bounds::FLUSH_PAUSE`; gateways stay.
    #[n(2)]
    FlushFailed {
        /// Its index.
        #[n(0)]
        interface: u32,
    },
    /// The gateways of this machine that are resolved.
    #[n(3)]
    Gateways,
    /// Keep a gateway's entry through every collection. Its hardware address must be the one that
    /// the kernel has just now.
    #[n(4)]
    Pin {
        /// Which.
        #[n(0)]
        gateway: Gateway,
    },
    /// Let a pinned gateway be collected again.
    #[n(5)]
    Unpin {
        /// Which.
        #[n(0)]
        gateway: Gateway,
    },
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// The limits of the tables there are.
    #[n(0)]
    Thresholds {
        /// At most one a family.
        #[n(0)]
        tables: Vec<Limits>,
    },
    /// It is done.
    #[n(1)]
    Done {
        /// Entries or tables that changed.
        #[n(0)]
        changed: u32,
    },
    /// The gateways.
    #[n(2)]
    Gateways {
        /// At most `bounds::GATEWAYS_MAX`.
        #[n(0)]
        gateways: Vec<Standing>,
    },
    /// It is not done.
    #[n(3)]
    Refused {
        /// Why.
        #[n(0)]
        why: Refusal,
    },
}

impl From<Refusal> for Reply {
    fn from(why: Refusal) -> Self {
        Self::Refused { why }
    }
}

#[cfg(test)]
mod tests;
