//! ntfy: the notice's text to a topic, with a title, a priority and a tag a phone can show.

use host_api::alerts::Turn;
use host_api::{Notice, Urgency};

use super::{Letter, Sender};
use crate::alerts::secret;
use crate::alerts::trouble::Trouble;

pub(super) async fn send(from: &Sender, id: &str, notice: &Notice) -> Result<(), Trouble> {
    let config = &from.config.ntfy;
    let key = "alerts.ntfy.url";
    let url = secret::address(&from.dir, key, &config.url, &config.url_file)?;
    let (priority, tag) = match (notice.turn, notice.alert.urgency) {
        (Turn::Cleared, _) => ("3", "white_check_mark"),
        (_, Urgency::Critical) => ("5", "rotating_light"),
        (_, Urgency::Warning) => ("4", "warning"),
        (_, Urgency::Notice) => ("3", "information_source"),
    };
    let mut headers = vec![
        ("title", plain(&notice.title())),
        ("priority", priority.to_owned()),
        ("tags", tag.to_owned()),
        ("holdfast-alert", id.to_owned()),
    ];
    let named = "alerts.ntfy.token_file";
    if let Some(token) = secret::read_some(&from.dir, named, &config.token_file)? {
        headers.push(("authorization", format!("Bearer {token}")));
    }
    let body = from.text(notice).into_bytes();
    let letter = Letter {
        key,
        url,
        headers,
        body,
    };
    from.post.send(letter).await
}

/// A header holds printable ASCII only.
fn plain(text: &str) -> String {
    let fits = |c: char| {
        if c.is_ascii_graphic() || c == ' ' {
            c
        } else {
            '?'
        }
    };
    text.chars().map(fits).collect()
}
