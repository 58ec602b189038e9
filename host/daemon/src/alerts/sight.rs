//! What is broken at one look: health checks that do not pass, metrics over their bound, errors in
//! the log. Pure over what it is given; it remembers only what rising needs.

use std::collections::{BTreeMap, VecDeque};

use host_api::alerts::{Bound, Broken, Rule};
use host_api::metrics::Readings;
use host_api::{Event, Health, Severity, Standing, Urgency};

/// Seconds that a metric which must not rise is compared over, and that an error stays.
const WINDOW: u64 = 600;
/// Values remembered for a metric that must not rise.
const PAST_MAX: usize = 128;
/// Errors of the log told at once; beyond that the newest component's wait.
const COMPONENTS_MAX: usize = 16;
/// What is critical must last this part of what a warning must.
const CRITICAL_PART: u64 = 10;

/// What looks remember of each other.
#[derive(Debug, Default)]
pub(crate) struct Sight {
    past: BTreeMap<(String, String), VecDeque<(u64, f64)>>,
    errors: BTreeMap<String, (u64, String)>,
}

impl Sight {
    /// Notes an event of the log.
    pub(crate) fn event(&mut self, now: u64, event: &Event) {
        let full = self.errors.len() >= COMPONENTS_MAX;
        if event.severity < Severity::Error || (full && !self.errors.contains_key(&event.component))
        {
            return;
        }
        let said = (now, event.message.clone());
        self.errors.insert(event.component.clone(), said);
    }

    /// Everything that is broken at `now`. A warning must last `lasting` seconds.
    pub(crate) fn look(
        &mut self,
        now: u64,
        health: &Health,
        readings: &Readings,
        rules: &[Rule],
        lasting: u64,
    ) -> Vec<Broken> {
        let mut broken = checks(health, lasting);
        for rule in rules.iter().filter(|rule| !rule.checked) {
            let all = readings.values();
            for (_, label, value) in all.filter(|(name, ..)| *name == rule.metric) {
                if self.breaks(now, rule, label, value) {
                    broken.push(told(rule, label, value));
                }
            }
        }
        self.errors
            .retain(|_, (at, _)| now.saturating_sub(*at) < WINDOW);
        broken.extend(self.errors.iter().map(|(component, (_, message))| Broken {
            rule: "log:error".into(),
            subject: component.clone(),
            urgency: Urgency::Warning,
            summary: message.clone(),
            lasting: 0,
        }));
        broken
    }

    fn breaks(&mut self, now: u64, rule: &Rule, label: &str, value: f64) -> bool {
        match rule.bound {
            Bound::Above(bound) => value > bound,
            Bound::Below(bound) => value < bound,
            Bound::Rises => {
                let key = (rule.metric.to_string(), label.to_owned());
                let past = self.past.entry(key).or_default();
                while past.len() >= PAST_MAX
                    || past
                        .front()
                        .is_some_and(|(at, _)| now.saturating_sub(*at) > WINDOW)
                {
                    past.pop_front();
                }
                let rose = past.iter().any(|(_, then)| *then < value);
                // A dozen values a window are enough to see a rise.
                let apart = WINDOW / 12;
                if past
                    .back()
                    .is_none_or(|(at, _)| now.saturating_sub(*at) >= apart)
                {
                    past.push_back((now, value));
                }
                rose
            }
        }
    }
}

/// The checks that do not pass, in the words of health.
fn checks(health: &Health, lasting: u64) -> Vec<Broken> {
    let all = health.checks.iter();
    let all = all.flat_map(|(key, checks)| checks.iter().map(move |check| (key, check)));
    all.filter_map(|(key, check)| {
        let (urgency, lasting) = match check.status {
            Standing::Pass => return None,
            Standing::Warn => (Urgency::Warning, lasting),
            Standing::Fail => (Urgency::Critical, lasting / CRITICAL_PART),
        };
        Some(Broken {
            rule: key.clone(),
            subject: check.component_id.clone().unwrap_or_default(),
            urgency,
            summary: check
                .output
                .clone()
                .unwrap_or_else(|| "no reason given".into()),
            lasting,
        })
    })
    .collect()
}

fn told(rule: &Rule, label: &str, value: f64) -> Broken {
    let about: Vec<&str> = rule.about.split_whitespace().collect();
    Broken {
        rule: rule.name.to_string(),
        subject: label.to_owned(),
        urgency: rule.urgency,
        summary: format!("{} ({} is {value})", about.join(" "), rule.metric),
        lasting: rule.lasting,
    }
}

#[cfg(test)]
mod tests;
