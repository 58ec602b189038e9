//! The metrics of a host: every name documented, OpenMetrics text out.
//!
//! `METRICS` is the list; a reading of a name that is not in it cannot be made, and a test holds
//! docs/operating/metrics.md equal to it. Base units, `_total` for counters. Does not: keep
//! values; every scrape reads the running totals anew.

use std::fmt;

use prometheus_client::collector::Collector;
use prometheus_client::encoding::{DescriptorEncoder, EncodeMetric, text};
use prometheus_client::metrics::counter::ConstCounter;
use prometheus_client::metrics::gauge::ConstGauge;
use prometheus_client::registry::Registry;

/// The media type of the text.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// Whether a value goes up only.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Goes up and down.
    Gauge,
    /// Goes up only; its name ends in `_total` on the wire.
    Counter,
}

/// One metric.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Metric {
    /// Its name, without the `_total` of a counter.
    pub name: &'static str,
    /// Its kind.
    pub kind: Kind,
    /// What it counts, in which unit.
    pub help: &'static str,
    /// The label it carries, when it comes once for each of several things.
    pub label: Option<&'static str>,
}

const fn gauge(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        help,
        label: None,
    }
}

const fn counter(name: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Counter,
        help,
        label: None,
    }
}

const fn each(name: &'static str, label: &'static str, help: &'static str) -> Metric {
    Metric {
        name,
        kind: Kind::Gauge,
        help,
        label: Some(label),
    }
}

/// Every metric a host gives.
pub const METRICS: [Metric; 58] = [
    gauge("holdfast_health", "0 pass, 1 warn, 2 fail"),
    gauge("holdfast_ready", "1 when the host takes part, else 0"),
    gauge(
        "holdfast_mode",
        "0 serving, 1 draining, 2 maintenance, 3 leaving",
    ),
    gauge(
        "holdfast_pressure",
        "0 calm, 1 trim, 2 pause, 3 shed, 4 restart",
    ),
    gauge(
        "holdfast_start_time_seconds",
        "when the daemon started, seconds since 1970",
    ),
    gauge("holdfast_block_height", "newest block known"),
    gauge(
        "holdfast_block_age_seconds",
        "time since an endpoint last answered",
    ),
    gauge("holdfast_epoch", "epoch of that block"),
    gauge(
        "holdfast_native_tokens",
        "native value of the host's account, whole tokens",
    ),
    gauge(
        "holdfast_gas_runway_days",
        "days of proofs that value pays at today's fees",
    ),
    gauge(
        "holdfast_network_price",
        "the network's price as its oracle holds it, micro-tokens per GiB and day",
    ),
    gauge(
        "holdfast_space_announced_bytes",
        "space this host announced to the price oracle",
    ),
    gauge(
        "holdfast_space_counted_bytes",
        "of that, what counts: covered by live stake",
    ),
    gauge(
        "holdfast_space_counted_used_bytes",
        "of that, what is committed to",
    ),
    gauge(
        "holdfast_storage_free_bytes",
        "bytes free for shards on all volumes",
    ),
    gauge(
        "holdfast_storage_used_bytes",
        "bytes taken by shards on all volumes",
    ),
    gauge("holdfast_volumes", "volumes that serve"),
    gauge(
        "holdfast_volumes_missing",
        "configured volumes that do not serve",
    ),
    gauge("holdfast_shards", "shards kept"),
    gauge(
        "holdfast_shards_fenced",
        "shards found bad and not served any more",
    ),
    gauge(
        "holdfast_volumes_distrusted",
        "volumes that are not healthy: suspect, read-only, evacuating or failed",
    ),
    gauge(
        "holdfast_scrub_checked_shards",
        "shards read back in this pass of the scrub",
    ),
    gauge(
        "holdfast_scrub_behind",
        "1 when the pass of the scrub will not end within fourteen days",
    ),
    each(
        "holdfast_drive_asks",
        "volume",
        "what the NVMe drive asks for: 0 nothing, 1 warn, 2 scrub, 3 read-only, 4 evacuate",
    ),
    each(
        "holdfast_drive_celsius",
        "volume",
        "temperature of the NVMe drive",
    ),
    each(
        "holdfast_drive_used_percent",
        "volume",
        "rated endurance of the NVMe drive that is used",
    ),
    each(
        "holdfast_drive_media_errors",
        "volume",
        "times the NVMe drive could not recover data",
    ),
    gauge("holdfast_agreements", "agreements that run"),
    gauge("holdfast_cheques", "vaults a cheque was accepted from"),
    gauge(
        "holdfast_cheques_received_tokens",
        "promised by accepted cheques, whole tokens",
    ),
    gauge("holdfast_cheques_cashed_tokens", "cashed, whole tokens"),
    gauge(
        "holdfast_reads_paid_tokens",
        "promised for reads, a part of what was received, whole tokens",
    ),
    gauge("holdfast_reads_paid_bytes", "bytes read on paying accounts"),
    gauge("holdfast_cashing_pending", "cashing transactions under way"),
    gauge(
        "holdfast_proof_phase",
        "idle 0, early, unsealed, due, proven 4, missed, void, paused, jailed, foreign 9",
    ),
    gauge(
        "holdfast_proof_slack_blocks",
        "blocks left to the proof's deadline, or left when it was accepted",
    ),
    gauge(
        "holdfast_proof_slack_seconds",
        "the same in seconds of the network's average block",
    ),
    gauge(
        "holdfast_proof_late",
        "1 when half the window is over and no proof is accepted, else 0",
    ),
    counter("holdfast_proofs_accepted", "periods proven"),
    counter("holdfast_proofs_missed", "periods missed"),
    gauge(
        "holdfast_dataset_bytes",
        "bytes on chain that draws are made from",
    ),
    gauge(
        "holdfast_dataset_waiting",
        "agreements that stand in no commitment yet",
    ),
    gauge("holdfast_stake_tokens", "stake that stands, whole tokens"),
    gauge(
        "holdfast_stake_short_tokens",
        "stake missing before more can be committed, whole tokens",
    ),
    counter(
        "holdfast_links_direct",
        "connections with peers made without a relay",
    ),
    counter(
        "holdfast_links_relayed",
        "connections with peers made through a relay",
    ),
    counter(
        "holdfast_links_punched",
        "direct ones opened through routers after words over a relay",
    ),
    gauge("holdfast_uploads", "uploads served now"),
    gauge("holdfast_downloads", "downloads served now"),
    gauge(
        "process_resident_memory_bytes",
        "resident memory of the daemon",
    ),
    counter("process_cpu_seconds", "processor time of the daemon"),
    gauge("process_open_fds", "open descriptors of the daemon"),
    counter("holdfast_events", "warnings and errors since the start"),
    gauge("holdfast_alerts", "alerts that stand"),
    gauge(
        "holdfast_alerts_waiting",
        "notices not delivered yet, over all routes",
    ),
    each(
        "holdfast_neighbour_entries",
        "family",
        "entries of the kernel's neighbour table, all namespaces",
    ),
    each(
        "holdfast_neighbour_entries_max",
        "family",
        "entries at which the kernel refuses more",
    ),
    each(
        "holdfast_neighbour_refusals",
        "family",
        "entries refused since the machine booted, each a dropped datagram",
    ),
];

