//! The rules that the fuzz targets check. Bytes of any kind enter; a broken rule panics, which is
//! how a fuzzer learns of it. The naive code here shares nothing with the product but the format's
//! definition: products bit by bit, a Vandermonde matrix, elimination.

use host_core::geometry::{Codec, Geometry};
use host_erasure::Coder;
use host_simd::{gf256, sha256};
use sha2::{Digest, Sha256};

/// The stripe comes back from what is left of its pieces, parity is the naive decoder's, and the
/// pieces that are lost are made again. The first three bytes choose counts and piece length, the
/// next eight the loss, the others are the stripe.
pub fn codec(bytes: &[u8]) {
    let Some(([data, parity, steps, loss @ ..], stripe)) = bytes.split_first_chunk::<11>() else {
        return;
    };
    let data = usize::from(*data) % 40 + 1;
    let parity = usize::from(*parity) % 40 + 1;
    let geometry = Geometry {
        codec: Codec::Matrix8,
        data: data as u16,
        parity: parity as u16,
        piece_len: (u32::from(*steps) % 8 + 1) * 64,
        segment_len: 1 << 20,
    };
    let full = usize::try_from(geometry.stripe_len()).expect("a small stripe");
    let stripe = &stripe[..stripe.len().min(full)];
    let mut coder = Coder::new(&geometry).expect("an allowed geometry");
    let mut rest = Vec::new();
    let Ok(pieces) = coder.encode_stripe(stripe, &mut rest) else {
        assert!(stripe.is_empty(), "only an empty stripe is refused");
        return;
    };
    let pieces: Vec<Vec<u8>> = pieces.iter().map(<[u8]>::to_vec).collect();
    let matrix = naive_matrix(data, parity);
    for (row, piece) in matrix.iter().zip(&pieces) {
        assert_eq!(naive_sum(row, &pieces[..data]), *piece, "{data}+{parity}");
    }
    let lost = lost(u64::from_le_bytes(*loss), data + parity, parity);
    let some: Vec<Option<&[u8]>> = pieces
        .iter()
        .zip(&lost)
        .map(|(piece, lost)| (!lost).then_some(piece.as_slice()))
        .collect();
    let mut back = vec![0; stripe.len()];
    coder
        .reconstruct_stripe(&some, &mut back)
        .expect("enough pieces");
    assert_eq!(back, stripe, "{data}+{parity}, lost {lost:?}");
    let wanted: Vec<usize> = (0..lost.len()).filter(|index| lost[*index]).collect();
    let mut made = Vec::new();
    coder
        .rebuild_pieces(&some, &wanted, &mut made)
        .expect("enough pieces");
    let truth: Vec<u8> = wanted
        .iter()
        .flat_map(|index| pieces[*index].clone())
        .collect();
    assert_eq!(made, truth, "{data}+{parity}, lost {lost:?}");
    assert_eq!(
        naive_decode(&matrix, &some, data).concat(),
        pieces[..data].concat()
    );
}

/// Every kernel gives the bytes of the specification, wherever its rows begin.
pub fn lanes(bytes: &[u8]) {
    let Some(([start, inputs, outputs], bytes)) = bytes.split_first_chunk::<3>() else {
        return;
    };
    let bytes = bytes.get(usize::from(*start) % 64..).unwrap_or_default();
    let messages = bytes.as_chunks::<64>().0;
    let plain: Vec<[u8; 32]> = messages
        .iter()
        .map(|one| Sha256::digest(one).into())
        .collect();
    for kernel in sha256::Kernel::all() {
        let mut digests = vec![[0; 32]; messages.len()];
        kernel.hash_each(messages, &mut digests);
        assert_eq!(digests, plain, "{}", kernel.name());
    }
    let (inputs, outputs) = (
        usize::from(*inputs) % 24 + 1,
        usize::from(*outputs) % 24 + 1,
    );
    let Some((matrix, rows)) = bytes.split_at_checked(inputs * outputs) else {
        return;
    };
    let len = rows.len() / inputs;
    let rows: Vec<&[u8]> = (0..inputs).map(|row| &rows[row * len..][..len]).collect();
    let plain: Vec<Vec<u8>> = matrix
        .chunks(inputs)
        .map(|factors| naive_sum(factors, &rows))
        .collect();
    for kernel in gf256::Kernel::all() {
        let mut sums = vec![vec![9; len]; outputs];
        let mut outs: Vec<&mut [u8]> = sums.iter_mut().map(Vec::as_mut_slice).collect();
        gf256::Product::new(kernel, inputs, matrix).apply(&rows, &mut outs);
        assert_eq!(sums, plain, "{}", kernel.name());
    }
}

