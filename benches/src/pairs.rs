//! Two ways to do one thing, measured in turn in the same minute, because this kind of machine is
//! shared and only the ratio of neighbours in time means something. Work enters, a row leaves.

use std::time::{Duration, Instant};

use crate::rows::{Goal, Row};

/// Alternating rounds: wall seconds of ours and theirs.
#[derive(Debug, Clone)]
pub struct Pair {
    rounds: Vec<(f64, f64)>,
}

impl Pair {
    /// Runs both in turn, `rounds` times, after one round of each that is not counted; each
    /// round repeats its work until `least` has passed.
    pub fn of(
        rounds: usize,
        least: Duration,
        mut ours: impl FnMut(),
        mut theirs: impl FnMut(),
    ) -> Self {
        round(Duration::ZERO, &mut ours);
        round(Duration::ZERO, &mut theirs);
        let timed =
            (0..rounds.max(1)).map(|_| (round(least, &mut ours), round(least, &mut theirs)));
        Self {
            rounds: timed.collect(),
        }
    }

    /// A row: rates of `bytes` a round, the ratio above 1 when ours is faster.
    #[must_use]
    pub fn row(&self, name: impl Into<String>, bytes: usize, goal: Goal) -> Row {
        let gib = bytes as f64 / f64::from(1 << 30);
        let rates = self
            .rounds
            .iter()
            .map(|(own, other)| (gib / own, gib / other));
        Row::new(name, "GiB/s", &rates.collect::<Vec<_>>(), goal)
    }
}

/// Seconds of one repetition.
fn round(least: Duration, work: &mut impl FnMut()) -> f64 {
    let start = Instant::now();
    let mut count = 0.0;
    loop {
        work();
        count += 1.0;
        let passed = start.elapsed();
        if passed >= least {
            return passed.as_secs_f64() / count;
        }
    }
}
