//! Where the host's storage proofs stand, as health, metrics and status tell it.

use std::time::SystemTime;

use host_api::metrics::Readings;
use host_api::{Check, Standing};
use host_core::Amount;
use host_settle::prove::{Phase, Report};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

/// Where the proofs stood when the prover last looked.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, ToSchema)]
pub struct ProofsSaid {
    /// The period being proven.
    pub period: u64,
    /// idle, early, unsealed, due, proven, missed, void, paused, jailed or foreign.
    pub phase: String,
    /// The last block in which the proof is accepted, once known.
    pub deadline: Option<u64>,
    /// Blocks left to it, or that were left when it was accepted.
    pub slack_blocks: Option<u64>,
    /// Whether half the window is over without a proof.
    pub late: bool,
    /// Bytes on chain that draws are made from.
    pub bytes: u64,
    /// Agreements that stand in no commitment yet.
    pub uncommitted: u64,
    /// Stake that stands, smallest units.
    #[schema(value_type = String)]
    pub stake: Amount,
    /// Stake that is missing before more can be committed, smallest units.
    #[schema(value_type = String)]
    pub stake_short: Amount,
    /// Periods proven, missed, and void.
    pub proven: u64,
    /// Periods missed.
    pub missed: u64,
    /// Periods nobody had to prove.
    pub void: u64,
    /// The period until which the host is jailed; 0 when it is not.
    pub jailed_until: u64,
    /// What kept the last step from being taken; empty when nothing did.
    pub why: String,
}

impl From<Report> for ProofsSaid {
    fn from(report: Report) -> Self {
        Self {
            period: report.period,
            phase: report.phase.label().to_owned(),
            deadline: report.deadline,
            slack_blocks: report.slack,
            late: report.late,
            bytes: report.range_bytes,
            uncommitted: report.uncommitted,
            stake: report.stake,
            stake_short: report.stake_short,
            proven: report.proven,
            missed: report.missed,
            void: report.void,
            jailed_until: report.jailed_until,
            why: report.why,
        }
    }
}

impl ProofsSaid {
    /// One line for people.
    #[must_use]
    pub fn line(&self) -> String {
        let mut line = format!("period {} {}", self.period, self.phase);
        if let Some(slack) = self.slack_blocks {
            line.push_str(&format!(", {slack} blocks of slack"));
        }
        line.push_str(&format!(
            "; {} proven, {} missed; {} bytes on chain, {} agreements wait",
            self.proven, self.missed, self.bytes, self.uncommitted
        ));
        if self.stake_short > Amount::ZERO {
            line.push_str(&format!("; stake is short of {}", self.stake_short));
        }
        if !self.why.is_empty() {
            line.push_str(&format!("; {}", self.why));
        }
        line
    }
}

/// What follows for health; nothing on a network without proofs.
pub(super) fn check(report: Option<&Report>, at: SystemTime) -> Check {
    let Some(report) = report else {
        return Check::seen("component", "none", at);
    };
    let check = Check::seen("component", report.phase.label(), at);
    let left = report.slack.unwrap_or(0);
    match report.phase {
        Phase::Foreign => check.judged(
            Standing::Fail,
            "the chain holds a dataset this ledger does not know; is another copy running?",
        ),
        Phase::Jailed => {
            let until = report.jailed_until;
            let why = format!("jailed after misses until period {until}");
            check.judged(Standing::Warn, why)
        }
        Phase::Missed => {
            let why = format!("the proof of period {} was missed", report.period);
            check.judged(Standing::Warn, why)
        }
        Phase::Due if report.late => {
            let why = format!("a proof is due within {left} blocks: {}", report.why);
            check.judged(Standing::Fail, why)
        }
        _ if report.stake_short > Amount::ZERO => {
            let why = format!(
                "{} agreements are kept and not committed: stake is short of {}",
                report.uncommitted, report.stake_short
            );
            check.judged(Standing::Warn, why)
        }
        _ => check,
    }
}

/// The readings; all zero where nothing is proven, so that a plot has no holes.
pub(super) fn readings(report: Option<&Report>, block_seconds: u64, into: &mut Readings) {
    let none = Report::default();
    let report = report.unwrap_or(&none);
    let slack = report.slack.unwrap_or(0);
    let seconds = slack.saturating_mul(block_seconds);
    let rows = [
        ("holdfast_proof_phase", u64::from(report.phase as u8)),
        ("holdfast_proof_slack_blocks", slack),
        ("holdfast_proof_slack_seconds", seconds),
        ("holdfast_proof_late", u64::from(report.late)),
        ("holdfast_proofs_accepted", report.proven),
        ("holdfast_proofs_missed", report.missed),
        ("holdfast_dataset_bytes", report.range_bytes),
        ("holdfast_dataset_waiting", report.uncommitted),
    ];
    for (name, value) in rows {
        into.put(name, super::health::float(value));
    }
    into.put("holdfast_stake_tokens", super::health::tokens(report.stake));
    let short = super::health::tokens(report.stake_short);
    into.put("holdfast_stake_short_tokens", short);
}

#[cfg(test)]
mod tests;
