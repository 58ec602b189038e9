//! A challenge off chain and what comes of it: a guard asks a host for leaves of a shard that a
//! fresh seed draws, the host signs what it shows, the guard signs what it found
//! (docs/formats/guard.md).
//!
//! Invariants: a proof names its challenge, and a challenge its guard, host, shard, seed and time,
//! so that none of them passes for another; a verdict carries the host's own signed proof wherever
//! there is one, so that anybody judges again. Does not: judge (`host_proof::judge`), or keep
//! anything.

use minicbor::{Decode, Encode};

use crate::codec;
use crate::error::Error;
use crate::identity::{SecretKey, Signature};
use crate::ids::{AgreementDigest, Digest32, NetworkId, PeerId, ShardId};
use crate::limits;
use crate::signed::{self, Kind};

/// Bytes of a verdict's reason in words.
pub const WHY_LEN_MAX: usize = 300;

const PROOF: Kind = Kind {
    name: "challenge-proof",
    version: 1,
};
const VERDICT: Kind = Kind {
    name: "verdict",
    version: 1,
};

/// A question to one host about one shard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Challenge {
    /// Who asks.
    #[n(0)]
    pub guard: PeerId,
    /// Who is asked.
    #[n(1)]
    pub host: PeerId,
    /// The agreement under which the shard is kept.
    #[n(2)]
    pub agreement: AgreementDigest,
    /// The shard.
    #[n(3)]
    pub shard: ShardId,
    /// Its bytes.
    #[n(4)]
    pub shard_len: u64,
    /// Draws the leaves; fresh randomness of the guard.
    #[n(5)]
    pub seed: Digest32,
    /// How many leaves, `limits::CHALLENGE_LEAVES_MAX` at most.
    #[n(6)]
    pub leaves: u32,
    /// When it was asked, in milliseconds since 1970.
    #[n(7)]
    pub at_ms: u64,
    /// Until when an answer counts.
    #[n(8)]
    pub until_ms: u64,
}

/// One leaf and its way to the shard's root, as docs/formats/proof.md has them.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ShownLeaf {
    /// The leaf's 256 bytes.
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub leaf: Vec<u8>,
    /// Siblings, the leaf's first.
    #[n(1)]
    pub path: Vec<Digest32>,
}

/// The drawn leaves in the order of their draws, signed by the host.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ShownProof {
    /// The leaves.
    #[n(0)]
    pub leaves: Vec<ShownLeaf>,
    /// The host's signature over the challenge and the leaves.
    #[n(1)]
    pub signature: Signature,
}

impl ShownProof {
    /// What a host signs of an answer on `network`: the challenge and the digest of the leaves.
    #[must_use]
    pub fn digest(challenge: &Challenge, leaves: &Digest32, network: &NetworkId) -> Digest32 {
        let body = [codec::to_bytes(challenge).as_slice(), &leaves.0].concat();
        signed::digest(PROOF, network, &body)
    }

    /// The digest of leaves: keccak-256 of their CBOR.
    #[must_use]
    pub fn leaves_digest(leaves: &[ShownLeaf]) -> Digest32 {
        crate::eip712::keccak(&codec::to_bytes(&leaves.to_vec()))
    }

    /// Checks that the challenged host signed these leaves for this challenge. Errors: Signature.
    pub fn check(&self, challenge: &Challenge, network: &NetworkId) -> Result<(), Error> {
        let digest = Self::digest(challenge, &Self::leaves_digest(&self.leaves), network);
        self.signature
            .check_peer(PROOF.name, &digest, &challenge.host)
    }
}

/// What a guard found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum Finding {
    /// Every drawn leaf leads to the shard's name.
    #[n(0)]
    Kept,
    /// No proof came in time: silence, or a refusal.
    #[n(1)]
    Missed,
    /// A proof signed by the host does not lead to the shard's name.
    #[n(2)]
    Wrong,
}

impl Finding {
    /// The word for logs and people.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Kept => "kept",
            Self::Missed => "missed",
            Self::Wrong => "wrong",
        }
    }
}

/// A challenge and what came of it.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Verdict {
    /// What was asked.
    #[n(0)]
    pub challenge: Challenge,
    /// What was found.
    #[n(1)]
    pub finding: Finding,
    /// What the host showed; absent when nothing came.
    #[n(2)]
    pub proof: Option<ShownProof>,
    /// What was heard instead, in words.
    #[n(3)]
    pub why: String,
    /// When it was judged, in milliseconds since 1970.
    #[n(4)]
    pub at_ms: u64,
}

/// A verdict with its guard's signature.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct SignedVerdict {
    /// The verdict.
    #[n(0)]
    pub verdict: Verdict,
    /// The guard's signature.
    #[n(1)]
    pub signature: Signature,
}

impl SignedVerdict {
    /// Signs a verdict with its guard's key; its reason is cut to the bound.
    #[must_use]
    pub fn sign(mut verdict: Verdict, network: &NetworkId, key: &SecretKey) -> Self {
        while verdict.why.len() > WHY_LEN_MAX {
            verdict.why.pop();
        }
        let signature = signed::sign(key, VERDICT, network, &codec::to_bytes(&verdict));
        Self { verdict, signature }
    }

    /// Checks bounds and that the named guard signed. Whether the finding follows from the proof
    /// is `host_proof::check_verdict`. Errors: Encoding, Signature.
    pub fn check(&self, network: &NetworkId) -> Result<(), Error> {
        let Verdict { challenge, why, .. } = &self.verdict;
        if challenge.leaves > limits::CHALLENGE_LEAVES_MAX || why.len() > WHY_LEN_MAX {
            return Err(Error::Encoding { what: "verdict" });
        }
        let body = codec::to_bytes(&self.verdict);
        signed::check_peer(&self.signature, VERDICT, network, &body, &challenge.guard)
    }
}
