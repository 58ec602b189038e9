//! The words between a hub and whoever asks it (docs/formats/wire.md): listing, reading the
//! directory, what it counted of hosts, and the roots of days that are over.

use minicbor::{Decode, Encode};

use super::Refusal;
use crate::announce::Announcement;
use crate::ids::PeerId;
use crate::witness::{DayProof, SpeedWord, Statement};

/// Anyone to a hub.
#[expect(
    clippy::large_enum_variant,
    reason = "one is alive a conversation; a box buys nothing"
)]
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum HubRequest {
    /// List me.
    #[n(0)]
    Announce(#[n(0)] Announcement),
    /// A page of the directory in peer order.
    #[n(1)]
    Query {
        /// Only peers after this one.
        #[n(0)]
        after: Option<PeerId>,
        /// At most this many.
        #[n(1)]
        limit: u32,
    },
    /// One host, those that leave included: a page of it or of none.
    #[n(2)]
    Find {
        /// Whom.
        #[n(0)]
        peer: PeerId,
    },
    /// A page of what the hub counted of hosts, in peer order.
    #[n(3)]
    Counts {
        /// Only peers after this one.
        #[n(0)]
        after: Option<PeerId>,
        /// At most this many.
        #[n(1)]
        limit: u32,
    },
    /// What the hub counted of one host, and the measurements its speeds are made of.
    #[n(4)]
    Look {
        /// Whom.
        #[n(0)]
        peer: PeerId,
    },
    /// How fast a host was.
    #[n(5)]
    Speed(#[n(0)] Box<SpeedWord>),
    /// The asking host's place in the root of a day that is over.
    #[n(6)]
    Day {
        /// Which day.
        #[n(0)]
        day: u64,
    },
}

/// Hub to anyone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum HubReply {
    /// Listed.
    #[n(0)]
    Listed,
    /// A page, and whether more follow.
    #[n(1)]
    Page {
        /// In peer order.
        #[n(0)]
        hosts: Vec<Announcement>,
        /// Ask again after the last one.
        #[n(1)]
        more: bool,
    },
    /// No.
    #[n(2)]
    Refused(#[n(0)] Refusal),
    /// A page of what it counted.
    #[n(3)]
    Counts(#[n(0)] Statement),
    /// What it counted of one host, or of none.
    #[n(4)]
    Looked {
        /// The counts.
        #[n(0)]
        statement: Statement,
        /// Measurements with their evidence, newest last.
        #[n(1)]
        speeds: Vec<SpeedWord>,
        /// For each of them, from which neighbourhood it was told: numbers without a meaning beyond
        /// this answer, 0 for the host's own. Absent from a hub that does not tell.
        #[n(2)]
        #[cbor(default)]
        groups: Vec<u32>,
    },
    /// A day's root and the asking host's place in it.
    #[n(5)]
    Day(#[n(0)] DayProof),
}
