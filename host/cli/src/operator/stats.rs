//! `holdfast stats` and `holdfast report`: a host in figures, and its books for a span of epochs.
//!
//! Enters: what a running host tells. Leaves: lines, JSON or CSV. Invariant: a report adds up its
//! rows itself and holds the sums against the host's cheques and, with `--chain`, against the
//! vaults.

use std::time::Duration;

use clap::Args;
use host_core::{Address, Amount};
use host_daemon::api::{ChequesSaid, ReportRow, ReportSaid, StatsSaid};
use serde::Serialize;

use super::onchain::{OnChain, OnChainArgs};
use super::{HostArgs, Local};
use crate::money::{MoneyArgs, Rate, Tokens, sum};
use crate::print;

/// Pages of a report at most: a thousand rows each.
const PAGES_MAX: usize = 10_000;
/// Looks again while sides differ, and the pause between two: a payment of the newest blocks is
/// recorded by the host a few seconds after the vault tells it.
const LOOKS: usize = 15;
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// A host in figures.
#[derive(Debug, Args)]
pub(crate) struct StatsArgs {
    #[command(flatten)]
    host: HostArgs,
    /// Ask the chain again first
    #[arg(long)]
    refresh: bool,
    /// What one token is worth, for example `0.0000008 USD`
    #[arg(long, value_name = "PRICE [CURRENCY]")]
    rate: Option<Rate>,
}

/// The books of a host.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    #[command(flatten)]
    host: HostArgs,
    /// First epoch; the first of all unless given
    #[arg(long)]
    from: Option<u64>,
    /// First epoch after the span; the one after the present unless given
    #[arg(long)]
    to: Option<u64>,
    /// One line of comma-separated values for each agreement
    #[arg(long, conflicts_with = "json")]
    csv: bool,
    /// Hold the cheques against what the vaults say they paid
    #[arg(long)]
    chain: bool,
}

/// Tells a host in figures.
pub(crate) async fn stats(args: StatsArgs) -> anyhow::Result<()> {
    let local = Local::of(&args.host)?;
    let url = local.url("/api/v1/stats");
    let get = local.client.get(url).query(&[("refresh", args.refresh)]);
    let said: StatsSaid = serde_json::from_str(&local.ask(get).await?)?;
    print::either(args.host.json, &said, |said| {
        words(said, args.rate.as_ref())
    })
}

fn words(said: &StatsSaid, rate: Option<&Rate>) -> String {
    let open = if said.open { "takes" } else { "does not take" };
    let mut lines = vec![
        format!("peer {} account {}", said.peer, said.address),
        format!(
            "{}, {open} new agreements; up {} s; block {} epoch {}",
            said.mode, said.uptime_seconds, said.block, said.epoch
        ),
        format!(
            "space {} bytes: {} used, {} free; {} shards of {} bytes",
            said.space, said.used, said.free, said.shards, said.shard_bytes
        ),
        format!(
            "agreements: {} active, {} offered, {} expired, {} released, {} failed",
            said.active, said.offered, said.expired, said.released, said.failed
        ),
        format!(
            "cheques of {} vaults: {} received, {} cashed, {} uncashed",
            said.vaults,
            sum(said.received, rate),
            sum(said.cashed, rate),
            sum(said.uncashed, rate)
        ),
        format!(
            "reads: {} paid for {} bytes; the price of a GiB is {}",
            sum(said.reads_paid, rate),
            said.read_bytes,
            sum(said.read_price, rate)
        ),
        format!(
            "now: {} uploads, {} downloads, {} transactions",
            said.uploads, said.downloads, said.transactions
        ),
    ];
    if let Some(means) = &said.means {
        let (native, token) = (sum(means.native, rate), sum(means.token, rate));
        lines.push(format!("account: {native} native, {token} wrapped"));
        let stake = |live| format!("stake: {}", sum(live, rate));
        lines.extend(means.stake.map(stake));
        let days = |days| format!("gas: {days:.1} days of proofs");
        lines.extend(means.runway_days.map(days));
        lines.extend(means.needs.iter().map(|need| format!("needs {need}")));
    }
    let at = said
        .refreshed
        .as_ref()
        .map(|at| format!("chain looked at {at}"));
    lines.extend(at);
    lines.extend(said.why.as_ref().map(|why| format!("not refreshed: {why}")));
    lines.join("\n")
}

/// A sum that two sides tell differently.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct Difference {
    what: String,
    one: Amount,
    other: Amount,
}

/// The sums of a report; smallest units.
#[derive(Debug, Default, PartialEq, Eq, Serialize)]
struct Sums {
    agreements: u64,
    receipts: u64,
    byte_epochs: Amount,
    due: Amount,
    promised: Amount,
    /// By all agreements ever, also those outside the span.
    promised_ever: Amount,
}

/// What `report` says.
#[derive(Debug, Serialize)]
struct Books {
    from: u64,
    to: u64,
    sums: Sums,
    /// What the vaults' newest cheques promise.
    received: Amount,
    /// What the host has recorded as paid.
    cashed: Amount,
    rows: Vec<ReportRow>,
    differences: Vec<Difference>,
}

impl Sums {
    fn add(&mut self, page: &ReportSaid) -> anyhow::Result<()> {
        self.promised_ever = self.promised_ever.plus(page.promised_ever)?;
        for row in &page.rows {
            self.agreements += 1;
            self.receipts += u64::from(row.receipt);
            self.byte_epochs = self.byte_epochs.plus(row.byte_epochs)?;
            self.due = self.due.plus(row.due)?;
            self.promised = self.promised.plus(row.promised)?;
        }
        Ok(())
    }
}

