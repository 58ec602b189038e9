//! The mode of a host: kept in a file of the data directory, so that a drained host is still
//! draining after a restart, and applied to the desk. A mode with an end goes back by itself.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use anyhow::Context;
use host_api::{Mode, ModeOrder, ModeSaid};

use crate::assemble::HostDesk;
use crate::config::layers;

/// Name of the mode's file in the data directory.
pub const MODE_FILE: &str = "mode.json";

/// The mode and the desk it governs.
pub struct ModeBook {
    path: PathBuf,
    desk: Arc<HostDesk>,
    state: Mutex<State>,
}

struct State {
    said: ModeSaid,
    /// Whether the configuration offers space.
    offered: bool,
    /// Whether the guard of the chain speaks against new agreements.
    held: bool,
}

impl ModeBook {
    /// Reads the mode of an earlier run and applies it. Errors when the file does not read.
    pub fn open(dir: &Path, desk: Arc<HostDesk>, offered: bool) -> anyhow::Result<Self> {
        let path = dir.join(MODE_FILE);
        let said = match std::fs::read_to_string(&path) {
            Ok(text) => serde_json::from_str(&text).with_context(|| {
                format!("{} does not read; remove it to serve again", path.display())
            })?,
            Err(err) if err.kind() == std::io::ErrorKind::NotFound => ModeSaid::default(),
            Err(err) => return Err(err).with_context(|| format!("reading {}", path.display())),
        };
        let book = Self {
            path,
            desk,
            state: Mutex::new(State {
                said,
                offered,
                held: false,
            }),
        };
        book.apply(&book.state());
        Ok(book)
    }

    /// Takes an order: written first, then applied. `now` in seconds since 1970.
    pub fn order(&self, order: ModeOrder, now: u64) -> anyhow::Result<ModeSaid> {
        let mut state = self.state();
        let said = ModeSaid {
            until: order.seconds.map(|span| now.saturating_add(span)),
            mode: order.mode,
            reason: order.reason,
            ..ModeSaid::default()
        };
        self.write(&said)?;
        tracing::info!(mode = said.mode.label(), reason = %said.reason, "mode set");
        state.said = said;
        self.apply(&state);
        drop(state);
        Ok(self.said())
    }

    /// Ends a mode whose time is over.
    pub fn tick(&self, now: u64) -> anyhow::Result<()> {
        let mut state = self.state();
        if state.said.until.is_none_or(|until| now < until) {
            return Ok(());
        }
        self.write(&ModeSaid::default())?;
        tracing::info!(was = state.said.mode.label(), "mode ended, serving again");
        state.said = ModeSaid::default();
        self.apply(&state);
        Ok(())
    }

    /// Takes what the configuration now offers.
    pub fn set_offered(&self, offered: bool) {
        let mut state = self.state();
        state.offered = offered;
        self.apply(&state);
    }

    /// Takes whether the guard of the chain speaks against new agreements.
    pub fn set_held(&self, held: bool) {
        let mut state = self.state();
        state.held = held;
        self.apply(&state);
    }

    /// The mode of this moment, with what is still under way.
    #[must_use]
    pub fn said(&self) -> ModeSaid {
        let (uploads, downloads) = self.desk.serving();
        ModeSaid {
            uploads,
            downloads,
            ..self.state().said.clone()
        }
    }

    fn write(&self, said: &ModeSaid) -> anyhow::Result<()> {
        let text = serde_json::to_string(said)?;
        layers::write_atomic(&self.path, &text)?;
        Ok(())
    }

    fn apply(&self, state: &State) {
        let serving = state.said.mode == Mode::Serving;
        self.desk.set_open(state.offered && serving && !state.held);
        self.desk.set_leaving(state.said.mode == Mode::Leaving);
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
