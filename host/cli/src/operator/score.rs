//! `holdfast score`: a host's score, recomputed on this machine from what hubs published and
//! signed.
//!
//! Enters: a network and a host. Leaves: points by part, what each hub counted, and for every
//! missing point its cause and what mends it. Nothing here takes a hub's word for a score: hubs
//! give counts, the formula is `host-score`.

use anyhow::{Context, bail};
use clap::Args;
use host_core::PeerId;
use host_core::witness::Watched;
use host_daemon::api::IdSaid;
use host_score::{Facts, Line, Missing, PARTS, Score, explain, middle};
use serde::Serialize;

use super::onchain::{OnChain, OnChainArgs};
use super::outside::{Outside, Told};
use crate::print;

/// Recomputes a host's score.
#[derive(Debug, Args)]
pub(crate) struct ScoreArgs {
    /// The host's peer id; the one of --dir when absent
    host: Option<PeerId>,
    /// List each missing point, its cause and what mends it
    #[arg(long)]
    explain: bool,
    #[command(flatten)]
    on: OnChainArgs,
}

/// What one hub counted.
#[derive(Debug, Serialize)]
struct Observed {
    hub: PeerId,
    counts: Option<Watched>,
    /// Measurements whose evidence was checked here.
    speeds: usize,
    /// Why its counts do not count, or what in them the evidence does not bear out.
    why: Option<String>,
}

#[derive(Debug, Serialize)]
struct ScoreSaid {
    host: PeerId,
    points: f64,
    of: u32,
    bar: u32,
    reaches: bool,
    warm: bool,
    parts: Vec<PartSaid>,
    facts: Facts,
    missing: Vec<Missing>,
    hubs: Vec<Observed>,
}

#[derive(Debug, Serialize)]
struct PartSaid {
    part: &'static str,
    band: u32,
    points: f64,
    of: f64,
}

fn points(thousandths: u32) -> f64 {
    f64::from(thousandths) / 1000.0
}

/// Shows a host's score; false when it is below the network's bar.
pub(crate) async fn score(args: ScoreArgs) -> anyhow::Result<bool> {
    let on = OnChain::of(&args.on)?;
    let host = match args.host {
        Some(host) => host,
        None => own_peer(&on).await?,
    };
    let outside = Outside::go(on.network.clone(), on.swarm_key.as_ref()).await?;
    let told = outside.ask(host).await;
    let judged = outside.judge(&told);
    let rules = outside.network.services.score.clone();
    outside.leave().await;
    let hubs: Vec<Observed> = told.iter().map(observed).collect();
    let Some((facts, score)) = judged else {
        let why: Vec<String> = hubs
            .iter()
            .map(|hub| format!("{}: {}", hub.hub, hub.why.as_deref().unwrap_or("no counts")))
            .collect();
        bail!("no hub gives counts of {host}: {}", why.join("; "));
    };
    let bar = on.network.score_bar;
    let said = ScoreSaid {
        host,
        points: points(score.total),
        of: 10,
        bar,
        reaches: score.reaches(bar),
        warm: score.warm,
        parts: parts(&score),
        facts,
        missing: explain(&facts, &score, &rules),
        hubs,
    };
    print::either(args.on.money.json, &said, |said| words(said, args.explain))?;
    Ok(said.reaches)
}

/// The peer of the running host of --dir.
pub(super) async fn own_peer(on: &OnChain) -> anyhow::Result<PeerId> {
    let local = on
        .local()
        .context("name a host, or its directory with --dir")?;
    let text = local.ask(local.client.get(local.url("/api/v1/id"))).await?;
    let id: IdSaid = serde_json::from_str(&text)?;
    Ok(id.peer)
}

/// A hub's counts, its speeds made again from the evidence it showed.
fn observed(told: &Told) -> Observed {
    match &told.counts {
        Err(why) => Observed {
            hub: told.hub,
            counts: None,
            speeds: 0,
            why: Some(why.clone()),
        },
        Ok((said, speeds)) => {
            let counts = said.body.hosts.first().cloned();
            let again = |up: bool| {
                let words = speeds.iter().filter(|(word, _)| word.body.up == up);
                middle(words.map(|(word, group)| Line::of(word, *group)))
            };
            let bears = counts
                .as_ref()
                .is_none_or(|counts| counts.down == again(false) && counts.up == again(true));
            let why = match (&counts, bears) {
                (None, _) => Some("has counted nothing of it".to_owned()),
                (_, false) => Some("its speeds are not what its evidence shows".to_owned()),
                _ => None,
            };
            Observed {
                hub: told.hub,
                counts,
                speeds: speeds.len(),
                why,
            }
        }
    }
}

fn parts(score: &Score) -> Vec<PartSaid> {
    let parts = score.parts.iter().zip(PARTS);
    parts
        .map(|(part, (name, _))| PartSaid {
            part: name,
            band: part.band,
            points: points(part.points),
            of: points(part.most),
        })
        .collect()
}

fn words(said: &ScoreSaid, explain: bool) -> String {
    let standing = match (said.warm, said.reaches) {
        (false, _) => "warming up".to_owned(),
        (true, true) => format!("reaches the bar of {}", said.bar),
        (true, false) => format!("below the bar of {}", said.bar),
    };
    let mut lines = vec![format!(
        "{}  {:.2} of {} points, {standing}",
        said.host, said.points, said.of
    )];
    for part in &said.parts {
        lines.push(format!(
            "  {:<9} {:>5.2} of {:.2}  (band {} of 10)",
            part.part, part.points, part.of, part.band
        ));
    }
    let answered = said.hubs.iter().filter(|hub| hub.counts.is_some()).count();
    lines.push(format!(
        "  from the signed counts of {answered} of {} hubs",
        said.hubs.len()
    ));
    for hub in &said.hubs {
        if let Some(why) = &hub.why {
            lines.push(format!("  hub {}: {why}", hub.hub));
        }
    }
    if explain {
        for missing in &said.missing {
            lines.push(format!(
                "  -{:.2} {}: {}; {}",
                points(missing.points),
                missing.part,
                missing.cause,
                missing.remedy
            ));
        }
    }
    lines.join("\n")
}
