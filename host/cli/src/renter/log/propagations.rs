//! `holdfast log propagations`: which published releases can be read everywhere by now. Every shard
//! is asked for at its host, every place that serves releases for the manifest; what holds for a
//! release the first time is an entry of the log, and so an event.

use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use clap::Args;
use host_core::ObjectId;
use host_release::{Action, Event, Kind, Turn};
use host_renter::{Condition, Renter};
use serde::Serialize;
use serde_json::json;

use super::events::{Taken, events};
use super::now_ms;
use crate::print;
use crate::renter::home::Home;
use crate::renter::publish::sha256;

/// Longest answer of a place.
const ANSWER_MAX: Duration = Duration::from_secs(15);
/// Longest manifest that is read.
const MANIFEST_LEN: usize = 64 << 20;
/// Between two looks while waiting.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// Looks for releases that have arrived.
#[derive(Debug, Args)]
pub(super) struct PropagationsArgs {
    /// A place that serves releases, `http://GATEWAY/r`: the manifest must be at
    /// `URL/NAME/VERSION/manifest.json`; may be repeated
    #[arg(long, value_name = "URL")]
    at: Vec<String>,
    /// Look again for so many seconds, and fail when a release has not arrived then
    #[arg(long, value_name = "SECONDS", default_value_t = 0)]
    within: u64,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// What was found of one release.
#[derive(Debug, Serialize)]
struct Arrival {
    /// `NAME VERSION`.
    subject: String,
    manifest_sha256: String,
    /// Seconds from its publication to this look.
    seconds: u64,
    /// Shards that were read at their hosts.
    shards: usize,
    /// Places that serve it.
    places: usize,
    /// What is still missing; empty when it has arrived.
    missing: Vec<String>,
}

fn word<'a>(event: &'a Event, what: &str) -> Option<&'a str> {
    event.detail.get(what)?.as_str()
}

/// Publications that were not told to have arrived.
fn waiting(told: &[Event]) -> Vec<&Event> {
    let arrived = |event: &Event| {
        told.iter().any(|other| {
            other.kind == Kind::Propagated
                && other.subject == event.subject
                && word(other, "manifest_sha256") == word(event, "manifest_sha256")
        })
    };
    let published = told.iter().filter(|event| event.kind == Kind::Published);
    published.filter(|event| !arrived(event)).collect()
}

/// Asks every host of an object for a unit of its shard; counts, and names what is missing.
async fn shards(renter: &Renter, what: &str, id: &str, missing: &mut Vec<String>) -> usize {
    let looked = match id.parse::<ObjectId>() {
        Ok(object) => renter.health(object).await.map_err(|why| why.to_string()),
        Err(_) => Err("the log names no object".to_owned()),
    };
    match looked {
        Ok(health) => {
            let alive = health.count(Condition::Alive);
            let silent = health.shards.len() - alive;
            if silent > 0 {
                missing.push(format!("{silent} shards of its {what}"));
            }
            alive
        }
        Err(why) => {
            missing.push(format!("its {what}: {why}"));
            0
        }
    }
}

/// Asks a place for the manifest. Errors: why it does not serve it.
async fn served(client: &reqwest::Client, url: &str, wanted: &str) -> anyhow::Result<()> {
    let mut answer = client.get(url).send().await?.error_for_status()?;
    let mut bytes = Vec::new();
    while let Some(run) = answer.chunk().await? {
        if bytes.len() + run.len() > MANIFEST_LEN {
            bail!("it is longer than any manifest");
        }
        bytes.extend_from_slice(&run);
    }
    match sha256(&bytes) == wanted {
        true => Ok(()),
        false => bail!("it serves another manifest"),
    }
}

/// One look at one release.
async fn look(
    renter: &Renter,
    client: &reqwest::Client,
    at: &[String],
    event: &Event,
) -> anyhow::Result<Arrival> {
    let manifest = word(event, "manifest_sha256").context("the log names no manifest")?;
    let (mut missing, mut found) = (Vec::new(), 0);
    for what in ["tree", "release"] {
        let id = word(event, what).unwrap_or_default();
        found += shards(renter, what, id, &mut missing).await;
    }
    let inside = event.subject.replacen(' ', "/", 1);
    let mut places = 0;
    for base in at {
        let url = format!("{}/{inside}/manifest.json", base.trim_end_matches('/'));
        match served(client, &url, manifest).await {
            Ok(()) => places += 1,
            Err(why) => missing.push(format!("{base}: {why:#}")),
        }
    }
    Ok(Arrival {
        subject: event.subject.clone(),
        manifest_sha256: manifest.to_owned(),
        seconds: now_ms().saturating_sub(event.at_ms) / 1000,
        shards: found,
        places,
        missing,
    })
}

fn entry(of: &Arrival) -> Action {
    Action {
        action: "propagate".to_owned(),
        turn: Turn::Done,
        of: None,
        by: "command".to_owned(),
        subject: of.subject.clone(),
        detail: json!({
            "manifest_sha256": of.manifest_sha256, "seconds": of.seconds,
            "shards": of.shards, "places": of.places,
        }),
    }
}

fn said(all: &[Arrival]) -> String {
    let lines = all.iter().map(|one| match one.missing.as_slice() {
        [] => format!(
            "{}: everywhere, {} s after it was published",
            one.subject, one.seconds
        ),
        missing => format!("{}: not yet: {}", one.subject, missing.join("; ")),
    });
    match all.is_empty() {
        true => "every release was told to have arrived".to_owned(),
        false => lines.collect::<Vec<_>>().join("\n"),
    }
}

/// Runs it. Errors when a release has not arrived within the time given.
pub(super) async fn run(args: &PropagationsArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    let (told, _) = events(&home.log(), &Taken::default())?;
    let mut open = waiting(&told);
    let client = reqwest::Client::builder().timeout(ANSWER_MAX).build()?;
    let (renter, net) = home.renter().await?;
    let begun = Instant::now();
    let (mut all, mut late) = (Vec::new(), Vec::new());
    loop {
        late.clear();
        let mut still = Vec::new();
        for event in open {
            let arrival = look(&renter, &client, &args.at, event).await?;
            match arrival.missing.is_empty() {
                true => {
                    home.log().write(now_ms(), &[entry(&arrival)])?;
                    all.push(arrival);
                }
                false => {
                    late.push(arrival);
                    still.push(event);
                }
            }
        }
        open = still;
        if open.is_empty() || begun.elapsed() >= Duration::from_secs(args.within) {
            break;
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
    net.stop().await;
    let count = late.len();
    all.append(&mut late);
    print::either(args.json, &all, |all| said(all))?;
    if count > 0 && args.within > 0 {
        bail!("{count} releases have not arrived within {} s", args.within);
    }
    Ok(())
}
