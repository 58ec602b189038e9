//! Goal: every kernel of this machine gives the digests of the crate sha2. Method: counts around
//! every number of lanes, messages of one to five blocks, starts at every alignment; random bytes.

use super::{Digest, Kernel};
use proptest::prelude::{ProptestConfig, any};
use proptest::proptest;
use sha2::{Digest as _, Sha256};

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

fn agree<const LEN: usize>(bytes: &[u8], count: usize) {
    let messages = &bytes.as_chunks::<LEN>().0[..count];
    let plain: Vec<Digest> = messages
        .iter()
        .map(|message| Sha256::digest(message).into())
        .collect();
    for kernel in Kernel::all() {
        let mut digests = vec![[0; 32]; count];
        kernel.hash_each(messages, &mut digests);
        assert_eq!(digests, plain, "{}, {count} of {LEN}", kernel.name());
    }
}

#[test]
fn every_kernel_gives_the_plain_digests_at_every_count() {
    let bytes = bytes(7, 70 * 320);
    for count in 0..70 {
        agree::<64>(&bytes, count);
        agree::<256>(&bytes, count);
    }
    for count in [0, 1, 2, 15, 16, 17, 33] {
        agree::<128>(&bytes, count);
        agree::<192>(&bytes, count);
        agree::<320>(&bytes, count);
    }
}

#[test]
fn the_specification_comes_first_and_the_best_last() {
    let all: Vec<Kernel> = Kernel::all().collect();
    assert_eq!(all.first().map(|kernel| kernel.name()), Some("portable"));
    assert_eq!(all.last(), Some(&Kernel::best()));
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 200, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_bytes_at_any_alignment_give_the_plain_digests(
        seed in any::<u64>(),
        start in 0..64_usize,
        count in 0..40_usize,
    ) {
        let bytes = bytes(seed, 41 * 256);
        agree::<64>(&bytes[start..], count);
        agree::<256>(&bytes[start..], count);
    }
}
