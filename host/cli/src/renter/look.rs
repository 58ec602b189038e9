//! `ls`, `stat`: what is stored and where it is.

use clap::Args;
use host_core::object::Place;
use host_core::{AgreementDigest, ObjectId, PeerId};
use host_renter::{Condition, Health};
use serde::Serialize;

use super::home::Home;
use crate::print;

/// Lists objects.
#[derive(Debug, Args)]
pub(crate) struct LsArgs {
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Shows one object and how it is.
#[derive(Debug, Args)]
pub(crate) struct StatArgs {
    /// The object
    id: ObjectId,
    /// Say only what the book knows; ask no host
    #[arg(long)]
    local: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// One object as a list shows it.
#[derive(Debug, Serialize)]
struct Listed {
    id: ObjectId,
    name: String,
    bytes: u64,
    end_epoch: u64,
    shards: usize,
}

/// Where one shard is and, when its host was asked, how.
#[derive(Debug, Serialize)]
struct PlaceSaid {
    segment: u32,
    index: u16,
    host: PeerId,
    agreement: AgreementDigest,
    #[serde(flatten)]
    found: Option<FoundSaid>,
}

/// What a shard's host answered: the evidence is the unit that was read and verified.
#[derive(Debug, Serialize)]
struct FoundSaid {
    state: Condition,
    unit: Option<u64>,
    took_ms: Option<u64>,
    why: Option<String>,
}

/// How an object is.
#[derive(Debug, Serialize)]
struct HealthSaid {
    alive: usize,
    missing: usize,
    lied: usize,
    unreachable: usize,
    unasked: usize,
    /// How many more hosts may die before bytes are lost.
    may_die: Option<usize>,
    segments: usize,
    segments_asked: usize,
    segments_lost: usize,
    epochs_left: Option<u64>,
    days_to_danger: Option<u32>,
}

/// One object with its places.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    object: Listed,
    health: Option<HealthSaid>,
    places: Vec<PlaceSaid>,
}

fn listed(row: &host_renter::ObjectRow) -> Listed {
    Listed {
        id: row.id,
        name: row.name.clone(),
        bytes: row.bytes,
        end_epoch: row.end_epoch,
        shards: row.places.len(),
    }
}

/// Lists objects.
pub(crate) async fn ls(args: LsArgs) -> anyhow::Result<()> {
    let (renter, net) = Home::open()?.renter().await?;
    let rows = renter.ls();
    net.stop().await;
    let rows: Vec<Listed> = rows?.iter().map(listed).collect();
    print::either(args.json, &rows, |rows| {
        let line = |row: &Listed| format!("{}  {:>12}  {}", row.id, row.bytes, row.name);
        rows.iter().map(line).collect::<Vec<_>>().join("\n")
    })
}

/// Shows one object and how it is.
pub(crate) async fn stat(args: StatArgs) -> anyhow::Result<()> {
    let (renter, net) = Home::open()?.renter().await?;
    let shown = match args.local {
        true => renter.stat(args.id).map(|row| known(&row)),
        false => renter.health(args.id).await.map(|health| found(&health)),
    };
    net.stop().await;
    print::either(args.json, &shown?, |shown| {
        let o = &shown.object;
        let head = format!(
            "{}\n{} bytes, {}, {} shards",
            o.id, o.bytes, o.name, o.shards
        );
        match &shown.health {
            Some(health) => format!("{head}\n{}", in_words(health, &shown.places)),
            None => head,
        }
    })
}

fn place_said(place: &Place, found: Option<FoundSaid>) -> PlaceSaid {
    PlaceSaid {
        segment: place.segment,
        index: place.index,
        host: place.host,
        agreement: place.agreement,
        found,
    }
}

/// What the book knows.
fn known(row: &host_renter::ObjectRow) -> Shown {
    let places = row.places.iter().map(|place| place_said(place, None));
    Shown {
        object: listed(row),
        health: None,
        places: places.collect(),
    }
}

/// What the hosts answered.
fn found(health: &Health) -> Shown {
    let said = HealthSaid {
        alive: health.count(Condition::Alive),
        missing: health.count(Condition::Missing),
        lied: health.count(Condition::Lied),
        unreachable: health.count(Condition::Unreachable),
        unasked: health.count(Condition::Unasked),
        may_die: health.may_die,
        segments: health.segments,
        segments_asked: health.segments_asked,
        segments_lost: health.segments_lost,
        epochs_left: health.epochs_left,
        days_to_danger: health.days_to_danger,
    };
    let places = health.shards.iter().map(|shard| {
        let found = FoundSaid {
            state: shard.condition,
            unit: shard.unit,
            took_ms: shard.took_ms,
            why: shard.why.clone(),
        };
        place_said(&shard.place, Some(found))
    });
    Shown {
        object: listed(&health.row),
        health: Some(said),
        places: places.collect(),
    }
}

fn in_words(health: &HealthSaid, places: &[PlaceSaid]) -> String {
    let mut lines = vec![format!(
        "{} alive, {} missing, {} lied, {} unreachable, {} not asked",
        health.alive, health.missing, health.lied, health.unreachable, health.unasked
    )];
    if health.segments_asked < health.segments {
        let (asked, all) = (health.segments_asked, health.segments);
        lines.push(format!("{asked} of {all} segments were asked for"));
    }
    lines.push(match (health.segments_lost, health.may_die) {
        (0, Some(count)) => format!("{count} more hosts may die before bytes are lost"),
        (0, None) => "nothing to lose".to_owned(),
        (lost, _) => format!("{lost} segments cannot be read now"),
    });
    lines.push(match health.epochs_left {
        Some(epochs) => format!("{epochs} epochs are left"),
        None => "the chain does not say how many epochs are left".to_owned(),
    });
    if let Some(days) = health.days_to_danger {
        lines.push(format!(
            "{days} days to danger at the pace hosts went so far"
        ));
    }
    let ill = places.iter().filter_map(|place| {
        let why = place.found.as_ref()?.why.as_ref()?;
        Some(format!("  {}/{}: {why}", place.segment, place.index))
    });
    lines.extend(ill);
    lines.join("\n")
}
