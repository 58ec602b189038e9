//! Alerts: when somebody is to be told, of what, how urgently, and when not.
//!
//! Enters: what is broken now, as `Broken`, and the time. Leaves: `Notice`s, what a person should
//! read. `rule` holds the rules over metrics, `book` is the state machine that tells a thing once,
//! `quiet` the hours in which only the urgent is told, `fleet` the same rules for Prometheus and
//! every metric for Grafana. Arithmetic and text only: no clock, no file, no socket.

use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

mod book;
pub mod fleet;
mod quiet;
mod rule;

pub use book::{Book, Pace};
pub use quiet::Quiet;
pub use rule::{Bound, RULES, Rule, RuleError};

/// How urgently somebody should look; ordered, the most urgent last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Urgency {
    /// Good to know.
    Notice,
    /// Works on; somebody should look within a day.
    Warning,
    /// Something does not work, or soon will not: now, also at night.
    Critical,
}

impl Urgency {
    /// The word, as it stands in messages and rules.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Notice => "notice",
            Self::Warning => "warning",
            Self::Critical => "critical",
        }
    }
}

/// One thing that is broken at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Broken {
    /// The rule's name; with the subject it says which alert this is.
    pub rule: String,
    /// Which of several things; empty where there is one.
    pub subject: String,
    /// How urgent.
    pub urgency: Urgency,
    /// What is wrong and what to do, for a person.
    pub summary: String,
    /// Seconds it must last before anybody is told.
    pub lasting: u64,
}

/// An alert that stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Alert {
    /// The rule's name.
    pub rule: String,
    /// Which of several things; empty where there is one.
    pub subject: String,
    /// How urgent.
    #[serde(rename = "severity")]
    pub urgency: Urgency,
    /// What is wrong and what to do.
    pub summary: String,
    /// When it began, seconds since 1970.
    pub since: u64,
}

/// Why a notice is sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Turn {
    /// It began, or became more urgent.
    Raised,
    /// It still stands.
    Repeated,
    /// It is over.
    Cleared,
    /// Nothing happened: somebody tries the routes.
    Test,
}

impl Turn {
    /// The word, as it stands in messages.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Raised => "raised",
            Self::Repeated => "repeated",
            Self::Cleared => "cleared",
            Self::Test => "test",
        }
    }
}

/// What a person is told: one alert and what became of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
pub struct Notice {
    /// Why it is sent.
    pub turn: Turn,
    /// The alert.
    pub alert: Alert,
    /// When it was decided, seconds since 1970.
    pub at: u64,
}

impl Notice {
    /// A notice that tries the routes.
    #[must_use]
    pub fn test(at: u64) -> Self {
        let alert = Alert {
            rule: "test".into(),
            subject: String::new(),
            urgency: Urgency::Notice,
            summary: "somebody tries whether alerts arrive; they do".into(),
            since: at,
        };
        let turn = Turn::Test;
        Self { turn, alert, at }
    }

    /// One line for a subject or a title.
    #[must_use]
    pub fn title(&self) -> String {
        let Alert { rule, subject, .. } = &self.alert;
        let which = match subject.is_empty() {
            true => rule.clone(),
            false => format!("{rule} ({subject})"),
        };
        match self.turn {
            Turn::Cleared => format!("over: {which}"),
            Turn::Repeated => format!("still {}: {which}", self.alert.urgency.label()),
            Turn::Raised | Turn::Test => format!("{}: {which}", self.alert.urgency.label()),
        }
    }
}

#[cfg(test)]
mod tests;
