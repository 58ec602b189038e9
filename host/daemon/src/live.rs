//! Values a running host takes without a restart.

use std::sync::{Mutex, PoisonError};

use crate::config::Settle;

/// The live part of the configuration.
#[derive(Debug)]
pub struct Live {
    settle: Mutex<Settle>,
}

impl Live {
    /// Starts with the configured values.
    #[must_use]
    pub const fn new(settle: Settle) -> Self {
        Self {
            settle: Mutex::new(settle),
        }
    }

    /// How cheques become money, now.
    #[must_use]
    pub fn settle(&self) -> Settle {
        self.settle
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Replaces how cheques become money.
    pub fn set_settle(&self, settle: Settle) {
        *self.settle.lock().unwrap_or_else(PoisonError::into_inner) = settle;
    }
}
