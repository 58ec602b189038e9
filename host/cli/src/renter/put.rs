//! `holdfast put`: a file onto hosts, with a progress bar for a person and JSON for a script; and
//! the sessions it leaves: status, resume, cancel.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::{Duration, Instant};

use anyhow::Context;
use clap::{Args, Subcommand};
use host_core::agreement::PayMode;
use host_core::seams::PeerAddr;
use host_core::{Amount, ObjectId};
use host_renter::{Already, Error, Named, Phase, Progress, PutDone, PutRequest, Renter, SessionId};
use serde::Serialize;
use tokio::sync::watch;

use super::guard::{PutGuards, peer_addr};
use super::home::Home;
use super::top_up::TopUp;
use crate::print;

mod status;

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
    /// How hosts are paid: `cheque`, or `escrow`: the whole price is locked on chain first and each
    /// epoch is paid once it is proven
    #[arg(long, default_value = "cheque", value_parser = pay_mode)]
    pay: PayMode,
    /// Lease the same content again where it is stored already, without sending what is there
    #[arg(long, conflicts_with = "dry_run")]
    reuse: bool,
    /// Only say what it would make and cost
    #[arg(long, conflicts_with = "detach")]
    dry_run: bool,
    /// Answer with the session's id at once and go on in the background
    #[arg(long)]
    detach: bool,
    /// A guard that watches the object, as ADDRESS/p2p/PEER; repeated; the first repairs first.
    /// With more to say: `guard name`
    #[arg(long = "guard", value_parser = peer_addr, conflicts_with_all = ["detach", "dry_run"])]
    guards: Vec<PeerAddr>,
    /// Seconds in which the guards challenge every shard once
    #[arg(long, default_value_t = 3600)]
    guard_round: u64,
    /// What a guard's repairs may promise together, smallest token units; 0 for no repair
    #[arg(long, default_value_t = 0)]
    repair_budget: u128,
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
        /// Wrap and deposit what the vault lacks, up to this much
        #[arg(long, value_name = "CAP")]
        top_up: Option<Amount>,
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
    /// Objects that had the same content before.
    already: Vec<Already>,
    /// Whether one of them was leased again.
    reused: bool,
    bytes: u64,
    shards: u64,
    cost: Amount,
    issued: Amount,
    /// Locked in the escrow by this run.
    locked: Amount,
    end_epoch: u64,
    seconds: f64,
    /// Guards that were named, and which of them would not.
    guards: Vec<Named>,
    /// CPU microseconds and peak memory of each phase.
    phases: std::collections::BTreeMap<&'static str, host_renter::Cost>,
}

/// A session that was just written down.
struct Begun {
    session: SessionId,
    already: Vec<Already>,
    reused: bool,
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
        ) => status::run(session, follow, json).await,
        (
            Some(PutCommand::Resume {
                session,
                top_up,
                json,
            }),
            _,
        ) => resume(session, top_up, json).await,
        (Some(PutCommand::Cancel { session, json }), _) => cancel(session, json).await,
        (None, Some(new)) => store(new).await,
        (None, None) => anyhow::bail!("name a file, or one of status, resume, cancel"),
    }
}

fn pay_mode(text: &str) -> Result<PayMode, String> {
    match text {
        "cheque" => Ok(PayMode::Cheque),
        "escrow" => Ok(PayMode::Escrow),
        _ => Err("cheque or escrow".to_owned()),
    }
}

async fn store(args: NewArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    let request = PutRequest {
        path: args.file.clone(),
        data: args.data,
        parity: args.parity,
        days: args.days,
        public: args.public,
        price_max: args.price_max,
        pay: args.pay,
    };
    let ended = begin(&home, &renter, &request, &args).await;
    net.stop().await;
    ended
}

async fn begin(
    home: &Home,
    renter: &Renter,
    request: &PutRequest,
    args: &NewArgs,
) -> anyhow::Result<()> {
    let already = renter.already(request).await?;
    if args.dry_run {
        return quote(renter, request, &already, args.json).await;
    }
    let again = match args.reuse {
        true => renter.begin_again(request).await?,
        false => None,
    };
    let begun = Begun {
        reused: again.is_some(),
        session: match again {
            Some(session) => session,
            None => renter.begin(request)?,
        },
        already,
    };
    if !args.json {
        for line in begun.already.iter().map(stored_line) {
            say_aside(&line);
        }
        if args.reuse && !begun.reused {
            say_aside("nothing of it is stored yet; it is put as new");
        }
    }
    if args.detach {
        return detach(&begun, args.top_up, args.json);
    }
    let watch = PutGuards {
        guards: args.guards.clone(),
        round: args.guard_round,
        budget: args.repair_budget,
    };
    put(home, renter, begun, args.top_up, Some(&watch), args.json).await
}

