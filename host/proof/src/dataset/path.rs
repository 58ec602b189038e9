//! The way from a leaf up to a peak: one sibling entry a step. It may come from anybody, so it is
//! climbed with checked sums, and has exactly one encoding.

use crate::dataset::entry::{ENTRY_LEN, Entry};
use crate::error::Error;

/// Longest way from a leaf to its peak.
pub const STEPS_MAX: usize = 64;

/// One step up.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Step {
    /// The other child.
    pub sibling: Entry,
    /// Whether it is the left one.
    pub on_left: bool,
}

/// Steps from a leaf upwards.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Path(pub Vec<Step>);

impl Path {
    /// The entry that `from` leads to and the bytes before `from` in its tree.
    /// Errors: DatasetBytes when a sum leaves the range.
    pub fn climb(&self, from: Entry) -> Result<(Entry, u64), Error> {
        let mut start = 0;
        let mut entry = from;
        for step in &self.0 {
            entry = if step.on_left {
                // Cannot wrap: the join below bounds the sum of all left siblings.
                start += step.sibling.sum;
                step.sibling.join(&entry)?
            } else {
                entry.join(&step.sibling)?
            };
        }
        Ok((entry, start))
    }

    /// Count of steps (u8), sides (u64), the siblings.
    /// Errors: PathSteps when there are too many for one encoding.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let have = self.0.len();
        let count = u8::try_from(have)
            .ok()
            .filter(|_| have <= STEPS_MAX)
            .ok_or(Error::PathSteps { have })?;
        let left = |(i, step): (usize, &Step)| u64::from(step.on_left) << i;
        let sides: u64 = self.0.iter().enumerate().map(left).sum();
        let mut bytes = Vec::with_capacity(9 + have * ENTRY_LEN);
        bytes.push(count);
        bytes.extend_from_slice(&sides.to_be_bytes());
        for step in &self.0 {
            bytes.extend_from_slice(&step.sibling.to_bytes());
        }
        Ok(bytes)
    }

    /// Reads a path from the front of `bytes`; answers with what follows it.
    /// Errors: PathSteps for too many; Encoding when bytes are missing or a side has no step.
    pub fn from_front(bytes: &[u8]) -> Result<(Self, &[u8]), Error> {
        let short = Error::Encoding { what: "path" };
        let (&[count], rest) = bytes.split_first_chunk::<1>().ok_or(short.clone())?;
        let (sides, rest) = rest.split_first_chunk::<8>().ok_or(short.clone())?;
        let (count, sides) = (usize::from(count), u64::from_be_bytes(*sides));
        if count > STEPS_MAX {
            return Err(Error::PathSteps { have: count });
        }
        if count < STEPS_MAX && sides >> count != 0 {
            return Err(Error::Encoding {
                what: "sides of a path",
            });
        }
        let (steps, rest) = rest.split_at_checked(count * ENTRY_LEN).ok_or(short)?;
        let (steps, _) = steps.as_chunks::<ENTRY_LEN>();
        let read = steps.iter().enumerate().map(|(i, sibling)| Step {
            sibling: Entry::from_bytes(sibling),
            on_left: sides >> i & 1 == 1,
        });
        Ok((Self(read.collect()), rest))
    }
}
