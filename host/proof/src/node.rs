//! The only hashing of the tree. A leaf is hashed from 256 bytes and a node from 64: the lengths
//! keep the two apart, so neither carries a prefix.
//!
//! A shard is hashed as if zero bytes went on to the next power of two of leaves. Those leaves
//! are never hashed: `zero(level)` is the node over a subtree of nothing but zero bytes.
//!
//! Wherever several hashes do not depend on each other they are asked for together, because many
//! side by side are hashed more than twice as fast as one after the other (see `host-simd`).

use std::sync::LazyLock;

use host_core::limits::LEAF_LEN;
use host_simd::sha256;
use sha2::{Digest, Sha256};

use crate::shape::DEPTH_MAX;

/// A hash while it is worked on; adjacent ones are hashed together without a copy.
pub(crate) type Node = [u8; 32];

/// `Z[0]` = SHA-256 of 256 zero bytes, `Z[i + 1]` = SHA-256(`Z[i]` || `Z[i]`).
static ZEROS: LazyLock<[Node; DEPTH_MAX + 1]> = LazyLock::new(|| {
    let mut next = leaf(&[0; LEAF_LEN]);
    std::array::from_fn(|_| {
        let zero = next;
        next = pair(&zero, &zero);
        zero
    })
});

/// The node over a subtree of `level` levels that holds only zero bytes.
pub(crate) fn zero(level: u32) -> Node {
    *ZEROS
        .get(level as usize)
        .expect("no tree is deeper than the longest shard's")
}

/// The hash of a whole leaf.
pub(crate) fn leaf(bytes: &[u8; LEAF_LEN]) -> Node {
    Sha256::digest(bytes).into()
}

/// Appends the hashes of whole leaves to `nodes`.
pub(crate) fn append_leaves(leaves: &[[u8; LEAF_LEN]], nodes: &mut Vec<Node>) {
    let start = nodes.len();
    nodes.resize(start + leaves.len(), [0; 32]);
    let (_, new) = nodes.split_at_mut(start);
    sha256::hash_each(leaves, new);
}

/// A last leaf of up to 256 bytes, continued with zeros.
pub(crate) fn padded(bytes: &[u8]) -> [u8; LEAF_LEN] {
    let mut whole = [0; LEAF_LEN];
    for (to, from) in whole.iter_mut().zip(bytes) {
        *to = *from;
    }
    whole
}

/// The node over two nodes.
pub(crate) fn pair(left: &Node, right: &Node) -> Node {
    let mut both = [0; 64];
    both[..32].copy_from_slice(left);
    both[32..].copy_from_slice(right);
    Sha256::digest(both).into()
}

/// Raises the nodes of level `from` by one level; a missing last sibling is a zero subtree.
pub(crate) fn raise(mut nodes: Vec<Node>, from: u32) -> Vec<Node> {
    if !nodes.len().is_multiple_of(2) {
        nodes.push(zero(from));
    }
    let (pairs, _) = nodes.as_flattened().as_chunks::<64>();
    let mut raised = vec![[0; 32]; pairs.len()];
    sha256::hash_each(pairs, &mut raised);
    raised
}

/// The one node of level `to` over up to `2^(to - from)` nodes of level `from`, at least one.
pub(crate) fn fold(nodes: Vec<Node>, from: u32, to: u32) -> Node {
    let top = (from..to).fold(nodes, raise);
    top.first().copied().unwrap_or_else(|| zero(to))
}
