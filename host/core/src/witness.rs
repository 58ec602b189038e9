//! What observers say of hosts: heartbeats a hub counted, speeds a renter measured; and the rules
//! by which a network makes scores of both (docs/formats/score.md).
//!
//! Enters: counts and times of whoever saw them. Leaves: bodies with their observer's signature,
//! so that a list can be passed on and nobody else can be made to have said it. Invariants: a
//! heartbeat is a host's signed announcement, counted once a slot; a speed stands on a receipt of
//! the host it is about. Does not: make a score (`host-score`), know the time.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::agreement::Agreement;
use crate::codec;
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Digest32, NetworkId, PeerId};
use crate::limits;
use crate::receipt::Receipt;
use crate::signed::{self, Kind};

/// The rules of a network's scores; every program of the network reads the same ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScoreRules {
    /// Length of a slot in seconds: a host says one heartbeat in each.
    pub heartbeat_seconds: u64,
    /// Seconds of heartbeats before a host has a score at all.
    pub warmup_seconds: u64,
    /// Seconds over which uptime is counted.
    pub window_seconds: u64,
    /// Age in seconds that counts half.
    pub age_half_seconds: u64,
    /// Age in seconds that counts in full.
    pub age_full_seconds: u64,
    /// Seconds of a day of status servers, after which its root is made.
    pub day_seconds: u64,
    /// Bytes a second that count in full, either way.
    pub speed_full: u64,
    /// The version hosts should run, `MAJOR.MINOR`; absent asks for that of the program judging.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
}

impl Default for ScoreRules {
    /// The public network's: minutes, a day, thirty days, one and three weeks, 50 Mbit/s.
    fn default() -> Self {
        Self {
            heartbeat_seconds: 60,
            warmup_seconds: 86_400,
            window_seconds: 30 * 86_400,
            age_half_seconds: 7 * 86_400,
            age_full_seconds: 21 * 86_400,
            day_seconds: 86_400,
            speed_full: 6_250_000,
            version: None,
        }
    }
}

impl ScoreRules {
    /// Milliseconds of a slot, at least one second.
    #[must_use]
    pub const fn slot_ms(&self) -> u64 {
        let seconds = if self.heartbeat_seconds == 0 {
            1
        } else {
            self.heartbeat_seconds
        };
        seconds.saturating_mul(1000)
    }

    /// Number of the day a moment lies in.
    #[must_use]
    pub const fn day_of(&self, at_ms: u64) -> u64 {
        let day = self.day_seconds.saturating_mul(1000);
        at_ms / if day == 0 { 1000 } else { day }
    }

    /// Milliseconds of the window, at least one slot.
    #[must_use]
    pub const fn window_ms(&self) -> u64 {
        let window = self.window_seconds.saturating_mul(1000);
        if window < self.slot_ms() {
            self.slot_ms()
        } else {
            window
        }
    }
}

/// What one observer counted of one host.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct Watched {
    /// Whom.
    #[n(0)]
    pub host: PeerId,
    /// Its first heartbeat the observer ever took: milliseconds since 1970.
    #[n(1)]
    pub first_ms: u64,
    /// The newest.
    #[n(2)]
    pub last_ms: u64,
    /// Where the counted part of the window begins.
    #[n(3)]
    pub from_ms: u64,
    /// Slots with a heartbeat since `from_ms`.
    #[n(4)]
    pub seen: u32,
    /// Slots with a heartbeat, ever.
    #[n(5)]
    pub beats: u64,
    /// Software the newest one named.
    #[n(6)]
    pub version: String,
    /// Bytes a second renters read from it, the middle of those that brought evidence.
    #[n(7)]
    pub down: Option<u64>,
    /// Bytes a second renters sent to it.
    #[n(8)]
    pub up: Option<u64>,
}

/// Counts of one observer at one moment.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct StatementBody {
    /// Who counted.
    #[n(0)]
    pub observer: PeerId,
    /// When it said so: milliseconds since 1970.
    #[n(1)]
    pub at_ms: u64,
    /// What it counted, in peer order.
    #[n(2)]
    pub hosts: Vec<Watched>,
    /// Whether more follow after the last one.
    #[n(3)]
    pub more: bool,
}

