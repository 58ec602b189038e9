//! `holdfast renew`: an object's term is extended where it is, within a cap.

use clap::Args;
use host_core::{Amount, ObjectId};
use host_renter::{RenewRequest, Renewed};

use super::home::Home;
use crate::print;

/// Extends an object's term.
#[derive(Debug, Args)]
pub(crate) struct RenewArgs {
    /// The object
    id: ObjectId,
    /// How long from now, in days
    #[arg(long, default_value_t = 30)]
    days: u64,
    /// Highest price taken, in smallest units per GiB and epoch
    #[arg(long)]
    price_max: Option<Amount>,
    /// What the new term may cost, in smallest units
    #[arg(long)]
    cap: Option<Amount>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Runs it; false when a shard keeps its old term.
pub(crate) async fn run(args: RenewArgs) -> anyhow::Result<bool> {
    let request = RenewRequest {
        days: args.days,
        price_max: args.price_max,
        cap: args.cap,
    };
    let (renter, net) = Home::open()?.renter().await?;
    let renewed = renter.renew(args.id, &request).await;
    net.stop().await;
    let renewed = renewed?;
    print::either(args.json, &renewed, words)?;
    Ok(renewed.left.is_empty())
}

/// A renewal in words.
pub(super) fn words(renewed: &Renewed) -> String {
    let mut lines = vec![format!(
        "{}: {} shards agreed anew for at most {}, until epoch {}",
        renewed.object, renewed.leases, renewed.cost, renewed.end_epoch
    )];
    if renewed.silent > 0 {
        let silent = renewed.silent;
        lines.push(format!("  {silent} old agreements were not closed"));
    }
    lines.extend(renewed.left.iter().map(|why| format!("  left: {why}")));
    lines.join("\n")
}
