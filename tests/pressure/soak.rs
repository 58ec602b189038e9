//! The soak: clients come and go for hours, shards are stored, read, paid for and end; a point is
//! taken now and then, and lines through the points must be flat.
//!
//! Enters: how long. Leaves: [`Report`]: points and the median slope of each figure. The first
//! quarter is left out of the lines: caches fill, the ledger takes its first pages.

use std::time::{Duration, Instant};

use serde::Serialize;

use crate::Judged;
use crate::figures::{descriptors, disk, mib, slope};
use crate::stage::{CHAIN_ID, Caller, Host, Plan, Shape, Town, block_on, noise, shard_of};

/// Points of a soak, however long it is.
const POINTS: u32 = 60;
/// Clients of one round, and what each stores.
const CLIENTS: usize = 4;
const LEN: usize = 600_000;
/// What may grow in an hour, for soaks long enough to tell: a leak of a buffer a client would be
/// hundreds of times as much.
const MIB_AN_HOUR: f64 = 4.0;
const DESCRIPTORS_AN_HOUR: f64 = 2.0;
/// What may grow from the first to the last quarter in any soak.
const MIB_IN_ALL: f64 = 12.0;
const DESCRIPTORS_IN_ALL: f64 = 12.0;
/// Shorter ones tell no slope.
const TELLS: Duration = Duration::from_secs(30 * 60);

/// One look.
#[derive(Debug, Clone, Copy, Serialize)]
struct Point {
    hours: f64,
    rss_mib: f64,
    descriptors: f64,
    sockets: f64,
    disk_mib: f64,
}

/// Growth of one figure.
#[derive(Debug, Serialize)]
struct Trend {
    figure: &'static str,
    /// The median slope after the first quarter.
    an_hour: f64,
    /// Median of the second quarter and of the last.
    early: f64,
    late: f64,
    /// `flat`, `grows`, or `flat so far` where the soak was too short for a slope.
    says: &'static str,
}

/// What a soak showed.
#[derive(Debug, Serialize)]
pub(crate) struct Report {
    hours: f64,
    clients: u64,
    stored_mib: u64,
    trends: Vec<Trend>,
    points: Vec<Point>,
    broken: Vec<String>,
}

impl Judged for Report {
    fn broken(&self) -> &[String] {
        &self.broken
    }
}

/// Runs for `span`.
pub(crate) fn run(span: Duration) -> Report {
    let shape = Shape {
        hosts: 1,
        hubs: 1,
        plan: Plan {
            volumes: vec!["volume-0=512 MiB".to_owned()],
            ..Plan::default()
        },
        ..Shape::default()
    };
    let town = Town::start("soak", shape);
    let host = &town.hosts[0];
    let (begun, every) = (Instant::now(), span / POINTS);
    let (mut clients, mut points) = (0, Vec::new());
    while begun.elapsed() < span {
        clients += round(&town, host, clients);
        let due = every * u32::try_from(points.len()).expect("few points");
        if begun.elapsed() >= due {
            points.push(look(host, begun));
        }
    }
    let mut report = Report {
        hours: begun.elapsed().as_secs_f64() / 3600.0,
        clients,
        stored_mib: (clients * LEN as u64) >> 20,
        trends: trends(&points, span >= TELLS),
        points,
        broken: Vec::new(),
    };
    report.broken = broken(&report.trends);
    report
}

/// Some clients come, store, read and go; half of them remove what they stored.
fn round(town: &Town, host: &Host, from: u64) -> u64 {
    let callers: Vec<Caller> = (0..CLIENTS)
        .map(|_| Caller::stranger(&town.network))
        .collect();
    for (index, caller) in callers.iter().enumerate() {
        let bytes = noise(&format!("soak {} {index}", from), LEN);
        let terms = caller.terms(host, shard_of(&bytes), LEN as u64);
        let stored = block_on(async {
            let stored = caller.store(host, &terms, &bytes).await?;
            stored.close().await;
            Ok::<_, host_transfer::Error>(caller.try_fetch(host, &bytes).await)
        });
        // A full host refuses until old terms end: that is part of the weather.
        if let Ok(read) = stored {
            assert_eq!(
                read.as_deref(),
                Some(bytes.as_slice()),
                "what was stored is read"
            );
            if index % 2 == 0 {
                let (id, to) = (town.network.id(), host.addr());
                let digest = terms.digest(CHAIN_ID);
                let gone = host_transfer::delete::close(&caller.net, &to, &id, digest, &caller.key);
                block_on(gone).expect("removed");
            }
        }
    }
    for caller in &callers {
        block_on(caller.net.stop());
    }
    CLIENTS as u64
}

fn look(host: &Host, begun: Instant) -> Point {
    let (descriptors, sockets) = descriptors(host.pid());
    Point {
        hours: begun.elapsed().as_secs_f64() / 3600.0,
        rss_mib: mib(host.pid(), "VmRSS"),
        descriptors,
        sockets,
        disk_mib: disk(&host.dir),
    }
}

/// One figure of a point.
type Figure = fn(&Point) -> f64;

fn trends(points: &[Point], tells: bool) -> Vec<Trend> {
    let figures: [(&'static str, Figure); 4] = [
        ("rss_mib", |point| point.rss_mib),
        ("descriptors", |point| point.descriptors),
        ("sockets", |point| point.sockets),
        ("disk_mib", |point| point.disk_mib),
    ];
    let quarter = points.len() / 4;
    let settled = points.get(quarter..).unwrap_or_default();
    let trend = |(figure, value): (&'static str, Figure)| {
        let line: Vec<(f64, f64)> = settled.iter().map(|one| (one.hours, value(one))).collect();
        let median = |part: &[Point]| {
            let mut values: Vec<f64> = part.iter().map(value).collect();
            values.sort_by(f64::total_cmp);
            values.get(values.len() / 2).copied().unwrap_or(0.0)
        };
        let mut trend = Trend {
            figure,
            an_hour: slope(&line),
            early: median(points.get(quarter..2 * quarter).unwrap_or_default()),
            late: median(points.get(3 * quarter..).unwrap_or_default()),
            says: "",
        };
        trend.says = says(&trend, tells);
        trend
    };
    figures.into_iter().map(trend).collect()
}

/// Whether a figure grows. The disk may: half of what clients store stays there.
fn says(trend: &Trend, tells: bool) -> &'static str {
    let (an_hour, in_all) = match trend.figure {
        "rss_mib" => (MIB_AN_HOUR, MIB_IN_ALL),
        "disk_mib" => (f64::INFINITY, f64::INFINITY),
        _ => (DESCRIPTORS_AN_HOUR, DESCRIPTORS_IN_ALL),
    };
    if trend.late - trend.early > in_all || (tells && trend.an_hour > an_hour) {
        return "grows";
    }
    if tells { "flat" } else { "flat so far" }
}

fn broken(trends: &[Trend]) -> Vec<String> {
    let growing = trends.iter().filter(|trend| trend.says == "grows");
    let told = growing.map(|trend| {
        let (figure, grown) = (trend.figure, trend.late - trend.early);
        let hour = trend.an_hour;
        format!("{figure} grew by {grown:.1}, {hour:.1} an hour")
    });
    told.collect()
}
