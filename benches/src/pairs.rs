//! Two ways to do one thing, measured in turn in the same minute, because this kind of machine is
//! shared and only the ratio of neighbours in time means something. Work enters, medians leave.
//! Deliberately no statistics beyond the median and no judgement of what ratio is good.

use std::time::{Duration, Instant};

/// Medians of alternating rounds.
#[derive(Debug, Clone, Copy)]
pub struct Pair {
    /// Wall seconds of a round of ours.
    pub ours: f64,
    /// Wall seconds of a round of theirs.
    pub theirs: f64,
    /// Median over the rounds of theirs / ours: above 1, ours is faster.
    pub ratio: f64,
    /// Smallest and largest ratio seen.
    pub spread: (f64, f64),
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
        let (own, other): (Vec<f64>, Vec<f64>) = timed.unzip();
        let ratios: Vec<f64> = own
            .iter()
            .zip(&other)
            .map(|(own, other)| other / own)
            .collect();
        let low = ratios.iter().copied().fold(f64::INFINITY, f64::min);
        let high = ratios.iter().copied().fold(0.0, f64::max);
        Self {
            ours: median(own),
            theirs: median(other),
            ratio: median(ratios),
            spread: (low, high),
        }
    }

    /// One line: rates of `bytes` a round and the ratio.
    #[must_use]
    pub fn line(&self, what: &str, bytes: usize) -> String {
        let gib = bytes as f64 / f64::from(1 << 30);
        let (low, high) = self.spread;
        format!(
            "{what:<34} ours {:6.2} GiB/s  theirs {:6.2} GiB/s  ratio {:5.2} [{low:.2}-{high:.2}]",
            gib / self.ours,
            gib / self.theirs,
            self.ratio,
        )
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

fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or_default()
}
