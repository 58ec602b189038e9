//! `holdfast put`: a file onto hosts, with a progress bar for a person and JSON for a script; and
//! the sessions it leaves: status, resume, cancel.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Subcommand};
use host_core::{Amount, ObjectId};
use host_renter::{Error, Phase, Progress, PutDone, PutRequest, Renter, Session, SessionId, State};
use serde::Serialize;
use tokio::sync::watch;

use super::home::Home;
use crate::{print, wallet};

/// Stores a file.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
pub(crate) struct PutArgs {
    #[command(subcommand)]
    what: Option<PutCommand>,
    #[command(flatten)]
    new: Option<NewArgs>,
}

/// What a new put is told.
#[derive(Debug, Args)]
struct NewArgs {
    /// The file
    file: PathBuf,
    /// How long, in days
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Data shards a segment; any this many bring it back
    #[arg(long, default_value_t = 10)]
    data: u16,
    /// Parity shards a segment
    #[arg(long, default_value_t = 20)]
    parity: u16,
    /// Open data: not encrypted, readable by anyone with its descriptor
    #[arg(long)]
    public: bool,
    /// Highest price taken, in smallest units per GiB and epoch
    #[arg(long)]
    price_max: Option<Amount>,
    /// Wrap and deposit what the vault lacks, up to this much
    #[arg(long, value_name = "CAP")]
    top_up: Option<Amount>,
    /// Only say what it would make and cost
    #[arg(long, conflicts_with = "detach")]
    dry_run: bool,
    /// Answer with the session's id at once and go on in the background
    #[arg(long)]
    detach: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum PutCommand {
    /// Show where a session stands
    Status {
        /// The session
        session: SessionId,
        /// Go on until it ends
        #[arg(long)]
        follow: bool,
        /// Answer as JSON, one line a change
        #[arg(long)]
        json: bool,
    },
    /// Go on with a session; finished shards are not sent again
    Resume {
        /// The session
        session: SessionId,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Give a session up and release what it agreed
    Cancel {
        /// The session
        session: SessionId,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

#[derive(Debug, Serialize)]
struct PutSaid {
    id: ObjectId,
    session: SessionId,
    bytes: u64,
    shards: u64,
    cost: Amount,
    issued: Amount,
    end_epoch: u64,
    seconds: f64,
    /// CPU microseconds and peak memory of each phase.
    phases: std::collections::BTreeMap<&'static str, host_renter::Cost>,
}

/// Between two looks at the progress or a session.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Runs it.
pub(crate) async fn run(args: PutArgs) -> anyhow::Result<()> {
    match (args.what, args.new) {
        (
            Some(PutCommand::Status {
                session,
                follow,
                json,
            }),
            _,
        ) => status(session, follow, json).await,
        (Some(PutCommand::Resume { session, json }), _) => resume(session, json).await,
        (Some(PutCommand::Cancel { session, json }), _) => cancel(session, json).await,
        (None, Some(new)) => store(new).await,
        (None, None) => anyhow::bail!("name a file, or one of status, resume, cancel"),
    }
}

async fn store(args: NewArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    let request = PutRequest {
        path: args.file,
        data: args.data,
        parity: args.parity,
        days: args.days,
        public: args.public,
        price_max: args.price_max,
    };
    let ended = if args.dry_run {
        quote(&renter, &request, args.json).await
    } else if args.detach {
        detach(&renter, &request, args.json)
    } else {
        let session = renter.begin(&request)?;
        put(&home, &renter, session, args.top_up, args.json).await
    };
    net.stop().await;
    ended
}

async fn quote(renter: &Renter, request: &PutRequest, json: bool) -> anyhow::Result<()> {
    let quote = renter.quote(request).await?;
    let said = serde_json::json!({
        "id": quote.id, "bytes": quote.bytes, "segments": quote.segments, "shards": quote.shards,
        "shard_bytes": quote.shard_len, "epochs": quote.epochs, "hosts": quote.hosts,
        "cost": quote.cost, "first_epoch": quote.first,
    });
    print::either(json, &said, |_| {
        let id = quote
            .id
            .map_or("known once it is stored".to_owned(), |id| id.to_string());
        format!(
            "id      {id}\nshards  {} of at most {} bytes, {} hosts fit\n\
             cost    at most {} for {} epochs, {} of it at once",
            quote.shards, quote.shard_len, quote.hosts, quote.cost, quote.epochs, quote.first
        )
    })
}

/// Starts a process of its own that works on the session, and says the session's id.
fn detach(renter: &Renter, request: &PutRequest, json: bool) -> anyhow::Result<()> {
    let session = renter.begin(request)?;
    let own = std::env::current_exe().context("finding the running program")?;
    std::process::Command::new(own)
        .args(["put", "resume", &session.to_string()])
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the background process")?;
    print::either(json, &serde_json::json!({ "session": session }), |_| {
        format!("{session}\nwatch it with: holdfast put status {session} --follow")
    })
}

async fn resume(session: SessionId, json: bool) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    let ended = put(&home, &renter, session, None, json).await;
    net.stop().await;
    ended
}

async fn put(
    home: &Home,
    renter: &Renter,
    session: SessionId,
    top_up: Option<Amount>,
    json: bool,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let mut done = work(renter, session).await;
    if let (Err(Error::Shortfall { missing, .. }), Some(cap)) = (&done, top_up)
        && *missing <= cap
    {
        let chain = home.chain()?;
        chain.wrap(*missing).await?;
        chain
            .deposit(wallet::vault(&chain).await?, *missing)
            .await?;
        done = work(renter, session).await;
    }
    let done = done.with_context(|| format!("session {session}"))?;
    let said = PutSaid {
        id: done.id,
        session,
        bytes: done.bytes,
        shards: done.shards,
        cost: done.cost,
        issued: done.issued,
        end_epoch: done.end_epoch,
        seconds: started.elapsed().as_secs_f64(),
        phases: Phase::ALL
            .into_iter()
            .map(Phase::word)
            .zip(done.phases)
            .collect(),
    };
    print::either(json, &said, |said| {
        format!(
            "{}\n{} bytes as {} shards, cost {}",
            said.id, said.bytes, said.shards, said.cost
        )
    })
}

/// Works on a session with a bar while it runs.
async fn work(renter: &Renter, session: SessionId) -> Result<PutDone, Error> {
    let (progress, watched) = watch::channel(Progress::default());
    let bar = tokio::spawn(show(watched, Instant::now()));
    let done = renter.resume(session, &progress).await;
    drop(progress);
    let _ = bar.await;
    done
}

/// Draws the bar until the work ends; only on a terminal.
async fn show(watched: watch::Receiver<Progress>, started: Instant) {
    if !std::io::stderr().is_terminal() {
        return;
    }
    while watched.has_changed().is_ok() {
        let at = watched.borrow().clone();
        let percent = at
            .bytes_done
            .saturating_mul(100)
            .checked_div(at.bytes_total)
            .unwrap_or(0);
        let seconds = started.elapsed().as_secs().max(1);
        let _ = write!(
            std::io::stderr(),
            "\r\x1b[K  {percent:3} %  {} of {} shards  {} MiB/s on the wire  cost {}",
            at.shards_paid,
            at.shards_total,
            (at.bytes_moved / seconds) >> 20,
            at.cost,
        );
        let _ = std::io::stderr().flush();
        tokio::time::sleep(SHOW_EVERY).await;
    }
    let _ = write!(std::io::stderr(), "\r\x1b[K");
}

/// Shows a session, and with `follow` every change until it ends.
async fn status(id: SessionId, follow: bool, json: bool) -> anyhow::Result<()> {
    let (renter, net) = Home::open()?.renter().await?;
    net.stop().await;
    let mut shown = None;
    loop {
        let session = renter.session(id)?;
        let now = (session.changes.len(), session.places.len());
        if shown != Some(now) {
            shown = Some(now);
            say(&session, json)?;
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

fn say(session: &Session, json: bool) -> anyhow::Result<()> {
    let places = session.places.iter().map(|place| {
        serde_json::json!({
            "segment": place.segment, "index": place.index, "host": place.host,
            "agreement": place.agreement, "state": "paid",
        })
    });
    let said = serde_json::json!({
        "session": session.id, "file": session.path(), "state": session.state(),
        "btfs": session.state().btfs(), "changes": session.changes, "object": session.object,
        "shards": places.collect::<Vec<_>>(),
    });
    print::either(json, &said, |_| {
        let last = session
            .changes
            .last()
            .and_then(|change| change.message.as_deref());
        let message = last.map_or(String::new(), |text| format!(": {text}"));
        let object = session.object.map_or(String::new(), |id| format!(" {id}"));
        format!(
            "{:?}{object}, {} shards paid{message}",
            session.state(),
            session.places.len()
        )
    })
}

async fn cancel(session: SessionId, json: bool) -> anyhow::Result<()> {
    let (renter, net) = Home::open()?.renter().await?;
    let cancelled = renter.cancel(session).await;
    net.stop().await;
    let (closed, silent) = cancelled?;
    let said = serde_json::json!({ "session": session, "closed": closed, "silent": silent });
    print::either(json, &said, |_| {
        format!("{closed} agreements closed, {silent} hosts did not answer")
    })
}
