//! Errors of the API as RFC 9457 problem details: a stable `code`, what is wrong, who must act and
//! what to do.

use host_core::Blame;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// The media type of a problem.
pub const MEDIA_TYPE: &str = "application/problem+json";

/// Why a request was not done.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Problem {
    /// The HTTP status.
    pub status: u16,
    /// A short title, the same for every problem of this code.
    pub title: String,
    /// What is wrong in this case and what to do.
    pub detail: String,
    /// A stable name for programs.
    pub code: String,
    /// Who must act: `peer`, `operator`, `machine` or `us`.
    pub blame: String,
}

impl Problem {
    /// A problem with its stable code.
    #[must_use]
    pub fn new(status: u16, code: &str, title: &str, detail: impl Into<String>) -> Self {
        let blame = match status {
            400..=499 => Blame::Peer,
            _ => Blame::Us,
        };
        Self {
            status,
            title: title.to_owned(),
            detail: detail.into(),
            code: code.to_owned(),
            blame: label(blame).to_owned(),
        }
    }

    /// Says who must act.
    #[must_use]
    pub fn blamed(mut self, blame: Blame) -> Self {
        label(blame).clone_into(&mut self.blame);
        self
    }
}

const fn label(blame: Blame) -> &'static str {
    match blame {
        Blame::Peer => "peer",
        Blame::Operator => "operator",
        Blame::Machine => "machine",
        Blame::Us => "us",
    }
}