/// At most `most` of `total` places, chosen by the bits of `seed`.
fn lost(seed: u64, total: usize, most: usize) -> Vec<bool> {
    let mut state = seed | 1;
    let mut left = most;
    let one = |_| {
        state = state
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1_442_695_040_888_963_407);
        let gone = left > 0 && state >> 63 == 1;
        left -= usize::from(gone);
        gone
    };
    (0..total).map(one).collect()
}

/// The product of two elements, bit by bit, reduced by 0x11D.
fn times(a: u8, b: u8) -> u8 {
    let (mut a, mut product) = (u16::from(a), 0);
    for bit in 0..8 {
        product ^= if b >> bit & 1 == 1 { a } else { 0 };
        a <<= 1;
        a ^= if a & 0x100 != 0 { 0x11D } else { 0 };
    }
    product as u8
}

/// The element whose product with `a` is 1, by trying all.
fn over(a: u8) -> u8 {
    (1..=255)
        .find(|b| times(a, *b) == 1)
        .expect("a is not zero")
}

fn naive_sum<T: AsRef<[u8]>>(factors: &[u8], rows: &[T]) -> Vec<u8> {
    let mut sum = vec![0; rows.first().map_or(0, |row| row.as_ref().len())];
    for (factor, row) in factors.iter().zip(rows) {
        for (to, from) in sum.iter_mut().zip(row.as_ref()) {
            *to ^= times(*factor, *from);
        }
    }
    sum
}

/// The Vandermonde matrix over its top square.
fn naive_matrix(data: usize, parity: usize) -> Vec<Vec<u8>> {
    let power = |row: usize, column| (0..column).fold(1, |all, _| times(all, row as u8));
    let row = |row| (0..data).map(|column| power(row, column)).collect();
    let whole: Vec<Vec<u8>> = (0..data + parity).map(row).collect();
    let top = solve(whole[..data].to_vec(), unit(data));
    let columns = |row: &Vec<u8>| naive_sum(row, &top);
    whole.iter().map(columns).collect()
}

fn unit(n: usize) -> Vec<Vec<u8>> {
    let row = |row| (0..n).map(|column| u8::from(row == column)).collect();
    (0..n).map(row).collect()
}

/// The data pieces by elimination over the rows of pieces that are there.
fn naive_decode(matrix: &[Vec<u8>], some: &[Option<&[u8]>], data: usize) -> Vec<Vec<u8>> {
    let there = matrix.iter().zip(some);
    let there = there.filter_map(|(row, piece)| Some((row.clone(), (*piece)?.to_vec())));
    let (left, right) = there.take(data).unzip();
    solve(left, right)
}

/// `x` with `left x = right`, for a regular square `left`.
fn solve(mut left: Vec<Vec<u8>>, mut right: Vec<Vec<u8>>) -> Vec<Vec<u8>> {
    for at in 0..left.len() {
        let pivot = (at..left.len()).find(|row| left[*row][at] != 0);
        let pivot = pivot.expect("any rows of the code are regular");
        left.swap(at, pivot);
        right.swap(at, pivot);
        let scale = over(left[at][at]);
        for side in [&mut left, &mut right] {
            side[at]
                .iter_mut()
                .for_each(|cell| *cell = times(*cell, scale));
        }
        for row in (0..left.len()).filter(|row| *row != at) {
            let factor = left[row][at];
            for side in [&mut left, &mut right] {
                let from = side[at].clone();
                let cells = side[row].iter_mut().zip(from);
                cells.for_each(|(cell, from)| *cell ^= times(factor, from));
            }
        }
    }
    right
}

#[cfg(test)]
mod tests;
