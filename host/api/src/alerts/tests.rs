//! Goal: a thing is told once, at the right time, and the fleet's files say what the code says.
//! Method: looks at made-up times; the files of docs/operating/fleet read back.

use super::*;
use crate::metrics::METRICS;

const PACE: Pace = Pace {
    repeat: 3600,
    calm: 60,
};
const NONE: &[Broken] = &[];

fn broken(urgency: Urgency, lasting: u64) -> Broken {
    Broken {
        rule: "volume:state".into(),
        subject: "v1".into(),
        urgency,
        summary: "the volume is lost".into(),
        lasting,
    }
}

fn turns(notices: &[Notice]) -> Vec<Turn> {
    notices.iter().map(|notice| notice.turn).collect()
}

fn quiet(text: &str) -> Quiet {
    text.parse().expect("quiet hours")
}

#[test]
fn a_broken_thing_is_told_once_and_once_more_when_it_is_over() {
    let mut book = Book::default();
    let seen = [broken(Urgency::Warning, 0)];
    let none = Quiet::default();
    assert_eq!(turns(&book.look(1_000, &seen, PACE, none)), [Turn::Raised]);
    for now in 1_001..1_300 {
        assert_eq!(book.look(now, &seen, PACE, none), []);
    }
    assert_eq!(book.look(1_310, NONE, PACE, none), []);
    assert_eq!(turns(&book.look(1_400, NONE, PACE, none)), [Turn::Cleared]);
    assert_eq!(book.look(1_500, NONE, PACE, none), []);
    assert_eq!(book.active(), []);
}

#[test]
fn a_thing_that_wavers_is_one_alert() {
    let mut book = Book::default();
    let seen = [broken(Urgency::Warning, 0)];
    let mut told = Vec::new();
    for now in 0..600 {
        let look: &[Broken] = if now % 30 < 15 { &seen } else { NONE };
        told.extend(book.look(now, look, PACE, Quiet::default()));
    }
    assert_eq!(turns(&told), [Turn::Raised]);
}

#[test]
fn a_short_trouble_is_not_told() {
    let mut book = Book::default();
    let seen = [broken(Urgency::Critical, 120)];
    for now in 0..100 {
        assert_eq!(book.look(now, &seen, PACE, Quiet::default()), []);
    }
    assert_eq!(book.look(400, NONE, PACE, Quiet::default()), []);
    assert_eq!(
        book.look(500, &seen, PACE, Quiet::default()),
        [],
        "it begins anew"
    );
}

#[test]
fn what_becomes_urgent_is_told_again_and_what_stands_is_repeated() {
    let mut book = Book::default();
    let none = Quiet::default();
    book.look(0, &[broken(Urgency::Warning, 0)], PACE, none);
    let worse = [broken(Urgency::Critical, 0)];
    let told = book.look(10, &worse, PACE, none);
    assert_eq!(turns(&told), [Turn::Raised]);
    assert_eq!(told[0].alert.urgency, Urgency::Critical);
    assert_eq!(told[0].alert.since, 0);
    assert_eq!(
        book.look(20, &[broken(Urgency::Warning, 0)], PACE, none),
        []
    );
    assert_eq!(
        turns(&book.look(3_610, &worse, PACE, none)),
        [Turn::Repeated]
    );
}

#[test]
fn quiet_hours_hold_back_all_but_the_urgent() {
    let mut book = Book::default();
    // Quiet from minute 0 to minute 60 of the day.
    let hours = quiet("00:00-01:00");
    let warning = [broken(Urgency::Warning, 0)];
    assert_eq!(book.look(600, &warning, PACE, hours), []);
    assert_eq!(
        book.look(700, NONE, PACE, hours),
        [],
        "over before it was told"
    );
    let critical = Broken {
        subject: "v2".into(),
        ..broken(Urgency::Critical, 0)
    };
    let told = book.look(800, &[critical], PACE, hours);
    assert_eq!(turns(&told), [Turn::Raised]);
    let both = [broken(Urgency::Warning, 0)];
    assert_eq!(
        turns(&book.look(900, &both, PACE, hours)),
        [Turn::Cleared],
        "the urgent one"
    );
    let told = book.look(3_600, &both, PACE, hours);
    assert_eq!(turns(&told), [Turn::Raised], "told when the hours end");
}

