//! One period's new leaves as a tree. Leaves pass by once; what stays is one entry a level and,
//! for leaves that were asked for, their steps.
//!
//! The tree over n leaves splits at the largest power of two below n. Streaming makes the same
//! tree: two finished subtrees of one height join at once, and what is left joins from the right.

use crate::dataset::entry::{Entry, Leaf};
use crate::dataset::path::{Path, Step};
use crate::error::Error;

/// A batch as host and chain remember it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Batch {
    /// The period in which it was committed.
    pub period: u64,
    /// Its root; `None` for a batch of zero bytes, which only lets peaks fall off.
    pub root: Option<Entry>,
}

/// A leaf that was asked for, and its way to the batch's root.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Found {
    /// The leaf.
    pub leaf: Leaf,
    /// Bytes of the batch before it.
    pub start: u64,
    /// To the root of the batch.
    pub path: Path,
}

/// A finished subtree on the right edge, and which of the found leaves are below it.
struct Tree {
    height: u32,
    entry: Entry,
    found: Vec<usize>,
}

/// The root of a batch and its count of leaves; `None` for no leaf.
/// Errors: ShardLength, DatasetBytes.
pub fn batch_root(leaves: impl IntoIterator<Item = Leaf>) -> Result<Option<(Entry, u64)>, Error> {
    let mut count = 0;
    let counted = leaves.into_iter().inspect(|_| count += 1);
    let (root, _) = trace(counted, |_, _| false)?;
    Ok(root.map(|root| (root, count)))
}

/// The root of a batch, and the leaves for which `wanted` (bytes before the leaf, the leaf) said
/// yes, in order, each with its path. Cost: two hashes a leaf; memory as the head says.
/// Errors: ShardLength, DatasetBytes.
pub fn trace(
    leaves: impl IntoIterator<Item = Leaf>,
    mut wanted: impl FnMut(u64, &Leaf) -> bool,
) -> Result<(Option<Entry>, Vec<Found>), Error> {
    let mut found: Vec<Found> = Vec::new();
    let mut edge: Vec<Tree> = Vec::new();
    let mut start = 0_u64;
    for leaf in leaves {
        let entry = leaf.entry()?;
        let mut tree = Tree {
            height: 0,
            entry,
            found: Vec::new(),
        };
        if wanted(start, &leaf) {
            tree.found.push(found.len());
            found.push(Found {
                leaf,
                start,
                path: Path::default(),
            });
        }
        start = start.saturating_add(entry.sum);
        while let Some(left) = edge.pop_if(|left| left.height == tree.height) {
            tree = join(left, tree, &mut found)?;
        }
        edge.push(tree);
    }
    let Some(mut tree) = edge.pop() else {
        return Ok((None, found));
    };
    while let Some(left) = edge.pop() {
        tree = join(left, tree, &mut found)?;
    }
    Ok((Some(tree.entry), found))
}

/// Joins two neighbours and notes the step for each found leaf below them.
fn join(left: Tree, right: Tree, found: &mut [Found]) -> Result<Tree, Error> {
    let mut note = |which: &[usize], sibling: Entry, on_left: bool| {
        for index in which {
            if let Some(leaf) = found.get_mut(*index) {
                leaf.path.0.push(Step { sibling, on_left });
            }
        }
    };
    note(&left.found, right.entry, false);
    note(&right.found, left.entry, true);
    let mut below = left.found;
    below.extend(right.found);
    Ok(Tree {
        height: left.height.max(right.height) + 1,
        entry: left.entry.join(&right.entry)?,
        found: below,
    })
}

#[cfg(test)]
mod tests;
