//! `holdfast renter pay`: later cheques, once or epoch after epoch.

use std::time::Duration;

use clap::Args;
use host_core::Amount;
use host_renter::{Error, Paid, RenewRequest, Renter};

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
    /// Renew objects whose term ends within this many days
    #[arg(long, value_name = "DAYS", requires = "renew_cap")]
    renew_within: Option<u64>,
    /// For how many days from now they are renewed
    #[arg(long, value_name = "DAYS", default_value_t = 30)]
    renew_days: u64,
    /// What all renewals of this run may cost together, in smallest units
    #[arg(long, value_name = "CAP")]
    renew_cap: Option<Amount>,
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
    let (mut shown, mut left) = (None, args.renew_cap.unwrap_or_default());
    loop {
        left = renew(home, renter, args, left).await?;
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

/// Renews what ends soon, while the cap lasts; what is left of it.
async fn renew(
    home: &Home,
    renter: &Renter,
    args: &PayArgs,
    left: Amount,
) -> anyhow::Result<Amount> {
    let Some(days) = args.renew_within else {
        return Ok(left);
    };
    let within = home.network()?.epoch.epochs_of_days(days)?;
    let request = RenewRequest {
        days: args.renew_days,
        price_max: None,
        cap: Some(left),
    };
    let mut left = left;
    for renewed in renter.renew_due(within, &request).await? {
        if renewed.leases > 0 {
            left = Amount(left.0.saturating_sub(renewed.cost.0));
            print::either(args.json, &renewed, super::renew::words)?;
        } else {
            let (object, why) = (renewed.object, renewed.left.join("; "));
            tracing::warn!(object = %object, why, "not renewed");
        }
    }
    Ok(left)
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
