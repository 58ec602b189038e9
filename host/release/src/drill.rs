//! A restore drill's report: what was brought back from where, how long it took, what did not
//! match. JSON is the report that is signed; Markdown is the same for people.

use serde::{Deserialize, Serialize};

/// One file of a drill.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DrillFile {
    /// Which.
    pub path: String,
    /// Bytes.
    pub size: u64,
    /// Whether it came back with the manifest's SHA-256.
    pub matches: bool,
    /// What went wrong.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fault: Option<String>,
}

/// A drill.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Drill {
    /// `holdfast restore drill 1`.
    pub kind: String,
    /// What was restored.
    pub name: String,
    /// Which version.
    pub version: String,
    /// SHA-256 of the manifest, in hex.
    pub manifest: String,
    /// When it began, milliseconds since 1970.
    pub begun_ms: u64,
    /// How long it took.
    pub seconds: f64,
    /// Longest it may take, by the policy.
    pub objective_seconds: Option<f64>,
    /// Files of the release.
    pub files_of: usize,
    /// Bytes brought back.
    pub bytes: u64,
    /// What was restored, whole or a sample.
    pub files: Vec<DrillFile>,
}

impl Drill {
    /// Whether everything matched within the time it may take.
    #[must_use]
    pub fn passed(&self) -> bool {
        let in_time = self
            .objective_seconds
            .is_none_or(|most| self.seconds <= most);
        in_time && self.files.iter().all(|file| file.matches)
    }

    /// For people.
    #[must_use]
    pub fn markdown(&self) -> String {
        let word = if self.passed() { "passed" } else { "FAILED" };
        let matched = self.files.iter().filter(|file| file.matches).count();
        let mut text = format!(
            "# Restore drill of {} {}: {word}\n\n\
             | | |\n|---|---|\n| manifest | `{}` |\n| begun | {} ms since 1970 |\n\
             | took | {:.2} s |\n| may take | {} |\n| files | {} of {} restored, {matched} \
             match |\n\
             | bytes | {} |\n",
            self.name,
            self.version,
            self.manifest,
            self.begun_ms,
            self.seconds,
            self.objective_seconds
                .map_or("no bound".to_owned(), |most| format!("{most:.2} s")),
            self.files.len(),
            self.files_of,
            self.bytes,
        );
        for file in self.files.iter().filter(|file| !file.matches) {
            let fault = file.fault.as_deref().unwrap_or("another SHA-256");
            text.push_str(&format!("\n- `{}`: {fault}", file.path));
        }
        text
    }

    /// The time of some drills, oldest first, as a picture: bars for each, red where one failed.
    #[must_use]
    pub fn trend(drills: &[Self]) -> String {
        const HEIGHT: f64 = 120.0;
        const STEP: usize = 24;
        let most = drills
            .iter()
            .map(|drill| drill.seconds)
            .fold(0.001, f64::max);
        let bars = drills.iter().enumerate().map(|(index, drill)| {
            let height = (drill.seconds / most * HEIGHT).max(1.0);
            let colour = if drill.passed() { "#2a7" } else { "#c33" };
            format!(
                "<rect x=\"{}\" y=\"{:.1}\" width=\"18\" height=\"{height:.1}\" fill=\"{colour}\">\
                 <title>{:.2} s</title></rect>\n",
                index * STEP + 4,
                HEIGHT - height + 4.0,
                drill.seconds,
            )
        });
        let bars: String = bars.collect();
        format!(
            "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"{}\" height=\"128\">\n{bars}</svg>\n",
            drills.len() * STEP + 8
        )
    }
}
