//! `holdfast put`: a file onto hosts, with a progress bar for a person and JSON for a script.

use std::io::{IsTerminal, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use clap::Args;
use host_core::{Amount, ObjectId};
use host_renter::{Phase, Progress, PutRequest};
use serde::Serialize;
use tokio::sync::watch;

use super::home::Home;
use crate::print;

/// Stores a file.
#[derive(Debug, Args)]
pub(crate) struct PutArgs {
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
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct PutSaid {
    id: ObjectId,
    bytes: u64,
    shards: u64,
    cost: Amount,
    issued: Amount,
    end_epoch: u64,
    seconds: f64,
    /// CPU microseconds and peak memory of each phase.
    phases: std::collections::BTreeMap<&'static str, host_renter::Cost>,
}

/// Between two looks at the progress.
const SHOW_EVERY: Duration = Duration::from_millis(200);

/// Runs it.
pub(crate) async fn run(args: PutArgs) -> anyhow::Result<()> {
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
    let (progress, watched) = watch::channel(Progress::default());
    let started = Instant::now();
    let bar = tokio::spawn(show(watched, started));
    let done = renter.put(&request, &progress).await;
    drop(progress);
    let _ = bar.await;
    net.stop().await;
    let done = done?;
    let said = PutSaid {
        id: done.id,
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
    print::either(args.json, &said, |said| {
        format!(
            "{}\n{} bytes as {} shards, cost {}",
            said.id, said.bytes, said.shards, said.cost
        )
    })
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