/// A value of a metric that is in the list.
#[derive(Debug, Clone, PartialEq)]
struct Reading {
    metric: Metric,
    label: String,
    value: f64,
}

/// The values of one scrape.
#[derive(Debug, Clone, Default)]
pub struct Readings(Vec<Reading>);

impl Readings {
    /// Adds a value; a name that is not in `METRICS` is left out, and a test of the daemon fails.
    pub fn put(&mut self, name: &str, value: f64) {
        self.put_for(name, "", value);
    }

    /// Adds the value of one of several things.
    pub fn put_for(&mut self, name: &str, label: &str, value: f64) {
        if let Some(metric) = METRICS.iter().find(|metric| metric.name == name) {
            self.0.push(Reading {
                metric: *metric,
                label: label.to_owned(),
                value,
            });
        }
    }

    /// Every reading: its metric's name, its label's value, the value.
    pub fn values(&self) -> impl Iterator<Item = (&'static str, &str, f64)> {
        self.0
            .iter()
            .map(|reading| (reading.metric.name, reading.label.as_str(), reading.value))
    }

    /// Names of the list that have no value here.
    #[must_use]
    pub fn missing(&self) -> Vec<&'static str> {
        let given = |metric: &&Metric| self.0.iter().any(|r| r.metric.name == metric.name);
        METRICS
            .iter()
            .filter(|metric| !given(metric))
            .map(|metric| metric.name)
            .collect()
    }

    /// The OpenMetrics text.
    #[must_use]
    pub fn text(self) -> String {
        let mut registry = Registry::default();
        registry.register_collector(Box::new(Scrape(self.0)));
        let mut out = String::new();
        // Writing into a String cannot fail.
        let _ = text::encode(&mut out, &registry);
        out
    }
}

#[derive(Debug)]
struct Scrape(Vec<Reading>);

impl Collector for Scrape {
    fn encode(&self, mut encoder: DescriptorEncoder<'_>) -> Result<(), fmt::Error> {
        for metric in &METRICS {
            let readings: Vec<&Reading> = self
                .0
                .iter()
                .filter(|reading| reading.metric.name == metric.name)
                .collect();
            if let Some(first) = readings.first() {
                write(&mut encoder, metric, first, &readings)?;
            }
        }
        Ok(())
    }
}

/// Writes one metric: once, or once for each label.
fn write(
    encoder: &mut DescriptorEncoder<'_>,
    metric: &Metric,
    first: &Reading,
    all: &[&Reading],
) -> Result<(), fmt::Error> {
    if metric.kind == Kind::Counter {
        let counter = ConstCounter::new(first.value);
        let kind = counter.metric_type();
        let line = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
        return counter.encode(line);
    }
    let gauge = ConstGauge::new(first.value);
    let kind = gauge.metric_type();
    let mut lines = encoder.encode_descriptor(metric.name, metric.help, None, kind)?;
    let Some(label) = metric.label else {
        return gauge.encode(lines);
    };
    for reading in all {
        let labels = [(label, reading.label.as_str())];
        ConstGauge::new(reading.value).encode(lines.encode_family(&labels)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