/// Tells the books of a host; false when two sides differ, and still do after what was under way
/// has had its time.
pub(crate) async fn report(args: ReportArgs) -> anyhow::Result<bool> {
    let local = Local::of(&args.host)?;
    let mut books = gather(&local, &args).await?;
    for _ in 0..LOOKS {
        if books.differences.is_empty() {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
        books = gather(&local, &args).await?;
    }
    if args.csv {
        print::line(&csv(&books.rows))?;
    } else {
        print::either(args.host.json, &books, told)?;
    }
    Ok(books.differences.is_empty())
}

/// Reads every page and both other sides once.
async fn gather(local: &Local, args: &ReportArgs) -> anyhow::Result<Books> {
    let (mut sums, mut rows) = (Sums::default(), Vec::new());
    let mut span = (0, 0);
    let mut after: Option<String> = None;
    for _ in 0..PAGES_MAX {
        let page = page(local, args, after.as_deref()).await?;
        span = (page.from, page.to);
        sums.add(&page)?;
        rows.extend(page.rows);
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let get = local.client.get(local.url("/api/v1/cheques"));
    let cheques: ChequesSaid = serde_json::from_str(&local.ask(get).await?)?;
    let mut differences = Vec::new();
    let mut hold = |what: String, one: Amount, other: Amount| {
        if one != other {
            differences.push(Difference { what, one, other });
        }
    };
    let what = "promised by agreements and by cheques".to_owned();
    hold(what, sums.promised_ever, cheques.received);
    if args.chain {
        for (vault, recorded, paid) in on_chain(args, local, &cheques).await? {
            hold(
                format!("paid by {vault}, recorded and on chain"),
                recorded,
                paid,
            );
        }
    }
    Ok(Books {
        from: span.0,
        to: span.1,
        sums,
        received: cheques.received,
        cashed: cheques.cashed,
        rows,
        differences,
    })
}

async fn page(local: &Local, args: &ReportArgs, after: Option<&str>) -> anyhow::Result<ReportSaid> {
    let mut asked = Vec::new();
    asked.extend(args.from.map(|from| ("from", from.to_string())));
    asked.extend(args.to.map(|to| ("to", to.to_string())));
    asked.extend(after.map(|after| ("after", after.to_owned())));
    let get = local.client.get(local.url("/api/v1/report")).query(&asked);
    Ok(serde_json::from_str(&local.ask(get).await?)?)
}

/// Each vault with what the host recorded and what the vault says it paid.
async fn on_chain(
    args: &ReportArgs,
    local: &Local,
    cheques: &ChequesSaid,
) -> anyhow::Result<Vec<(Address, Amount, Amount)>> {
    let on = OnChain::of(&OnChainArgs {
        dir: Some(args.host.dir.clone()),
        api: args.host.api,
        network: None,
        detach: false,
        money: MoneyArgs::default(),
    })?;
    let id = local.ask(local.client.get(local.url("/api/v1/id"))).await?;
    let id: host_daemon::api::IdSaid = serde_json::from_str(&id)?;
    let mut found = Vec::new();
    for one in &cheques.by_vault {
        let paid = on.chain.vault_facts(one.vault, id.address).await?.paid_out;
        found.push((one.vault, one.cashed, paid.min(one.received)));
    }
    Ok(found)
}

fn told(books: &Books) -> String {
    let sums = &books.sums;
    let mut lines = vec![
        format!("epochs {} to {}", books.from, books.to),
        format!(
            "{} agreements, {} receipts, {} byte-epochs kept",
            sums.agreements, sums.receipts, sums.byte_epochs
        ),
        format!(
            "due {} tokens, promised {} tokens",
            Tokens(sums.due),
            Tokens(sums.promised)
        ),
        format!(
            "ever: promised {}, by cheques {}, paid {}",
            Tokens(sums.promised_ever),
            Tokens(books.received),
            Tokens(books.cashed)
        ),
    ];
    lines.extend(books.rows.iter().map(|row| {
        format!(
            "{} {} {} bytes x {} epochs: due {}, promised {}",
            row.agreement,
            row.state,
            row.bytes,
            row.epochs,
            Tokens(row.due),
            Tokens(row.promised)
        )
    }));
    lines.extend(books.differences.iter().map(|one| {
        let (what, left, right) = (&one.what, one.one, one.other);
        format!("DIFFERS {what}: {left} and {right}")
    }));
    lines.join("\n")
}

/// The rows with a heading; no field holds a comma or a quote.
fn csv(rows: &[ReportRow]) -> String {
    let head = "agreement,renter,shard,bytes,state,receipt,start_epoch,end_epoch,epochs,\
                byte_epochs,due,promised,promised_ever";
    let mut lines = vec![head.to_owned()];
    lines.extend(rows.iter().map(|row| {
        format!(
            "{},{},{},{},{},{},{},{},{},{},{},{},{}",
            row.agreement,
            row.renter,
            row.shard,
            row.bytes,
            row.state,
            row.receipt,
            row.start_epoch,
            row.end_epoch,
            row.epochs,
            row.byte_epochs,
            row.due,
            row.promised,
            row.promised_ever
        )
    }));
    lines.join("\n")
}
