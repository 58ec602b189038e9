//! Rules over metrics: a metric, a bound, how urgent, and how long it must last.
//!
//! The house's rules stand in `RULES`; an operator adds more in the same words (`alerts.rules`):
//! `METRIC above|below NUMBER URGENCY [for SPAN]` or `METRIC rises URGENCY`. The same table gives
//! the rules for Prometheus, so that a box and a fleet judge alike.

use std::borrow::Cow;
use std::str::FromStr;

use super::Urgency;
use crate::metrics::METRICS;

/// When a value breaks a rule.
#[derive(Debug, Clone, Copy, PartialEq)]
pub enum Bound {
    /// More than this.
    Above(f64),
    /// Less than this.
    Below(f64),
    /// More than at some look of the last ten minutes.
    Rises,
}

/// One rule.
#[derive(Debug, Clone, PartialEq)]
pub struct Rule {
    /// What alerts of it are called.
    pub name: Cow<'static, str>,
    /// The metric.
    pub metric: Cow<'static, str>,
    /// When it is broken.
    pub bound: Bound,
    /// How urgent that is.
    pub urgency: Urgency,
    /// Seconds it must last.
    pub lasting: u64,
    /// What is wrong and what to do.
    pub about: Cow<'static, str>,
    /// Whether the box itself tells this in better words from its health checks.
    pub checked: bool,
}

/// A rule or a span that does not read.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RuleError {
    /// A rule of other words.
    #[error(
        "`{text}` is no rule: METRIC above|below NUMBER notice|warning|critical [for SPAN], \
         or METRIC rises URGENCY"
    )]
    Form {
        /// The text.
        text: String,
    },
    /// A metric that does not exist.
    #[error("there is no metric `{name}`; docs/operating/metrics.md lists them")]
    Metric {
        /// The name.
        name: String,
    },
    /// Quiet hours that do not read.
    #[error("`{text}` are no quiet hours: write them as `22:00-07:00 +02:00`")]
    Quiet {
        /// The text.
        text: String,
    },
}

const fn rule(
    name: &'static str,
    metric: &'static str,
    bound: Bound,
    urgency: Urgency,
    lasting: u64,
    about: &'static str,
) -> Rule {
    Rule {
        name: Cow::Borrowed(name),
        metric: Cow::Borrowed(metric),
        bound,
        urgency,
        lasting,
        about: Cow::Borrowed(about),
        checked: false,
    }
}

/// A rule that the box itself tells in better words.
const fn checked(
    name: &'static str,
    metric: &'static str,
    bound: Bound,
    urgency: Urgency,
    lasting: u64,
    about: &'static str,
) -> Rule {
    Rule {
        name: Cow::Borrowed(name),
        metric: Cow::Borrowed(metric),
        bound,
        urgency,
        lasting,
        about: Cow::Borrowed(about),
        checked: true,
    }
}

