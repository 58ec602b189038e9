//! How a host's batches were merged into its peaks, replayed from the list of batches, and the way
//! from any batch to its peak. A few entries a batch are held; leaves are not.

use crate::dataset::batch::Batch;
use crate::dataset::entry::Entry;
use crate::dataset::path::{Path, Step};
use crate::dataset::peaks::Peaks;
use crate::error::Error;

/// A subtree above batches.
#[derive(Debug, Clone, Copy)]
struct Node {
    entry: Entry,
    below: Below,
    /// Parent, sibling, whether the sibling is on the left.
    above: Option<(usize, Entry, bool)>,
}

#[derive(Debug, Clone, Copy)]
enum Below {
    Batch(usize),
    Pair(usize, usize),
}

/// The merged batches up to some period.
#[derive(Debug, Clone, Default)]
pub struct History {
    nodes: Vec<Node>,
    /// The peaks' nodes, heaviest first.
    peaks: Vec<usize>,
    /// The node of each batch that has bytes.
    batches: Vec<Option<usize>>,
}

impl History {
    /// Replays batches in the order in which they were committed. For the proof of a period, give
    /// those committed in or before it.
    /// Errors: DatasetBytes.
    pub fn replay<'a>(batches: impl IntoIterator<Item = &'a Batch>) -> Result<Self, Error> {
        let mut history = Self::default();
        for batch in batches {
            history.append(batch)?;
        }
        Ok(history)
    }

    /// Merges the next batch, exactly as the contract does.
    /// Errors: DatasetBytes.
    pub fn append(&mut self, batch: &Batch) -> Result<(), Error> {
        let Self { nodes, peaks, .. } = self;
        peaks.retain(|peak| sum_end(nodes, *peak).1 > batch.period);
        let index = self.batches.len();
        let Some(root) = batch.root.filter(|root| root.sum > 0) else {
            self.batches.push(None);
            return Ok(());
        };
        let mut new = self.push(root, Below::Batch(index));
        self.batches.push(Some(new));
        let mut lighter = None;
        while let Some(peak) = self.pop_below(u128::from(root.sum)) {
            lighter = Some(match lighter {
                None => peak,
                Some(right) => self.join(peak, right)?,
            });
        }
        if let Some(left) = lighter {
            new = self.join(left, new)?;
        }
        while let Some(peak) = self.pop_below(2 * u128::from(sum_end(&self.nodes, new).0)) {
            new = self.join(peak, new)?;
        }
        self.peaks.push(new);
        Ok(())
    }

    /// The peaks, as the chain has them.
    #[must_use]
    pub fn peaks(&self) -> Peaks {
        let entries = self.peaks.iter().filter_map(|peak| self.nodes.get(*peak));
        Peaks(entries.map(|node| node.entry).collect())
    }

    /// The way from the root of batch `index` to its peak, and the peak's index; `None` when the
    /// batch has no bytes or its peak fell off.
    #[must_use]
    pub fn path(&self, index: usize) -> Option<(Path, usize)> {
        let mut at = (*self.batches.get(index)?)?;
        let mut path = Path::default();
        while let Some((parent, sibling, on_left)) = self.nodes.get(at)?.above {
            path.0.push(Step { sibling, on_left });
            at = parent;
        }
        let peak = self.peaks.iter().position(|peak| *peak == at)?;
        Some((path, peak))
    }

    /// The batch in which byte `within` of peak `peak` lies, and the byte in the batch.
    #[must_use]
    pub fn descend(&self, peak: usize, within: u64) -> Option<(usize, u64)> {
        let mut at = *self.peaks.get(peak)?;
        let mut offset = within;
        loop {
            match self.nodes.get(at)?.below {
                Below::Batch(index) => return Some((index, offset)),
                Below::Pair(left, right) => {
                    let sum = sum_end(&self.nodes, left).0;
                    at = if offset < sum { left } else { right };
                    offset = offset.checked_sub(sum).unwrap_or(offset);
                }
            }
        }
    }

    fn push(&mut self, entry: Entry, below: Below) -> usize {
        self.nodes.push(Node {
            entry,
            below,
            above: None,
        });
        self.nodes.len() - 1
    }

    /// Takes the last peak off when it has fewer bytes than `bytes`.
    fn pop_below(&mut self, bytes: u128) -> Option<usize> {
        let nodes = &self.nodes;
        self.peaks
            .pop_if(|peak| u128::from(sum_end(nodes, *peak).0) < bytes)
    }

    fn join(&mut self, left: usize, right: usize) -> Result<usize, Error> {
        let entry = |index: usize| {
            let node = self.nodes.get(index);
            node.expect("nodes are only ever added").entry
        };
        let (one, two) = (entry(left), entry(right));
        let above = self.push(one.join(&two)?, Below::Pair(left, right));
        for (child, sibling, on_left) in [(left, two, false), (right, one, true)] {
            if let Some(node) = self.nodes.get_mut(child) {
                node.above = Some((above, sibling, on_left));
            }
        }
        Ok(above)
    }
}

/// Sum and end of a node; of one that is not there, nothing.
fn sum_end(nodes: &[Node], index: usize) -> (u64, u64) {
    nodes
        .get(index)
        .map_or((0, 0), |node| (node.entry.sum, node.entry.end))
}

#[cfg(test)]
mod tests;
