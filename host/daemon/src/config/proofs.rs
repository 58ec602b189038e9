//! What the host may do for its proofs by itself.

use host_core::Amount;
use serde::{Deserialize, Serialize};

/// Storage proofs; the networks that ask for them name the contracts.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ProofsConfig {
    /// Live stake up to which tokens of the account are put in as agreements need it, smallest
    /// units; 0 leaves stake to orders by hand.
    pub stake_max: Amount,
}