/// The rules of the house.
pub const RULES: [Rule; 14] = [
    checked(
        "HostFails",
        "holdfast_health",
        Bound::Above(1.0),
        Urgency::Critical,
        60,
        "a health check fails; ask the host's /health for the reason",
    ),
    checked(
        "HostWarns",
        "holdfast_health",
        Bound::Above(0.0),
        Urgency::Warning,
        600,
        "a health check warns; ask the host's /health for the reason",
    ),
    rule(
        "NotReady",
        "holdfast_ready",
        Bound::Below(1.0),
        Urgency::Critical,
        300,
        "the host takes no part in its network; ask /readyz for the reason",
    ),
    rule(
        "ChainSilent",
        "holdfast_block_age_seconds",
        Bound::Above(300.0),
        Urgency::Critical,
        60,
        "no endpoint of the chain answers; proofs and cashing wait. Check the network file's \
         endpoints and the machine's way out",
    ),
    rule(
        "VolumeMissing",
        "holdfast_volumes_missing",
        Bound::Above(0.0),
        Urgency::Critical,
        30,
        "a configured volume does not serve; the log says why, its shards are not served",
    ),
    checked(
        "MachinePressed",
        "holdfast_pressure",
        Bound::Above(1.0),
        Urgency::Warning,
        120,
        "memory or neighbour tables press; no new uploads are admitted",
    ),
    rule(
        "NeighbourRefused",
        "holdfast_neighbour_refusals",
        Bound::Rises,
        Urgency::Critical,
        0,
        "the kernel's neighbour table refused entries: datagrams are dropped, also those of other \
         programs; docs/operating/watch.md says what to do",
    ),
    rule(
        "ProofLate",
        "holdfast_proof_late",
        Bound::Above(0.0),
        Urgency::Critical,
        0,
        "half the window is over and this period's proof is not accepted; the dashboard says what \
         it waits for, and a miss costs stake",
    ),
    rule(
        "ProofMissed",
        "holdfast_proofs_missed",
        Bound::Rises,
        Urgency::Critical,
        0,
        "a period went by without an accepted proof; stake is lost with each",
    ),
    rule(
        "StakeShort",
        "holdfast_stake_short_tokens",
        Bound::Above(0.0),
        Urgency::Warning,
        600,
        "agreements are kept and earn nothing, because stake is missing before they can be \
         committed",
    ),
    rule(
        "CashingStuck",
        "holdfast_cashing_pending",
        Bound::Above(0.0),
        Urgency::Warning,
        6 * 3600,
        "a cashing transaction has been under way for hours; `holdfast chain` says what it waits \
         for",
    ),
    rule(
        "Maintenance",
        "holdfast_mode",
        Bound::Above(0.0),
        Urgency::Notice,
        24 * 3600,
        "the host has been draining, leaving or in maintenance for a day; put it back with `holdfast \
         mode serving`, or see how far it is with `holdfast exit`",
    ),
    rule(
        "ManyDescriptors",
        "process_open_fds",
        Bound::Above(3_000.0),
        Urgency::Warning,
        600,
        "the daemon holds unusually many descriptors; tell its makers what `ls /proc/PID/fd` shows",
    ),
    rule(
        "AlertsWait",
        "holdfast_alerts_waiting",
        Bound::Above(0.0),
        Urgency::Warning,
        3600,
        "alerts have not been delivered for an hour; `holdfast`'s dashboard names the route and \
         its trouble",
    ),
];

impl FromStr for Rule {
    type Err = RuleError;

    fn from_str(text: &str) -> Result<Self, RuleError> {
        let wrong = || RuleError::Form { text: text.into() };
        let words: Vec<&str> = text.split_whitespace().collect();
        let (metric, bound, rest) = match words.as_slice() {
            [metric, "above", number, rest @ ..] => {
                let number = number.parse().map_err(|_| wrong())?;
                (*metric, Bound::Above(number), rest)
            }
            [metric, "below", number, rest @ ..] => {
                let number = number.parse().map_err(|_| wrong())?;
                (*metric, Bound::Below(number), rest)
            }
            [metric, "rises", rest @ ..] => (*metric, Bound::Rises, rest),
            _ => return Err(wrong()),
        };
        let (urgency, lasting) = match rest {
            [urgency] => (*urgency, 0),
            [urgency, "for", span @ ..] => {
                let span = humantime::parse_duration(&span.join(" ")).map_err(|_| wrong())?;
                (*urgency, span.as_secs())
            }
            _ => return Err(wrong()),
        };
        let urgency = [Urgency::Notice, Urgency::Warning, Urgency::Critical]
            .into_iter()
            .find(|known| known.label() == urgency)
            .ok_or_else(wrong)?;
        let metric = metric.strip_suffix("_total").unwrap_or(metric);
        if !METRICS.iter().any(|known| known.name == metric) {
            return Err(RuleError::Metric {
                name: metric.into(),
            });
        }
        Ok(Self {
            name: Cow::Owned(format!("own:{metric}")),
            metric: Cow::Owned(metric.to_owned()),
            bound,
            urgency,
            lasting,
            about: Cow::Owned(format!("a rule of the operator's: {}", words.join(" "))),
            checked: false,
        })
    }
}
