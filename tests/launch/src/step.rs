//! A step: one command, one judgement or one reason not to run, inside a tier.
//!
//! Enters: [`Step`] values from the tiers. Leaves: [`Done`], a count and lines for the person. A
//! skipped step is counted; where CI is set it fails, unless the step carries an excuse that stands
//! in the source for everyone to read.

use crate::child;
use crate::count::{Counting, Tally, tally};
use crate::error::Error;
use crate::place::Place;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Something a tier does.
#[derive(Debug)]
pub(crate) enum Step {
    /// Run a command and count what it printed.
    Run(Run),
    /// Do not run, and say why.
    Skip {
        /// What did not run.
        label: String,
        /// Why not.
        why: String,
        /// Whether this is allowed where CI is set.
        excused: bool,
    },
    /// A judgement of our own, made after the steps before it.
    Judge {
        /// What is judged.
        label: &'static str,
        /// The judgement: the faults found, none when it holds.
        judge: fn(&Desk<'_>) -> Vec<String>,
    },
}

/// A command of a step.
#[derive(Debug)]
pub(crate) struct Run {
    /// What it is called in the table.
    pub(crate) label: String,
    /// The command, ready to start.
    pub(crate) command: Command,
    /// How its result is read.
    pub(crate) counting: Counting,
}

/// What a tier has at hand while it runs.
#[derive(Debug)]
pub(crate) struct Desk<'a> {
    /// The directories.
    pub(crate) place: &'a Place,
    /// The tier's log.
    pub(crate) log: PathBuf,
    /// When the tier must have ended.
    pub(crate) deadline: Instant,
    /// Whether skipping is a failure.
    pub(crate) strict: bool,
}

/// A step that was done.
#[derive(Debug)]
pub(crate) struct Done {
    /// Its count.
    pub(crate) sum: Tally,
    /// What a person should read about it.
    pub(crate) lines: Vec<String>,
    /// What a failed command wrote.
    pub(crate) text: String,
}

impl Done {
    fn new(label: &str, sum: Tally, lines: &[String], text: String) -> Done {
        Done {
            sum,
            lines: lines
                .iter()
                .map(|line| format!("{label}: {line}"))
                .collect(),
            text,
        }
    }
}

impl Step {
    /// A cargo command in the workspace.
    pub(crate) fn cargo(place: &Place, label: &str, words: &[&str], counting: Counting) -> Step {
        let mut command = place.command(&place.cargo);
        command.args(words).env("CARGO_TERM_COLOR", "never");
        Step::Run(Run {
            label: label.to_owned(),
            command,
            counting,
        })
    }

    /// Any other program, in the workspace root.
    pub(crate) fn program(
        place: &Place,
        program: impl AsRef<Path>,
        words: &[&str],
        counting: Counting,
    ) -> Step {
        let label = program
            .as_ref()
            .file_name()
            .map(|name| name.to_string_lossy().into_owned());
        let mut command = place.command(program.as_ref().as_os_str());
        command.args(words);
        Step::Run(Run {
            label: label.unwrap_or_default(),
            command,
            counting,
        })
    }

    /// A step that is not run.
    pub(crate) fn skip(label: &str, why: impl Into<String>) -> Step {
        Step::Skip {
            label: label.to_owned(),
            why: why.into(),
            excused: false,
        }
    }

    /// A step that is not run, for a reason that also stands where CI is set.
    pub(crate) fn excuse(label: &str, why: impl Into<String>) -> Step {
        Step::Skip {
            label: label.to_owned(),
            why: why.into(),
            excused: true,
        }
    }

    /// The same step under another name.
    pub(crate) fn named(mut self, name: &str) -> Step {
        if let Step::Run(run) = &mut self {
            name.clone_into(&mut run.label);
        }
        self
    }

    /// The same step with a variable of the environment.
    pub(crate) fn with(mut self, key: &str, value: &Path) -> Step {
        if let Step::Run(run) = &mut self {
            run.command.env(key, value);
        }
        self
    }

    /// Does it.
    pub(crate) fn perform(self, desk: &Desk<'_>) -> Result<Done, Error> {
        match self {
            Step::Run(run) => {
                let outcome = child::run(run.command, &desk.log, desk.deadline)?;
                let sum = tally(run.counting, &outcome.text, outcome.success);
                let mut lines = outcome.complaints;
                if sum.failed > 0 && lines.is_empty() {
                    lines.push(format!("{} failed", sum.failed));
                }
                let text = if sum.failed > 0 {
                    outcome.text
                } else {
                    String::new()
                };
                Ok(Done::new(&run.label, sum, &lines, text))
            }
            Step::Skip {
                label,
                why,
                excused,
            } if excused || !desk.strict => Ok(Done::new(
                &label,
                Tally::SKIP,
                &[format!("skipped, {why}")],
                String::new(),
            )),
            Step::Skip { label, why, .. } => {
                let line = format!("must not be skipped where CI is set, {why}");
                Ok(Done::new(&label, Tally::FAIL, &[line], String::new()))
            }
            Step::Judge { label, judge } => {
                let faults = judge(desk);
                let sum = if faults.is_empty() {
                    Tally::PASS
                } else {
                    Tally::FAIL
                };
                Ok(Done::new(label, sum, &faults, String::new()))
            }
        }
    }
}
