//! Goal: each leaf can be shown and nothing else can. Method: every leaf of small shards, chosen
//! leaves of a larger one, then one lie at a time.

use super::{LeafProof, prove, verify};
use crate::{Error, Tree, TreeBuilder, depth, leaf_count};
use host_core::{Blame, Digest32};

fn shard(len: usize) -> (Vec<u8>, Tree) {
    let bytes: Vec<u8> = (0..len).map(|i| (i * 7 + i / 256) as u8).collect();
    let mut builder = TreeBuilder::new();
    builder.push(&bytes);
    (bytes, builder.finish().expect("a shard of allowed length"))
}

fn show(bytes: &[u8], tree: &Tree, leaf: u64) -> LeafProof {
    let unit = bytes.chunks(65_536).nth((leaf / 256) as usize).unwrap();
    prove(leaf, unit, &tree.units, tree.len).unwrap()
}

#[test]
fn every_leaf_can_be_shown() {
    for len in [
        1, 255, 256, 257, 1000, 1025, 65_535, 65_536, 65_537, 200_000,
    ] {
        let (bytes, tree) = shard(len);
        for leaf in (0..leaf_count(tree.len)).filter(|i| i % 13 < 2 || i % 256 > 253) {
            let proof = show(&bytes, &tree, leaf);
            assert_eq!(proof.path.len(), depth(tree.len) as usize);
            verify(&tree.shard_id(), tree.len, leaf, &proof).unwrap();
        }
    }
}

#[test]
fn a_node_cannot_pose_as_a_leaf() {
    let (bytes, tree) = shard(2048);
    let proof = show(&bytes, &tree, 0);
    let left = crate::node::leaf(bytes[..256].try_into().unwrap());
    let posed = LeafProof {
        leaf: [left, proof.path[0].0].concat(),
        path: proof.path[1..].to_vec(),
    };
    let found = verify(&tree.shard_id(), tree.len, 0, &posed);
    assert!(matches!(found, Err(Error::LeafLength { have: 64, .. })));
    // The same disguise with a length that fits the shortened path is another shard.
    let found = verify(&tree.shard_id(), 1024, 0, &posed);
    assert!(matches!(found, Err(Error::LeafLength { .. })));
    let cut = LeafProof {
        path: proof.path[1..].to_vec(),
        ..proof.clone()
    };
    let found = verify(&tree.shard_id(), tree.len, 0, &cut);
    assert!(matches!(found, Err(Error::PathLength { need: 3, have: 2 })));
    let long = LeafProof {
        path: [proof.path.as_slice(), &[Digest32([0; 32])]].concat(),
        ..proof
    };
    assert!(matches!(
        verify(&tree.shard_id(), tree.len, 0, &long),
        Err(Error::PathLength { .. })
    ));
}

#[test]
fn a_proof_holds_for_one_place_and_one_shard() {
    let (bytes, tree) = shard(70_000);
    let proof = show(&bytes, &tree, 17);
    let id = tree.shard_id();
    let elsewhere = verify(&id, tree.len, 16, &proof);
    assert!(matches!(elsewhere, Err(Error::Root { .. })));
    let beyond = verify(&id, tree.len, leaf_count(tree.len), &proof);
    assert!(matches!(
        beyond,
        Err(Error::Index {
            index: 274,
            count: 274,
            ..
        })
    ));
    let longer = verify(&id, tree.len + 1, 17, &proof);
    assert!(matches!(longer, Err(Error::Root { .. })));
    assert!(verify(&id, 0, 0, &proof).is_err());
}

#[test]
fn padding_beyond_the_last_leaf_cannot_be_shown() {
    let (bytes, tree) = shard(1025);
    let proof = show(&bytes, &tree, 4);
    assert_eq!(proof.leaf[1..], [0; 255]);
    assert!(verify(&tree.shard_id(), tree.len, 5, &proof).is_err());
    assert!(prove(5, &bytes, &tree.units, tree.len).is_err());
}

#[test]
fn rot_on_the_hosts_own_drive_is_found_before_it_is_sent() {
    let (mut bytes, tree) = shard(70_000);
    bytes[3] ^= 4;
    let found = prove(200, &bytes[..65_536], &tree.units, tree.len).expect_err("rot");
    assert!(matches!(found, Error::Rot { index: 0, .. }));
    assert_eq!(found.blame(), Blame::Machine);
}
