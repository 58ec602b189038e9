//! The network's figures as OpenMetrics text.

use std::fmt::Write;

use super::Picture;
use crate::hub::days::Closed;

/// The content type scrapers ask for.
pub(crate) const CONTENT_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";

/// The text, its end mark included.
pub(crate) fn write(network: &str, picture: &Picture, last: Option<&Closed>) -> String {
    let mut text = String::new();
    let mut gauge = |name: &str, unit: &str, help: &str, rows: &[(String, u128)]| {
        let _ = writeln!(text, "# TYPE {name} gauge");
        if !unit.is_empty() {
            let _ = writeln!(text, "# UNIT {name} {unit}");
        }
        let _ = writeln!(text, "# HELP {name} {help}");
        for (labels, value) in rows {
            let more = if labels.is_empty() { "" } else { "," };
            let network = escape(network);
            let _ = writeln!(
                text,
                "{name}{{network=\"{network}\"{more}{labels}}} {value}"
            );
        }
    };
    let one = |value: u128| [(String::new(), value)];
    let count = |value: usize| u128::try_from(value).unwrap_or(u128::MAX);
    gauge(
        "holdfast_network_hosts",
        "",
        "Hosts announced now.",
        &one(count(picture.hosts)),
    );
    gauge(
        "holdfast_network_hosts_counted",
        "",
        "Hosts a heartbeat was ever counted of.",
        &one(count(picture.counted)),
    );
    gauge(
        "holdfast_network_hosts_above_bar",
        "",
        "Hosts whose score reaches the bar.",
        &one(count(picture.above_bar)),
    );
    gauge(
        "holdfast_network_free_bytes",
        "bytes",
        "Bytes hosts can take.",
        &one(picture.free.into()),
    );
    gauge(
        "holdfast_network_used_bytes",
        "bytes",
        "Bytes hosts keep.",
        &one(picture.used.into()),
    );
    gauge(
        "holdfast_network_price_median",
        "",
        "Middle price, smallest units per GiB and epoch.",
        &one(picture.price),
    );
    let versions = picture.versions.iter();
    let versions: Vec<(String, u128)> = versions
        .map(|(version, hosts)| (format!("version=\"{}\"", escape(version)), count(*hosts)))
        .collect();
    gauge(
        "holdfast_network_hosts_by_version",
        "",
        "Hosts of each version.",
        &versions,
    );
    let scores = picture.scores.iter().enumerate();
    let scores: Vec<(String, u128)> = scores
        .map(|(points, hosts)| (format!("points=\"{points}\""), count(*hosts)))
        .collect();
    gauge(
        "holdfast_network_hosts_by_score",
        "",
        "Hosts by whole points.",
        &scores,
    );
    if let Some(last) = last {
        let body = &last.root.body;
        gauge(
            "holdfast_day_closed",
            "",
            "Number of the newest closed day.",
            &one(body.day.into()),
        );
        gauge(
            "holdfast_day_hosts",
            "",
            "Hosts in it.",
            &one(body.hosts.into()),
        );
        gauge(
            "holdfast_day_heartbeats",
            "",
            "Heartbeats in it.",
            &one(last.beats.into()),
        );
    }
    text.push_str("# EOF\n");
    text
}

/// A label's value.
fn escape(text: &str) -> String {
    text.replace('\\', "\\\\")
        .replace('"', "\\\"")
        .replace('\n', "\\n")
}
