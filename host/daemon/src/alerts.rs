//! Alerts: the host looks at itself every few seconds, writes down what somebody should know, and
//! tells it over every route until it arrived.
//!
//! Enters: health, metrics and events, as the API tells them. Leaves: messages. `sight` finds what
//! is broken, the book of `host_api::alerts` decides what is told, `journal` keeps it on the drive
//! before anybody is told, `rounds` delivers route by route, `heartbeat` shows that all of this
//! still runs. Does not: judge the machine (that is health), nor keep an alert's history.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::SystemTime;

use anyhow::Context;
use host_api::alerts::{Book, Pace, Quiet, RULES, Rule, Turn};
use host_api::{Alert, Notice};
use serde::Serialize;
use tokio::sync::Notify;
use tokio::sync::broadcast::Receiver;
use tracing::{error, info, warn};
use utoipa::ToSchema;

use crate::api::{Api, look_at};
use crate::config::Alerts as AlertsConfig;
use crate::supervise::{Stopping, Tasks};
use crate::vitals;

mod heartbeat;
mod journal;
mod paper;
mod rounds;
mod routes;
mod secret;
mod sight;
mod trouble;

use journal::{Journal, Waiting};
use paper::Sheet;
use routes::{Post, Route, Sender};
use sight::Sight;
use trouble::Trouble;

/// Name of the journal in the data directory.
pub const JOURNAL_FILE: &str = "alerts.journal";

/// The alerts of a running host.
#[derive(Debug)]
pub struct Alerts {
    config: AlertsConfig,
    routes: Vec<Route>,
    /// Route names, as the journal writes them.
    names: Vec<String>,
    sender: Sender,
    journal: Mutex<Journal<Sheet>>,
    book: Mutex<Book>,
    told: Mutex<BTreeMap<&'static str, Told>>,
    bells: BTreeMap<&'static str, Notify>,
}

/// How a route is doing.
#[derive(Debug, Clone, Default)]
struct Told {
    delivered: u64,
    trouble: Option<String>,
}

/// How a route is doing, for watchers.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct RouteSaid {
    /// webhook, mail or ntfy.
    route: String,
    /// Notices that wait for it.
    waiting: usize,
    /// Notices that went it since the start.
    delivered: u64,
    /// Why the last try failed; absent when it did not.
    trouble: Option<String>,
}

/// Alerts that stand, and how they are told.
#[derive(Debug, Clone, Serialize, ToSchema)]
pub(crate) struct AlertsSaid {
    /// Whether the host judges itself at all.
    enabled: bool,
    /// Whether it is quiet now: only what is critical is told.
    quiet: bool,
    /// Alerts that stand, the most urgent first.
    active: Vec<Alert>,
    /// The configured routes.
    routes: Vec<RouteSaid>,
}

impl Alerts {
    /// Opens the journal of a data directory. Errors when the drive refuses it.
    pub fn open(
        dir: &Path,
        config: &AlertsConfig,
        peer: String,
        network: String,
    ) -> anyhow::Result<Self> {
        let path = dir.join(JOURNAL_FILE);
        let opened = Sheet::open(&path).and_then(Journal::open);
        let (mut journal, cut) = opened.context("opening the journal of alerts")?;
        if cut > 0 {
            warn!(
                bytes = cut,
                "the end of the journal of alerts was torn and is cut off"
            );
        }
        let routes = Route::of(config);
        let names: Vec<String> = routes.iter().map(|route| route.label().into()).collect();
        journal.only(&names);
        let mut book = Book::default();
        for notice in journal.standing() {
            book.recall(&notice);
        }
        let bells = routes.iter().map(|route| (route.label(), Notify::new()));
        Ok(Self {
            bells: bells.collect(),
            names,
            sender: Sender {
                dir: dir.to_path_buf(),
                peer,
                network,
                config: config.clone(),
                post: Post::new()?,
            },
            journal: Mutex::new(journal),
            book: Mutex::new(book),
            told: Mutex::default(),
            routes,
            config: config.clone(),
        })
    }

    /// Starts the tasks: one that looks, one a route.
    pub(crate) fn start(self: &Arc<Self>, api: &Arc<Api>, tasks: &mut Tasks) {
        for route in self.routes.clone() {
            let delivering = rounds::deliver(Arc::clone(self), route, tasks.stopping());
            tasks.spawn(route.label(), delivering);
        }
        if self.config.enabled {
            let looking = watch(Arc::clone(self), Arc::clone(api), tasks.stopping());
            tasks.spawn("alerts", looking);
        }
    }

    /// What stands and how it is told.
    pub(crate) fn said(&self) -> AlertsSaid {
        let quiet: Quiet = self.config.quiet.parse().unwrap_or_default();
        let told = locked(&self.told).clone();
        let journal = locked(&self.journal);
        let routes = self.routes.iter().map(|route| {
            let told = told.get(route.label()).cloned().unwrap_or_default();
            RouteSaid {
                route: route.label().to_owned(),
                waiting: journal.count_for(route.label()),
                delivered: told.delivered,
                trouble: told.trouble,
            }
        });
        AlertsSaid {
            enabled: self.config.enabled,
            quiet: quiet.holds(vitals::seconds(SystemTime::now())),
            active: locked(&self.book).active(),
            routes: routes.collect(),
        }
    }

    /// Alerts that stand, and notices not delivered yet.
    pub(crate) fn counts(&self) -> (usize, usize) {
        (
            locked(&self.book).active().len(),
            locked(&self.journal).count(),
        )
    }

