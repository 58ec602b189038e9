//! `holdfast log events|deliver|feed|expiries`: what the log tells others. Events are delivered to
//! each receiver in order and at least once: a file of the home remembers the last one a receiver
//! took, and is written after it said so.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use anyhow::{Context, bail, ensure};
use clap::Args;
use host_core::seams::Chain;
use host_release::{Action, ActionLog, Event, Kind, Signer, Teller, Turn, atom};
use serde::{Deserialize, Serialize};
use tokio::io::AsyncWriteExt;

use super::now_ms;
use crate::print;
use crate::renter::home::Home;

/// The folder of a home with what receivers took.
const TAKEN_DIR: &str = "receivers";
/// Between two looks at the log.
const LOOK_EVERY: Duration = Duration::from_secs(2);
/// Longest wait after a receiver that does not take an event.
const WAIT_MAX: Duration = Duration::from_secs(300);
/// Longest wait for an answer.
const ANSWER_MAX: Duration = Duration::from_secs(15);

/// Prints events.
#[derive(Debug, Args)]
pub(crate) struct EventsArgs {
    /// Only those of later entries than this one
    #[arg(long, value_name = "NUMBER", default_value_t = 0)]
    after: u64,
}

/// Delivers events to one receiver.
#[derive(Debug, Args)]
pub(crate) struct DeliverArgs {
    /// The receiver's name: what it took is remembered under it
    receiver: String,
    /// Where events are posted, each signed with the publisher's key
    #[arg(long, value_name = "URL", required_unless_present = "exec")]
    webhook: Option<String>,
    /// A program that is run for each event, with the event as JSON on its standard input
    #[arg(long, value_name = "PROGRAM", conflicts_with = "webhook")]
    exec: Option<PathBuf>,
    /// A new receiver gets only what happens from now on
    #[arg(long)]
    from_now: bool,
    /// Go on until a signal
    #[arg(long)]
    follow: bool,
}

/// Writes a channel's feed.
#[derive(Debug, Args)]
pub(crate) struct FeedArgs {
    /// What is released
    #[arg(long)]
    name: String,
    /// The channel
    #[arg(long)]
    channel: String,
    /// Where readers find the publications
    #[arg(long, value_name = "URL")]
    base: Option<String>,
    /// The file
    #[arg(long, value_name = "FILE")]
    out: PathBuf,
}

/// Looks for terms that end soon.
#[derive(Debug, Args)]
pub(crate) struct ExpiriesArgs {
    /// How soon, in epochs
    #[arg(long, value_name = "EPOCHS")]
    within: u64,
}

/// The last event a receiver took.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Taken {
    number: u64,
    /// Its id; empty when nothing was taken.
    id: String,
}

/// Events of entries after `taken`, and the last entry of all. Errors when the log does not hold,
/// or is another than the one `taken` is of.
pub(super) fn events(log: &ActionLog, taken: &Taken) -> anyhow::Result<(Vec<Event>, Taken)> {
    let (mut teller, mut told) = (Teller::default(), Vec::new());
    let mut is_there = taken.number == 0;
    let mut last = Taken::default();
    if is_there && log.size()? == 0 {
        return Ok((told, last));
    }
    let checked = log.check(|entry, hash| {
        let event = teller.tell(entry, hash);
        is_there |= entry.number == taken.number && hash == taken.id;
        if entry.number > taken.number {
            told.extend(event);
        }
        last = Taken {
            number: entry.number,
            id: hash.to_owned(),
        };
    })?;
    if let Some(broken) = &checked.broken {
        bail!("entry {} does not hold: {}", broken.number, broken.why);
    }
    ensure!(
        is_there,
        "entry {} of the log is not the one that was told: the log was cut short or written anew",
        taken.number
    );
    Ok((told, last))
}

/// Prints events as lines of JSON.
pub(crate) fn list(args: &EventsArgs) -> anyhow::Result<()> {
    let (told, _) = events(&Home::open()?.log(), &Taken::default())?;
    let mut told = told.iter().filter(|event| event.number > args.after);
    told.try_for_each(print::json)
}

/// Writes the feed of a channel.
pub(crate) fn feed(args: &FeedArgs) -> anyhow::Result<()> {
    let (told, _) = events(&Home::open()?.log(), &Taken::default())?;
    let text = atom(&args.name, &args.channel, args.base.as_deref(), &told);
    host_daemon::config::layers::write_atomic(&args.out, &text)?;
    print::line(&args.out.display().to_string())
}

/// Writes an entry for each object whose term ends within so many epochs, once a term.
pub(crate) async fn expiries(args: &ExpiriesArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    let network = home.network()?;
    let head = home.chain()?.head().await;
    net.stop().await;
    let now = network.epoch.epoch_of(head?.block);
    let (told, _) = events(&home.log(), &Taken::default())?;
    let is_told = |subject: &str, end_epoch: u64| {
        told.iter().any(|event| {
            let of = event.detail.get("end_epoch").and_then(|end| end.as_u64());
            event.kind == Kind::ExpiryNear && event.subject == subject && of == Some(end_epoch)
        })
    };
    let soon = renter.ls()?.into_iter().filter(|row| {
        row.end_epoch <= now.saturating_add(args.within)
            && !is_told(&row.id.to_string(), row.end_epoch)
    });
    let entries: Vec<Action> = soon
        .map(|row| Action {
            action: "expiry".to_owned(),
            turn: Turn::Done,
            of: None,
            by: "command".to_owned(),
            subject: row.id.to_string(),
            detail: serde_json::json!({
                "name": row.name, "bytes": row.bytes, "end_epoch": row.end_epoch, "epoch": now,
            }),
        })
        .collect();
    home.log().write(now_ms(), &entries)?;
    print::line(&format!(
        "{} objects end soon and were not told yet",
        entries.len()
    ))
}

