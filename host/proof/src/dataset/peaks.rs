//! The list of peaks: what a dataset comes to. The chain keeps only its hash; host and readers
//! keep the list and show it. Each peak has at least twice the bytes of the next.

use host_core::Digest32;
use host_core::eip712::keccak;

use crate::dataset::entry::{ENTRY_LEN, Entry};
use crate::error::Error;

/// Most peaks a dataset can have: sums halve from at most 2^62 down to 1.
pub const PEAKS_MAX: usize = 63;

/// The peaks, heaviest first.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Peaks(pub Vec<Entry>);

impl Peaks {
    /// The name the chain keeps: keccak256 of the entries, zero for the empty list.
    #[must_use]
    pub fn commitment(&self) -> Digest32 {
        if self.0.is_empty() {
            return Digest32([0; 32]);
        }
        keccak(&self.to_bytes())
    }

    /// The entries, one after the other.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        self.0.iter().flat_map(Entry::to_bytes).collect()
    }

    /// Reads a list; whether it is a committed one is told by its commitment.
    /// Errors: Encoding for a broken length or more peaks than there can be.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let (entries, rest) = bytes.as_chunks::<ENTRY_LEN>();
        if !rest.is_empty() || entries.len() > PEAKS_MAX {
            return Err(Error::Encoding { what: "peaks" });
        }
        Ok(Self(entries.iter().map(Entry::from_bytes).collect()))
    }

    /// Bytes that draws of `period` are made from: of peaks that are not over.
    #[must_use]
    pub fn live_bytes(&self, period: u64) -> u64 {
        let live = self.0.iter().filter(|peak| peak.end > period);
        live.fold(0, |sum, peak| sum.saturating_add(peak.sum))
    }

    /// The index of the peak in which byte `offset` of the live range lies, and the byte in it.
    /// Errors: Range behind the last byte.
    pub fn locate(&self, period: u64, offset: u64) -> Result<(usize, u64), Error> {
        let mut within = offset;
        for (index, peak) in self.0.iter().enumerate() {
            if peak.end <= period {
                continue;
            }
            if within < peak.sum {
                return Ok((index, within));
            }
            within -= peak.sum;
        }
        Err(Error::Range {
            byte: offset,
            live: self.live_bytes(period),
        })
    }
}
