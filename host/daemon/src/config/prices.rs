//! What the host does for the network's price by itself.

use serde::{Deserialize, Serialize};

/// The price oracle of networks whose price follows the used share of announced, staked space.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PricesConfig {
    /// Announce the offered space, as far as stake covers it, once a period at most.
    pub announce: bool,
    /// Move the price when a step is due, once a period at most.
    pub step: bool,
}

impl Default for PricesConfig {
    fn default() -> Self {
        Self {
            announce: true,
            step: false,
        }
    }
}
