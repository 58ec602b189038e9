//! `holdfast put status`: where a put stands, shard by shard, also while another process works on
//! it; read from the journal alone, so that it needs neither network nor chain.

use host_renter::{Session, SessionId, ShardState, State};
use serde_json::{Value, json};

use super::SHOW_EVERY;
use crate::print;
use crate::renter::home::Home;

/// Shows a session, and with `follow` every change until it ends.
pub(super) async fn run(id: SessionId, follow: bool, json: bool) -> anyhow::Result<()> {
    let home = Home::open()?;
    let mut shown = None;
    loop {
        let session = home.session(id)?;
        let said = value(&session);
        if shown.as_ref() != Some(&said) {
            print::either(json, &said, |_| words(&session))?;
            shown = Some(said);
        }
        let ended = matches!(
            session.state(),
            State::Completed | State::Cancelled | State::Stopped
        );
        if ended || !follow {
            return Ok(());
        }
        tokio::time::sleep(SHOW_EVERY).await;
    }
}

fn value(session: &Session) -> Value {
    let shards = session.shards();
    let count = |state| shards.iter().filter(|row| row.state == state).count();
    let error = session.stopped_by().map(|(code, message)| {
        json!({
            "code": code, "who": code.blame().label(), "message": message, "next": code.next(),
        })
    });
    json!({
        "session": session.id,
        "file": session.path(),
        "state": session.state(),
        "btfs": session.state().btfs(),
        "at_ms": session.changes.last().map(|change| change.at_ms),
        "changes": session.changes,
        "object": session.object,
        "end_epoch": session.end_epoch(),
        "reuse": session.is_reuse(),
        "paid": count(ShardState::Paid),
        "shards": shards,
        "unreleased": session.unreleased(),
        "error": error,
    })
}

fn words(session: &Session) -> String {
    let shards = session.shards();
    let paid = shards.iter().filter(|row| row.state == ShardState::Paid);
    let object = session.object.map_or(String::new(), |id| format!(" {id}"));
    let mut lines = vec![format!(
        "{:?} ({}){object}, {} of {} shards paid",
        session.state(),
        session.state().btfs(),
        paid.count(),
        shards.len(),
    )];
    let open = shards.iter().filter(|row| row.state != ShardState::Paid);
    lines.extend(open.map(|row| {
        let why = match (&row.code, &row.message) {
            (Some(code), Some(message)) => format!(": {message} ({code})"),
            _ => String::new(),
        };
        format!(
            "  segment {} shard {} at {}: {:?}{why}",
            row.segment, row.index, row.host, row.state
        )
    }));
    let loose = session.unreleased().len();
    if loose > 0 {
        lines.push(format!(
            "  {loose} unused agreements are still to be released"
        ));
    }
    if let Some((code, message)) = session.stopped_by() {
        lines.push(format!(
            "  {message}\n  code: {code}\n  next: {}",
            code.next()
        ));
    }
    lines.join("\n")
}
