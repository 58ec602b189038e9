//! Goal: what must hold for every shard, not only for the vectors. Method: random lengths around
//! the corners of leaves and units, random cuttings, one random lie at a time.

use host_core::Digest32;
use host_proof::{
    Tree, TreeBuilder, check_unit, check_units, leaf_count, prove, unit_count, unit_len, verify,
};
use proptest::prelude::{ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq};
use proptest::proptest;

fn bytes(seed: u64, len: usize) -> Vec<u8> {
    let mut state = seed | 1;
    let next = |_| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        (state >> 32) as u8
    };
    (0..len).map(next).collect()
}

fn tree(bytes: &[u8]) -> Tree {
    let mut builder = TreeBuilder::new();
    builder.push(bytes);
    builder.finish().expect("a shard of allowed length")
}

/// Lengths near a multiple of a leaf or a unit, where rules meet.
fn lengths() -> impl Strategy<Value = usize> {
    let near = (0..5_usize, 0..5_usize, 0..3_usize);
    near.prop_map(|(units, leaves, off)| (units * 65_536 + leaves * 256 + off).max(2) - 1)
}

/// Any of `count` things.
fn pick(choice: u64, count: u64) -> u64 {
    choice % count
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_cutting_gives_the_same_tree(
        len in lengths(),
        seed in any::<u64>(),
        cuts in prop::collection::vec(0..70_000_usize, 0..40),
    ) {
        let bytes = bytes(seed, len);
        let mut builder = TreeBuilder::new();
        let mut rest = bytes.as_slice();
        for cut in cuts {
            let (part, tail) = rest.split_at(cut.min(rest.len()));
            builder.push(part);
            rest = tail;
        }
        builder.push(rest);
        prop_assert_eq!(builder.len(), len as u64);
        prop_assert_eq!(builder.finish().unwrap(), tree(&bytes));
    }

    #[test]
    fn one_flipped_bit_gives_another_name_and_is_caught_in_its_unit(
        len in lengths(),
        seed in any::<u64>(),
        bit in any::<u64>(),
    ) {
        let mut bytes = bytes(seed, len);
        let honest = tree(&bytes);
        let bit = pick(bit, len as u64 * 8);
        bytes[(bit / 8) as usize] ^= 1 << (bit % 8);
        prop_assert!(tree(&bytes).shard_id() != honest.shard_id());
        let wrong = (bit / 8 / 65_536) as usize;
        for (index, unit) in bytes.chunks(65_536).enumerate() {
            let found = check_unit(honest.len, &honest.units, index, unit);
            prop_assert_eq!(found.is_err(), index == wrong);
        }
    }

    #[test]
    fn a_changed_unit_list_never_leads_to_the_name(
        len in lengths(),
        seed in any::<u64>(),
        bit in any::<u64>(),
    ) {
        let honest = tree(&bytes(seed, len));
        let mut units = honest.units.clone();
        let bit = pick(bit, units.len() as u64 * 256) as usize;
        units[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8);
        prop_assert!(check_units(&honest.shard_id(), honest.len, &units).is_err());
        prop_assert!(check_units(&honest.shard_id(), honest.len, &honest.units).is_ok());
    }

    #[test]
    fn a_proof_holds_unless_a_bit_of_it_changes(
        len in lengths(),
        seed in any::<u64>(),
        leaf in any::<u64>(),
        bit in any::<u64>(),
    ) {
        let bytes = bytes(seed, len);
        let honest = tree(&bytes);
        let leaf = pick(leaf, leaf_count(honest.len));
        let unit = bytes.chunks(65_536).nth((leaf / 256) as usize).unwrap();
        let mut proof = prove(leaf, unit, &honest.units, honest.len).unwrap();
        let id = honest.shard_id();
        prop_assert!(verify(&id, honest.len, leaf, &proof).is_ok());
        let bit = pick(bit, (256 + proof.path.len() as u64 * 32) * 8) as usize;
        match bit.checked_sub(2048) {
            None => proof.leaf[bit / 8] ^= 1 << (bit % 8),
            Some(bit) => proof.path[bit / 256].0[bit % 256 / 8] ^= 1 << (bit % 8),
        }
        prop_assert!(verify(&id, honest.len, leaf, &proof).is_err());
    }

    #[test]
    fn hostile_lengths_and_indexes_are_answered_without_a_panic(
        len in any::<u64>(),
        index in any::<usize>(),
        units in prop::collection::vec(any::<[u8; 32]>(), 0..4),
        bytes in prop::collection::vec(any::<u8>(), 0..600),
    ) {
        let units: Vec<Digest32> = units.into_iter().map(Digest32).collect();
        let id = host_core::ShardId([7; 32]);
        prop_assert!(check_units(&id, len, &units).is_err());
        let near = len % 300_000;
        for len in [len, near] {
            prop_assert!(unit_len(len, index) <= 65_536);
            prop_assert!(unit_count(len) <= len);
            let _ = check_unit(len, &units, index, &bytes);
            prop_assert!(check_unit(len, &[], index, &bytes).is_err());
            let _ = prove(index as u64, &bytes, &units, len);
            let proof = host_proof::LeafProof { leaf: bytes.clone(), path: units.clone() };
            prop_assert!(verify(&id, len, index as u64, &proof).is_err());
        }
    }
}
