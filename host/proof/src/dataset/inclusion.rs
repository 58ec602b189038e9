//! The proof that one agreement stands in a host's dataset: the list of peaks, which of them, and
//! the way there. A renter checks it each epoch against the commitment on the chain; the escrow
//! takes the same bytes.

use host_core::Digest32;

use crate::dataset::entry::{ENTRY_LEN, Leaf};
use crate::dataset::path::Path;
use crate::dataset::peaks::{PEAKS_MAX, Peaks};
use crate::error::Error;

/// Where a leaf stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inclusion {
    /// The whole list.
    pub peaks: Peaks,
    /// The peak it is under.
    pub peak_index: usize,
    /// From the leaf to that peak.
    pub path: Path,
}

impl Inclusion {
    /// Checks that `leaf` stands in the dataset called `commitment`; answers with the bytes before
    /// it in its peak.
    /// Errors: Commitment when the list has another name; NotIncluded when the way leads
    /// elsewhere; ShardLength; DatasetBytes.
    pub fn check(&self, commitment: &Digest32, leaf: &Leaf) -> Result<u64, Error> {
        let found = self.peaks.commitment();
        if found != *commitment {
            return Err(Error::Commitment {
                need: *commitment,
                found,
            });
        }
        let (top, start) = self.path.climb(leaf.entry()?)?;
        if self.peaks.0.get(self.peak_index) != Some(&top) {
            return Err(Error::NotIncluded {
                agreement: leaf.agreement,
            });
        }
        Ok(start)
    }

    /// The bytes the contract and a renter take.
    /// Errors: PathSteps, Encoding when there are more peaks than there can be.
    pub fn to_bytes(&self) -> Result<Vec<u8>, Error> {
        let many = Error::Encoding { what: "peaks" };
        let count = u8::try_from(self.peaks.0.len()).map_err(|_| many.clone())?;
        let index = u8::try_from(self.peak_index).map_err(|_| many)?;
        let mut bytes = vec![count];
        bytes.extend(self.peaks.to_bytes());
        bytes.push(index);
        bytes.extend(self.path.to_bytes()?);
        Ok(bytes)
    }

    /// Reads an inclusion proof; nothing about it is believed yet.
    /// Errors: Encoding, PathSteps.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Error> {
        let short = Error::Encoding { what: "inclusion" };
        let (&count, rest) = bytes.split_first().ok_or(short.clone())?;
        if usize::from(count) > PEAKS_MAX {
            return Err(short);
        }
        let (peaks, rest) = rest
            .split_at_checked(usize::from(count) * ENTRY_LEN)
            .ok_or(short.clone())?;
        let (&index, rest) = rest.split_first().ok_or(short.clone())?;
        let (path, rest) = Path::from_front(rest)?;
        if !rest.is_empty() {
            return Err(short);
        }
        Ok(Self {
            peaks: Peaks::from_bytes(peaks)?,
            peak_index: usize::from(index),
            path,
        })
    }
}
