//! What others say: the endpoints of the chain, with their answers what time it is, and the running
//! host itself, from where it can be reached. Bounded in
//! time; an endpoint that is silent is a finding and never ends the doctor.

use std::path::Path;
use std::time::Duration;

use host_api::Health;
use host_core::network::Network;
use host_daemon::chain;
use host_daemon::config::Config;
use host_net::Standpoint;

use super::finding::{Finding, Grade};
use crate::operator::Local;

const PATIENCE: Duration = Duration::from_secs(10);
/// Endpoints asked for the time.
const ASKED: usize = 5;

/// Asks the chain whether it is what the network file says.
pub(crate) async fn chain(config: &Config, network: &Network) -> Finding {
    if network.endpoints.is_empty() {
        return Finding::new("chain", Grade::Warn, "the network file names no endpoint")
            .mend("get the network's own file; until then nothing expires and nothing is cashed");
    }
    let evm = match chain::connect_with(network, &config.chain) {
        Ok(evm) => evm,
        Err(err) => {
            let finding = Finding::new("chain", Grade::Fail, format!("{err:#}"));
            return finding.mend("mend the network file's endpoints");
        }
    };
    match tokio::time::timeout(PATIENCE, evm.readings(network)).await {
        Err(_) => silent("no endpoint answered within 10 seconds"),
        Ok(Err(err)) => silent(&err.to_string()),
        Ok(Ok(read)) => {
            let found = host_chain::judge(&read, &host_chain::expected_of(network));
            let broken: Vec<String> = found
                .iter()
                .filter(|one| !one.holds())
                .map(|one| format!("{}: {} instead of {}", one.what, one.found, one.expected))
                .collect();
            if broken.is_empty() {
                Finding::good("chain", format!("{} assumptions hold", found.len()))
            } else {
                Finding::new("chain", Grade::Fail, broken.join("; "))
                    .mend("take no new agreements before this is understood (host.toml offer.open)")
            }
        }
    }
}

fn silent(why: &str) -> Finding {
    Finding::new("chain", Grade::Warn, why)
        .mend("the host serves on; look at names (chain.resolvers), firewall and endpoints")
}

/// From where a running host can be reached, as the relays of its network found; asked of its
/// local API.
pub(crate) async fn reach(dir: &Path) -> Finding {
    match asked(dir).await {
        Ok(health) => health
            .checks
            .get("network:reach")
            .and_then(|all| all.first())
            .map_or_else(
                || Finding::unknown("reach", "the host is of a version that does not tell"),
                |check| {
                    judged(
                        check.observed_value.as_str().unwrap_or_default(),
                        check.output.as_deref(),
                    )
                },
            ),
        Err(err) => Finding::unknown("reach", format!("{err:#}")),
    }
}

async fn asked(dir: &Path) -> anyhow::Result<Health> {
    let local = Local::at(dir, None)?;
    let request = local.client.get(local.url("/health")).timeout(PATIENCE);
    Ok(serde_json::from_str(&local.ask(request).await?)?)
}

/// The finding for a standpoint by its label. Pure.
pub(crate) fn judged(label: &str, more: Option<&str>) -> Finding {
    let Some(standpoint) = Standpoint::of_label(label) else {
        return Finding::unknown("reach", format!("the host says `{label}`"));
    };
    let found = match standpoint {
        Standpoint::Public => "from everywhere, at an address of this machine",
        Standpoint::Mapped => "from everywhere, through a mapped port",
        Standpoint::Relayed => "from everywhere, through a relay alone",
        Standpoint::Inside => more.unwrap_or("from inside its own network alone"),
        Standpoint::Untested => "nobody was asked to dial this host",
    };
    let grade = match standpoint {
        Standpoint::Public | Standpoint::Mapped => Grade::Good,
        Standpoint::Relayed => Grade::Advice,
        Standpoint::Inside => Grade::Warn,
        Standpoint::Untested => Grade::Unknown,
    };
    Finding::new("reach", grade, found).mend(standpoint.remedy())
}

/// The clocks of the endpoints, by the date of their answers: who, seconds since 1970.
pub(crate) async fn clocks(network: &Network) -> Vec<(String, u64)> {
    let client = reqwest::Client::builder().no_proxy().timeout(PATIENCE / 2);
    let Ok(client) = client.build() else {
        return Vec::new();
    };
    let asked = network.endpoints.iter().take(ASKED).map(|url| {
        let request = client.get(url).send();
        async move {
            let answer = request.await.ok()?;
            let date = answer.headers().get("date")?.to_str().ok()?;
            let host = answer.url().host_str().unwrap_or("endpoint").to_owned();
            Some((host, http_date(date)?))
        }
    });
    let answers = futures::future::join_all(asked).await;
    answers.into_iter().flatten().collect()
}

/// `Sun, 06 Nov 1994 08:49:37 GMT` in seconds since 1970.
pub(crate) fn http_date(text: &str) -> Option<u64> {
    const MONTHS: &str = "JanFebMarAprMayJunJulAugSepOctNovDec";
    let mut words = text.split(' ').skip(1);
    let day: u64 = words
        .next()?
        .parse()
        .ok()
        .filter(|day| (1..=31).contains(day))?;
    let name = words.next().filter(|name| name.len() == 3)?;
    let month = MONTHS.find(name).filter(|at| at % 3 == 0)? as u64 / 3 + 1;
    let year: u64 = words.next()?.parse().ok().filter(|year| *year < 10_000)?;
    let mut clock = words.next()?.splitn(3, ':').map(str::parse::<u64>);
    let mut next = || clock.next()?.ok();
    let (hour, minute, second) = (next()?, next()?, next()?);
    if hour > 23 || minute > 59 || second > 60 {
        return None;
    }
    // Days since 1970 in the Gregorian calendar; years begin in March.
    let (y, m) = if month > 2 {
        (year, month - 3)
    } else {
        (year.checked_sub(1)?, month + 9)
    };
    let days = y * 365 + y / 4 - y / 100 + y / 400 + (153 * m + 2) / 5 + day - 1;
    let days = days.checked_sub(719_468)?;
    Some(days * 86_400 + hour * 3600 + minute * 60 + second)
}
