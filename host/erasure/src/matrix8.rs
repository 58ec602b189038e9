//! The codec `Matrix8`: the systematic 8-bit matrix code of at most 256 shards, equal to the one
//! of Backblaze and klauspost. The bytes at one place of all pieces are the values of a polynomial
//! of degree below `data` at the points 0, 1, 2 .. of GF(2^8); so every piece is a fixed sum of
//! multiples of any `data` others, byte by byte, without regard to runs or lengths.
//!
//! Those factors are Lagrange's, for parity and for lost pieces alike: no matrix is inverted. A
//! loss pattern's factors are kept, since the stripes of a segment mostly miss the same shards.

use host_simd::gf256::{Kernel, Product, inverse, multiply};

use crate::error::Error;

/// Loss patterns whose factors are kept; a segment's stripes see one, a repair a few.
const PATTERNS_MAX: usize = 8;

/// The arithmetic of one pair of counts.
pub(crate) struct Matrix8 {
    data: usize,
    parity: Product,
    /// The loss patterns seen last, the latest at the end.
    patterns: Vec<Pattern>,
}

/// How the pieces called `wanted` are made of those called `used`.
struct Pattern {
    used: Vec<usize>,
    wanted: Vec<usize>,
    product: Product,
}

impl Matrix8 {
    /// For `data + parity` of at most 256. Cost: `parity` times `data` factors.
    pub(crate) fn new(data: usize, parity: usize) -> Self {
        let used: Vec<usize> = (0..data).collect();
        let wanted: Vec<usize> = (data..data + parity).collect();
        Self {
            data,
            parity: product(&used, &wanted),
            patterns: Vec::new(),
        }
    }

    /// Writes every parity piece; all pieces have one length.
    pub(crate) fn encode(&self, data: &[&[u8]], parity: &mut [&mut [u8]]) {
        self.parity.apply(data, parity);
    }

    /// Writes the pieces called `wanted` to `outs`, from the first `data` pieces that are there;
    /// all have `len` bytes.
    /// Errors: TooFew.
    pub(crate) fn rebuild(
        &mut self,
        pieces: &[Option<&[u8]>],
        wanted: &[usize],
        outs: &mut [&mut [u8]],
    ) -> Result<(), Error> {
        let present = pieces.iter().enumerate();
        let present = present.filter_map(|(index, piece)| Some((index, (*piece)?)));
        let (used, inputs): (Vec<usize>, Vec<&[u8]>) = present.take(self.data).unzip();
        if used.len() < self.data {
            return Err(Error::TooFew {
                need: self.data,
                have: used.len(),
            });
        }
        self.pattern(used, wanted).apply(&inputs, outs);
        Ok(())
    }

    /// The factors of a loss pattern, kept or made.
    fn pattern(&mut self, used: Vec<usize>, wanted: &[usize]) -> &Product {
        let mut kept = self.patterns.iter();
        let kept = kept.rposition(|kept| kept.used == used && kept.wanted == wanted);
        let pattern = match kept {
            Some(at) => self.patterns.remove(at),
            None => Pattern {
                product: product(&used, wanted),
                used,
                wanted: wanted.to_vec(),
            },
        };
        if self.patterns.len() >= PATTERNS_MAX {
            self.patterns.remove(0);
        }
        self.patterns.push(pattern);
        let latest = self.patterns.last().expect("one was pushed");
        &latest.product
    }
}

/// The factors that make the pieces called `wanted` of those called `used`.
fn product(used: &[usize], wanted: &[usize]) -> Product {
    let point = |index: &usize| u8::try_from(*index).unwrap_or(u8::MAX);
    let used: Vec<u8> = used.iter().map(point).collect();
    let wanted: Vec<u8> = wanted.iter().map(point).collect();
    Product::new(Kernel::best(), used.len(), &factors(&used, &wanted))
}

/// Lagrange's factors: row by row for `wanted`, the value at that point of the polynomial that is 1
/// at one of `used` and 0 at the others. Difference is xor. Points are distinct.
fn factors(used: &[u8], wanted: &[u8]) -> Vec<u8> {
    let across = |from: u8| {
        let others = used.iter().filter(move |point| **point != from);
        others.fold(1, |all, point| multiply(all, point ^ from))
    };
    let weights = used
        .iter()
        .map(|point| inverse(across(*point)).unwrap_or(0));
    let weights: Vec<u8> = weights.collect();
    let row = |at: u8| {
        // A piece that is used is itself: the product over the others is 0 for all but itself.
        let all = across(at);
        let same = used.contains(&at);
        used.iter()
            .zip(&weights)
            .map(move |(point, weight)| match inverse(point ^ at) {
                Some(inverse) if !same => multiply(multiply(all, inverse), *weight),
                _ => u8::from(*point == at),
            })
    };
    wanted.iter().flat_map(|at| row(*at)).collect()
}

#[cfg(test)]
mod tests;
