//! The rules and metrics of the house for fleets: rules for Prometheus, a dashboard for Grafana.
//! Both are text made from `RULES` and `METRICS`; tests hold the files in docs/operating/fleet
//! equal to what is made here.

use serde_json::{Value, json};

use super::{Bound, RULES, Rule, Urgency};
use crate::metrics::{Kind, METRICS, Metric};

/// How long Prometheus looks back for a counter that rises.
const RISE_WINDOW: &str = "10m";

/// The rules as Prometheus reads them.
#[must_use]
pub fn prometheus_rules() -> String {
    let mut text = String::from(
        "# Alert rules for Prometheus. Made from the rule list in host/api/src/alerts/rule.rs;\n\
         # do not edit: docs/operating/alerts.md says how it is made.\n\
         groups:\n  - name: holdfast\n    rules:\n",
    );
    // A box that is gone cannot tell so itself.
    text += &one(
        "HostSilent",
        "up{job=~\"holdfast.*\"} == 0",
        180,
        Urgency::Critical,
        "the host's metrics cannot be read; is the machine up?",
    );
    for rule in &RULES {
        text += &one(
            &rule.name,
            &expression(rule),
            rule.lasting,
            rule.urgency,
            &rule.about,
        );
    }
    text
}

fn one(name: &str, expr: &str, lasting: u64, urgency: Urgency, about: &str) -> String {
    let about: Vec<&str> = about.split_whitespace().collect();
    let (about, urgency) = (about.join(" "), urgency.label());
    format!(
        "      - alert: Holdfast{name}\n        expr: {}\n        for: {lasting}s\n        \
         labels:\n          severity: {urgency}\n        annotations:\n          summary: {}\n",
        quoted(expr),
        quoted(&about)
    )
}

/// A scalar of YAML in double quotes, as JSON writes it.
fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

fn expression(rule: &Rule) -> String {
    let name = METRICS
        .iter()
        .find(|metric| metric.name == rule.metric)
        .map_or_else(|| rule.metric.to_string(), served_name);
    match rule.bound {
        Bound::Above(bound) => format!("{name} > {bound}"),
        Bound::Below(bound) => format!("{name} < {bound}"),
        Bound::Rises => format!("increase({name}[{RISE_WINDOW}]) > 0"),
    }
}

/// The name as it is served.
fn served_name(metric: &Metric) -> String {
    match metric.kind {
        Kind::Counter => format!("{}_total", metric.name),
        Kind::Gauge => metric.name.to_owned(),
    }
}

/// The dashboard as Grafana imports it: a panel for every metric, a choice of hosts.
#[must_use]
pub fn grafana_dashboard() -> String {
    let panels: Vec<Value> = METRICS.iter().enumerate().map(panel).collect();
    let source = json!({ "type": "prometheus", "uid": "${source}" });
    let dashboard = json!({
        "title": "Holdfast hosts",
        "uid": "holdfast-hosts",
        "tags": ["holdfast"],
        "timezone": "browser",
        "schemaVersion": 39,
        "refresh": "1m",
        "time": { "from": "now-24h", "to": "now" },
        "templating": { "list": [
            { "name": "source", "type": "datasource", "query": "prometheus", "label": "Source" },
            { "name": "host", "type": "query", "label": "Host", "datasource": source,
              "query": "label_values(holdfast_health, instance)", "refresh": 2,
              "includeAll": true, "multi": true, "allValue": ".*" }
        ] },
        "panels": panels,
    });
    let text = serde_json::to_string_pretty(&dashboard).unwrap_or_default();
    text + "\n"
}

/// Panels stand two a row, 12 columns wide and 7 high.
fn panel((at, metric): (usize, &Metric)) -> Value {
    let name = served_name(metric);
    let of = format!("{name}{{instance=~\"$host\"}}");
    let expr = match metric.kind {
        Kind::Counter => format!("rate({of}[5m])"),
        Kind::Gauge => of,
    };
    let legend = match metric.label {
        Some(label) => format!("{{{{instance}}}} {{{{{label}}}}}"),
        None => "{{instance}}".to_owned(),
    };
    json!({
        "id": at + 1,
        "title": metric.help,
        "description": name,
        "type": "timeseries",
        "datasource": { "type": "prometheus", "uid": "${source}" },
        "gridPos": { "x": at % 2 * 12, "y": at / 2 * 7, "w": 12, "h": 7 },
        "fieldConfig": {
            "defaults": { "unit": unit(metric), "custom": { "spanNulls": false } },
            "overrides": [],
        },
        "targets": [{ "refId": "A", "expr": expr, "legendFormat": legend }],
    })
}

/// Grafana's word for the unit, from the ending of the name.
fn unit(metric: &Metric) -> &'static str {
    match metric.name {
        "holdfast_start_time_seconds" => "dateTimeAsIso",
        name if name.ends_with("_bytes") => "bytes",
        name if name.ends_with("_seconds") && metric.kind == Kind::Gauge => "s",
        _ => "short",
    }
}
