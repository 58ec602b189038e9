//! `ls`, `stat`, `rm`: what is stored, where it is, and giving it up.

use clap::Args;
use host_core::{AgreementDigest, ObjectId, PeerId};
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

/// Shows one object.
#[derive(Debug, Args)]
pub(crate) struct StatArgs {
    /// The object
    id: ObjectId,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Gives an object up.
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// The object
    id: ObjectId,
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

/// Where one shard is.
#[derive(Debug, Serialize)]
struct PlaceSaid {
    segment: u32,
    index: u16,
    host: PeerId,
    agreement: AgreementDigest,
}

/// One object with its places.
#[derive(Debug, Serialize)]
struct Shown {
    #[serde(flatten)]
    object: Listed,
    places: Vec<PlaceSaid>,
}

#[derive(Debug, Serialize)]
struct Removed {
    id: ObjectId,
    closed: usize,
    silent: usize,
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

/// Shows one object.
pub(crate) async fn stat(args: StatArgs) -> anyhow::Result<()> {
    let (renter, net) = Home::open()?.renter().await?;
    let row = renter.stat(args.id);
    net.stop().await;
    let row = row?;
    let places = row.places.iter().map(|place| PlaceSaid {
        segment: place.segment,
        index: place.index,
        host: place.host,
        agreement: place.agreement,
    });
    let shown = Shown {
        object: listed(&row),
        places: places.collect(),
    };
    print::either(args.json, &shown, |shown| {
        let o = &shown.object;
        format!(
            "{}\n{} bytes, {}, {} shards",
            o.id, o.bytes, o.name, o.shards
        )
    })
}

/// Gives an object up.
pub(crate) async fn rm(args: RmArgs) -> anyhow::Result<()> {
    let (renter, net) = Home::open()?.renter().await?;
    let removed = renter.rm(args.id).await;
    net.stop().await;
    let (closed, silent) = removed?;
    let said = Removed {
        id: args.id,
        closed,
        silent,
    };
    print::either(args.json, &said, |said| {
        format!(
            "{} agreements closed, {} hosts did not answer",
            said.closed, said.silent
        )
    })
}
