//! The words of guards (docs/formats/wire.md): a challenge to a host, and what renters and other
//! guards ask of a guard.

use minicbor::{Decode, Encode};

use super::Refusal;
use crate::amount::Amount;
use crate::challenge::{Challenge, ShownProof, SignedVerdict};
use crate::cheque::SignedCheque;
use crate::identity::Signature;
use crate::ids::{AgreementDigest, ObjectId};
use crate::repair::SignedRepair;

/// Guard to host: show these leaves.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
#[cbor(map)]
pub struct ChallengeRequest {
    /// The question.
    #[n(0)]
    pub challenge: Challenge,
}

/// Host to guard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum ChallengeReply {
    /// The drawn leaves, signed.
    #[n(0)]
    Shown(#[n(0)] ShownProof),
    /// No, and why.
    #[n(1)]
    Refused(#[n(0)] Refusal),
}

/// Anyone to a guard.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum GuardRequest {
    /// An order follows in body runs.
    #[n(0)]
    Name {
        /// Its bytes.
        #[n(0)]
        len: u64,
    },
    /// What was found about an object, newest verdict of each shard.
    #[n(1)]
    Look {
        /// The object.
        #[n(0)]
        object: ObjectId,
    },
    /// The audits of an object in the order they were written.
    #[n(2)]
    Audits {
        /// The object.
        #[n(0)]
        object: ObjectId,
        /// Only those from this number on.
        #[n(1)]
        from: u64,
    },
    /// Another guard wants a second opinion on one shard, found now.
    #[n(3)]
    Second {
        /// The object.
        #[n(0)]
        object: ObjectId,
        /// The agreement of the shard's place.
        #[n(1)]
        agreement: AgreementDigest,
    },
    /// What was repaired of an object.
    #[n(4)]
    Repairs {
        /// The object.
        #[n(0)]
        object: ObjectId,
    },
    /// A cheque for verdicts and repairs.
    #[n(5)]
    Pay {
        /// The cheque.
        #[n(0)]
        cheque: SignedCheque,
    },
    /// Repair now, whatever the margin says; signed by the owner as `signed::repair_now_body`.
    #[n(6)]
    RepairNow {
        /// The object.
        #[n(0)]
        object: ObjectId,
        /// Milliseconds since 1970 when it was signed.
        #[n(1)]
        at_ms: u64,
        /// The owner's signature.
        #[n(2)]
        signature: Signature,
    },
}

/// Guard to anyone.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum GuardReply {
    /// The order is durable.
    #[n(0)]
    Named,
    /// How an object stands.
    #[n(1)]
    Standing {
        /// Version of the placement that is watched.
        #[n(0)]
        version: u64,
        /// Shards alive, shards lost, shards not asked yet.
        #[n(1)]
        alive: u64,
        /// Shards held for lost.
        #[n(2)]
        lost: u64,
        /// Shards that were not asked yet.
        #[n(3)]
        unasked: u64,
        /// Audits written.
        #[n(4)]
        audits: u64,
        /// Shards repaired under this version.
        #[n(5)]
        repaired: u64,
        /// What the guard counts on from the owner's vault, smallest units.
        #[n(6)]
        paid: Amount,
    },
    /// Some audits, and whether more follow.
    #[n(2)]
    Audits {
        /// In the order they were written.
        #[n(0)]
        verdicts: Vec<SignedVerdict>,
        /// The number of the next one.
        #[n(1)]
        next: u64,
        /// Whether it is there already.
        #[n(2)]
        more: bool,
    },
    /// A second opinion.
    #[n(3)]
    Opinion(#[n(0)] SignedVerdict),
    /// What was repaired; nothing yet.
    #[n(4)]
    Repaired(#[n(0)] Option<SignedRepair>),
    /// The cheque is durable at the guard.
    #[n(5)]
    Paid {
        /// The sum it now counts on.
        #[n(0)]
        cumulative: Amount,
    },
    /// The object is next in line for repair.
    #[n(6)]
    Queued,
    /// No.
    #[n(7)]
    Refused(#[n(0)] Refusal),
}
