//! `guard`: name guards for an object, see what they say, check their verdicts, take their repairs
//! over, pay them; `repair` and `verify`: the same with the owner's own hands.

use std::io::Write;
use std::path::{Path, PathBuf};

use anyhow::{Context, anyhow};
use clap::{Args, Subcommand};
use host_core::challenge::SignedVerdict;
use host_core::repair::DomainRule;
use host_core::seams::PeerAddr;
use host_core::{Amount, NetworkId, ObjectId, PeerId, codec};
use host_renter::{Condition, GuardTerms, Named, Renter};
use serde::Serialize;

use super::home::Home;
use crate::print;

/// Leaves of a challenge when nothing else is said.
const LEAVES: u32 = 8;
/// Shards above the data shards below which repair begins.
const MARGIN: u16 = 5;
/// Bytes a guard's repairs may move in an epoch.
const BYTES_PER_EPOCH: u64 = 64 << 30;

/// Guards of objects.
#[derive(Debug, Args)]
pub(crate) struct GuardArgs {
    #[command(subcommand)]
    what: GuardCommand,
}

#[derive(Debug, Subcommand)]
enum GuardCommand {
    /// Name guards that challenge an object's hosts, and may repair it
    Name(NameArgs),
    /// Show what each guard says of an object
    Show(OfArgs),
    /// Write the audits of one guard into a file that anybody can check
    Audits(AuditsArgs),
    /// Check a file of verdicts: signatures, and that each follows from its evidence
    Check(CheckArgs),
    /// Take over what guards repaired: own agreements, a new version of the placement
    Adopt(OfArgs),
    /// Check the guards' new verdicts and pay for those that hold
    Pay(OfArgs),
}

