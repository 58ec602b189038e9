//! The system below a host, where an updater keeps it on one of two slots: what runs, what was
//! staged or tried, why versions were left, and what an operator may ask for.
//!
//! The updater is root and listens nowhere. It writes [`SystemSaid`] into a file of the host's
//! folder and takes a [`SystemWish`] from another; the host shows the one and writes the other.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the updater tells how the system stands, in the data directory.
pub const SAID_FILE: &str = "run/system.json";
/// Where the host leaves a wish for it.
pub const WISH_FILE: &str = "run/system-wish.json";

/// How the system stands.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct SystemSaid {
    /// Version of the image that runs; empty where no updater keeps the system.
    pub version: String,
    /// The slot it runs from.
    #[serde(default)]
    pub slot: String,
    /// Version that waits in the other slot to be activated.
    #[serde(default)]
    pub staged: String,
    /// Version that is being tried.
    #[serde(default)]
    pub trial: String,
    /// The least version that is taken.
    #[serde(default)]
    pub floor: String,
    /// The only version that is upgraded to; empty when any newer one is.
    #[serde(default)]
    pub pinned: String,
    /// Starts since the last healthy one.
    #[serde(default)]
    pub boots: u64,
    /// How the state partition fared at the start: mounted, or lost and why.
    #[serde(default)]
    pub state: String,
    /// What updates are trusted by: release or test.
    #[serde(default)]
    pub trust: String,
    /// What this machine does not protect against, in words.
    #[serde(default)]
    pub unprotected: Vec<String>,
    /// Why versions were left, the newest last.
    #[serde(default)]
    pub reasons: Vec<String>,
    /// Versions that were tried and left.
    #[serde(default)]
    pub left: Vec<String>,
    /// Number of the last wish that was looked at, and what became of it.
    #[serde(default)]
    pub wish: u64,
    /// What became of that wish.
    #[serde(default)]
    pub answer: String,
}

/// What is wished for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "kebab-case")]
pub enum SystemVerb {
    /// Fetch the newest version from the mirror, stage and try it.
    Upgrade,
    /// Try the other slot as it is.
    RollBack,
    /// Upgrade to one version alone, or never where it is the one that runs.
    Pin,
    /// Upgrade to any newer version again.
    Unpin,
    /// Look for nothing until told otherwise.
    Pause,
    /// Look again.
    Resume,
    /// Forget whose the box is; identity, books and shards stay.
    ResetKeep,
    /// Forget who it is too. What its system disk held is lost; data drives are not touched.
    ResetWipe,
    /// Give the host a data drive, chosen by its serial number.
    ClaimDrive,
}

/// A wish.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SystemWish {
    /// What is wished for.
    pub verb: SystemVerb,
    /// The version that is meant; needed to upgrade and to pin.
    #[serde(default)]
    pub version: String,
    /// Also when it was tried and left before.
    #[serde(default)]
    pub again: bool,
    /// Serial number of the drive that is meant.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub drive: String,
    /// Clear what the drive holds; never a volume of Holdfast.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub erase: bool,
}

/// A wish as it lies in its file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct WishTaken {
    /// Its number, by which its answer is known.
    pub number: u64,
    /// The wish.
    #[serde(flatten)]
    pub wish: SystemWish,
}
