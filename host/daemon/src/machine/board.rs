//! The hands of the watch: what it recommends is asked of `board-net`, where that listens, and of
//! our own dialler.
//!
//! Enters: recommended acts, once a second. Leaves: acts. Invariants: no privilege is needed or
//! held here; without the socket nothing is tried and nothing is said; a question waits less than
//! a second, and after one that nobody answered none is asked for [`SILENCE`], so that a broken
//! program never slows the watch; a refusal is told once. Not done here: any judgement.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use board_watch::neighbour::{Action, Family as Table, own_links};
use board_wire::net::{Family, Limits};
use board_wire::{Error, NetClient};
use host_net::OnLink;
use tracing::{info, warn};

/// After a question without an answer.
const SILENCE: Duration = Duration::from_secs(30);
/// Links come and go; between two looks at them.
const LINKS_EVERY: Duration = Duration::from_secs(10);

/// Who does what the watch asks for.
#[derive(Debug)]
pub(super) struct Hands {
    client: NetClient,
    silent_until: Option<Instant>,
    refused: Option<String>,
    linked: Option<Instant>,
    told: Option<OnLink>,
}

impl Hands {
    /// Hands that ask at `socket`; nothing is opened yet.
    pub(super) fn new(socket: impl Into<PathBuf>) -> Self {
        Self {
            client: NetClient::new(socket),
            silent_until: None,
            refused: None,
            linked: None,
            told: None,
        }
    }

    /// What is on-link now, when that or the rate of dials has changed.
    pub(super) fn on_link(&mut self, per_second: u32) -> Option<OnLink> {
        let now = Instant::now();
        let due = self.linked.is_none_or(|last| now >= last + LINKS_EVERY);
        let networks = match &self.told {
            Some(told) if !due => told.networks.clone(),
            _ => {
                self.linked = Some(now);
                own_links()
            }
        };
        let fresh = OnLink {
            networks,
            per_second,
        };
        if self.told.as_ref() == Some(&fresh) {
            return None;
        }
        self.told = Some(fresh.clone());
        Some(fresh)
    }

    /// Does what can be done of `actions`; how many acts were done.
    pub(super) fn act(&mut self, actions: &[Action]) -> usize {
        let quiet = self
            .silent_until
            .is_some_and(|until| Instant::now() < until);
        if actions.is_empty() || quiet || !self.client.exists() {
            return 0;
        }
        let mut done = 0;
        for action in actions {
            match self.one(action) {
                Ok(true) => {
                    done += 1;
                    self.refused = None;
                    info!(act = ?action, "the neighbour table is tended");
                }
                Ok(false) => {}
                Err(err) => {
                    if !matches!(err, Error::Refused(_)) {
                        self.silent_until = Some(Instant::now() + SILENCE);
                    }
                    let why = err.to_string();
                    if self.refused.as_ref() != Some(&why) {
                        warn!(err = %err, act = ?action, "board-net did not act");
                        self.refused = Some(why);
                    }
                    if self.silent_until.is_some() {
                        break;
                    }
                }
            }
        }
        done
    }

    /// One act; whether anything was asked.
    fn one(&self, action: &Action) -> Result<bool, Error> {
        match *action {
            Action::DialBudget { .. } => Ok(false),
            Action::Widen { family, thresholds } => {
                let family = match family {
                    Table::V4 => Family::V4,
                    Table::V6 => Family::V6,
                };
                self.client.widen(Limits { family, thresholds })?;
                Ok(true)
            }
            Action::FlushFailed { interface, .. } => Ok(self.client.flush_failed(interface)? > 0),
            Action::PinGateways => {
                let loose = self.client.gateways()?.into_iter();
                let mut pinned = false;
                for standing in loose.filter(|standing| !standing.pinned) {
                    self.client.pin(standing.gateway)?;
                    pinned = true;
                }
                Ok(pinned)
            }
        }
    }
}

#[cfg(test)]
mod tests;