/// Counts with their observer's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Statement {
    /// The counts.
    #[n(0)]
    pub body: StatementBody,
    /// The observer's signature.
    #[n(1)]
    pub signature: Signature,
}

const STATEMENT: Kind = Kind {
    name: "watched",
    version: 1,
};
const SPEED: Kind = Kind {
    name: "speed",
    version: 1,
};
/// Bytes of a version text in a statement.
const VERSION_LEN_MAX: usize = 64;
/// Bytes below which a transfer says nothing of a line's speed: latency is most of it.
pub const SPEED_BYTES_MIN: u64 = 64 * 1024;

impl Statement {
    /// Signs counts with the observer's key.
    #[must_use]
    pub fn sign(body: StatementBody, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, STATEMENT, network, &codec::to_bytes(&body));
        Self { body, signature }
    }

    /// Checks bounds, order and that the named observer signed.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        let hosts = &self.body.hosts;
        let long = hosts
            .iter()
            .any(|host| host.version.len() > VERSION_LEN_MAX);
        let ordered = hosts.is_sorted_by(|a, b| a.host < b.host);
        if long || !ordered || hosts.len() > limits::HUB_PAGE_MAX {
            return Err(Error::Encoding { what: "statement" });
        }
        let body = codec::to_bytes(&self.body);
        signed::check_peer(
            &self.signature,
            STATEMENT,
            network,
            &body,
            &self.body.observer,
        )
    }
}

/// How fast a host was in one transfer, and what shows that there was one.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SpeedBody {
    /// The agreement the transfer was under; its renter measured.
    #[n(0)]
    pub agreement: Agreement,
    /// The host it is about.
    #[n(1)]
    pub host: PeerId,
    /// The host's receipt for that agreement's shard.
    #[n(2)]
    pub receipt: Receipt,
    /// Whether bytes went to the host; else they came from it.
    #[n(3)]
    pub up: bool,
    /// Bytes moved.
    #[n(4)]
    pub bytes: u64,
    /// Microseconds it took.
    #[n(5)]
    pub micros: u64,
    /// When it ended: milliseconds since 1970.
    #[n(6)]
    pub at_ms: u64,
}

/// A measured speed with the renter's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SpeedWord {
    /// What was measured.
    #[n(0)]
    pub body: SpeedBody,
    /// The renter's signature.
    #[n(1)]
    pub signature: Signature,
}

impl SpeedWord {
    /// Signs a measurement with the renter's key.
    #[must_use]
    pub fn sign(body: SpeedBody, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, SPEED, network, &codec::to_bytes(&body));
        Self { body, signature }
    }

    /// Bytes a second.
    #[must_use]
    pub fn rate(&self) -> u64 {
        let rate = u128::from(self.body.bytes) * 1_000_000 / u128::from(self.body.micros.max(1));
        u64::try_from(rate).unwrap_or(u64::MAX)
    }

    /// Checks that the renter of the agreement signed, that the host gave a receipt for this very
    /// agreement and that the bytes lie within its shard. Errors name the first broken fact.
    pub fn check(&self, network: &NetworkId, chain_id: u64) -> Result<(), Error> {
        let SpeedBody {
            agreement,
            host,
            receipt,
            bytes,
            ..
        } = &self.body;
        let fits = *bytes >= SPEED_BYTES_MIN && *bytes <= agreement.shard_len;
        let named = host.address()? == agreement.host && agreement.network == *network;
        let own = [agreement.host, agreement.payout].contains(&agreement.renter);
        if own {
            return Err(Error::OwnWord { what: "speed" });
        }
        if !fits || !named || receipt.body.agreement != agreement.digest(chain_id) {
            return Err(Error::Encoding { what: "speed" });
        }
        receipt.check(network, host)?;
        let body = codec::to_bytes(&self.body);
        signed::check_address(&self.signature, SPEED, network, &body, &agreement.renter)
    }
}

