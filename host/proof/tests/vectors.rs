//! Goal: this code and an implementation written apart from it, in another language, agree on
//! every hash. Method: tests/vectors/proof.json, made by proof.py beside it from the same
//! rules; lengths from 1 byte to 64 MiB, with and without trailing zeros.

use host_core::{Digest32, ShardId};
use host_proof::{LeafProof, TreeBuilder, check_units, depth, prove, verify};
use serde_json::Value;
use std::collections::BTreeMap;

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/proof.json")).expect("committed vectors are json")
}

fn number(case: &Value, key: &str) -> u64 {
    case[key].as_u64().expect(key)
}

fn digest(value: &Value) -> Digest32 {
    value
        .as_str()
        .expect("hex text")
        .parse()
        .expect("32 bytes of hex")
}

fn sha256(bytes: &[u8]) -> Digest32 {
    use sha2::Digest;
    Digest32(sha2::Sha256::digest(bytes).into())
}

fn shard(len: u64, zeros: u64) -> Vec<u8> {
    let kept = (len - zeros) as usize;
    let blocks = (0..).map(|i: u64| sha256(&i.to_be_bytes()).0);
    let mut bytes: Vec<u8> = blocks.take(kept.div_ceil(32)).flatten().collect();
    bytes.truncate(kept);
    bytes.resize(len as usize, 0);
    bytes
}

#[test]
fn every_vector_is_met() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().expect("cases");
    assert!(cases.len() >= 22);
    for case in cases {
        let (len, zeros) = (number(case, "len"), number(case, "zeros"));
        let bytes = shard(len, zeros);
        let mut builder = TreeBuilder::new();
        bytes.chunks(100_003).for_each(|part| builder.push(part));
        let tree = builder.finish().unwrap();
        assert_eq!(
            tree.root,
            digest(&case["root"]),
            "root of {len}, {zeros} zeros"
        );
        let id = ShardId(digest(&case["shard_id"]).0);
        assert_eq!(tree.shard_id(), id);
        assert_eq!(u64::from(depth(len)), number(case, "depth"));
        assert_eq!(tree.units.len() as u64, number(case, "units"));
        let list: Vec<u8> = tree.units.iter().flat_map(|unit| unit.0).collect();
        assert_eq!(sha256(&list), digest(&case["units_sha256"]));
        check_units(&id, len, &tree.units).unwrap();
        for shown in case["proofs"].as_array().expect("proofs") {
            let leaf = number(shown, "index");
            let unit = bytes.chunks(65_536).nth((leaf / 256) as usize).unwrap();
            let proof = prove(leaf, unit, &tree.units, len).unwrap();
            assert_eq!(sha256(&proof.leaf), digest(&shown["leaf_sha256"]));
            let path: Vec<Digest32> = shown["path"]
                .as_array()
                .unwrap()
                .iter()
                .map(digest)
                .collect();
            assert_eq!(proof.path, path, "leaf {leaf} of {len}");
            verify(&id, len, leaf, &LeafProof { path, ..proof }).unwrap();
        }
    }
}

#[test]
fn length_tells_shards_apart_that_share_a_root() {
    let vectors = vectors();
    let mut names = BTreeMap::new();
    let mut roots = BTreeMap::new();
    for case in vectors["cases"].as_array().expect("cases") {
        *roots.entry(digest(&case["root"])).or_insert(0) += 1;
        assert_eq!(names.insert(digest(&case["shard_id"]), case), None);
    }
    // 1 byte and the same byte with a zero behind it, and their like.
    assert!(roots.values().any(|count| *count > 1));
}

#[test]
fn zero_nodes_are_the_padding_of_a_sparse_tree() {
    let vectors = vectors();
    let zeros: Vec<Digest32> = vectors["zero_nodes"]
        .as_array()
        .unwrap()
        .iter()
        .map(digest)
        .collect();
    // A shard of one leaf and one byte more than 2^n leaves has zero subtrees as siblings.
    for level in 1..10_u32 {
        let leaves = (1_usize << level) + 1;
        let bytes = vec![5; (leaves - 1) * 256 + 1];
        let mut builder = TreeBuilder::new();
        builder.push(&bytes);
        let tree = builder.finish().unwrap();
        let leaf = leaves as u64 - 1;
        let unit = bytes.chunks(65_536).nth((leaf / 256) as usize).unwrap();
        let proof = prove(leaf, unit, &tree.units, tree.len).unwrap();
        assert_eq!(proof.path[..level as usize], zeros[..level as usize]);
    }
}
