//! What happened on a host, in order: the stream a fleet follows.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// How much an event matters; ordered, the worst last.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// Good to know.
    Notice,
    /// Works on; somebody should look.
    Warning,
    /// Something does not work.
    Error,
}

/// One event. Events are numbered from 1 at each start of the host; `boot` tells starts apart.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Event {
    /// Number within this run.
    pub sequence: u64,
    /// Which run: the start's time, milliseconds since 1970.
    pub boot: u64,
    /// When, RFC 3339 with milliseconds.
    pub time: String,
    /// How much it matters.
    pub severity: Severity,
    /// Which room of the program speaks.
    pub component: String,
    /// What happened, in words; never holds a secret.
    pub message: String,
}
