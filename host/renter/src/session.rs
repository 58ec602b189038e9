//! A put as it is remembered: an append-only journal a session, so that a killed put goes on where
//! it was and any process can tell how one stands, shard by shard.

use std::collections::BTreeMap;
use std::fmt;
use std::path::Path;
use std::str::FromStr;

use host_core::agreement::Agreement;
use host_core::object::Place;
use host_core::{AgreementDigest, ObjectId};
use minicbor::{Decode, Encode};
use serde::{Serialize, Serializer};

use crate::codes::Code;
use crate::error::Error;

mod journal;
mod shard;

pub(crate) use journal::{Begin, Entry, Journal, without_key};
pub(crate) use shard::Trial;
pub use shard::{ShardRow, ShardState};

/// The name of one put: 16 random bytes in hex.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Encode, Decode)]
#[cbor(transparent)]
pub struct SessionId(
    #[n(0)]
    #[cbor(with = "minicbor::bytes")]
    pub [u8; 16],
);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SessionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = hex::decode(text)
            .ok()
            .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| Error::Session {
            session: text.to_owned(),
        })
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a put stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Written down.
    #[n(0)]
    Begun,
    /// Hosts are looked for and cover is checked.
    #[n(1)]
    Finding,
    /// Shards are agreed, sent and paid.
    #[n(2)]
    Sending,
    /// The records are being written.
    #[n(3)]
    Recording,
    /// Stored, paid and written down.
    #[n(4)]
    Completed,
    /// Stopped by an error; may be resumed.
    #[n(5)]
    Stopped,
    /// Given up; what was agreed was released.
    #[n(6)]
    Cancelled,
}

impl State {
    /// BTFS's word for the same state.
    #[must_use]
    pub const fn btfs(self) -> &'static str {
        match self {
            Self::Begun => "init",
            Self::Finding => "submit",
            Self::Sending => "wait-upload",
            Self::Recording => "pay",
            Self::Completed => "complete",
            Self::Stopped | Self::Cancelled => "error",
        }
    }
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// Where it stands from then on.
    pub state: State,
    /// BTFS's word for it.
    pub btfs: &'static str,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// What stopped it.
    pub message: Option<String>,
    /// Its stable code.
    pub code: Option<Code>,
}

/// A put as its journal tells it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Every change, oldest first.
    pub changes: Vec<StateChange>,
    /// Shards stored and paid.
    pub places: Vec<Place>,
    /// The object, once its records are written down.
    pub object: Option<ObjectId>,
    pub(crate) begin: Begin,
    pub(crate) end_epoch: Option<u64>,
    pub(crate) trials: BTreeMap<AgreementDigest, Trial>,
}

impl Session {
    /// Whether nothing more comes of it.
    pub(crate) fn is_over(&self) -> bool {
        matches!(self.state(), State::Completed | State::Cancelled)
    }

