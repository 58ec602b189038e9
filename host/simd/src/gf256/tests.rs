//! Goal: the field is a field, and every kernel of this machine gives the bytes of the
//! specification. Method: the field by exhaustion against long multiplication; kernels over counts
//! up to 256 rows in all, odd lengths, starts at every alignment; seeds by proptest.

use super::{Kernel, Product, field, inverse, multiply};
use proptest::prelude::{ProptestConfig, any};
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

/// Long multiplication, bit by bit.
fn slow(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (u16::from(a), 0);
    for bit in 0..8 {
        if b >> bit & 1 == 1 {
            product ^= a;
        }
        a <<= 1;
        if a & 0x100 != 0 {
            a ^= 0x11D;
        }
    }
    product as u8
}

#[test]
fn products_are_those_of_long_multiplication() {
    for a in 0..=255 {
        for b in 0..=255 {
            assert_eq!(multiply(a, b), slow(a, b), "{a} times {b}");
        }
        let one = inverse(a).map(|inverse| multiply(a, inverse));
        assert_eq!(one, (a != 0).then_some(1));
    }
}

#[test]
fn a_map_over_bits_multiplies() {
    for a in [0, 1, 2, 0x53, 0xFF] {
        let map = field::bit_map(a).to_le_bytes();
        for b in 0..=255_u8 {
            let bit = |i: usize| ((map[7 - i] & b).count_ones() & 1) << i;
            let product: u32 = (0..8).map(bit).sum();
            assert_eq!(product, u32::from(multiply(a, b)));
        }
    }
}

/// Multiplies `inputs` rows of `len` bytes, each at an alignment of its own, by a random matrix.
fn agree(seed: u64, inputs: usize, outputs: usize, len: usize) {
    let matrix = bytes(seed, inputs * outputs);
    let store = bytes(seed ^ 1, (inputs + 1) * (len + 67));
    let row = |i: usize| &store[i * (len + 67) + (i * 13 + seed as usize % 64) % 64..][..len];
    let rows: Vec<&[u8]> = (0..inputs).map(row).collect();
    let mut plain = vec![vec![0; len]; outputs];
    for (row, sum) in matrix.chunks(inputs).zip(&mut plain) {
        for (factor, bytes) in row.iter().zip(&rows) {
            let products = sum.iter_mut().zip(*bytes);
            products.for_each(|(sum, byte)| *sum ^= multiply(*factor, *byte));
        }
    }
    for kernel in Kernel::all() {
        let mut room = vec![vec![7; len + 64]; outputs];
        let offset = |i: usize| (i * 29 + seed as usize % 61) % 64;
        let cut = |(i, row): (usize, _)| <[u8]>::get_mut(row, offset(i)..offset(i) + len);
        let room_of = room.iter_mut().map(Vec::as_mut_slice).enumerate();
        let mut outs: Vec<&mut [u8]> = room_of.filter_map(cut).collect();
        Product::new(kernel, inputs, &matrix).apply(&rows, &mut outs);
        for (i, plain) in plain.iter().enumerate() {
            let name = kernel.name();
            assert!(
                outs[i] == plain,
                "{name}: row {i} of {outputs}x{inputs}x{len}"
            );
        }
        let touched = |(i, row): (usize, &Vec<u8>)| {
            let inside = offset(i)..offset(i) + len;
            (0..row.len()).any(|at| !inside.contains(&at) && row[at] != 7)
        };
        assert!(
            !room.iter().enumerate().any(touched),
            "a row's neighbours stay"
        );
    }
}

#[test]
fn every_count_of_rows_gives_the_same_bytes() {
    for outputs in 0..=23 {
        agree(outputs as u64, 3, outputs, 200);
        agree(outputs as u64, 10, outputs, 129);
    }
    for (inputs, outputs) in [(1, 255), (255, 1), (128, 128), (200, 56), (17, 239)] {
        agree(5, inputs, outputs, 327);
    }
}

#[test]
fn every_length_gives_the_same_bytes() {
    for len in 0..=300 {
        agree(len as u64, 4, 5, len);
    }
    for len in [16_383, 16_384, 16_385, 33_000, 65_536] {
        agree(3, 10, 20, len);
    }
}

#[test]
fn a_product_of_nothing_is_nothing() {
    for kernel in Kernel::all() {
        Product::new(kernel, 0, &[]).apply(&[], &mut []);
        Product::new(kernel, 2, &[]).apply(&[&[], &[]], &mut []);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_shape_gives_the_bytes_of_the_specification(
        seed in any::<u64>(),
        inputs in 1..=255_usize,
        outputs in any::<usize>(),
        len in 0..2000_usize,
    ) {
        agree(seed, inputs, 1 + outputs % (256 - inputs), len * 40 / (39 + inputs));
    }
}
