//! What is asked of a gateway enters the home's log of actions before it is done, and how it ended
//! before the word is given. Nothing that deletes, opens, closes or gives a right is done unlogged;
//! what a crash cuts off stands as asked and not as ended.

use host_release::{Action, ActionLog, Turn};
use serde_json::Value;

use crate::error::Error;
use crate::gateway::Gateway;

/// Bytes of names in one entry; a request with more takes several.
const NAMES_LEN: usize = 32 << 10;
/// Characters of what went wrong.
const WHY_LEN: usize = 500;

/// An action that was asked for.
pub(crate) struct Noted {
    of: u64,
    what: Action,
}

/// Names in runs that an entry holds.
pub(crate) fn in_runs(names: impl Iterator<Item = Value>) -> Vec<Value> {
    let (mut runs, mut run, mut len) = (Vec::new(), Vec::new(), 0);
    for name in names {
        let more = name.to_string().len();
        if len + more > NAMES_LEN && !run.is_empty() {
            runs.push(Value::Array(std::mem::take(&mut run)));
            len = 0;
        }
        len += more;
        run.push(name);
    }
    runs.push(Value::Array(run));
    runs
}

impl Gateway {
    async fn write_down(&self, what: Vec<Action>) -> Result<u64, Error> {
        let (log, now): (ActionLog, u64) = (self.inner.log.clone(), self.now_ms());
        let written = tokio::task::spawn_blocking(move || log.write(now, &what)).await;
        let numbers = written.map_err(|_| Error::Worker)??;
        Ok(numbers.last().copied().unwrap_or_default())
    }

    /// Writes down what was done, an entry for each detail. Durable when it returns.
    pub(crate) async fn told(
        &self,
        action: &str,
        by: &str,
        subject: &str,
        details: Vec<Value>,
    ) -> Result<(), Error> {
        let entries = details.into_iter().map(|detail| Action {
            action: action.to_owned(),
            turn: Turn::Done,
            of: None,
            by: by.to_owned(),
            subject: subject.to_owned(),
            detail,
        });
        self.write_down(entries.collect()).await.map(|_| ())
    }

    /// Writes down that something is asked for, an entry for each detail. Durable when it returns.
    pub(crate) async fn asked(
        &self,
        action: &str,
        by: &str,
        subject: &str,
        details: Vec<Value>,
    ) -> Result<Noted, Error> {
        let what = |detail| Action {
            action: action.to_owned(),
            turn: Turn::Asked,
            of: None,
            by: by.to_owned(),
            subject: subject.to_owned(),
            detail,
        };
        let entries = details.into_iter().map(what).collect();
        let of = self.write_down(entries).await?;
        let what = what(Value::Null);
        Ok(Noted { of, what })
    }

    /// Writes down how it ended. Durable when it returns.
    pub(crate) async fn ended(
        &self,
        noted: Noted,
        how: Result<Value, String>,
    ) -> Result<(), Error> {
        let (turn, detail) = match how {
            Ok(detail) => (Turn::Done, detail),
            Err(why) => {
                let why: String = why.chars().take(WHY_LEN).collect();
                (Turn::Failed, Value::String(why))
            }
        };
        let of = Some(noted.of);
        let entry = Action {
            turn,
            of,
            detail,
            ..noted.what
        };
        self.write_down(vec![entry]).await.map(|_| ())
    }
}

#[cfg(test)]
mod tests;
