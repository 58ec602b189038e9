//! The page: the network's figures, charts drawn here as SVG, the roots of closed days. No script,
//! nothing fetched from anywhere; every word a host sent is escaped.

use std::collections::BTreeMap;
use std::fmt::Write;

use super::{Picture, Sample};
use crate::hub::days::Closed;

/// Size of a chart.
const WIDTH: f64 = 640.0;
const HEIGHT: f64 = 160.0;
/// Days shown.
const DAYS_SHOWN: usize = 30;

/// The page as HTML.
pub(crate) fn write(
    network: &str,
    picture: &Picture,
    samples: &[Sample],
    days: &BTreeMap<u64, Closed>,
) -> String {
    let mut html = format!(
        "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width,initial-scale=1\">\
         <title>{0} - network status</title><style>{STYLE}</style></head><body><main>\
         <h1>{0}</h1>",
        escape(network)
    );
    let gib = |bytes: u64| bytes >> 30;
    let _ = write!(
        html,
        "<dl><dt>hosts</dt><dd>{}</dd><dt>above the bar</dt><dd>{}</dd><dt>kept</dt>\
         <dd>{} GiB</dd><dt>free</dt><dd>{} GiB</dd><dt>middle price</dt><dd>{}</dd></dl>",
        picture.hosts,
        picture.above_bar,
        gib(picture.used),
        gib(picture.free),
        picture.price
    );
    let at = |sample: &Sample| sample.at_ms;
    #[expect(clippy::cast_precision_loss, reason = "a chart is drawn in pixels")]
    let draw = |title: &str, of: &dyn Fn(&Sample) -> f64| {
        let points: Vec<(f64, f64)> = samples.iter().map(|s| (at(s) as f64, of(s))).collect();
        chart(title, &points)
    };
    #[expect(clippy::cast_precision_loss, reason = "a chart is drawn in pixels")]
    {
        html.push_str(&draw("hosts", &|sample| sample.hosts as f64));
        html.push_str(&draw("bytes kept, GiB", &|s| {
            s.used as f64 / f64::from(1 << 30)
        }));
        html.push_str(&draw("bytes free, GiB", &|s| {
            s.free as f64 / f64::from(1 << 30)
        }));
    }
    html.push_str(&bars(picture));
    html.push_str("<h2>Versions</h2><table>");
    for (version, hosts) in &picture.versions {
        let _ = write!(
            html,
            "<tr><th>{}</th><td>{hosts}</td></tr>",
            escape(version)
        );
    }
    html.push_str(
        "</table><h2>Days</h2><table><tr><th>day</th><th>hosts</th><th>heartbeats</th>\
         <th>root</th></tr>",
    );
    for (day, closed) in days.iter().rev().take(DAYS_SHOWN) {
        let body = &closed.root.body;
        let (hosts, beats, root) = (body.hosts, closed.beats, body.root);
        let _ = write!(
            html,
            "<tr><td>{day}</td><td>{hosts}</td><td>{beats}</td><td><code>{root}</code></td></tr>"
        );
    }
    html.push_str(
        "</table><p><a href=\"/metrics\">OpenMetrics</a> <a href=\"/api/v1/network\">JSON</a> \
         <a href=\"/api/v1/days\">roots</a></p></main></body></html>\n",
    );
    html
}

const STYLE: &str = "body{font:16px/1.5 system-ui,sans-serif;margin:0;background:#fff}\
body{color:#1a1a1a}main{max-width:44rem;margin:0 auto;padding:1rem}\
dl{display:grid;grid-template-columns:auto 1fr;gap:0 1rem}dt{color:#555}dd{margin:0}\
svg{width:100%;height:auto;background:#f6f6f4}table{border-collapse:collapse}\
td,th{padding:.1rem .6rem;text-align:left}code{font-size:.8em;overflow-wrap:anywhere}\
@media(prefers-color-scheme:dark){body{background:#161616;color:#eee}dt{color:#aaa}\
svg{background:#222}a{color:#8ab4f8}}";

/// One line over time.
fn chart(title: &str, points: &[(f64, f64)]) -> String {
    let ends = |of: &dyn Fn(&(f64, f64)) -> f64| {
        let low = points.iter().map(of).fold(f64::INFINITY, f64::min);
        let high = points.iter().map(of).fold(f64::NEG_INFINITY, f64::max);
        (low, high)
    };
    let (from, to) = ends(&|point| point.0);
    let (_, high) = ends(&|point| point.1);
    let (span, high) = ((to - from).max(1.0), high.max(1e-9));
    let mut line = String::new();
    for (x, y) in points {
        let x = (x - from) / span * WIDTH;
        let y = HEIGHT - y.max(0.0) / high * (HEIGHT - 10.0);
        let _ = write!(line, "{x:.1},{y:.1} ");
    }
    let newest = points.last().map_or(0.0, |point| point.1);
    let title = escape(title);
    format!(
        "<h2>{title}</h2><svg viewBox=\"0 0 {WIDTH} {HEIGHT}\" role=\"img\" \
         aria-label=\"{title}: now {newest:.1}, most {high:.1}\"><polyline fill=\"none\" \
         stroke=\"#2b6cb0\" stroke-width=\"2\" points=\"{}\"/></svg>",
        line.trim_end()
    )
}

/// Hosts by whole points of score.
fn bars(picture: &Picture) -> String {
    let most = picture.scores.iter().max().copied().unwrap_or(0).max(1);
    let step = WIDTH / 11.0;
    let mut html = "<h2>Hosts by score</h2><svg viewBox=\"0 0 640 180\" role=\"img\" \
                    aria-label=\"hosts by whole points of score\">"
        .to_owned();
    for (points, hosts) in picture.scores.iter().enumerate() {
        #[expect(clippy::cast_precision_loss, reason = "a chart is drawn in pixels")]
        let (x, height) = (
            points as f64 * step,
            *hosts as f64 / most as f64 * (HEIGHT - 20.0),
        );
        let y = HEIGHT - height;
        let _ = write!(
            html,
            "<rect x=\"{:.1}\" y=\"{y:.1}\" width=\"{:.1}\" height=\"{height:.1}\" \
             fill=\"#2b6cb0\"><title>{points} points: {hosts} hosts</title></rect>\
             <text x=\"{:.1}\" y=\"176\" font-size=\"12\" fill=\"currentColor\">{points}</text>",
            x + 4.0,
            step - 8.0,
            x + step / 2.0 - 4.0
        );
    }
    html.push_str("</svg>");
    html
}

/// Text as HTML shows it.
fn escape(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '&' => safe.push_str("&amp;"),
            '"' => safe.push_str("&quot;"),
            '\'' => safe.push_str("&#39;"),
            other => safe.push(other),
        }
    }
    safe
}

#[cfg(test)]
mod tests;
