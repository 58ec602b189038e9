//! Goal: each signal of the reference raises what it should, when it should, and no false critical.
//! Method: traces of samples one second apart; the first is the recorded overflow of 12 namespaces
//! on a kernel of 1024 entries (table_fulls +296, forced_gc +298, `arp` empty).

use super::*;
use crate::neighbour::Stats;
use proptest::prelude::*;

fn table(entries: u32, fulls: u64, forced: u64, failed: u64) -> Table {
    Table {
        family: Family::V4,
        entries,
        thresholds: [128, 512, 1024],
        stats: Stats {
            allocs: 0,
            res_failed: failed,
            forced_gc_runs: forced,
            table_fulls: fulls,
        },
    }
}

fn sample(table: Table, visible: u32, exempt: u32) -> Sample {
    Sample {
        tables: [Some(table), None],
        own: Some(OwnEntries {
            visible: [visible, 0],
            exempt: [exempt, 0],
            by_interface: vec![(2, visible)],
            ..OwnEntries::default()
        }),
        drops: None,
    }
}

fn run(judge: &mut Judge, from: u64, samples: &[Sample]) -> Vec<Verdict> {
    (from..)
        .zip(samples)
        .map(|(at, sample)| judge.judge(Duration::from_secs(at), sample))
        .collect()
}

#[test]
fn a_hidden_overflow_is_named_on_its_first_sample() {
    let mut judge = Judge::default();
    let before = sample(table(3, 40, 2, 0), 2, 0);
    let full = sample(table(1025, 336, 300, 0), 0, 0);
    let verdicts = run(&mut judge, 0, &[before, full]);
    assert_eq!(verdicts[0].alarm, Alarm::Quiet);
    assert_eq!(verdicts[1].alarm, Alarm::Critical);
    assert_eq!(verdicts[1].level, Level::Pause);
    let cause = verdicts[1].cause.unwrap();
    assert_eq!(cause.what, What::Full { refused: 296 });
    assert_eq!(cause.holder, Holder::Others { percent: 100 });
    assert_eq!(
        cause.to_string(),
        "ipv4 neighbour table is full: 296 refused, 1025 entries of 1024, 100 % held by other \
         network namespaces"
    );
}

#[test]
fn a_full_table_asks_to_stop_dials_to_widen_and_to_pin() {
    let mut judge = Judge::default();
    let before = sample(table(3, 0, 0, 0), 2, 0);
    let full = sample(table(1025, 296, 298, 0), 0, 0);
    let verdicts = run(&mut judge, 0, &[before, full]);
    assert_eq!(
        verdicts[1].actions,
        [
            Action::Widen {
                family: Family::V4,
                thresholds: [4096, 16384, 32768]
            },
            Action::PinGateways,
            Action::DialBudget { per_second: 0 },
        ]
    );
}

#[test]
fn a_table_that_was_widened_in_time_is_not_widened_again() {
    let mut judge = Judge::default();
    let before = sample(table(3, 0, 0, 0), 2, 0);
    let full = sample(table(1025, 296, 298, 0), 0, 0);
    let mut wide = table(1320, 296, 298, 0);
    wide.thresholds = [4096, 16384, 32768];
    run(&mut judge, 0, &[before, full]);
    for verdict in run(&mut judge, 2, &vec![sample(wide, 0, 0); 30]) {
        assert_eq!(verdict.alarm, Alarm::Critical);
        let widens = |action: &Action| matches!(action, Action::Widen { .. });
        assert!(!verdict.actions.iter().any(widens));
    }
}

#[test]
fn overflows_of_the_past_raise_nothing() {
    let mut judge = Judge::default();
    let old = sample(table(10, 5_000, 9_000, 70_000), 10, 0);
    for verdict in run(&mut judge, 0, &vec![old; 5]) {
        assert_eq!(verdict.level, Level::Calm);
    }
}

#[test]
fn permanent_entries_of_ours_fill_no_table() {
    let mut judge = Judge::default();
    let pinned = sample(table(1502, 0, 0, 0), 1502, 1500);
    for verdict in run(&mut judge, 0, &vec![pinned; 6]) {
        assert_eq!(verdict.alarm, Alarm::Quiet);
        assert!(!verdict.readings[0].upper_bound);
    }
}

#[test]
fn hidden_entries_that_may_be_permanent_are_no_more_than_a_warning() {
    let mut judge = Judge::default();
    let hidden = sample(table(1502, 0, 0, 0), 2, 0);
    let verdicts = run(&mut judge, 0, &vec![hidden; 8]);
    assert_eq!(verdicts[1].alarm, Alarm::Quiet);
    assert_eq!(verdicts[7].alarm, Alarm::Warn);
    assert!(verdicts[7].readings[0].upper_bound);
}

#[test]
fn a_hidden_table_that_is_collected_by_force_is_believed() {
    let mut judge = Judge::default();
    let samples: Vec<Sample> = (0..8).map(|n| sample(table(950, 0, n, 0), 2, 0)).collect();
    let verdicts = run(&mut judge, 0, &samples);
    assert_eq!(verdicts[2].alarm, Alarm::Warn);
    assert_eq!(verdicts[7].alarm, Alarm::Critical);
}

