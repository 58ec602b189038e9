//! Goal: the rules hold over random bytes where no fuzzer can run. Method: a fixed seed, a few
//! hundred inputs of many lengths.

fn inputs(seed: u64, count: usize, most: usize) -> impl Iterator<Item = Vec<u8>> {
    let mut state = seed;
    let mut next = move || {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state
    };
    (0..count).map(move |_| {
        let len = next() as usize % most;
        (0..len).map(|_| (next() >> 24) as u8).collect()
    })
}

#[test]
fn random_stripes_and_losses_agree_with_the_naive_decoder() {
    inputs(11, 300, 3000).for_each(|bytes| crate::codec(&bytes));
}

#[test]
fn random_rows_and_messages_agree_with_the_specification() {
    inputs(12, 300, 6000).for_each(|bytes| crate::lanes(&bytes));
}
