//! Taking a changed configuration while running: the live keys are applied at once, the others
//! are named as waiting for a restart.

use std::path::PathBuf;
use std::sync::Arc;

use host_core::network::Network;

use crate::assemble::{self, HostDesk};
use crate::config::ConfigError;
use crate::config::layers::Layered;
use crate::init::CONFIG_FILE;
use crate::live::Live;
use crate::mode::ModeBook;

/// What a reload needs to know of the running host.
pub struct Reloader {
    /// The data directory.
    pub dir: PathBuf,
    /// Values of the command line, which win over the file.
    pub overrides: Vec<String>,
    /// The configuration the host was started with.
    pub started: Layered,
    /// The network.
    pub network: Network,
    /// The host.
    pub desk: Arc<HostDesk>,
    /// Its live values.
    pub live: Arc<Live>,
    /// Its mode, which has the last word on new agreements.
    pub mode: Arc<ModeBook>,
    /// Held while the file is changed: one change at a time.
    pub turn: tokio::sync::Mutex<()>,
}

impl Reloader {
    /// Reads the file again and applies the live keys. Returns the keys that differ from the
    /// running ones and wait for a restart. Errors leave everything as it was.
    pub fn reload(&self) -> Result<Vec<String>, ConfigError> {
        let fresh = Layered::read(&self.dir.join(CONFIG_FILE), &self.overrides)?;
        let policy = assemble::policy(&fresh.config, &self.network, self.desk.key());
        let running = self.desk.policy();
        // The payout account stands in signed announcements and agreements under way: it changes
        // with a restart only.
        self.desk.set_policy(host_agreement::Policy {
            payout: running.payout,
            ..policy
        });
        self.mode.set_offered(fresh.config.offer.open);
        self.desk.set_exposure_max(fresh.config.settle.exposure_max);
        self.live.set_settle(fresh.config.settle.clone());
        let before = self.started.entries();
        let waiting = fresh.entries().into_iter().filter(|entry| {
            !entry.live
                && !before
                    .iter()
                    .any(|b| b.key == entry.key && b.value == entry.value)
        });
        Ok(waiting.map(|entry| entry.key).collect())
    }
}