/// The file of a receiver. Errors when its name is no plain word.
fn memory(home: &Home, receiver: &str) -> anyhow::Result<PathBuf> {
    let plain = |one: char| one.is_ascii_alphanumeric() || matches!(one, '-' | '_');
    ensure!(
        !receiver.is_empty() && receiver.len() <= 64 && receiver.chars().all(plain),
        "`{receiver}` is no receiver's name: letters, digits, - and _, at most 64"
    );
    let folder = home.dir().join(TAKEN_DIR);
    std::fs::create_dir_all(&folder).with_context(|| format!("making {}", folder.display()))?;
    Ok(folder.join(receiver))
}

fn taken_of(path: &Path) -> anyhow::Result<Option<Taken>> {
    let text = match std::fs::read_to_string(path) {
        Ok(text) => text,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error).with_context(|| format!("reading {}", path.display())),
    };
    let what = || format!("{} does not say what the receiver took", path.display());
    serde_json::from_str(&text).map(Some).with_context(what)
}

/// Delivers what the receiver has not taken.
pub(crate) async fn deliver(args: &DeliverArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let path = memory(&home, &args.receiver)?;
    let mut taken = match taken_of(&path)? {
        Some(taken) => taken,
        None if args.from_now => events(&home.log(), &Taken::default())?.1,
        None => Taken::default(),
    };
    keep(&path, &taken)?;
    let to = Receiver::of(args, &home)?;
    let (mut wait, mut seen) = (LOOK_EVERY, None);
    loop {
        // A log that did not grow is not read again.
        let size = Some(home.log().size()?);
        let ended = match size == seen {
            true => Ok(0),
            false => hand_over(&home, &to, &path, &mut taken).await,
        };
        match ended {
            Ok(count) if !args.follow => return print::line(&format!("{count} delivered")),
            Ok(_) => (wait, seen) = (LOOK_EVERY, size),
            Err(error) if !args.follow => return Err(error),
            Err(error) => {
                eprintln!("{error:#}; tried again in {} s", wait.as_secs());
                wait = (wait * 2).min(WAIT_MAX);
            }
        }
        tokio::select! {
            () = tokio::time::sleep(wait) => (),
            stopped = tokio::signal::ctrl_c() => return Ok(stopped?),
        }
    }
}

fn keep(path: &Path, taken: &Taken) -> anyhow::Result<()> {
    let text = serde_json::to_string(taken)?;
    Ok(host_daemon::config::layers::write_atomic(path, &text)?)
}

/// Hands over every event after `taken`, in order; how many.
async fn hand_over(
    home: &Home,
    to: &Receiver,
    path: &Path,
    taken: &mut Taken,
) -> anyhow::Result<usize> {
    let (waiting, _) = events(&home.log(), taken)?;
    for event in &waiting {
        let sent = to.send(event).await;
        sent.with_context(|| format!("event {} ({}) waits", event.number, event.kind.word()))?;
        *taken = Taken {
            number: event.number,
            id: event.id.clone(),
        };
        keep(path, taken)?;
    }
    Ok(waiting.len())
}

enum Receiver {
    Webhook {
        url: reqwest::Url,
        client: reqwest::Client,
        signer: Signer,
    },
    Exec(PathBuf),
}

impl Receiver {
    fn of(args: &DeliverArgs, home: &Home) -> anyhow::Result<Self> {
        if let Some(program) = &args.exec {
            return Ok(Self::Exec(program.clone()));
        }
        let url = args.webhook.as_deref().unwrap_or_default();
        let client = reqwest::Client::builder()
            .timeout(ANSWER_MAX)
            .redirect(reqwest::redirect::Policy::none());
        Ok(Self::Webhook {
            url: url.parse().with_context(|| format!("`{url}` is no URL"))?,
            client: client.build()?,
            signer: Signer::of_seal_key(&home.seal_key())?,
        })
    }

    /// Well when the receiver took it: status 2xx, or exit status 0.
    async fn send(&self, event: &Event) -> anyhow::Result<()> {
        let body = serde_json::to_string(event)?;
        match self {
            Self::Webhook {
                url,
                client,
                signer,
            } => {
                let seconds = now_ms() / 1000;
                let request = client
                    .post(url.clone())
                    .header("content-type", "application/json")
                    .header("webhook-id", &event.id)
                    .header("webhook-timestamp", seconds)
                    .header(
                        "webhook-signature",
                        signer.sign_webhook(&event.id, seconds, &body),
                    );
                let answer = request.body(body).send().await;
                // The address may hold a secret.
                let answer = answer.map_err(reqwest::Error::without_url)?;
                let status = answer.status();
                ensure!(status.is_success(), "the receiver answers {status}");
                Ok(())
            }
            Self::Exec(program) => run(program, event, &body).await,
        }
    }
}

async fn run(program: &Path, event: &Event, body: &str) -> anyhow::Result<()> {
    let mut child = tokio::process::Command::new(program)
        .env("HOLDFAST_EVENT", event.kind.word())
        .env("HOLDFAST_EVENT_ID", &event.id)
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .kill_on_drop(true)
        .spawn()
        .with_context(|| format!("running {}", program.display()))?;
    if let Some(mut stdin) = child.stdin.take() {
        match stdin.write_all(body.as_bytes()).await {
            // Whether it wanted to know more than its environment says is its own affair.
            Err(error) if error.kind() == std::io::ErrorKind::BrokenPipe => (),
            written => written?,
        }
    }
    let ended = child.wait().await?;
    ensure!(ended.success(), "{} ended with {ended}", program.display());
    Ok(())
}