#[derive(Debug, Args)]
struct NameArgs {
    /// The object
    id: ObjectId,
    /// A guard as ADDRESS/p2p/PEER; repeated; the first repairs first, two or more confirm losses
    #[arg(long = "guard", required = true, value_parser = peer_addr)]
    guards: Vec<PeerAddr>,
    /// Seconds in which every shard is challenged once
    #[arg(long, default_value_t = 3600)]
    round: u64,
    /// Leaves of each challenge
    #[arg(long, default_value_t = LEAVES)]
    leaves: u32,
    /// Repair begins below the data shards and this many more
    #[arg(long, default_value_t = MARGIN)]
    margin: u16,
    /// Paid for each verdict that holds, smallest token units
    #[arg(long, default_value_t = 0)]
    price: u128,
    /// What a guard's repairs may promise together, smallest token units; 0 for no repair
    #[arg(long, default_value_t = 0)]
    budget: u128,
    /// Highest price of a repaired shard, smallest units per GiB and epoch
    #[arg(long, default_value_t = u128::MAX)]
    max_price: u128,
    /// Bytes a guard's repairs may move in an epoch
    #[arg(long, default_value_t = BYTES_PER_EPOCH)]
    bytes_per_epoch: u64,
    /// A host may hold several shards of a segment when no other is left
    #[arg(long)]
    doubling: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Guards that a put names for its object.
#[derive(Debug)]
pub(super) struct PutGuards {
    pub(super) guards: Vec<PeerAddr>,
    /// Seconds in which every shard is challenged once.
    pub(super) round: u64,
    /// What a guard's repairs may promise together, smallest token units.
    pub(super) budget: u128,
}

impl PutGuards {
    /// Names them. What fails is said beside each guard: the object is stored either way.
    pub(super) async fn name(&self, renter: &Renter, object: ObjectId) -> Vec<Named> {
        if self.guards.is_empty() {
            return Vec::new();
        }
        let terms = GuardTerms {
            guards: self.guards.clone(),
            round_s: self.round,
            leaves: LEAVES,
            margin: MARGIN,
            price: Amount::ZERO,
            budget: Amount(self.budget),
            max_price: Amount(u128::MAX),
            bytes_per_epoch: BYTES_PER_EPOCH,
            rule: DomainRule::Host,
        };
        match renter.name_guards(object, &terms).await {
            Ok(named) => named,
            Err(err) => {
                let why = Some(err.to_string());
                let all = self.guards.iter().map(|guard| guard.peer);
                let said = |guard| Named {
                    guard,
                    why: why.clone(),
                };
                all.map(said).collect()
            }
        }
    }
}

#[derive(Debug, Args)]
struct OfArgs {
    /// The object
    id: ObjectId,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct AuditsArgs {
    /// The object
    id: ObjectId,
    /// The guard as ADDRESS/p2p/PEER
    #[arg(long, value_parser = peer_addr)]
    guard: PeerAddr,
    /// The file that is written
    #[arg(short, long)]
    output: PathBuf,
}

#[derive(Debug, Args)]
struct CheckArgs {
    /// The file
    file: PathBuf,
    /// The name of the network the verdicts are of; that of this home's network when absent
    #[arg(long)]
    network: Option<String>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Repairs an object.
#[derive(Debug, Args)]
pub(crate) struct RepairArgs {
    /// The object
    id: ObjectId,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What `guard check` says.
#[derive(Debug, Default, Serialize)]
struct Checked {
    verdicts: usize,
    kept: usize,
    missed: usize,
    wrong: usize,
    /// Verdicts shown a second time.
    repeated: usize,
    /// Guards whose word does not hold, and what is wrong.
    liars: Vec<(PeerId, String)>,
}

/// What `repair` says.
#[derive(Debug, Serialize)]
struct RepairSaid {
    repaired: usize,
    read: u64,
    written: u64,
    promised: Amount,
    failed: Vec<String>,
}

/// What `verify` says.
#[derive(Debug, Serialize)]
struct VerifySaid {
    shards: usize,
    kept: usize,
    /// Hosts that did not show their shard, and why.
    bad: Vec<(PeerId, u32, u16, String)>,
}

pub(super) fn peer_addr(text: &str) -> anyhow::Result<PeerAddr> {
    let (addr, peer) = text
        .rsplit_once("/p2p/")
        .ok_or_else(|| anyhow!("{text} is no ADDRESS/p2p/PEER"))?;
    Ok(PeerAddr {
        peer: peer.parse().with_context(|| text.to_owned())?,
        addrs: vec![addr.to_owned()],
    })
}

/// Runs `guard`; false when the answer is no.
pub(crate) async fn run(args: GuardArgs) -> anyhow::Result<bool> {
    match args.what {
        GuardCommand::Name(args) => name(args).await,
        GuardCommand::Show(args) => show(args).await,
        GuardCommand::Audits(args) => audits(args).await,
        GuardCommand::Check(args) => check(&args),
        GuardCommand::Adopt(args) => adopt(args).await,
        GuardCommand::Pay(args) => pay(args).await,
    }
}

async fn name(args: NameArgs) -> anyhow::Result<bool> {
    let terms = GuardTerms {
        guards: args.guards,
        round_s: args.round,
        leaves: args.leaves,
        margin: args.margin,
        price: Amount(args.price),
        budget: Amount(args.budget),
        max_price: Amount(args.max_price),
        bytes_per_epoch: args.bytes_per_epoch,
        rule: match args.doubling {
            true => DomainRule::Any,
            false => DomainRule::Host,
        },
    };
    let (renter, net) = Home::open()?.renter().await?;
    let named = renter.name_guards(args.id, &terms).await;
    net.stop().await;
    let named = named?;
    let taken = named.iter().filter(|one| one.why.is_none()).count();
    print::either(args.json, &named, |named| {
        let lines = named.iter().map(|one| match &one.why {
            None => format!("{} watches", one.guard),
            Some(why) => format!("{} does not watch: {why}", one.guard),
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(taken > 0)
}

async fn show(args: OfArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let standings = renter.guard_standings(args.id).await;
    net.stop().await;
    let standings = standings?;
    print::either(args.json, &standings, |all| {
        let lines = all.iter().map(|one| match (one.shards, &one.why) {
            (Some((alive, lost, unasked)), _) => format!(
                "{}: {alive} alive ({unasked} not asked yet), {lost} lost, {} repaired, {} audits",
                one.guard, one.repaired, one.audits
            ),
            (None, why) => format!("{}: {}", one.guard, why.clone().unwrap_or_default()),
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(standings.iter().any(|one| one.shards.is_some()))
}

async fn audits(args: AuditsArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let all = renter.audits(args.id, &args.guard).await;
    net.stop().await;
    let all = all?;
    write_all(&args.output, &all)?;
    print::line(&format!(
        "{} verdicts in {}",
        all.len(),
        args.output.display()
    ))?;
    Ok(true)
}

/// A file of verdicts: a CBOR array of signed verdicts.
fn write_all(path: &Path, all: &Vec<SignedVerdict>) -> anyhow::Result<()> {
    let mut file = std::fs::File::create(path).with_context(|| path.display().to_string())?;
    file.write_all(&codec::to_bytes(all))
        .and_then(|()| file.sync_all())
        .with_context(|| path.display().to_string())
}

fn check(args: &CheckArgs) -> anyhow::Result<bool> {
    let network = match &args.network {
        Some(name) => NetworkId::of_name(name),
        None => Home::open()?.network()?.id(),
    };
    let bytes = std::fs::read(&args.file).with_context(|| args.file.display().to_string())?;
    let all: Vec<SignedVerdict> = codec::from_bytes("file of verdicts", &bytes)
        .with_context(|| args.file.display().to_string())?;
    let checked = judge(&all, &network);
    print::either(args.json, &checked, |checked| {
        let mut lines = vec![format!(
            "{} verdicts: {} kept, {} missed, {} wrong, {} shown twice",
            checked.verdicts, checked.kept, checked.missed, checked.wrong, checked.repeated
        )];
        let liars = checked.liars.iter();
        lines.extend(liars.map(|(guard, why)| format!("liar {guard}: {why}")));
        lines.join("\n")
    })?;
    Ok(checked.liars.is_empty() && checked.repeated == 0)
}

fn judge(all: &[SignedVerdict], network: &NetworkId) -> Checked {
    let mut checked = Checked {
        verdicts: all.len(),
        ..Checked::default()
    };
    let mut seen = std::collections::BTreeSet::new();
    for signed in all {
        let asked = &signed.verdict.challenge;
        if !seen.insert((asked.guard, asked.seed.0, asked.agreement)) {
            checked.repeated += 1;
            continue;
        }
        match host_proof::check_verdict(signed, network) {
            Ok(host_core::challenge::Finding::Kept) => checked.kept += 1,
            Ok(host_core::challenge::Finding::Missed) => checked.missed += 1,
            Ok(host_core::challenge::Finding::Wrong) => checked.wrong += 1,
            Err(error) => checked.liars.push((asked.guard, error.to_string())),
        }
    }
    checked
}

async fn adopt(args: OfArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let adopted = renter.adopt_repairs(args.id).await;
    net.stop().await;
    let adopted = adopted?;
    print::either(args.json, &adopted, |adopted| {
        let mut lines = vec![format!("{} shards taken over", adopted.taken)];
        lines.extend(adopted.left.iter().map(|why| format!("left: {why}")));
        let liars = adopted.liars.iter();
        lines.extend(liars.map(|(guard, why)| format!("liar {guard}: {why}")));
        lines.join("\n")
    })?;
    Ok(adopted.left.is_empty() && adopted.liars.is_empty())
}

async fn pay(args: OfArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let paid = renter.pay_guards(args.id).await;
    net.stop().await;
    let paid = paid?;
    print::either(args.json, &paid, |paid| {
        let lines = paid.iter().map(|one| match &one.why {
            None => format!(
                "{}: {} verdicts hold, {} are not paid; {} promised in all",
                one.guard, one.verdicts, one.refused, one.cumulative
            ),
            Some(why) => format!("{}: not paid: {why}", one.guard),
        });
        lines.collect::<Vec<_>>().join("\n")
    })?;
    Ok(paid.iter().all(|one| one.why.is_none()))
}

/// Runs `repair`; false when a shard found no host.
pub(crate) async fn repair(args: RepairArgs) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let done = renter.repair(args.id).await;
    net.stop().await;
    let done = done?;
    let failed = done.failed.into_iter();
    let said = RepairSaid {
        repaired: done.repaired.len(),
        read: done.read,
        written: done.written,
        promised: done.promised,
        failed: failed.map(|(_, why)| why).collect(),
    };
    print::either(args.json, &said, |said| {
        let mut lines = vec![format!(
            "{} shards repaired: {} bytes read, {} written, {} promised",
            said.repaired, said.read, said.written, said.promised
        )];
        lines.extend(said.failed.iter().map(|why| format!("not repaired: {why}")));
        lines.join("\n")
    })?;
    Ok(said.failed.is_empty())
}

/// Challenges all hosts of an object; false when one does not show its shard.
pub(crate) async fn verify(id: ObjectId, json: bool) -> anyhow::Result<bool> {
    let (renter, net) = Home::open()?.renter().await?;
    let found = renter.verify(id).await;
    net.stop().await;
    let found = found?;
    let bad = found.iter().filter(|one| one.condition != Condition::Alive);
    let said = VerifySaid {
        shards: found.len(),
        kept: found.len() - bad.clone().count(),
        bad: bad
            .map(|one| {
                let place = &one.place;
                let why = one.why.clone().unwrap_or_default();
                (place.host, place.segment, place.index, why)
            })
            .collect(),
    };
    print::either(json, &said, |said| {
        let mut lines = vec![format!("{} of {} shards shown", said.kept, said.shards)];
        let bad = said.bad.iter();
        lines.extend(
            bad.map(|(host, segment, index, why)| format!("  {segment}/{index} at {host}: {why}")),
        );
        lines.join("\n")
    })?;
    Ok(said.bad.is_empty())
}
