//! Where the bytes of a segment lie. A segment is cut into stripes, a stripe into `data` pieces;
//! piece `i` of stripe `s` is the s-th run of shard `i`. Only lengths enter, only offsets leave.
//!
//! ```text
//! segment   | stripe 0: p0 p1 .. p9 | stripe 1: p0 p1 .. p9 | last: p0 .. p9 (shorter) |
//! shard 0   | p0 of stripe 0 | p0 of stripe 1 | p0 of the last |
//! ```

use std::ops::Range;

use host_core::geometry::Geometry;
use host_core::limits::PIECE_STEP;

use crate::error::Error;

/// One stripe of a segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Stripe {
    /// Its number in the segment.
    pub index: u64,
    /// Where its data begins in the segment.
    pub offset: u64,
    /// Its data bytes, padding not counted.
    pub len: usize,
    /// Bytes of each of its pieces, padding counted.
    pub piece_len: usize,
    /// Where its piece begins in every shard.
    pub shard_offset: u64,
}

/// The stripes of one segment, in order.
#[derive(Debug, Clone)]
pub struct Stripes {
    geometry: Geometry,
    segment_len: u64,
    next: u64,
}

impl Stripes {
    /// The stripes of a segment of `segment_len` ciphertext bytes.
    /// Errors: Geometry; SegmentLength when the segment is empty or too long for its geometry.
    pub fn of(geometry: &Geometry, segment_len: u64) -> Result<Self, Error> {
        geometry.check()?;
        if segment_len == 0 || segment_len > geometry.segment_len {
            return Err(Error::SegmentLength {
                have: segment_len,
                max: geometry.segment_len,
            });
        }
        Ok(Self {
            geometry: *geometry,
            segment_len,
            next: 0,
        })
    }

    /// Stripes of the whole segment.
    #[must_use]
    pub fn stripe_count(&self) -> u64 {
        self.segment_len.div_ceil(self.geometry.stripe_len())
    }

    /// Stripe number `index`, none beyond the last.
    #[must_use]
    pub fn get(&self, index: u64) -> Option<Stripe> {
        let full = self.geometry.stripe_len();
        let offset = index.checked_mul(full)?;
        let len = self.segment_len.checked_sub(offset)?.min(full);
        (len > 0).then(|| Stripe {
            index,
            offset,
            len: len as usize,
            piece_len: self.geometry.piece_len_of(len) as usize,
            shard_offset: index * u64::from(self.geometry.piece_len),
        })
    }

    /// The stripes that hold bytes `start..end` of the segment, each with its part of the range.
    /// Errors: Range when it is empty or reaches beyond the segment.
    pub fn covering(&self, start: u64, end: u64) -> Result<impl Iterator<Item = Span>, Error> {
        if start >= end || end > self.segment_len {
            return Err(Error::Range {
                start,
                end,
                segment_len: self.segment_len,
            });
        }
        let full = self.geometry.stripe_len();
        let layout = self.clone();
        let touched = start / full..end.div_ceil(full);
        Ok(touched.filter_map(move |index| {
            let stripe = layout.get(index)?;
            Some(Span {
                stripe,
                from: start.saturating_sub(stripe.offset) as usize,
                to: (end - stripe.offset).min(stripe.len as u64) as usize,
            })
        }))
    }
}

impl Iterator for Stripes {
    type Item = Stripe;

    fn next(&mut self) -> Option<Stripe> {
        let stripe = self.get(self.next)?;
        self.next += 1;
        Some(stripe)
    }

    fn size_hint(&self) -> (usize, Option<usize>) {
        let rest = (self.stripe_count() - self.next) as usize;
        (rest, Some(rest))
    }
}

impl ExactSizeIterator for Stripes {}

/// Bytes `from..to` of a stripe's data.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Span {
    /// The stripe.
    pub stripe: Stripe,
    /// First byte, counted in the stripe's data.
    pub from: usize,
    /// Byte after the last, counted in the stripe's data.
    pub to: usize,
}

impl Span {
    /// The runs of data shards that hold these bytes, in the order of the bytes.
    pub fn runs(&self) -> impl Iterator<Item = Run> + use<> {
        let Self { stripe, from, to } = *self;
        let len = stripe.piece_len;
        (from / len..to.div_ceil(len)).map(move |shard| {
            let begin = from.max(shard * len);
            let within = begin - shard * len;
            Run {
                shard,
                shard_offset: stripe.shard_offset + within as u64,
                segment_offset: stripe.offset + begin as u64,
                len: to.min((shard + 1) * len) - begin,
            }
        })
    }

    /// The columns of this stripe's pieces that the bytes lie in, widened to steps of 64 bytes:
    /// what must be read of other shards to rebuild a missing run.
    #[must_use]
    pub fn columns(&self) -> Range<usize> {
        let (len, step) = (self.stripe.piece_len, PIECE_STEP as usize);
        let (first, last) = (self.from / len, (self.to - 1) / len);
        if first != last {
            return 0..len;
        }
        let (from, to) = (self.from - first * len, self.to - first * len);
        from / step * step..to.next_multiple_of(step)
    }
}

/// Consecutive bytes of one data shard that are consecutive bytes of the segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Run {
    /// The data shard.
    pub shard: usize,
    /// Where the run begins in the shard.
    pub shard_offset: u64,
    /// Where the run begins in the segment.
    pub segment_offset: u64,
    /// Its bytes.
    pub len: usize,
}

#[cfg(test)]
mod tests;