    /// Whether its object can be read although shards of it are still to be placed.
    #[must_use]
    pub fn is_recorded(&self) -> bool {
        self.object.is_some() && !self.is_over()
    }

    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.changes
            .last()
            .map_or(State::Begun, |change| change.state)
    }

    /// What stopped it last, while it stands stopped: code and words.
    #[must_use]
    pub fn stopped_by(&self) -> Option<(Code, &str)> {
        let change = self.changes.last()?;
        let message = change.message.as_deref()?;
        Some((change.code.unwrap_or(Code::Failed), message))
    }

    /// Every shard that was ever tried, by its place in the object; of several trials the paid
    /// one, else the newest.
    #[must_use]
    pub fn shards(&self) -> Vec<ShardRow> {
        let mut rows: BTreeMap<(u32, u16), &Trial> = BTreeMap::new();
        let paid = |trial: &Trial| trial.state == ShardState::Paid;
        let rank = |trial: &Trial| (paid(trial), trial.is_under_way(), trial.at_ms);
        for trial in self.trials.values() {
            let place = (trial.place.segment, trial.place.index);
            if rows
                .get(&place)
                .is_none_or(|known| rank(known) < rank(trial))
            {
                rows.insert(place, trial);
            }
        }
        rows.into_values().map(Trial::row).collect()
    }

    /// Every trial, those that were given up too, in the order of their agreements.
    #[must_use]
    pub fn trials(&self) -> Vec<ShardRow> {
        self.trials.values().map(Trial::row).collect()
    }

    /// Agreements that nobody uses and whose host has not yet said that they are closed.
    #[must_use]
    pub fn unreleased(&self) -> Vec<ShardRow> {
        self.loose().map(Trial::row).collect()
    }

    pub(crate) fn loose(&self) -> impl Iterator<Item = &Trial> {
        self.trials.values().filter(|trial| trial.is_loose())
    }

    /// Terms of an agreement of this session.
    pub(crate) fn terms(&self, agreement: &AgreementDigest) -> Option<&Agreement> {
        self.trials.get(agreement)?.terms.as_ref()
    }

    /// Whether it leases an object again.
    #[must_use]
    pub const fn is_reuse(&self) -> bool {
        self.begin.reuse.is_some()
    }

    /// Terms of every agreement of this session.
    pub(crate) fn all_terms(&self) -> BTreeMap<AgreementDigest, Agreement> {
        let all = self.trials.iter();
        all.filter_map(|(agreement, trial)| Some((*agreement, trial.terms.clone()?)))
            .collect()
    }

    /// First epoch after the term every shard reaches at least.
    #[must_use]
    pub const fn end_epoch(&self) -> Option<u64> {
        self.end_epoch
    }

    /// The file it stores.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.begin.path
    }
}

/// Reads a session; also while another process writes it.
pub(crate) fn read(path: &Path, id: SessionId) -> Result<Session, Error> {
    let unknown = || Error::Session {
        session: id.to_string(),
    };
    let bytes = std::fs::read(path).map_err(|_| unknown())?;
    let mut entries = journal::entries(&bytes).0.into_iter();
    let Some(Entry::Begun(begin)) = entries.next() else {
        return Err(unknown());
    };
    let mut session = Session {
        id,
        changes: Vec::new(),
        places: Vec::new(),
        object: None,
        begin,
        end_epoch: None,
        trials: BTreeMap::new(),
    };
    for entry in entries {
        session.learn(entry);
    }
    Ok(session)
}

impl Session {
    /// Takes the next entry of the journal in.
    fn learn(&mut self, entry: Entry) {
        match entry {
            Entry::Begun(_) => {}
            Entry::State {
                state,
                at_ms,
                message,
                code,
            } => self.changes.push(StateChange {
                state,
                btfs: state.btfs(),
                at_ms,
                message,
                code: code.and_then(|word| Code::of_word(&word)),
            }),
            Entry::Placed(place) => {
                let at_ms = self.changes.last().map_or(0, |change| change.at_ms);
                let trial = self.trials.entry(place.agreement);
                let trial = trial.or_insert_with(|| Trial::new(place.clone(), None, at_ms));
                trial.state = ShardState::Paid;
                let start = trial.terms.as_ref().map(|terms| terms.start_epoch);
                trial.paid_through = trial.paid_through.or(start.map(|start| start + 1));
                self.places.push(place);
            }
            Entry::Done(object) => self.object = Some(object),
            Entry::Term { end_epoch } => self.end_epoch = Some(end_epoch),
            Entry::Proposed {
                place,
                terms,
                at_ms,
            } => {
                let agreement = place.agreement;
                let trial = Trial::new(place, Some(terms), at_ms);
                self.trials.insert(agreement, trial);
            }
            Entry::Shard {
                agreement,
                state,
                at_ms,
                code,
                message,
            } => {
                if state == ShardState::Released {
                    self.places.retain(|place| place.agreement != agreement);
                }
                if let Some(trial) = self.trials.get_mut(&agreement) {
                    (trial.state, trial.at_ms) = (state, at_ms);
                    if code.is_some() {
                        trial.code = code.and_then(|word| Code::of_word(&word));
                        trial.message = message;
                    }
                }
            }
            Entry::Paid {
                agreement,
                through_epoch,
                at_ms,
            } => {
                if let Some(trial) = self.trials.get_mut(&agreement) {
                    trial.paid_through = trial.paid_through.max(Some(through_epoch));
                    trial.at_ms = at_ms;
                    (trial.code, trial.message) = (None, None);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests;
