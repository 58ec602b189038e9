//! The arithmetic engine of reed-solomon-simd with a faster way to one number.
//!
//! Before it decodes, the crate asks for the logarithm of the error locator at every point, and
//! computes it by two Walsh transforms over all 65,536 points: 1 ms, the same for 64 bytes and
//! for 64 MiB. The transforms compute `sum over erased j of log(i xor j) mod 65535` at each `i`.
//! A stripe here has at most 1,024 shards, so few points are asked for and few are in the sum;
//! adding them up directly costs microseconds. Same numbers, so not a matter of format.
//! Everything else is handed through.
//!
//! Source of the sum: Lin, Al-Naffouri, Han, Chung, "Novel polynomial basis with fast Fourier
//! transform and its application to Reed-Solomon erasure codes", section on decoding.

use host_core::limits::STRIPE_SHARDS_MAX;
use reed_solomon_simd::engine::{
    DefaultEngine, Engine, GF_MODULUS, GF_ORDER, GfElement, ShardsRefMut, tables,
};

/// No shard of an allowed geometry stands at a point beyond this one: the smaller side is rounded
/// up to a power of two, the larger follows it.
const WINDOW: usize = 2 * STRIPE_SHARDS_MAX as usize;
/// Additions beyond which the transforms are the cheaper way.
const DIRECT_MAX: usize = 256 * 1024;

/// The crate's best engine for this machine, with the direct locator.
pub(crate) struct Lanes(DefaultEngine);

impl Lanes {
    pub(crate) fn new() -> Self {
        Self(DefaultEngine::new())
    }
}

impl Engine for Lanes {
    fn fft(&self, data: &mut ShardsRefMut, pos: usize, size: usize, cut: usize, skew: usize) {
        self.0.fft(data, pos, size, cut, skew);
    }

    fn ifft(&self, data: &mut ShardsRefMut, pos: usize, size: usize, cut: usize, skew: usize) {
        self.0.ifft(data, pos, size, cut, skew);
    }

    fn mul(&self, x: &mut [[u8; 64]], log_m: GfElement) {
        self.0.mul(x, log_m);
    }

    fn eval_poly(erasures: &mut [GfElement; GF_ORDER], truncated_size: usize) {
        if !direct(erasures, truncated_size) {
            DefaultEngine::eval_poly(erasures, truncated_size);
        }
    }
}

/// Replaces the marks of `erasures` (1 = erased) by the locator's logarithms at the points that
/// decoding looks at. False, with nothing changed, where that is not the cheaper way.
fn direct(erasures: &mut [GfElement; GF_ORDER], truncated_size: usize) -> bool {
    let (window, beyond) = erasures.split_at_mut(WINDOW);
    // Either nothing beyond the window is erased, or everything is: then the sum over the erased
    // is minus the sum over the rest, because all logarithms together are 0 mod 65535.
    let all_beyond = truncated_size == GF_ORDER && beyond.first() == Some(&1);
    if !all_beyond && truncated_size > WINDOW {
        return false;
    }
    let wanted = if all_beyond {
        window
            .iter()
            .rposition(|&mark| mark == 0)
            .map_or(0, |last| last + 1)
    } else {
        truncated_size
    };
    let asked = GfElement::from(!all_beyond);
    let marks = window.iter().take(wanted).enumerate();
    let summed: Vec<usize> = marks
        .filter(|(_, mark)| **mark == asked)
        .map(|(j, _)| j)
        .collect();
    if wanted * summed.len() > DIRECT_MAX {
        return false;
    }
    let log = &tables::get_exp_log().log;
    let modulus = u32::from(GF_MODULUS);
    for (i, mark) in window.iter_mut().take(wanted).enumerate() {
        let others = summed.iter().filter(|&&j| j != i);
        let logs = others.map(|&j| u32::from(log.get(i ^ j).copied().unwrap_or_default()));
        let sum = logs.sum::<u32>() % modulus;
        let value = if all_beyond { modulus - sum } else { sum };
        *mark = (value % modulus) as GfElement;
    }
    true
}

#[cfg(test)]
mod tests;
