//! `holdfast renter pay`: later cheques, once or epoch after epoch.

use std::time::Duration;

use clap::Args;
use host_core::Amount;
use host_renter::{Error, Paid, Renter};

use super::home::Home;
use super::top_up::TopUp;
use crate::print;

/// Between two looks at the chain: a fraction of an epoch, within these bounds.
const LOOK_EVERY_MIN: Duration = Duration::from_millis(500);
const LOOK_EVERY_MAX: Duration = Duration::from_secs(60);
/// Looks an epoch.
const LOOKS: u64 = 20;

/// Pays agreements.
#[derive(Debug, Args)]
pub(crate) struct PayArgs {
    /// Go on, epoch after epoch, until stopped
    #[arg(long)]
    follow: bool,
    /// Wrap and deposit what the vault lacks, up to this much in all
    #[arg(long, value_name = "CAP")]
    top_up: Option<Amount>,
    /// Answer as JSON, one line a round
    #[arg(long)]
    json: bool,
}

/// Runs it.
pub(crate) async fn run(args: PayArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let rule = home.network()?.epoch;
    let (renter, net) = home.renter().await?;
    let epoch = Duration::from_secs(rule.epoch_blocks.saturating_mul(rule.block_seconds));
    let every = (epoch / u32::try_from(LOOKS).unwrap_or(1)).clamp(LOOK_EVERY_MIN, LOOK_EVERY_MAX);
    let ended = pay(&home, &renter, &args, every).await;
    net.stop().await;
    ended
}

async fn pay(home: &Home, renter: &Renter, args: &PayArgs, every: Duration) -> anyhow::Result<()> {
    let mut purse = TopUp::new(args.top_up);
    let mut shown = None;
    loop {
        match renter.pay_due().await {
            Ok(paid) => {
                let news = shown.as_ref() != Some(&paid)
                    && (paid.due > 0 || paid.released > 0 || paid.returned > Amount::ZERO);
                if news || !args.follow {
                    print::either(args.json, &paid, words)?;
                }
                if !args.follow {
                    return Ok(());
                }
                shown = Some(paid);
            }
            Err(Error::Shortfall { missing, .. }) if purse.has(missing)? => {
                purse.deposit(home, missing).await?;
                continue;
            }
            Err(error) => return Err(error.into()),
        }
        tokio::time::sleep(every).await;
    }
}

fn words(paid: &Paid) -> String {
    let mut lines = vec![format!(
        "epoch {}: {} of {} agreements paid, {} promised",
        paid.epoch, paid.paid, paid.due, paid.promised
    )];
    if paid.released > 0 {
        lines.push(format!("  {} unused agreements released", paid.released));
    }
    if paid.returned > Amount::ZERO {
        lines.push(format!("  {} came back from the escrow", paid.returned));
    }
    lines.extend(paid.missed.iter().map(|missed| {
        format!(
            "  {} at {}: {}\n    code: {}\n    next: {}",
            missed.agreement, missed.host, missed.message, missed.code, missed.next
        )
    }));
    lines.join("\n")
}
