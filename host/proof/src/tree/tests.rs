//! Goal: the builder gives one tree whatever the cutting. Method: small fixed cases; the wider
//! properties and the vectors are in tests/.

use super::{Tree, TreeBuilder};
use crate::{Error, leaf_count};
use host_core::limits::SHARD_LEN_MAX;

fn tree_of(bytes: &[u8], cut: usize) -> Tree {
    let mut builder = TreeBuilder::new();
    for part in bytes.chunks(cut) {
        builder.push(part);
    }
    builder.finish().expect("a shard of allowed length")
}

#[test]
fn cutting_does_not_change_the_tree() {
    let bytes: Vec<u8> = (0..140_001_u32).map(|i| ((i * 31) >> 3) as u8).collect();
    let whole = tree_of(&bytes, bytes.len());
    assert_eq!(whole.units.len(), 3);
    for cut in [1, 7, 255, 256, 257, 65_535, 65_536, 65_537] {
        assert_eq!(tree_of(&bytes, cut), whole, "cut {cut}");
    }
}

#[test]
fn an_empty_shard_is_no_shard() {
    let found = TreeBuilder::new().finish();
    assert!(matches!(found, Err(Error::ShardLength { len: 0, .. })));
    let mut builder = TreeBuilder::new();
    builder.push(&[]);
    assert!(builder.is_empty());
    assert!(builder.finish().is_err());
}

#[test]
fn an_endless_shard_is_refused_without_growing() {
    let mut builder = TreeBuilder::new();
    let part = vec![0; 32 << 20];
    (0..8).for_each(|_| builder.push(&part));
    assert!(builder.units.len() as u64 <= leaf_count(SHARD_LEN_MAX) / 256);
    let found = builder.finish().expect_err("256 MiB is too long");
    assert!(matches!(found, Error::ShardLength { len, .. } if len == 256 << 20));
}

#[test]
fn trailing_zeros_change_the_name_and_not_always_the_root() {
    let short = tree_of(b"abc", 3);
    let long = tree_of(b"abc\0", 4);
    assert_eq!(short.root, long.root);
    assert_ne!(short.shard_id(), long.shard_id());
}
