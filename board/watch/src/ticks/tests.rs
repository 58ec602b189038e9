//! Goal: each wedged loop is named in its turn, nobody else; retirement and odd clocks are no
//! alarm.

use super::*;

const NAMES: [&str; 5] = ["storage", "swarm", "ledger", "proof", "probe"];

fn seconds(n: u64) -> Duration {
    Duration::from_secs(n)
}

#[test]
fn each_wedged_loop_is_named_in_its_turn() {
    for wedged in NAMES {
        let ticks = Ticks::default();
        let all = NAMES.map(|name| (name, ticks.register(name, seconds(5), seconds(0)).unwrap()));
        for at in 1..=6 {
            for (name, tick) in &all {
                if *name != wedged {
                    tick.tick(seconds(at));
                }
            }
            let late: Vec<&str> = ticks
                .late(seconds(at))
                .iter()
                .map(|late| late.name)
                .collect();
            let expected: &[&str] = if at == 6 { &[wedged] } else { &[] };
            assert_eq!(late, expected);
        }
    }
}

#[test]
fn a_loop_that_never_ticked_is_late_from_its_registration() {
    let ticks = Ticks::default();
    let _tick = ticks.register("proof", seconds(2), seconds(10)).unwrap();
    assert!(ticks.late(seconds(12)).is_empty());
    let late = ticks.late(seconds(13));
    assert_eq!(
        late[0].to_string(),
        "proof is silent for 3000 ms, 2000 allowed"
    );
}

#[test]
fn a_retired_loop_is_awaited_no_more_and_makes_room() {
    let ticks = Ticks::default();
    let all: Vec<Tick> = (0..LOOPS)
        .map(|_| ticks.register("probe", seconds(1), seconds(0)).unwrap())
        .collect();
    assert!(ticks.register("one more", seconds(1), seconds(0)).is_none());
    all[3].retire();
    assert_eq!(ticks.late(seconds(9)).len(), LOOPS - 1);
    assert!(ticks.register("one more", seconds(1), seconds(0)).is_some());
}

#[test]
fn a_clock_that_goes_back_makes_nobody_late() {
    let ticks = Ticks::default();
    let tick = ticks.register("swarm", seconds(1), seconds(100)).unwrap();
    assert!(ticks.late(seconds(3)).is_empty());
    tick.tick(Duration::MAX);
    assert!(ticks.late(seconds(3)).is_empty());
}
