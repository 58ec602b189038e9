//! Health as fleets read it: one word, and the checks it follows from.
//!
//! The shape is `application/health+json` (draft-inadarei-api-health-check-06, an expired draft,
//! never an RFC, but what monitors know): checks are keyed `component:measurement`, the overall
//! status is the worst of them, `pass` and `warn` answer 200 and `fail` answers 503. A check that
//! is not `pass` says in `output` what is wrong and what to do.

use std::collections::BTreeMap;
use std::time::SystemTime;

use serde::{Deserialize, Serialize};
use serde_json::Value;
use utoipa::ToSchema;

/// The media type of a health answer.
pub const MEDIA_TYPE: &str = "application/health+json";

/// How something is doing; ordered, the worst last.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Standing {
    /// As it should be.
    #[default]
    Pass,
    /// Works, and somebody should look.
    Warn,
    /// Does not work.
    Fail,
}

impl Standing {
    /// The HTTP status a health answer carries.
    #[must_use]
    pub const fn http_status(self) -> u16 {
        match self {
            Self::Pass | Self::Warn => 200,
            Self::Fail => 503,
        }
    }

    /// The word, as it stands in answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Pass => "pass",
            Self::Warn => "warn",
            Self::Fail => "fail",
        }
    }
}

/// One thing looked at.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Check {
    /// Which one, where a component has several (a volume's name, an endpoint's address).
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub component_id: Option<String>,
    /// `system`, `datastore` or `component`, as the draft names kinds.
    pub component_type: String,
    /// What was seen.
    pub observed_value: Value,
    /// Its unit.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub observed_unit: Option<String>,
    /// How that is judged.
    pub status: Standing,
    /// When it was seen, RFC 3339.
    pub time: String,
    /// What is wrong and what to do; absent when it passes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output: Option<String>,
}

impl Check {
    /// A passing check of a value.
    #[must_use]
    pub fn seen(kind: &str, value: impl Into<Value>, at: SystemTime) -> Self {
        Self {
            component_id: None,
            component_type: kind.to_owned(),
            observed_value: value.into(),
            observed_unit: None,
            status: Standing::Pass,
            time: humantime::format_rfc3339_seconds(at).to_string(),
            output: None,
        }
    }

    /// Names which of several this is.
    #[must_use]
    pub fn of(mut self, id: impl Into<String>) -> Self {
        self.component_id = Some(id.into());
        self
    }

    /// Gives the value its unit.
    #[must_use]
    pub fn in_unit(mut self, unit: &str) -> Self {
        self.observed_unit = Some(unit.to_owned());
        self
    }

    /// Judges it worse than passing, with the reason and the remedy.
    #[must_use]
    pub fn judged(mut self, status: Standing, output: impl Into<String>) -> Self {
        self.status = status;
        self.output = Some(output.into());
        self
    }
}

/// How a host is doing.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "camelCase")]
pub struct Health {
    /// The worst of the checks.
    pub status: Standing,
    /// Version of this interface.
    pub version: String,
    /// Version of the software.
    pub release_id: String,
    /// The host's peer id.
    pub service_id: String,
    /// What answers.
    pub description: String,
    /// Standing remarks: draining, maintenance, a plain key.
    #[serde(skip_serializing_if = "Vec::is_empty", default)]
    pub notes: Vec<String>,
    /// The worst reasons in one line; absent when all passes.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    pub output: Option<String>,
    /// The checks, keyed `component:measurement`.
    pub checks: BTreeMap<String, Vec<Check>>,
}

impl Health {
    /// Joins checks into one answer: its status is the worst of theirs, its output names those.
    #[must_use]
    pub fn join(release: &str, service: String, checks: Vec<(String, Check)>) -> Self {
        let worst = checks.iter().map(|(_, check)| check.status).max();
        let status = worst.unwrap_or_default();
        let reasons: Vec<String> = checks
            .iter()
            .filter(|(_, check)| check.status == status && status > Standing::Pass)
            .map(|(key, check)| {
                let why = check.output.as_deref().unwrap_or("no reason given");
                format!("{key}: {why}")
            })
            .collect();
        let mut keyed: BTreeMap<String, Vec<Check>> = BTreeMap::new();
        for (key, check) in checks {
            keyed.entry(key).or_default().push(check);
        }
        Self {
            status,
            version: "1".into(),
            release_id: release.to_owned(),
            service_id: service,
            description: "holdfast storage host".into(),
            notes: Vec::new(),
            output: (!reasons.is_empty()).then(|| reasons.join("; ")),
            checks: keyed,
        }
    }
}

#[cfg(test)]
mod tests;
