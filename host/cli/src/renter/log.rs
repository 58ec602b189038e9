//! `holdfast log`: the chain of what was done with this home: checked, exported, its head signed
//! for somebody else to keep. Other commands write into it what they are about to do and how it
//! ended; events.rs tells others of it.

use std::path::PathBuf;

use anyhow::{Context, bail};
use clap::{Args, Subcommand};
use host_core::seams::Clock;
use host_daemon::clock::SystemClock;
use host_release::{self as release, Action, ActionLog, Checked, Entry, Head, Signer, Turn};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::home::Home;
use super::publish;
use crate::print;

pub(crate) mod events;
mod propagations;

/// Characters of what went wrong.
const WHY_LEN: usize = 500;
/// What a signed head says it is.
const KIND: &str = "holdfast log head 1";

/// What was done with this home and its gateway.
#[derive(Debug, Args)]
pub(crate) struct LogArgs {
    #[command(subcommand)]
    what: LogCommand,
}

#[derive(Debug, Subcommand)]
enum LogCommand {
    /// Check the chain and name the first entry that does not hold; needs no home with `--file`
    Verify {
        /// A copy of the log; this home's without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// A head that was signed earlier and kept elsewhere: the log must still contain it
        #[arg(long, value_name = "FILE", requires = "key")]
        head: Option<PathBuf>,
        /// The key that signed it
        #[arg(long, value_name = "FILE")]
        key: Option<PathBuf>,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Print every entry that holds as a line of JSON
    Export {
        /// A copy of the log; this home's without it
        #[arg(long, value_name = "FILE")]
        file: Option<PathBuf>,
        /// From this entry on
        #[arg(long, value_name = "NUMBER", default_value_t = 1)]
        from: u64,
    },
    /// Write the log's end, signed, into a file to be kept elsewhere
    Head {
        /// The file; its signature is beside it
        #[arg(long, value_name = "FILE")]
        out: PathBuf,
    },
    /// Print what happened, for others: published, propagated, verified, channel-moved, drill-done,
    /// expiry-near, drift-found, deleted
    Events(events::EventsArgs),
    /// Deliver events to a webhook or a program, in order and at least once
    Deliver(events::DeliverArgs),
    /// Write the Atom feed of a channel
    Feed(events::FeedArgs),
    /// Write down which objects' terms end soon, each once a term
    Expiries(events::ExpiriesArgs),
    /// Write down which releases can be read everywhere by now, each once
    Propagations(propagations::PropagationsArgs),
}

/// A signed head.
#[derive(Debug, Serialize, Deserialize)]
struct SignedHead {
    kind: String,
    number: u64,
    hash: String,
    at_ms: u64,
}

#[derive(Debug, Serialize)]
struct Exported<'a> {
    hash: &'a str,
    #[serde(flatten)]
    entry: &'a Entry,
}

#[derive(Debug, Serialize)]
struct VerifySaid {
    #[serde(flatten)]
    checked: Checked,
    head_is_there: Option<bool>,
}

/// An action that is under way.
pub(crate) struct Noted {
    log: ActionLog,
    of: u64,
    what: Action,
}

fn now_ms() -> u64 {
    SystemClock::start().wall_ms()
}

/// Writes down what is about to be done. Durable when it returns.
pub(crate) fn asked(
    home: &Home,
    action: &str,
    subject: &str,
    detail: Value,
) -> anyhow::Result<Noted> {
    let log = home.log();
    let what = Action {
        action: action.to_owned(),
        turn: Turn::Asked,
        of: None,
        by: "command".to_owned(),
        subject: subject.to_owned(),
        detail,
    };
    let numbers = log.write(now_ms(), std::slice::from_ref(&what))?;
    let of = numbers.first().copied().unwrap_or_default();
    Ok(Noted { log, of, what })
}

impl Noted {
    /// Writes down how it ended, and hands that on. Durable when it returns.
    pub(crate) fn ended<T>(
        self,
        ended: anyhow::Result<T>,
        said: impl FnOnce(&T) -> Value,
    ) -> anyhow::Result<T> {
        let (turn, detail) = match &ended {
            Ok(done) => (Turn::Done, said(done)),
            Err(error) => {
                let why: String = format!("{error:#}").chars().take(WHY_LEN).collect();
                (Turn::Failed, Value::String(why))
            }
        };
        let of = Some(self.of);
        let entry = Action {
            turn,
            of,
            detail,
            ..self.what
        };
        self.log.write(now_ms(), &[entry])?;
        ended
    }
}

