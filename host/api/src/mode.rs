//! In which mode a host works. A mode outlives a restart until it is changed or its time is over.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The modes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Mode {
    /// New agreements are taken as `offer.open` says.
    #[default]
    Serving,
    /// No new agreements; what is kept is served and proven, so that sessions end by themselves.
    Draining,
    /// As draining, and watchers are told that somebody works on the machine.
    Maintenance,
    /// As draining, and guards and renters are asked to move what is kept; then the stake is asked
    /// back.
    Leaving,
}

impl Mode {
    /// The word, as it stands in answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Serving => "serving",
            Self::Draining => "draining",
            Self::Maintenance => "maintenance",
            Self::Leaving => "leaving",
        }
    }
}

/// What is asked for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ModeOrder {
    /// The mode.
    pub mode: Mode,
    /// Why, for whoever looks later.
    #[serde(default)]
    pub reason: String,
    /// After how many seconds the host serves again by itself; absent means never.
    #[serde(default)]
    #[schema(maximum = 315_360_000)]
    pub seconds: Option<u64>,
}

/// The mode a host is in.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ModeSaid {
    /// The mode.
    pub mode: Mode,
    /// Why.
    #[serde(default)]
    pub reason: String,
    /// When it ends by itself, seconds since 1970.
    #[serde(default)]
    pub until: Option<u64>,
    /// Uploads still under way; a draining host with none is drained.
    #[serde(default)]
    pub uploads: usize,
    /// Downloads still under way.
    #[serde(default)]
    pub downloads: usize,
}

/// How far a host is on its way out; sums in smallest units.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ExitSaid {
    /// Whether it leaves at all.
    pub leaving: bool,
    /// Agreements that run or begin.
    pub agreements: u64,
    /// Shards it keeps.
    pub shards: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Last epoch of the agreement that ends last; 0 when none runs.
    pub last_epoch: u64,
    /// Live stake.
    pub stake: String,
    /// Stake on its way out.
    pub unbonding: String,
    /// First block in which that may be withdrawn.
    pub ready_at: u64,
    /// Accepted and not cashed yet.
    pub uncashed: String,
    /// What happens next, in words.
    pub next: String,
    /// Whether nothing is left to wait for.
    pub done: bool,
}