#[test]
fn what_was_told_before_a_restart_is_not_told_again() {
    let mut book = Book::default();
    let seen = [broken(Urgency::Warning, 0)];
    let told = book.look(0, &seen, PACE, Quiet::default());
    let mut again = Book::default();
    again.recall(&told[0]);
    assert_eq!(again.look(30, &seen, PACE, Quiet::default()), []);
    assert_eq!(
        turns(&again.look(200, NONE, PACE, Quiet::default())),
        [Turn::Cleared]
    );
}

#[test]
fn the_book_is_bounded_and_keeps_the_urgent() {
    let mut book = Book::default();
    let many: Vec<Broken> = (0..1_000)
        .map(|at| Broken {
            subject: at.to_string(),
            ..broken(Urgency::Notice, 600)
        })
        .collect();
    assert_eq!(book.look(0, &many, PACE, Quiet::default()), []);
    let told = book.look(1, &[broken(Urgency::Critical, 0)], PACE, Quiet::default());
    assert_eq!(turns(&told), [Turn::Raised]);
    assert!(book.standing_len() <= 256);
}

#[test]
fn quiet_hours_read_as_people_write_them() {
    let night = quiet("22:00-07:00 +02:00");
    let at = |hour: u64, minute: u64| (hour * 60 + minute) * 60;
    assert!(night.holds(at(20, 0)) && night.holds(at(4, 59)));
    assert!(!night.holds(at(19, 59)) && !night.holds(at(5, 0)));
    let west = quiet("22:00-23:00 -05:00");
    assert!(west.holds(at(3, 30)) && !west.holds(at(22, 30)));
    assert!(!quiet("").holds(0));
    for wrong in [
        "22-07",
        "25:00-07:00",
        "22:00-22:00",
        "22:00-07:00 02:00",
        "a:b-c:d",
    ] {
        assert!(wrong.parse::<Quiet>().is_err(), "{wrong}");
    }
}

#[test]
fn a_rule_of_the_operators_reads_and_a_wrong_one_says_why() {
    let rule: Rule = "holdfast_uploads above 40 warning for 5m"
        .parse()
        .expect("a rule");
    assert_eq!((rule.bound, rule.lasting), (Bound::Above(40.0), 300));
    let rises: Rule = "process_cpu_seconds_total rises notice"
        .parse()
        .expect("a rule");
    assert_eq!(rises.bound, Bound::Rises);
    for wrong in [
        "",
        "holdfast_uploads over 4 warning",
        "holdfast_uploads above x warning",
    ] {
        assert!(
            matches!(wrong.parse::<Rule>(), Err(RuleError::Form { .. })),
            "{wrong}"
        );
    }
    let unknown = "holdfast_unheard above 1 warning".parse::<Rule>();
    assert!(matches!(unknown, Err(RuleError::Metric { .. })));
}

#[test]
fn every_rule_of_the_house_names_a_metric_of_the_list() {
    for rule in &RULES {
        assert!(
            METRICS.iter().any(|metric| metric.name == rule.metric),
            "{}",
            rule.name
        );
    }
}

/// `HOLDFAST_WRITE=1` writes the file anew instead of comparing it.
fn same_as(name: &str, made: &str) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let path = path.join("../../docs/operating/fleet").join(name);
    if std::env::var_os("HOLDFAST_WRITE").is_some() {
        std::fs::write(&path, made).expect("written");
    }
    let kept = std::fs::read_to_string(&path).expect("the file is committed");
    assert!(
        kept == made,
        "{name} is old; HOLDFAST_WRITE=1 cargo test -p host-api writes it"
    );
}

#[test]
fn the_rules_for_prometheus_are_those_of_the_list() {
    same_as("holdfast.rules.yml", &fleet::prometheus_rules());
}

#[test]
fn the_dashboard_for_grafana_shows_every_metric() {
    let made = fleet::grafana_dashboard();
    same_as("grafana.json", &made);
    for metric in &METRICS {
        assert!(made.contains(metric.name), "{}", metric.name);
    }
}
