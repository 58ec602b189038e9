//! `cargo verify [TIER...]`: run tiers in order, each with a limit, and count.
//!
//! Enters: names of tiers, none meaning all. Leaves: the report on standard output, a log a tier
//! under `verify/` of the build directory, status 0 only if nothing failed. The whole run has a
//! hard stop; a tier that is reached after it fails without running.

use crate::count::Tally;
use crate::error::Error;
use crate::place::Place;
use crate::report;
use crate::step::Desk;
use crate::tiers::{TIERS, Tier};
use std::process::ExitCode;
use std::time::{Duration, Instant};

/// The hard stop of a whole run.
const TOTAL: Duration = Duration::from_secs(85 * 60);

/// The tier without which those that start programs make no sense; it ends at its first failure.
const BUILD: &str = "build";

/// Runs the tiers named.
pub(crate) fn run(place: &Place, arguments: &[String]) -> Result<ExitCode, Error> {
    if arguments
        .iter()
        .any(|word| word == "--list" || word == "--help" || word == "-h")
    {
        println!("usage: cargo verify [TIER...]; without names all of them, in this order:");
        for tier in &TIERS {
            println!(
                "  {:<10} {} (at most {} min)",
                tier.name, tier.about, tier.minutes
            );
        }
        return Ok(ExitCode::SUCCESS);
    }
    let chosen = choose(arguments)?;
    let logs = place.logs();
    std::fs::create_dir_all(&logs).map_err(|source| Error::File { path: logs, source })?;
    let started = Instant::now();
    let mut sum = Tally::default();
    for (at, tier) in chosen.iter().enumerate() {
        let result = run_tier(place, tier, started + TOTAL)?;
        sum += result;
        if tier.name == BUILD && result.failed > 0 {
            for tier in chosen.iter().skip(at + 1) {
                println!("{:<10} not run: the build failed", tier.name);
                sum += Tally::SKIP;
            }
            break;
        }
    }
    report::closing(sum, started.elapsed());
    Ok(if sum.failed == 0 {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}

/// The tiers named, in their own order; a tier that starts programs brings the build with it.
fn choose(names: &[String]) -> Result<Vec<&'static Tier>, Error> {
    if let Some(given) = names
        .iter()
        .find(|name| TIERS.iter().all(|tier| tier.name != **name))
    {
        return Err(Error::UnknownTier {
            given: given.clone(),
        });
    }
    let wanted = |tier: &Tier| names.is_empty() || names.iter().any(|name| name == tier.name);
    let programs = TIERS.iter().any(|tier| wanted(tier) && tier.programs);
    let chosen = TIERS
        .iter()
        .filter(|tier| wanted(tier) || (tier.name == BUILD && programs));
    Ok(chosen.collect())
}

fn run_tier(place: &Place, tier: &Tier, stop: Instant) -> Result<Tally, Error> {
    let started = Instant::now();
    let log = place.logs().join(format!("{}.log", tier.name));
    std::fs::write(&log, "").map_err(|source| Error::File {
        path: log.clone(),
        source,
    })?;
    let desk = Desk {
        place,
        log,
        deadline: (started + Duration::from_secs(60 * tier.minutes)).min(stop),
        strict: std::env::var("CI").is_ok_and(|value| value == "true" || value == "1"),
    };
    let mut sum = Tally::default();
    let mut lines = Vec::new();
    let mut failed = Vec::new();
    for step in (tier.plan)(&desk)? {
        let done = step.perform(&desk)?;
        sum += done.sum;
        lines.extend(done.lines);
        failed.push(done.text);
        if tier.name == BUILD && sum.failed > 0 {
            break;
        }
    }
    report::tier(tier.name, sum, started.elapsed(), &lines);
    for text in failed.iter().filter(|text| !text.is_empty()) {
        println!("--- from {}", desk.log.display());
        report::failure(text);
    }
    Ok(sum)
}

#[cfg(test)]
mod tests;
