//! The demo's end of money: every host cashes, and the sums are read from the chain.
//!
//! Enters: the running network. Leaves: what vaults paid and what hosts got, to the unit. Does not:
//! believe a host or the renter's book about what was paid.

use std::time::{Duration, Instant};

use anyhow::anyhow;
use host_core::Amount;
use serde::Deserialize;

use super::network::DemoNetwork;
use super::report::Report;
use super::screen::Screen;
use super::{Renter, guards};

/// Longest wait for cheques to be cashed.
const CASH_TIMEOUT: Duration = Duration::from_secs(60);
/// What `holdfast wallet balance --json` says.
#[derive(Debug, Deserialize)]
struct WalletSaid {
    vault: host_core::Address,
    issued: Amount,
}

/// Cashes every cheque and reads from the chain what became of it.
pub(super) async fn run(
    network: &DemoNetwork,
    renter: &Renter,
    report: &mut Report,
    screen: &mut Screen,
) -> anyhow::Result<()> {
    screen.step("cashing every cheque");
    let before = (balances(network).await?, guards::paid(network).await?);
    let wallet: WalletSaid = renter.ask(&["wallet", "balance", "--json"]).await?;
    for host in network.hosts.iter().filter(|host| host.program.is_some()) {
        let dir = host.dir.to_string_lossy().into_owned();
        let api = host.ready.as_ref().and_then(|ready| ready.api);
        let api = api
            .ok_or_else(|| anyhow!("host {} has no api", host.peer))?
            .to_string();
        renter.say(&["cash", "--dir", &dir, "--api", &api]).await?;
    }
    let until = Instant::now() + CASH_TIMEOUT;
    let told = &mut report.settlement;
    loop {
        let cashed = network.chain.total_paid_out(wallet.vault).await?;
        let guards = guards::paid(network).await?.0.saturating_sub(before.1.0);
        let delta = balances(network).await?.0.saturating_sub(before.0.0);
        // Three looks at a chain that goes on: they agree once it is at rest.
        told.sums_agree = delta == cashed.0.saturating_add(guards);
        told.cashed = cashed.to_string();
        told.guards_cashed = Amount(guards).to_string();
        told.host_balance_delta = Amount(delta).to_string();
        if (cashed >= wallet.issued && told.sums_agree) || Instant::now() > until {
            break;
        }
        tokio::time::sleep(Duration::from_millis(300)).await;
    }
    told.issued = wallet.issued.to_string();
    screen.done(&format!("{} of {} paid", told.cashed, told.issued));
    Ok(())
}

/// The sum of all hosts' token balances, read over JSON-RPC.
async fn balances(network: &DemoNetwork) -> anyhow::Result<Amount> {
    let mut sum = Amount::ZERO;
    for host in &network.hosts {
        sum = sum.plus(network.chain.token_balance(host.address).await?)?;
    }
    Ok(sum)
}
