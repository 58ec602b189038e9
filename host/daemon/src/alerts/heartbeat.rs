//! A sign of life to a dead man's switch: whoever waits for it alarms when it stays away. It is
//! given by the loop that looks for alerts, so that a wedged loop gives none.

use std::time::Duration;

use host_api::Health;

use super::routes::{Letter, Sender};
use super::secret;
use super::trouble::Trouble;

/// When the next sign is due.
#[derive(Debug, Default)]
pub(crate) struct Heartbeat {
    last: Option<Duration>,
}

impl Heartbeat {
    /// Whether a sign is due at `now`, by a clock that never jumps; it then counts as given.
    pub(crate) fn due(&mut self, now: Duration, every: Duration) -> bool {
        let due = self
            .last
            .is_none_or(|last| now.saturating_sub(last) >= every);
        if due {
            self.last = Some(now);
        }
        due
    }
}

/// Whether a receiver is configured.
pub(crate) fn is_wanted(sender: &Sender) -> bool {
    let config = &sender.config.heartbeat;
    !config.url.is_empty() || !config.url_file.as_os_str().is_empty()
}

/// Gives one sign: the host and its health in a word. What is lost is not tried again; the next
/// sign says more.
pub(crate) async fn give(sender: Sender, health: Health) -> Result<(), Trouble> {
    let config = &sender.config.heartbeat;
    let key = "alerts.heartbeat.url";
    let url = secret::address(&sender.dir, key, &config.url, &config.url_file)?;
    let body = serde_json::json!({ "host": sender.peer, "health": health.status });
    let letter = Letter {
        key,
        url,
        headers: vec![("content-type", "application/json".to_owned())],
        body: body.to_string().into_bytes(),
    };
    sender.post.send(letter).await
}
