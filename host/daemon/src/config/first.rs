//! What a new host sets up by itself.

use host_core::Amount;
use serde::{Deserialize, Serialize};

/// What happens once the first money arrives; all of it by hand unless enabled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct FirstStart {
    /// Register `offer.payout`, make the vault, and order the first stake.
    pub enabled: bool,
    /// Make a vault under the host's peer id: for a host that pays others.
    pub vault: bool,
    /// Live stake to reach once, smallest units; 0 for what all offered space requires.
    pub stake: Amount,
}

impl Default for FirstStart {
    fn default() -> Self {
        Self {
            enabled: false,
            vault: true,
            stake: Amount::ZERO,
        }
    }
}
