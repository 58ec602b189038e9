//! Goal: streaming makes the tree that splitting makes, and its paths lead to its root. Method:
//! every count up to 70 against the recursive rule.

use host_core::{AgreementDigest, ShardId};

use super::{batch_root, trace};
use crate::dataset::entry::{Entry, Leaf};

fn leaf(index: u64) -> Leaf {
    let mut name = [7; 32];
    name[..8].copy_from_slice(&index.to_be_bytes());
    Leaf {
        agreement: AgreementDigest(name),
        shard: ShardId([9; 32]),
        len: 1 + index * 37 % 5000,
        end_epoch: 10 + index % 7,
    }
}

fn by_the_rule(leaves: &[Leaf]) -> Entry {
    if let [one] = leaves {
        return one.entry().unwrap();
    }
    let (left, right) = leaves.split_at(1 << (leaves.len() - 1).ilog2());
    by_the_rule(left).join(&by_the_rule(right)).unwrap()
}

#[test]
fn streaming_makes_the_tree_of_the_rule() {
    for count in 1..=70 {
        let leaves: Vec<_> = (0..count).map(leaf).collect();
        let (root, counted) = batch_root(leaves.clone()).unwrap().unwrap();
        assert_eq!(root, by_the_rule(&leaves), "{count} leaves");
        assert_eq!(counted, count);
    }
    assert_eq!(batch_root([]).unwrap(), None);
}

#[test]
fn every_traced_leaf_leads_to_the_root_from_its_place() {
    for count in [1, 2, 3, 31, 32, 33, 70] {
        let (root, found) = trace((0..count).map(leaf), |_, _| true).unwrap();
        let mut start = 0;
        for it in found {
            let (top, before) = it.path.climb(it.leaf.entry().unwrap()).unwrap();
            assert_eq!(Some(top), root);
            assert_eq!((before, it.start), (start, start));
            start += it.leaf.len;
        }
    }
}

#[test]
fn a_leaf_of_no_shard_is_refused() {
    let mut long = leaf(1);
    long.len = 64 * 1024 * 1024 + 1;
    assert!(batch_root([leaf(0), long.clone()]).is_err());
    long.len = 0;
    assert!(batch_root([long]).is_err());
}