    /// Tries every route with a notice of its own; how many there are.
    pub(crate) fn test(&self) -> usize {
        self.keep(Notice::test(vitals::seconds(SystemTime::now())));
        self.names.len()
    }

    /// Writes a notice down and rings every route.
    fn keep(&self, notice: Notice) {
        let kept = locked(&self.journal).keep(notice, &self.names);
        if let Err(trouble) = kept {
            // It is told from memory all the same: a full drive is what somebody should hear of.
            error!(err = %trouble, blame = ?trouble.blame(), "an alert could not be written down");
        }
        for bell in self.bells.values() {
            bell.notify_one();
        }
    }

    fn next_for(&self, route: Route) -> Option<Waiting> {
        locked(&self.journal).next_for(route.label())
    }

    async fn rang(&self, route: Route) {
        match self.bells.get(route.label()) {
            Some(bell) => bell.notified().await,
            None => std::future::pending().await,
        }
    }

    /// What a notice is called outside; the same at every try, also after a restart.
    fn name_of(&self, waiting: &Waiting) -> String {
        format!(
            "{}-{}-{}",
            self.sender.peer, waiting.notice.at, waiting.number
        )
    }

    fn delivered(&self, route: Route, number: u64) {
        let mut told = locked(&self.told);
        let told = told.entry(route.label()).or_default();
        told.delivered += 1;
        told.trouble = None;
        self.done(route, number);
    }

    fn given_up(&self, number: u64, trouble: &Trouble, route: &str) {
        if let Some(route) = self.routes.iter().find(|one| one.label() == route) {
            self.troubled(*route, trouble);
            self.done(*route, number);
        }
    }

    fn done(&self, route: Route, number: u64) {
        if let Err(trouble) = locked(&self.journal).done(number, route.label()) {
            error!(err = %trouble, "a delivery could not be written down; it may come twice");
        }
    }

    fn troubled(&self, route: Route, trouble: &Trouble) {
        let why = trouble.to_string();
        let mut told = locked(&self.told);
        let told = told.entry(route.label()).or_default();
        if told.trouble.as_ref() != Some(&why) {
            let (route, blame) = (route.label(), trouble.blame());
            // Not an error: an alert about alerts would go the same road.
            warn!(route, ?blame, err = why, "an alert could not be told yet");
        }
        told.trouble = Some(why);
    }
}

fn locked<T>(of: &Mutex<T>) -> MutexGuard<'_, T> {
    of.lock().unwrap_or_else(PoisonError::into_inner)
}

/// What the log says of a delivered notice.
fn told_word(notice: &Notice) -> &'static str {
    match notice.turn {
        Turn::Raised => "an alert was told",
        Turn::Repeated => "an alert was told again",
        Turn::Cleared => "the end of an alert was told",
        Turn::Test => "a test of the alerts was told",
    }
}

/// Looks until the host ends.
async fn watch(alerts: Arc<Alerts>, api: Arc<Api>, mut stopping: Stopping) {
    let rules: Vec<Rule> = RULES
        .into_iter()
        .chain(
            alerts
                .config
                .rules
                .iter()
                .filter_map(|rule| rule.parse().ok()),
        )
        .collect();
    let (_, mut events) = api.events.after(u64::MAX);
    let (mut sight, mut heart) = (Sight::default(), heartbeat::Heartbeat::default());
    let gives = heartbeat::is_wanted(&alerts.sender);
    info!(routes = alerts.names.join(", "), "alerts are watched for");
    loop {
        hear(&mut sight, &mut events);
        if let Some(health) = look(&alerts, &api, &mut sight, &rules)
            && gives
            && heart.due(api.vitals.running(), alerts.config.heartbeat.every)
        {
            let giving = heartbeat::give(alerts.sender.clone(), health);
            tokio::select! {
                given = giving => {
                    if let Err(trouble) = given {
                        tracing::debug!(err = %trouble, "a sign of life was not taken");
                    }
                }
                () = stopping.wait() => return,
            }
        }
        if !stopping.sleep(alerts.config.every).await {
            return;
        }
    }
}

/// Takes the events that came since the last look.
fn hear(sight: &mut Sight, events: &mut Receiver<host_api::Event>) {
    use tokio::sync::broadcast::error::TryRecvError;
    let now = vitals::seconds(SystemTime::now());
    loop {
        match events.try_recv() {
            Ok(event) => sight.event(now, &event),
            Err(TryRecvError::Lagged(_)) => {}
            Err(TryRecvError::Empty | TryRecvError::Closed) => return,
        }
    }
}

/// One look: what is broken, what is told of it.
fn look(alerts: &Alerts, api: &Api, sight: &mut Sight, rules: &[Rule]) -> Option<host_api::Health> {
    let (health, readings) = match look_at(api) {
        Ok(seen) => seen,
        Err(why) => {
            warn!(err = why, "the host could not look at itself");
            return None;
        }
    };
    let now = vitals::seconds(SystemTime::now());
    let config = &alerts.config;
    let broken = sight.look(now, &health, &readings, rules, config.lasting.as_secs());
    let pace = Pace {
        repeat: config.repeat.as_secs(),
        calm: (config.lasting.as_secs() / 5).max(1),
    };
    let quiet: Quiet = config.quiet.parse().unwrap_or_default();
    let notices = locked(&alerts.book).look(now, &broken, pace, quiet);
    for notice in notices {
        alerts.keep(notice);
    }
    Some(health)
}