/// One host's day, as a status server counted it: a leaf of the day's tree.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct DayLeaf {
    /// Whom.
    #[n(0)]
    pub host: PeerId,
    /// The day: milliseconds since 1970 through the length of a day.
    #[n(1)]
    pub day: u64,
    /// Slots with a heartbeat.
    #[n(2)]
    pub beats: u32,
    /// First heartbeat of the day.
    #[n(3)]
    pub first_ms: u64,
    /// Last heartbeat of the day.
    #[n(4)]
    pub last_ms: u64,
}

impl DayLeaf {
    /// SHA-256("holdfast.day-leaf.1" || canonical CBOR).
    #[must_use]
    pub fn hash(&self) -> Digest32 {
        Digest32(
            Sha256::new()
                .chain_update(b"holdfast.day-leaf.1")
                .chain_update(codec::to_bytes(self))
                .finalize()
                .into(),
        )
    }
}

/// SHA-256("holdfast.day-node.1" || left || right).
#[must_use]
pub fn day_node(left: &Digest32, right: &Digest32) -> Digest32 {
    Digest32(
        Sha256::new()
            .chain_update(b"holdfast.day-node.1")
            .chain_update(left.0)
            .chain_update(right.0)
            .finalize()
            .into(),
    )
}

/// The root over all hosts of a day.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, Serialize, Deserialize)]
pub struct DayRoot {
    /// Who counted.
    #[n(0)]
    pub observer: PeerId,
    /// Which day.
    #[n(1)]
    pub day: u64,
    /// Leaves.
    #[n(2)]
    pub hosts: u64,
    /// The root of the tree; leaves stand in peer order, a last one without a neighbour goes up
    /// as it is.
    #[n(3)]
    pub root: Digest32,
}

/// A root with its observer's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedDayRoot {
    /// The root.
    #[n(0)]
    pub body: DayRoot,
    /// The observer's signature.
    #[n(1)]
    pub signature: Signature,
}

const DAY: Kind = Kind {
    name: "day-root",
    version: 1,
};
/// Steps of a path: a tree of 2^32 hosts.
const PATH_MAX: usize = 32;

impl SignedDayRoot {
    /// Signs a root with the observer's key.
    #[must_use]
    pub fn sign(body: DayRoot, network: &NetworkId, key: &SecretKey) -> Self {
        let signature = signed::sign(key, DAY, network, &codec::to_bytes(&body));
        Self { body, signature }
    }

    /// Checks that the named observer signed.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        let body = codec::to_bytes(&self.body);
        signed::check_peer(&self.signature, DAY, network, &body, &self.body.observer)
    }
}

/// A leaf, its way up, and the signed root it leads to.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct DayProof {
    /// The leaf.
    #[n(0)]
    pub leaf: DayLeaf,
    /// Its place among the leaves, from 0.
    #[n(1)]
    pub index: u64,
    /// Neighbours from the leaf upwards; a row without one adds nothing.
    #[n(2)]
    pub path: Vec<Digest32>,
    /// The root.
    #[n(3)]
    pub root: SignedDayRoot,
}

impl DayProof {
    /// Checks the signature and that the leaf is in the tree. Errors name the broken fact.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        self.root.check(network)?;
        let wrong = Error::Encoding { what: "day proof" };
        let root = &self.root.body;
        if self.leaf.day != root.day || self.index >= root.hosts || self.path.len() > PATH_MAX {
            return Err(wrong);
        }
        let (mut at, mut row) = (self.index, root.hosts);
        let mut hash = self.leaf.hash();
        let mut path = self.path.iter();
        while row > 1 {
            let alone = at % 2 == 0 && at + 1 == row;
            if !alone {
                let Some(other) = path.next() else {
                    return Err(wrong);
                };
                hash = match at % 2 {
                    0 => day_node(&hash, other),
                    _ => day_node(other, &hash),
                };
            }
            (at, row) = (at / 2, row.div_ceil(2));
        }
        if path.next().is_some() || hash != root.root {
            return Err(wrong);
        }
        Ok(())
    }
}
