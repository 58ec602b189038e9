//! The journal of a running session, shared by everything that works on it.

use std::sync::{Arc, Mutex, PoisonError};

use host_core::object::Place;
use host_core::seams::Clock;

use crate::Inner;
use crate::error::Error;
use crate::fault::Fault;
use crate::session::{Entry, Journal, ShardState, State};

/// Cheap to clone; clones write into the same file.
#[derive(Clone)]
pub(crate) struct Noted {
    journal: Arc<Mutex<Journal>>,
    clock: Arc<dyn Clock>,
}

impl Noted {
    pub(crate) fn new(inner: &Inner, journal: Journal) -> Self {
        Self {
            journal: Arc::new(Mutex::new(journal)),
            clock: Arc::clone(&inner.clock),
        }
    }

    /// Writes an entry; durable when it returns.
    pub(crate) fn note(&self, entry: &Entry) -> Result<(), Error> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.append(entry)
    }

    /// Writes an entry without flushing it.
    pub(crate) fn mention(&self, entry: &Entry) -> Result<(), Error> {
        let mut journal = self.journal.lock().unwrap_or_else(PoisonError::into_inner);
        journal.mention(entry)
    }

    /// Writes where the session stands from now on, and what stopped it.
    pub(crate) fn state(&self, state: State, why: Option<&Error>) -> Result<(), Error> {
        self.note(&Entry::State {
            state,
            at_ms: self.clock.wall_ms(),
            message: why.map(ToString::to_string),
            code: why.map(|why| why.code().word().to_owned()),
        })
    }

    /// Writes how far a shard is.
    pub(crate) fn step(&self, place: &Place, state: ShardState) -> Result<(), Error> {
        self.mention(&Entry::Shard {
            agreement: place.agreement,
            state,
            at_ms: self.clock.wall_ms(),
            code: None,
            message: None,
        })
    }

    /// Writes what ended a host's part.
    pub(crate) fn fault(
        &self,
        place: &Place,
        state: ShardState,
        fault: &Fault,
    ) -> Result<(), Error> {
        self.mention(&Entry::Shard {
            agreement: place.agreement,
            state,
            at_ms: self.clock.wall_ms(),
            code: Some(fault.code().word().to_owned()),
            message: Some(fault.to_string()),
        })
    }
}
