//! Goal: each input enters its level at once and the ladder falls slowly, one step at a time.
//! Method: traces of samples. Two are recorded: random reads of a mapped file in a cgroup of 48 MiB
//! (371 ms of stall in the first 2 s while avg10 still printed 0.00; avg10 peaked at 9.24 and took
//! 12 s from there to 3.11), and page-cache thrash in one of 128 MiB (6.86 million refaults in 8 s,
//! memory avg10 1.1).

use super::*;
use crate::memory::Origin;
use proptest::prelude::*;

const MIB: u64 = 1 << 20;

fn budget() -> Option<Budget> {
    Some(Budget {
        bytes: 1_000 * MIB,
        origin: Origin::Machine,
    })
}

fn sample(own: u64, left: u64) -> Sample {
    Sample {
        anon: Some(own * 10 * MIB),
        available: Some((left * 40 * MIB, 4_000 * MIB)),
        some_us: Some(0),
        full_us: Some(0),
        some_avg60: Some(0),
        refault_file: Some(0),
        ..Sample::default()
    }
}

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

/// Level by level of a trace, a second apart.
fn levels(ladder: &mut Ladder, from: u64, trace: impl IntoIterator<Item = Sample>) -> Vec<Level> {
    (from..)
        .zip(trace)
        .map(|(at, sample)| ladder.judge(seconds(at), &sample, true).level)
        .collect()
}

#[test]
fn own_memory_enters_each_level_at_once() {
    for (percent, level) in [
        (70, Level::Calm),
        (71, Level::Trim),
        (81, Level::Pause),
        (91, Level::Shed),
    ] {
        let mut ladder = Ladder::new(budget());
        let verdict = ladder.judge(seconds(0), &sample(percent, 90), true);
        assert_eq!(verdict.level, level, "{percent}");
        assert_eq!(verdict.changed, level != Level::Calm);
    }
}

#[test]
fn little_memory_left_enters_each_level_at_once() {
    for (left, level) in [
        (15, Level::Calm),
        (14, Level::Trim),
        (9, Level::Pause),
        (5, Level::Shed),
    ] {
        let mut ladder = Ladder::new(budget());
        let verdict = ladder.judge(seconds(0), &sample(1, left), true);
        assert_eq!(verdict.level, level, "{left}");
    }
}

#[test]
fn a_restart_needs_three_samples_and_leave() {
    let mut ladder = Ladder::new(budget());
    let full = [sample(98, 50); 3];
    let found = levels(&mut ladder, 0, full);
    assert_eq!(found, [Level::Shed, Level::Shed, Level::Restart]);
    let mut ladder = Ladder::new(budget());
    for at in 0..10 {
        let verdict = ladder.judge(seconds(at), &full[0], false);
        assert_eq!(verdict.level, Level::Shed);
        assert_eq!(verdict.restart_withheld, at >= 2);
    }
}

#[test]
fn the_recorded_stall_of_48_mib_trims_within_its_first_window() {
    let mut ladder = Ladder::new(budget());
    // Totals in milliseconds, a second apart; the minute's average in hundredths.
    let trace = [
        (0, 0),
        (180, 0),
        (371, 0),
        (560, 120),
        (730, 240),
        (900, 330),
        (1080, 400),
    ];
    let trace = trace.map(|(some_ms, avg60)| Sample {
        some_us: Some(some_ms * 1_000),
        some_avg60: Some(avg60),
        ..sample(10, 90)
    });
    let found = levels(&mut ladder, 0, trace);
    assert_eq!(
        found,
        [
            Level::Calm,
            Level::Calm,
            Level::Trim,
            Level::Trim,
            Level::Trim,
            Level::Trim,
            Level::Pause
        ]
    );
    let cause = ladder.judge(seconds(6), &trace[6], true).cause.unwrap();
    assert_eq!(
        cause.to_string(),
        "tasks waited 180 ms of 2 s for memory".replace("180", "350")
    );
}

#[test]
fn the_recorded_thrash_of_128_mib_trims_on_refaults_alone() {
    let mut ladder = Ladder::new(budget());
    let trace = (0..8).map(|n| Sample {
        refault_file: Some(n * 857_500),
        some_us: Some(n * 11_000),
        ..sample(10, 90)
    });
    let found = levels(&mut ladder, 0, trace);
    assert_eq!(found[5], Level::Calm);
    assert_eq!(found[6], Level::Trim);
}

#[test]
fn a_trigger_trims_before_the_window_ends() {
    let mut ladder = Ladder::new(budget());
    ladder.judge(seconds(0), &sample(1, 90), true);
    let fired = Sample {
        some_fired: true,
        ..sample(1, 90)
    };
    let verdict = ladder.judge(Duration::from_millis(300), &fired, true);
    assert_eq!(verdict.level, Level::Trim);
}

#[test]
fn full_stalls_shed_after_three_windows_and_restart_after_half_a_minute() {
    let mut ladder = Ladder::new(budget());
    let trace = (0..36).map(|n| Sample {
        full_us: Some(n * 400_000),
        some_us: Some(n * 400_000),
        some_avg60: Some(4_000),
        ..sample(10, 90)
    });
    let found = levels(&mut ladder, 0, trace);
    assert_eq!(found[5], Level::Trim);
    assert_eq!(found[6], Level::Shed);
    assert_eq!(found[29], Level::Shed);
    assert_eq!(found[33], Level::Restart);
}

