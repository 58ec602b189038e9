//! The routes a notice can go: webhook, e-mail, ntfy. Each makes one message of one notice and
//! hands it over; when and how often to try stands in `rounds`.

use std::path::PathBuf;
use std::time::Duration;

use host_api::Notice;
use host_api::alerts::Turn;

use super::trouble::Trouble;
use crate::config::Alerts as AlertsConfig;

mod mail;
mod ntfy;
mod post;
mod webhook;

pub(crate) use post::{Letter, Post};

/// Longest wait for a receiver.
pub(crate) const ANSWER_MAX: Duration = Duration::from_secs(15);

/// A route that is configured.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    Webhook,
    Mail,
    Ntfy,
}

impl Route {
    /// The routes a configuration names.
    pub(crate) fn of(config: &AlertsConfig) -> Vec<Self> {
        let given = |url: &str, file: &PathBuf| !url.is_empty() || !file.as_os_str().is_empty();
        let all = [
            (
                Self::Webhook,
                given(&config.webhook.url, &config.webhook.url_file),
            ),
            (Self::Mail, !config.mail.server.is_empty()),
            (Self::Ntfy, given(&config.ntfy.url, &config.ntfy.url_file)),
        ];
        all.into_iter()
            .filter_map(|(route, on)| on.then_some(route))
            .collect()
    }

    /// Its name in journal, answers and log.
    pub(crate) const fn label(self) -> &'static str {
        match self {
            Self::Webhook => "webhook",
            Self::Mail => "mail",
            Self::Ntfy => "ntfy",
        }
    }
}

/// What every message says besides the notice.
#[derive(Debug, Clone)]
pub(crate) struct Sender {
    /// The data directory, for files of secrets.
    pub(crate) dir: PathBuf,
    /// The host's peer id.
    pub(crate) peer: String,
    /// The name of its network.
    pub(crate) network: String,
    /// The routes' settings.
    pub(crate) config: AlertsConfig,
    /// The client for what goes by HTTP.
    pub(crate) post: Post,
}

impl Sender {
    /// Hands one notice over. `id` is the same at every try, so that receivers can tell a
    /// repetition apart.
    pub(crate) async fn send(
        &self,
        route: Route,
        id: &str,
        notice: &Notice,
    ) -> Result<(), Trouble> {
        match route {
            Route::Webhook => webhook::send(self, id, notice).await,
            Route::Mail => mail::send(self, id, notice).await,
            Route::Ntfy => ntfy::send(self, id, notice).await,
        }
    }

    /// The text of a message for a person.
    pub(crate) fn text(&self, notice: &Notice) -> String {
        let alert = &notice.alert;
        let since = crate::vitals::date(alert.since);
        let end = match notice.turn {
            Turn::Cleared => format!("Over since {}.\n", crate::vitals::date(notice.at)),
            Turn::Raised | Turn::Repeated | Turn::Test => String::new(),
        };
        format!(
            "{}\n\nSeverity: {}\nSince: {since}\n{end}Host: {}\nNetwork: {}\n",
            alert.summary,
            alert.urgency.label(),
            self.peer,
            self.network
        )
    }
}

#[cfg(test)]
mod tests;
