//! The text is OpenMetrics, the list is documented, and nothing outside the list gets out.

use super::*;

#[test]
fn a_scrape_is_open_metrics_with_help_type_and_end() {
    let mut readings = Readings::default();
    readings.put("holdfast_shards", 12.0);
    readings.put("holdfast_events", 3.0);
    readings.put("no_such_metric", 1.0);
    let text = readings.text();
    assert!(text.contains("# HELP holdfast_shards shards kept\n"));
    assert!(text.contains("# TYPE holdfast_shards gauge\nholdfast_shards 12.0\n"));
    assert!(text.contains("holdfast_events_total 3.0\n"));
    assert!(!text.contains("no_such_metric"));
    assert!(text.ends_with("# EOF\n"));
}

#[test]
fn what_has_no_value_is_named() {
    let mut readings = Readings::default();
    readings.put("holdfast_shards", 0.0);
    let missing = readings.missing();
    assert_eq!(missing.len(), METRICS.len() - 1);
    assert!(!missing.contains(&"holdfast_shards"));
}

#[test]
fn names_are_unique_and_the_document_lists_each_as_it_is() {
    let document = include_str!("../../../../docs/operating/metrics.md");
    for (index, metric) in METRICS.iter().enumerate() {
        let earlier = METRICS.iter().take(index);
        assert!(earlier.filter(|m| m.name == metric.name).count() == 0);
        let row = row(metric);
        assert!(
            document.contains(&row),
            "docs/operating/metrics.md lacks:\n{row}"
        );
    }
    let rows = document.lines().filter(|line| line.starts_with("| `"));
    assert_eq!(rows.count(), METRICS.len());
}

fn row(metric: &Metric) -> String {
    let (kind, end) = match metric.kind {
        Kind::Gauge => ("gauge", ""),
        Kind::Counter => ("counter", "_total"),
    };
    format!("| `{}{end}` | {kind} | {} |", metric.name, metric.help)
}