/// Stalls of all tasks for a fifth of the time.
fn stalling(shared: bool, left: u64) -> impl Iterator<Item = Sample> {
    (0..36).map(move |n| Sample {
        stalls_shared: shared,
        full_us: Some(n * 400_000),
        some_us: Some(n * 400_000),
        some_avg60: Some(2_000),
        ..sample(10, left)
    })
}

#[test]
fn stalls_of_a_machine_with_room_trim_and_no_more() {
    let mut ladder = Ladder::new(budget());
    let found = levels(&mut ladder, 0, stalling(true, ROOMY_PERCENT));
    assert_eq!(found.iter().max(), Some(&Level::Trim));
    assert_eq!(found[35], Level::Trim);
}

#[test]
fn stalls_of_a_machine_without_room_or_of_our_own_cgroup_shed() {
    for (shared, left) in [(true, ROOMY_PERCENT - 1), (false, 90)] {
        let mut ladder = Ladder::new(budget());
        let found = levels(&mut ladder, 0, stalling(shared, left));
        assert_eq!(found[6], Level::Shed, "{shared} {left}");
    }
}

#[test]
fn the_ladder_falls_one_level_a_minute() {
    let mut ladder = Ladder::new(budget());
    levels(&mut ladder, 0, [sample(91, 90)]);
    let found = levels(&mut ladder, 1, vec![sample(10, 90); 200]);
    let falls: Vec<usize> = (1..200).filter(|n| found[*n] < found[n - 1]).collect();
    assert_eq!(falls, [59, 119, 179]);
    assert_eq!(found[199], Level::Calm);
    assert_eq!(
        ladder.judge(seconds(201), &sample(10, 90), true).cause,
        None
    );
}

#[test]
fn inputs_near_the_entry_hold_the_level() {
    let mut ladder = Ladder::new(budget());
    levels(&mut ladder, 0, [sample(91, 90)]);
    let found = levels(&mut ladder, 1, vec![sample(73, 90); 300]);
    assert!(found.iter().all(|level| *level == Level::Shed));
    let found = levels(&mut ladder, 301, vec![sample(71, 90); 2]);
    assert_eq!(found[0], Level::Pause);
}

#[test]
fn the_minutes_average_holds_the_level_when_totals_are_quiet() {
    let mut ladder = Ladder::new(budget());
    levels(&mut ladder, 0, [sample(71, 90)]);
    let stalled = Sample {
        some_avg60: Some(311),
        ..sample(10, 90)
    };
    let found = levels(&mut ladder, 1, vec![stalled; 100]);
    assert!(found.iter().all(|level| *level == Level::Trim));
}

#[test]
fn five_minutes_at_shed_without_relief_call_for_a_restart() {
    let mut ladder = Ladder::new(budget());
    let found = levels(&mut ladder, 0, vec![sample(92, 90); 310]);
    assert_eq!(found[299], Level::Shed);
    assert_eq!(found[302], Level::Restart);
    let verdict = ladder.judge(seconds(310), &sample(92, 90), true);
    assert!(matches!(
        verdict.cause,
        Some(Cause::Stuck { .. } | Cause::Own { .. })
    ));
}

#[test]
fn a_machine_that_tells_nothing_is_calm() {
    let mut ladder = Ladder::new(None);
    for at in 0..400 {
        let verdict = ladder.judge(seconds(at), &Sample::default(), true);
        assert_eq!(verdict.level, Level::Calm);
    }
}

#[test]
fn a_budget_that_became_unreadable_stays() {
    let mut ladder = Ladder::new(budget());
    ladder.set_budget(None);
    assert_eq!(ladder.budget(), budget());
}

#[test]
fn a_clock_that_goes_back_makes_no_stall() {
    let mut ladder = Ladder::new(budget());
    let stalled = Sample {
        some_us: Some(5_000_000),
        ..sample(1, 90)
    };
    levels(&mut ladder, 100, [sample(1, 90)]);
    assert_eq!(levels(&mut ladder, 50, [stalled])[0], Level::Calm);
}

proptest! {
    #[test]
    fn no_trace_panics_and_the_ladder_falls_by_single_steps(
        steps in prop::collection::vec(
            (0_u64..100_000, any::<u64>(), any::<u64>(), any::<(bool, bool, bool)>()), 0..60),
    ) {
        let mut ladder = Ladder::new(budget());
        let mut before = Level::Calm;
        for (ms, one, two, (fired, full, leave)) in steps {
            let sample = Sample {
                anon: Some(one),
                available: Some((one.min(two), two)),
                some_us: Some(one),
                full_us: Some(two),
                refault_file: Some(two),
                some_fired: fired,
                full_fired: full,
                ..Sample::default()
            };
            let level = ladder.judge(Duration::from_millis(ms), &sample, leave).level;
            prop_assert!(level >= before.below());
            prop_assert!(leave || level < Level::Restart || before == Level::Restart);
            before = level;
        }
    }
}
