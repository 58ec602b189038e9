//! What one check found: how well it stands, what was seen, what mends it. Pure words; the exit
//! status of the doctor follows from the worst of them.

use serde::Serialize;

use super::sysctl::Setting;

/// How well a check stands, from good to bad.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Grade {
    /// As it should be.
    Good,
    /// It could not be looked at here; why stands in the words.
    Unknown,
    /// It works; another value would be better.
    Advice,
    /// It works now and will not under load, or not for long.
    Warn,
    /// The host cannot run like this, or loses something.
    Fail,
}

impl Grade {
    const fn label(self) -> &'static str {
        match self {
            Self::Good => "good",
            Self::Unknown => "?",
            Self::Advice => "advice",
            Self::Warn => "WARN",
            Self::Fail => "FAIL",
        }
    }
}

/// One check's answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Finding {
    /// The check's stable name.
    pub(crate) check: String,
    /// How well it stands.
    pub(crate) grade: Grade,
    /// What was seen.
    pub(crate) found: String,
    /// What mends it; empty when nothing must be.
    pub(crate) remedy: String,
    /// The kernel setting that `--fix` would make.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) fix: Option<Setting>,
}

impl Finding {
    pub(crate) fn new(check: impl Into<String>, grade: Grade, found: impl Into<String>) -> Self {
        Self {
            check: check.into(),
            grade,
            found: found.into(),
            remedy: String::new(),
            fix: None,
        }
    }

    pub(crate) fn good(check: impl Into<String>, found: impl Into<String>) -> Self {
        Self::new(check, Grade::Good, found)
    }

    pub(crate) fn unknown(check: impl Into<String>, why: impl Into<String>) -> Self {
        Self::new(check, Grade::Unknown, why)
    }

    pub(crate) fn mend(mut self, remedy: impl Into<String>) -> Self {
        self.remedy = remedy.into();
        self
    }

    /// One or two lines for a person.
    pub(crate) fn words(&self) -> String {
        let (grade, check) = (self.grade.label(), &self.check);
        let first = format!("{grade:<6} {check}: {}", self.found);
        if self.remedy.is_empty() {
            first
        } else {
            format!("{first}\n       -> {}", self.remedy)
        }
    }
}

/// The doctor's exit status: 0 nothing to mend, 3 a warning, 4 a failure. (1 says that the doctor
/// itself could not work, 2 that it was called wrongly.)
pub(crate) fn exit_status(findings: &[Finding]) -> u8 {
    match findings.iter().map(|one| one.grade).max() {
        Some(Grade::Fail) => 4,
        Some(Grade::Warn) => 3,
        _ => 0,
    }
}
