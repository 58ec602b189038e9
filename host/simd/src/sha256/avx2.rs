//! Eight messages side by side in 256-bit registers, for machines without AVX-512 and without the
//! SHA instructions.

use std::arch::x86_64 as x86;

use super::Digest;
use super::constants::{Padding, ROUNDS, START};
use crate::machine::will_read;

type Vector = x86::__m256i;

/// Messages a call.
pub(super) const LANES: usize = 8;

many_lanes!("avx2");

#[inline]
#[target_feature(enable = "avx2")]
fn splat(word: u32) -> Vector {
    x86::_mm256_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2")]
fn add(a: Vector, b: Vector) -> Vector {
    x86::_mm256_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx2")]
fn xor3(a: Vector, b: Vector, c: Vector) -> Vector {
    x86::_mm256_xor_si256(x86::_mm256_xor_si256(a, b), c)
}

/// Bits of `b` where `a` has ones, of `c` where it has zeros.
#[inline]
#[target_feature(enable = "avx2")]
fn choose(a: Vector, b: Vector, c: Vector) -> Vector {
    x86::_mm256_xor_si256(c, x86::_mm256_and_si256(a, x86::_mm256_xor_si256(b, c)))
}

#[inline]
#[target_feature(enable = "avx2")]
fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
    let either = x86::_mm256_and_si256(c, x86::_mm256_or_si256(a, b));
    x86::_mm256_or_si256(either, x86::_mm256_and_si256(a, b))
}

#[inline]
#[target_feature(enable = "avx2")]
fn rotate<const BITS: i32>(a: Vector) -> Vector {
    let left = x86::_mm_cvtsi32_si128(32 - BITS);
    x86::_mm256_or_si256(
        x86::_mm256_srli_epi32::<BITS>(a),
        x86::_mm256_sll_epi32(a, left),
    )
}

#[inline]
#[target_feature(enable = "avx2")]
fn shift<const BITS: i32>(a: Vector) -> Vector {
    x86::_mm256_srli_epi32::<BITS>(a)
}

/// Word `j` of block `block` of every message, in vector `j`.
#[inline]
#[target_feature(enable = "avx2")]
fn load_block<const LEN: usize>(messages: &[[u8; LEN]; LANES], block: usize) -> [Vector; 16] {
    let mut words = [splat(0); 16];
    for (half, words) in words.as_chunks_mut::<8>().0.iter_mut().enumerate() {
        let mut rows = [splat(0); 8];
        for (row, message) in rows.iter_mut().zip(messages) {
            if let Some(bytes) = message.as_chunks::<32>().0.get(2 * block + half) {
                *row = swap_bytes(load(bytes));
            }
        }
        *words = transpose(rows);
    }
    words
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(state: [Vector; 8], digests: &mut [Digest; LANES]) {
    for (words, digest) in transpose(state).into_iter().zip(digests) {
        store_whole(swap_bytes(words), digest);
    }
}

/// Words of SHA-256 are big-endian, lanes are not.
#[inline]
#[target_feature(enable = "avx2")]
fn swap_bytes(words: Vector) -> Vector {
    let order = x86::_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    x86::_mm256_shuffle_epi8(words, x86::_mm256_broadcastsi128_si256(order))
}

/// Rows to columns of 8 x 8 words: in pairs of words, of pairs, then halves of registers.
#[inline]
#[target_feature(enable = "avx2")]
fn transpose(r: [Vector; 8]) -> [Vector; 8] {
    let mut pairs = r;
    for i in (0..8).step_by(2) {
        pairs[i] = x86::_mm256_unpacklo_epi32(r[i], r[i + 1]);
        pairs[i + 1] = x86::_mm256_unpackhi_epi32(r[i], r[i + 1]);
    }
    let mut fours = pairs;
    for i in (0..8).step_by(4) {
        fours[i] = x86::_mm256_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = x86::_mm256_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = x86::_mm256_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = x86::_mm256_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    let mut out = fours;
    for c in 0..4 {
        out[c] = x86::_mm256_permute2x128_si256::<0x20>(fours[c], fours[c + 4]);
        out[c + 4] = x86::_mm256_permute2x128_si256::<0x31>(fours[c], fours[c + 4]);
    }
    out
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; 32]) -> Vector {
    // SAFETY: the array has the 32 bytes that are read; the read asks for no alignment.
    unsafe { x86::_mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store_whole(words: Vector, bytes: &mut [u8; 32]) {
    // SAFETY: the array has the 32 bytes that are written; the write asks for no alignment.
    unsafe { x86::_mm256_storeu_si256(bytes.as_mut_ptr().cast(), words) }
}