#[test]
fn a_visible_table_raises_each_alarm_after_three_samples() {
    for (entries, alarm) in [
        (500, Alarm::Quiet),
        (520, Alarm::Warn),
        (780, Alarm::Act),
        (930, Alarm::Critical),
    ] {
        let mut judge = Judge::default();
        let filled = sample(table(entries, 0, 0, 0), entries, 0);
        let verdicts = run(&mut judge, 0, &vec![filled; 3]);
        assert_eq!(verdicts[1].alarm, Alarm::Quiet);
        assert_eq!(verdicts[2].alarm, alarm, "{entries}");
    }
}

#[test]
fn growth_that_overflows_within_three_seconds_raises_act_before_it_does() {
    let mut judge = Judge::default();
    let samples: Vec<Sample> = [3, 400].map(|n| sample(table(n, 0, 0, 0), 3, 0)).into();
    let verdicts = run(&mut judge, 0, &samples);
    assert_eq!(verdicts[1].alarm, Alarm::Act);
    let cause = verdicts[1].cause.unwrap();
    assert_eq!(cause.what, What::Soaring { per_second: 397 });
    assert!(matches!(verdicts[1].actions[0], Action::Widen { .. }));
    let mut judge = Judge::default();
    let samples: Vec<Sample> = [3, 300].map(|n| sample(table(n / 2, 0, 0, 0), 3, 0)).into();
    assert_eq!(run(&mut judge, 0, &samples)[1].alarm, Alarm::Quiet);
}

#[test]
fn dead_dials_above_a_quarter_of_the_safe_rate_raise_act() {
    let mut judge = Judge::default();
    let at_rate = |rate: u64| -> Vec<Sample> {
        (0..5)
            .map(|n| sample(table(200, 0, 0, n * rate), 200, 0))
            .collect()
    };
    let verdicts = run(&mut judge, 0, &at_rate(80));
    assert_eq!(verdicts[4].alarm, Alarm::Quiet);
    let mut judge = Judge::default();
    let verdicts = run(&mut judge, 0, &at_rate(90));
    assert_eq!(verdicts[4].alarm, Alarm::Act);
    let cause = verdicts[4].cause.unwrap();
    assert_eq!(cause.what, What::DeadDials { per_second: 90 });
    let holder = Holder::Ours {
        interface: 2,
        entries: 200,
    };
    assert_eq!(cause.holder, holder);
}

#[test]
fn an_alarm_falls_after_a_quiet_minute_and_keeps_its_cause_until_then() {
    let mut judge = Judge::default();
    run(
        &mut judge,
        0,
        &[
            sample(table(3, 0, 0, 0), 3, 0),
            sample(table(1025, 1, 1, 0), 3, 0),
        ],
    );
    let quiet = sample(table(523, 1, 1, 0), 520, 0);
    let verdicts = run(&mut judge, 2, &vec![quiet; 62]);
    assert_eq!(verdicts[59].alarm, Alarm::Critical);
    assert!(verdicts[59].cause.is_some());
    let empty = sample(table(3, 1, 1, 0), 3, 0);
    let verdicts = run(&mut judge, 64, &vec![empty; 140]);
    let last = verdicts.last().unwrap();
    assert_eq!((last.alarm, last.cause), (Alarm::Quiet, None));
}

#[test]
fn the_worse_table_gives_the_cause() {
    let mut judge = Judge::default();
    let mut six = table(3, 0, 0, 0);
    six.family = Family::V6;
    let mut first = sample(table(3, 0, 0, 0), 3, 0);
    first.tables[1] = Some(six);
    let mut second = first.clone();
    six.stats.table_fulls = 9;
    second.tables[1] = Some(six);
    let verdicts = run(&mut judge, 0, &[first, second]);
    assert_eq!(verdicts[1].cause.unwrap().family, Family::V6);
}

#[test]
fn a_growing_table_wants_its_entries_counted() {
    let judge = Judge::default();
    assert!(!judge.wants_entries(&sample(table(20, 0, 0, 0), 0, 0)));
    assert!(judge.wants_entries(&sample(table(300, 0, 0, 0), 0, 0)));
}

#[test]
fn a_sample_without_tables_dials_with_care() {
    let mut judge = Judge::default();
    let verdict = judge.judge(Duration::ZERO, &Sample::default());
    assert_eq!(verdict.level, Level::Calm);
    assert_eq!(verdict.dials_per_second, 1);
}

proptest! {
    #[test]
    fn no_trace_panics_or_presses_harder_than_pause(
        steps in prop::collection::vec(
            (any::<u64>(), any::<u32>(), any::<u64>(), any::<u64>(), any::<u32>(), any::<u32>()),
            0..40,
        ),
    ) {
        let mut judge = Judge::default();
        for (at, entries, fulls, failed, visible, limit) in steps {
            let mut table = table(entries, fulls, failed, failed);
            table.thresholds[2] = limit;
            let verdict = judge.judge(Duration::from_millis(at), &sample(table, visible, visible));
            prop_assert!(verdict.level <= Level::Pause);
        }
    }

    #[test]
    fn counters_that_stand_still_raise_no_critical_from_hidden_entries(
        entries in any::<u32>(), seconds in 1_u64..90,
    ) {
        let mut judge = Judge::default();
        let hidden = sample(table(entries, 7, 7, 7), 0, 0);
        for verdict in run(&mut judge, 0, &vec![hidden; usize::try_from(seconds).unwrap()]) {
            prop_assert!(verdict.alarm <= Alarm::Warn);
        }
    }
}
