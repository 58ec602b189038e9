//! Goal: a reader takes the writer's units and no others. Method: one shard of three units,
//! then one lie at a time.

use super::{check_unit, check_units, unit_node};
use crate::{Error, Tree, TreeBuilder};
use host_core::Digest32;

fn shard() -> (Vec<u8>, Tree) {
    let bytes: Vec<u8> = (0..131_072_u32 + 500).map(|i| (i % 251) as u8).collect();
    let mut builder = TreeBuilder::new();
    builder.push(&bytes);
    (bytes, builder.finish().expect("a shard of allowed length"))
}

#[test]
fn every_unit_of_the_writer_is_taken() {
    let (bytes, tree) = shard();
    check_units(&tree.shard_id(), tree.len, &tree.units).unwrap();
    for (index, unit) in bytes.chunks(65_536).enumerate() {
        check_unit(tree.len, &tree.units, index, unit).unwrap();
        assert_eq!(unit_node(tree.len, index, unit).unwrap(), tree.units[index]);
    }
}

#[test]
fn the_unit_of_a_short_shard_is_its_root() {
    for len in [1, 256, 257, 5000, 65_536] {
        let bytes = vec![7; len];
        let mut builder = TreeBuilder::new();
        builder.push(&bytes);
        let tree = builder.finish().unwrap();
        assert_eq!(tree.units, [tree.root]);
        assert_eq!(unit_node(tree.len, 0, &bytes).unwrap(), tree.root);
        check_units(&tree.shard_id(), tree.len, &tree.units).unwrap();
    }
}

#[test]
fn another_length_list_or_order_is_another_shard() {
    let (_, tree) = shard();
    let id = tree.shard_id();
    let refused = |len, units: &[Digest32]| check_units(&id, len, units).expect_err("a lie");
    assert!(matches!(
        refused(tree.len + 1, &tree.units),
        Error::Root { .. }
    ));
    assert!(matches!(
        refused(tree.len, &tree.units[..2]),
        Error::UnitCount { have: 2, .. }
    ));
    assert!(matches!(refused(0, &[]), Error::ShardLength { .. }));
    assert!(matches!(
        refused(u64::MAX, &tree.units),
        Error::ShardLength { .. }
    ));
    let mut swapped = tree.units.clone();
    swapped.swap(0, 1);
    assert!(matches!(refused(tree.len, &swapped), Error::Root { .. }));
}

#[test]
fn a_wrong_unit_is_named_by_its_index() {
    let (mut bytes, tree) = shard();
    bytes[65_536 + 9] ^= 1;
    let found = check_unit(tree.len, &tree.units, 1, &bytes[65_536..131_072]);
    assert!(matches!(found, Err(Error::UnitBytes { index: 1, .. })));
    let found = check_unit(tree.len, &tree.units, 2, &bytes[131_072..131_073]);
    assert!(matches!(
        found,
        Err(Error::UnitLength {
            index: 2,
            need: 500,
            have: 1
        })
    ));
    let found = check_unit(tree.len, &tree.units, 3, &[]);
    assert!(matches!(
        found,
        Err(Error::Index {
            index: 3,
            count: 3,
            ..
        })
    ));
}