fn log_of(file: Option<PathBuf>) -> anyhow::Result<ActionLog> {
    match file {
        Some(file) => Ok(ActionLog::at(file)),
        None => Ok(Home::open()?.log()),
    }
}

fn in_words(said: &VerifySaid) -> String {
    let checked = &said.checked;
    let mut lines = vec![format!(
        "{} entries hold, the last has hash {}",
        checked.head.number, checked.head.hash
    )];
    if checked.repaired > 0 {
        let runs = checked.repaired;
        lines.push(format!(
            "{runs} runs of torn bytes stand in it, each with the entry that accounts for it"
        ));
    }
    if let Some(broken) = &checked.broken {
        lines.push(format!(
            "entry {} does not hold, at byte {}: {}",
            broken.number, broken.at, broken.why
        ));
    }
    if checked.torn > 0 {
        lines.push(format!(
            "{} bytes after it are no entry: a power cut tore the last one, or somebody damaged \
             it; the next action accounts for them",
            checked.torn
        ));
    }
    if said.head_is_there == Some(false) {
        lines.push("the signed head is not in it: the log was cut short or written anew".into());
    }
    lines.join("\n")
}

/// Runs it. False when the log does not hold.
pub(crate) async fn run(args: LogArgs) -> anyhow::Result<bool> {
    match args.what {
        LogCommand::Events(args) => events::list(&args).map(|()| true),
        LogCommand::Deliver(args) => events::deliver(&args).await.map(|()| true),
        LogCommand::Feed(args) => events::feed(&args).map(|()| true),
        LogCommand::Expiries(args) => events::expiries(&args).await.map(|()| true),
        LogCommand::Propagations(args) => propagations::run(&args).await.map(|()| true),
        LogCommand::Verify {
            file,
            head,
            key,
            json,
        } => {
            let kept: Option<SignedHead> = match (&head, &key) {
                (Some(head), Some(key)) => {
                    let text = publish::signed(head, key, release::LOG)?;
                    Some(serde_json::from_str(&text).with_context(|| head.display().to_string())?)
                }
                _ => None,
            };
            if let Some(kept) = kept.as_ref().filter(|kept| kept.kind != KIND) {
                bail!("`{}` is no head of a log", kept.kind);
            }
            let is_kept = |number: u64, hash: &str| {
                let is_it = |kept: &SignedHead| kept.number == number && kept.hash == hash;
                kept.as_ref().is_some_and(is_it)
            };
            let none = Head::default();
            let mut found = is_kept(none.number, &none.hash);
            let checked =
                log_of(file)?.check(|entry, hash| found |= is_kept(entry.number, hash))?;
            let said = VerifySaid {
                head_is_there: kept.is_some().then_some(found),
                checked,
            };
            print::either(json, &said, in_words)?;
            let whole = said.checked.broken.is_none() && said.checked.torn == 0;
            Ok(whole && said.head_is_there != Some(false))
        }
        LogCommand::Export { file, from } => {
            let mut told = Ok(());
            let checked = log_of(file)?.check(|entry, hash| {
                if entry.number >= from && told.is_ok() {
                    told = print::json(&Exported { hash, entry });
                }
            })?;
            told?;
            if let Some(broken) = &checked.broken {
                bail!("entry {} does not hold: {}", broken.number, broken.why);
            }
            Ok(checked.torn == 0)
        }
        LogCommand::Head { out } => {
            let home = Home::open()?;
            let checked = home.log().check(|_, _| ())?;
            if let Some(broken) = &checked.broken {
                bail!("entry {} does not hold: {}", broken.number, broken.why);
            }
            let Head { number, hash } = checked.head;
            let head = SignedHead {
                kind: KIND.to_owned(),
                number,
                hash,
                at_ms: now_ms(),
            };
            let text = serde_json::to_string_pretty(&head)? + "\n";
            let signer = Signer::of_seal_key(&home.seal_key())?;
            publish::sign(&signer, &out, release::LOG, &text)?;
            print::line(&format!("entry {number} signed in {}", out.display()))?;
            Ok(true)
        }
    }
}
