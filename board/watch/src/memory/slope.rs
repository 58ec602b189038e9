//! The slope of a slow leak: the median of all slopes between pairs of points (Theil and Sen),
//! which a third of wild points does not move.
//!
//! Enters: a quantity in bytes, the number of peers, the monotonic clock. Leaves: [`Leak`] while
//! the slope leads to exhaustion within the rule's horizon. Bounded: 96 points, one every 225 s,
//! six hours. Pairs whose peers differ by more than a fifth are left out: more peers need more
//! memory.

use std::collections::VecDeque;
use std::time::Duration;

const POINTS: usize = 96;
const STEP: Duration = Duration::from_secs(225);
/// Points before a slope is believed: three hours.
const ENOUGH: usize = 48;
/// Growth over the points that is below this is breathing.
const BREATH: u64 = 8 << 20;

/// Whose memory grows.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LeakOf {
    /// Ours.
    Own,
    /// The kernel's: slab that cannot be reclaimed, stacks, page tables, percpu.
    Kernel,
}

/// When a slope is an alarm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SlopeRule {
    of: LeakOf,
    /// Alarm when exhaustion is nearer than this.
    horizon_hours: u64,
    /// Alarm when it grows by more than this many bytes an hour.
    bytes_per_hour: Option<u64>,
}

impl SlopeRule {
    /// Own memory: exhaustion of the budget within three days.
    pub const ANON: Self = Self {
        of: LeakOf::Own,
        horizon_hours: 72,
        bytes_per_hour: None,
    };
    /// The kernel's memory: 10 MB an hour over six hours, or exhaustion within three days.
    pub const KERNEL: Self = Self {
        of: LeakOf::Kernel,
        horizon_hours: 72,
        bytes_per_hour: Some(10_000_000),
    };
}

/// Memory that grows and is not given back.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Leak {
    /// Whose.
    pub of: LeakOf,
    /// Bytes an hour.
    pub bytes_per_hour: u64,
    /// Hours until nothing is left, at this slope.
    pub hours_left: u64,
}

/// The points of one quantity.
#[derive(Debug, Clone)]
pub struct Slope {
    rule: SlopeRule,
    points: VecDeque<(Duration, u64, u32)>,
    leak: Option<Leak>,
}

impl Slope {
    /// No points yet.
    #[must_use]
    pub fn new(rule: SlopeRule) -> Self {
        Self {
            rule,
            points: VecDeque::with_capacity(POINTS),
            leak: None,
        }
    }

    /// Takes a point when one is due; the alarm as it stands. Cost: nothing between points, 4,560
    /// divisions at a point.
    pub fn observe(&mut self, at: Duration, bytes: u64, peers: u32, most: u64) -> Option<Leak> {
        let due = self
            .points
            .back()
            .is_none_or(|(last, _, _)| at.saturating_sub(*last) >= STEP);
        if due {
            if self.points.len() >= POINTS {
                self.points.pop_front();
            }
            self.points.push_back((at, bytes, peers));
            self.leak = self.judge(bytes, most);
        }
        self.leak
    }

    /// The median slope in bytes an hour; nothing before three hours of points at like peers.
    #[must_use]
    pub fn bytes_per_hour(&self) -> Option<f64> {
        if self.points.len() < ENOUGH {
            return None;
        }
        let mut slopes = Vec::with_capacity(POINTS * (POINTS - 1) / 2);
        for (place, (later, more, peers)) in self.points.iter().enumerate() {
            for (earlier, less, then) in self.points.iter().take(place) {
                let apart = later.saturating_sub(*earlier).as_secs_f64() / 3600.0;
                if apart > 0.0 && alike(*peers, *then) {
                    slopes.push((as_float(*more) - as_float(*less)) / apart);
                }
            }
        }
        let middle = slopes.len() / 2;
        // Half of all pairs must compare like with like.
        if slopes.len() * 4 < self.points.len() * (self.points.len() - 1) {
            return None;
        }
        let (_, median, _) = slopes.select_nth_unstable_by(middle, f64::total_cmp);
        Some(*median)
    }

    fn judge(&self, bytes: u64, most: u64) -> Option<Leak> {
        let slope = self.bytes_per_hour().filter(|slope| *slope > 0.0)?;
        let (first, last) = (self.points.front()?, self.points.back()?);
        let hours = last.0.saturating_sub(first.0).as_secs_f64() / 3600.0;
        if slope * hours < as_float(BREATH) {
            return None;
        }
        let hours_left = as_whole(as_float(most.saturating_sub(bytes)) / slope);
        let per_hour = as_whole(slope);
        let steep = self.points.len() >= POINTS
            && self
                .rule
                .bytes_per_hour
                .is_some_and(|limit| per_hour > limit);
        (steep || hours_left < self.rule.horizon_hours).then_some(Leak {
            of: self.rule.of,
            bytes_per_hour: per_hour,
            hours_left,
        })
    }
}

/// Within a fifth of each other, or within two.
const fn alike(a: u32, b: u32) -> bool {
    let apart = a.abs_diff(b);
    let larger = if a > b { a } else { b };
    apart <= 2 || apart <= larger / 5
}

#[expect(clippy::cast_precision_loss, reason = "slopes need no last bits")]
const fn as_float(bytes: u64) -> f64 {
    bytes as f64
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a cast from float saturates, and negative slopes were left out"
)]
const fn as_whole(value: f64) -> u64 {
    value as u64
}

#[cfg(test)]
mod tests;