/// One line about content that is stored already.
fn stored_line(already: &Already) -> String {
    format!(
        "already stored as {} until epoch {}{}; --reuse extends it",
        already.object,
        already.end_epoch,
        already
            .until_ms
            .map_or(String::new(), |ms| format!(", about {}", print::day(ms))),
    )
}

/// Words beside the answer.
fn say_aside(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}

async fn quote(
    renter: &Renter,
    request: &PutRequest,
    already: &[Already],
    json: bool,
) -> anyhow::Result<()> {
    let quote = renter.quote(request).await?;
    // A sealed object's name hangs on a key that is drawn when it is put.
    let why = "sealed: the name depends on a key drawn at the put; --public has one before";
    let said = serde_json::json!({
        "id": quote.id, "id_unknown": quote.id.is_none().then_some(why),
        "bytes": quote.bytes, "segments": quote.segments, "shards": quote.shards,
        "shard_bytes": quote.shard_len, "epochs": quote.epochs, "hosts": quote.hosts,
        "cost": quote.cost, "first_epoch": quote.first,
        "read_once": quote.read, "rebuild_every_shard": quote.rebuild,
        "already": already,
    });
    print::either(json, &said, |_| {
        let id = quote
            .id
            .map_or(format!("not known yet ({why})"), |id| id.to_string());
        let stored = already.iter().map(|one| stored_line(one) + "\n");
        let stored: String = stored.collect();
        format!(
            "{stored}id      {id}\nshards  {} of at most {} bytes, {} hosts fit\n\
             cost    at most {} for {} epochs, {} of it at once; at most {} to read it all once\n\
             repair  at most {} for every hundredth of the shards that is lost",
            quote.shards,
            quote.shard_len,
            quote.hosts,
            quote.cost,
            quote.epochs,
            quote.first,
            quote.read,
            Amount(quote.rebuild.0.div_ceil(100))
        )
    })
}

/// Starts a process of its own that works on the session, and says the session's id.
fn detach(begun: &Begun, top_up: Option<Amount>, json: bool) -> anyhow::Result<()> {
    let session = begun.session;
    let own = std::env::current_exe().context("finding the running program")?;
    let mut child = std::process::Command::new(own);
    child.args(["put", "resume", &session.to_string()]);
    if let Some(cap) = top_up {
        child.args(["--top-up", &cap.to_string()]);
    }
    child
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .context("starting the background process")?;
    let said = serde_json::json!({
        "session": session, "already": begun.already, "reused": begun.reused,
    });
    print::either(json, &said, |_| {
        format!("{session}\nwatch it with: holdfast put status {session} --follow")
    })
}

async fn resume(session: SessionId, top_up: Option<Amount>, json: bool) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (renter, net) = home.renter().await?;
    let begun = Begun {
        reused: renter.session(session)?.is_reuse(),
        session,
        already: Vec::new(),
    };
    let ended = put(&home, &renter, begun, top_up, None, json).await;
    net.stop().await;
    ended
}

async fn put(
    home: &Home,
    renter: &Renter,
    begun: Begun,
    top_up: Option<Amount>,
    watch: Option<&PutGuards>,
    json: bool,
) -> anyhow::Result<()> {
    let started = Instant::now();
    let session = begun.session;
    let mut purse = TopUp::new(top_up);
    let done = loop {
        let done = work(renter, session).await;
        match &done {
            Err(Error::PurseShort { missing, .. }) if purse.has(*missing)? => {
                purse.wrap(home, *missing).await?;
            }
            Err(Error::Shortfall { missing, .. }) if purse.has(*missing)? => {
                purse.deposit(home, *missing).await?;
            }
            _ => break done,
        }
    };
    let done = done.with_context(|| format!("session {session}"))?;
    renter.tell_speeds().await;
    let guards = match watch {
        Some(watch) => watch.name(renter, done.id).await,
        None => Vec::new(),
    };
    for (guard, why) in guards
        .iter()
        .filter_map(|one| Some((one.guard, one.why.as_ref()?)))
    {
        say_aside(&format!("guard {guard} does not watch: {why}"));
    }
    let said = PutSaid {
        id: done.id,
        session,
        already: begun.already,
        reused: begun.reused,
        bytes: done.bytes,
        shards: done.shards,
        cost: done.cost,
        issued: done.issued,
        locked: done.locked,
        end_epoch: done.end_epoch,
        seconds: started.elapsed().as_secs_f64(),
        guards,
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
