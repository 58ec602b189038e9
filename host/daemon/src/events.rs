//! What happened, kept for whoever watches: the last few hundred warnings, errors and notices of
//! the log, numbered, and a channel for those who follow.
//!
//! Events are read off the log itself, so that log and stream cannot disagree: every warning and
//! error, and what the daemon's own rooms say at level info. Does not keep anything beyond its
//! bound, nor across a restart.

use std::collections::VecDeque;
use std::fmt::Write;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use host_api::{Event, Severity};
use tokio::sync::broadcast;
use tracing::Level;
use tracing::field::{Field, Visit};
use tracing_subscriber::layer::{Context, Layer};

/// Events kept.
const KEPT_MAX: usize = 512;
/// Bytes of a message; the rest is cut off.
const MESSAGE_MAX: usize = 1024;

/// The events of this run. Clones share them.
#[derive(Debug, Clone)]
pub struct Events(Arc<Shared>);

#[derive(Debug)]
struct Shared {
    boot: u64,
    past: Mutex<Past>,
    follow: broadcast::Sender<Event>,
}

#[derive(Debug, Default)]
struct Past {
    last: u64,
    grave: u64,
    kept: VecDeque<Event>,
}

impl Default for Events {
    fn default() -> Self {
        let since = SystemTime::now().duration_since(UNIX_EPOCH);
        let boot = since.unwrap_or(Duration::ZERO).as_millis();
        Self(Arc::new(Shared {
            boot: u64::try_from(boot).unwrap_or(u64::MAX),
            past: Mutex::default(),
            follow: broadcast::Sender::new(KEPT_MAX),
        }))
    }
}

impl Events {
    /// Writes one event down and tells everyone who follows.
    pub fn tell(&self, severity: Severity, component: &str, message: String) {
        let mut past = self.past();
        past.last += 1;
        past.grave += u64::from(severity > Severity::Notice);
        let event = Event {
            sequence: past.last,
            boot: self.0.boot,
            time: humantime::format_rfc3339_millis(SystemTime::now()).to_string(),
            severity,
            component: component.to_owned(),
            message: clipped(message),
        };
        if past.kept.len() >= KEPT_MAX {
            past.kept.pop_front();
        }
        past.kept.push_back(event.clone());
        // Sent under the lock, so that followers see the order of the numbers.
        let _ = self.0.follow.send(event);
    }

    /// The kept events after `sequence`, oldest first, and those that come from now on.
    #[must_use]
    pub fn after(&self, sequence: u64) -> (Vec<Event>, broadcast::Receiver<Event>) {
        let past = self.past();
        let later = past.kept.iter().filter(|event| event.sequence > sequence);
        (later.cloned().collect(), self.0.follow.subscribe())
    }

    /// Warnings and errors since the start.
    #[must_use]
    pub fn grave(&self) -> u64 {
        self.past().grave
    }

    fn past(&self) -> MutexGuard<'_, Past> {
        self.0.past.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn clipped(mut message: String) -> String {
    if message.len() > MESSAGE_MAX {
        let end = (0..=MESSAGE_MAX)
            .rev()
            .find(|at| message.is_char_boundary(*at));
        message.truncate(end.unwrap_or(0));
    }
    message
}

impl<S: tracing::Subscriber> Layer<S> for Events {
    fn on_event(&self, event: &tracing::Event<'_>, _: Context<'_, S>) {
        let target = event.metadata().target();
        let severity = match *event.metadata().level() {
            Level::ERROR => Severity::Error,
            Level::WARN => Severity::Warning,
            Level::INFO if target.starts_with("host_daemon") => Severity::Notice,
            _ => return,
        };
        let mut said = Said::default();
        event.record(&mut said);
        let component = target.split("::").next().unwrap_or(target);
        self.tell(severity, component, said.message + &said.fields);
    }
}

/// The words of one log line: its message, then its fields.
#[derive(Debug, Default)]
struct Said {
    message: String,
    fields: String,
}

impl Visit for Said {
    fn record_debug(&mut self, field: &Field, value: &dyn std::fmt::Debug) {
        // Writing into a String cannot fail.
        let _ = match field.name() {
            "message" => write!(self.message, "{value:?}"),
            name => write!(self.fields, " {name}={value:?}"),
        };
    }
}

#[cfg(test)]
mod tests;
