//! What the page shows and what it never does.

use std::collections::BTreeMap;

use super::super::{Picture, metrics};
use super::write;

fn picture(version: &str) -> Picture {
    Picture {
        at_ms: 7,
        hosts: 3,
        free: 5 << 30,
        used: 2 << 30,
        price: 9,
        versions: BTreeMap::from([(version.to_owned(), 3)]),
        scores: [0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0],
        above_bar: 3,
        counted: 4,
    }
}

#[test]
fn a_hosts_words_cannot_become_markup() {
    let evil = picture("<script>alert(1)</script>");
    let html = write("n<et", &evil, &[evil.sample()], &BTreeMap::new());
    assert!(!html.contains("<script"), "{html}");
    assert!(html.contains("n&lt;et"));
}

#[test]
fn figures_end_with_the_end_mark_and_quote_labels() {
    let text = metrics::write("net", &picture("a\"b"), None);
    assert!(text.ends_with("# EOF\n"));
    assert!(text.contains("holdfast_network_hosts{network=\"net\"} 3\n"));
    assert!(text.contains("version=\"a\\\"b\"} 3\n"), "{text}");
    assert!(text.contains("holdfast_network_hosts_by_score{network=\"net\",points=\"9\"} 2\n"));
}

#[test]
fn a_chart_of_nothing_and_of_one_moment_draws() {
    let of = picture("v");
    assert!(write("n", &of, &[], &BTreeMap::new()).contains("<polyline"));
    let one = write("n", &of, &[of.sample()], &BTreeMap::new());
    assert!(!one.contains("NaN") && !one.contains("inf"), "{one}");
}
