//! Sixteen messages side by side in 512-bit registers. AVX-512 has the rotation and the
//! three-operand logic that SHA-256 asks for, so a round is 17 instructions for 16 messages.

use std::arch::x86_64 as x86;

use super::Digest;
use super::constants::{Padding, ROUNDS, START};
use crate::machine::will_read;

type Vector = x86::__m512i;

/// Messages a call.
pub(super) const LANES: usize = 16;

many_lanes!("avx512f,avx512bw");

#[inline]
#[target_feature(enable = "avx512f")]
fn splat(word: u32) -> Vector {
    x86::_mm512_set1_epi32(word.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f")]
fn add(a: Vector, b: Vector) -> Vector {
    x86::_mm512_add_epi32(a, b)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn xor3(a: Vector, b: Vector, c: Vector) -> Vector {
    x86::_mm512_ternarylogic_epi32::<0x96>(a, b, c)
}

/// Bits of `b` where `a` has ones, of `c` where it has zeros.
#[inline]
#[target_feature(enable = "avx512f")]
fn choose(a: Vector, b: Vector, c: Vector) -> Vector {
    x86::_mm512_ternarylogic_epi32::<0xCA>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn majority(a: Vector, b: Vector, c: Vector) -> Vector {
    x86::_mm512_ternarylogic_epi32::<0xE8>(a, b, c)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn rotate<const BITS: i32>(a: Vector) -> Vector {
    x86::_mm512_ror_epi32::<BITS>(a)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn shift<const BITS: u32>(a: Vector) -> Vector {
    x86::_mm512_srli_epi32::<BITS>(a)
}

/// Word `j` of block `block` of every message, in vector `j`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn load_block<const LEN: usize>(messages: &[[u8; LEN]; LANES], block: usize) -> [Vector; 16] {
    let mut rows = [splat(0); 16];
    for (row, message) in rows.iter_mut().zip(messages) {
        if let Some(bytes) = message.as_chunks::<64>().0.get(block) {
            *row = swap_bytes(load(bytes));
        }
    }
    transpose(rows)
}

#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn store(state: [Vector; 8], digests: &mut [Digest; LANES]) {
    let mut rows = [splat(0); 16];
    for (row, words) in rows.iter_mut().zip(state) {
        *row = words;
    }
    for (words, digest) in transpose(rows).into_iter().zip(digests) {
        store_half(swap_bytes(words), digest);
    }
}

/// Words of SHA-256 are big-endian, lanes are not.
#[inline]
#[target_feature(enable = "avx512f,avx512bw")]
fn swap_bytes(words: Vector) -> Vector {
    let order = x86::_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    x86::_mm512_shuffle_epi8(words, x86::_mm512_broadcast_i32x4(order))
}

/// Rows to columns of 16 x 16 words: in pairs of words, of pairs, then quarters of registers.
#[inline]
#[target_feature(enable = "avx512f")]
fn transpose(r: [Vector; 16]) -> [Vector; 16] {
    let mut pairs = r;
    for i in (0..16).step_by(2) {
        pairs[i] = x86::_mm512_unpacklo_epi32(r[i], r[i + 1]);
        pairs[i + 1] = x86::_mm512_unpackhi_epi32(r[i], r[i + 1]);
    }
    let mut fours = pairs;
    for i in (0..16).step_by(4) {
        fours[i] = x86::_mm512_unpacklo_epi64(pairs[i], pairs[i + 2]);
        fours[i + 1] = x86::_mm512_unpackhi_epi64(pairs[i], pairs[i + 2]);
        fours[i + 2] = x86::_mm512_unpacklo_epi64(pairs[i + 1], pairs[i + 3]);
        fours[i + 3] = x86::_mm512_unpackhi_epi64(pairs[i + 1], pairs[i + 3]);
    }
    let mut out = fours;
    for c in 0..4 {
        let even_low = x86::_mm512_shuffle_i32x4::<0x88>(fours[c], fours[c + 4]);
        let even_high = x86::_mm512_shuffle_i32x4::<0x88>(fours[c + 8], fours[c + 12]);
        let odd_low = x86::_mm512_shuffle_i32x4::<0xDD>(fours[c], fours[c + 4]);
        let odd_high = x86::_mm512_shuffle_i32x4::<0xDD>(fours[c + 8], fours[c + 12]);
        out[c] = x86::_mm512_shuffle_i32x4::<0x88>(even_low, even_high);
        out[c + 4] = x86::_mm512_shuffle_i32x4::<0x88>(odd_low, odd_high);
        out[c + 8] = x86::_mm512_shuffle_i32x4::<0xDD>(even_low, even_high);
        out[c + 12] = x86::_mm512_shuffle_i32x4::<0xDD>(odd_low, odd_high);
    }
    out
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; 64]) -> Vector {
    // SAFETY: the array has the 64 bytes that are read; the read asks for no alignment.
    unsafe { x86::_mm512_loadu_si512(bytes.as_ptr().cast()) }
}

/// Writes the lower half.
#[inline]
#[target_feature(enable = "avx512f")]
fn store_half(words: Vector, bytes: &mut [u8; 32]) {
    let half = x86::_mm512_castsi512_si256(words);
    // SAFETY: the array has the 32 bytes that are written; the write asks for no alignment.
    unsafe { x86::_mm256_storeu_si256(bytes.as_mut_ptr().cast(), half) }
}
