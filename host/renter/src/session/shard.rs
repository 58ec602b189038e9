//! One shard of a put as the journal tells it: which host, under which terms, how far.
//!
//! A shard may have several trials, one after the other; each is an agreement of its own. A trial
//! that did not end paid is *given up*, and *released* once its host said that the agreement is
//! closed or was never there: only then nothing can be owed for it.

use host_core::agreement::Agreement;
use host_core::object::Place;
use host_core::{AgreementDigest, Amount, PeerId};
use minicbor::{Decode, Encode};
use serde::Serialize;

use crate::codes::Code;

/// How far one shard is on one host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum ShardState {
    /// Terms leave for the host.
    #[n(0)]
    Proposed,
    /// The host signed them and takes the bytes.
    #[n(1)]
    Agreed,
    /// The host gave its receipt.
    #[n(2)]
    Stored,
    /// The first cheque leaves.
    #[n(3)]
    Paying,
    /// The first cheque was accepted.
    #[n(4)]
    Paid,
    /// Another host takes the shard; this one still has to be told.
    #[n(5)]
    GivenUp,
    /// The host closed the agreement, or never had it.
    #[n(6)]
    Released,
}

impl ShardState {
    /// BTFS's word for the same state.
    #[must_use]
    pub const fn btfs(self) -> &'static str {
        match self {
            Self::Proposed => "init",
            Self::Agreed | Self::Stored | Self::Paying => "contract",
            Self::Paid => "complete",
            Self::GivenUp | Self::Released => "error",
        }
    }
}

/// One shard's newest trial.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct ShardRow {
    /// Index of the segment.
    pub segment: u32,
    /// Index of the shard in the segment.
    pub index: u16,
    /// The agreement's digest.
    pub agreement: AgreementDigest,
    /// The host.
    pub host: PeerId,
    /// Smallest units per GiB and epoch; absent in journals of older programs.
    pub price: Option<Amount>,
    /// How far it is.
    pub state: ShardState,
    /// BTFS's word for it.
    pub btfs: &'static str,
    /// When it got there, in milliseconds since 1970.
    pub at_ms: u64,
    /// First epoch that is not paid.
    pub paid_through: Option<u64>,
    /// First epoch after its term.
    pub end_epoch: Option<u64>,
    /// What went wrong, when something did.
    pub code: Option<Code>,
    /// The same in words.
    pub message: Option<String>,
    /// What to do about it.
    pub next: Option<&'static str>,
}

/// A trial with everything needed to go on with it.
#[derive(Debug, Clone)]
pub(crate) struct Trial {
    pub(crate) place: Place,
    pub(crate) terms: Option<Agreement>,
    pub(crate) state: ShardState,
    pub(crate) at_ms: u64,
    pub(crate) code: Option<Code>,
    pub(crate) message: Option<String>,
    pub(crate) paid_through: Option<u64>,
}

impl Trial {
    pub(crate) const fn new(place: Place, terms: Option<Agreement>, at_ms: u64) -> Self {
        Self {
            place,
            terms,
            state: ShardState::Proposed,
            at_ms,
            code: None,
            message: None,
            paid_through: None,
        }
    }

    /// Whether it is under way, or was when the program ended.
    pub(crate) const fn is_under_way(&self) -> bool {
        matches!(
            self.state,
            ShardState::Proposed | ShardState::Agreed | ShardState::Stored | ShardState::Paying
        )
    }

    /// Whether its host may still hold an agreement that nobody uses.
    pub(crate) fn is_loose(&self) -> bool {
        self.state == ShardState::GivenUp
    }

    /// The trial as people see it.
    pub(crate) fn row(&self) -> ShardRow {
        ShardRow {
            segment: self.place.segment,
            index: self.place.index,
            agreement: self.place.agreement,
            host: self.place.host,
            price: self.terms.as_ref().map(|terms| terms.price),
            state: self.state,
            btfs: self.state.btfs(),
            at_ms: self.at_ms,
            paid_through: self.paid_through,
            end_epoch: self.terms.as_ref().map(|terms| terms.end_epoch),
            code: self.code,
            message: self.message.clone(),
            next: self.code.map(Code::next),
        }
    }
}
