//! Two messages in turn through the SHA instructions: each waits for its own rounds, so the
//! second fills the time in which the first waits. More than two no longer fit the registers.

use std::arch::x86_64 as x86;

use super::Digest;
use super::constants::{Padding, ROUNDS, START};

type Vector = x86::__m128i;

/// Messages a call.
pub(super) const WAYS: usize = 2;

/// A message's hash value in the order that the instructions ask for: words a, b, e, f and
/// c, d, g, h, the first named highest.
#[derive(Clone, Copy)]
struct State {
    abef: Vector,
    cdgh: Vector,
}

/// Hashes message `i` to digest `i`; `LEN` is a multiple of 64.
#[target_feature(enable = "sha,sse4.1,ssse3")]
pub(super) fn hash<const LEN: usize>(messages: &[[u8; LEN]; WAYS], digests: &mut [Digest; WAYS]) {
    let [a, b, c, d, e, f, g, h] = START.map(u32::cast_signed);
    let start = State {
        abef: x86::_mm_set_epi32(a, b, e, f),
        cdgh: x86::_mm_set_epi32(c, d, g, h),
    };
    let mut states = [start; WAYS];
    let [first, second] = messages;
    for (first, second) in first.as_chunks().0.iter().zip(second.as_chunks().0) {
        block_rounds(&mut states, [first, second]);
    }
    padding_rounds(&mut states, &Padding::<LEN>::ROUNDS);
    for (state, digest) in states.iter().zip(digests) {
        store(state, digest);
    }
}

/// One block of both messages.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn block_rounds(states: &mut [State; WAYS], blocks: [&[u8; 64]; WAYS]) {
    let before = *states;
    let mut words = [load_block(blocks[0]), load_block(blocks[1])];
    for (step, constants) in ROUNDS.as_chunks::<4>().0.iter().enumerate() {
        let constants = four(constants);
        for (state, w) in states.iter_mut().zip(&mut words) {
            four_rounds(state, x86::_mm_add_epi32(w[0], constants));
            // The last sixteen words have no successors.
            let next = if step < 12 { schedule(w) } else { w[0] };
            *w = [w[1], w[2], w[3], next];
        }
    }
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = x86::_mm_add_epi32(state.abef, before.abef);
        state.cdgh = x86::_mm_add_epi32(state.cdgh, before.cdgh);
    }
}

/// The padding block, whose words are known beforehand.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn padding_rounds(states: &mut [State; WAYS], words: &[u32; 64]) {
    let before = *states;
    for words in words.as_chunks::<4>().0 {
        for state in states.iter_mut() {
            four_rounds(state, four(words));
        }
    }
    for (state, before) in states.iter_mut().zip(before) {
        state.abef = x86::_mm_add_epi32(state.abef, before.abef);
        state.cdgh = x86::_mm_add_epi32(state.cdgh, before.cdgh);
    }
}

/// Four rounds; `words` are schedule words with their constants added.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn four_rounds(state: &mut State, words: Vector) {
    state.cdgh = x86::_mm_sha256rnds2_epu32(state.cdgh, state.abef, words);
    let upper = x86::_mm_shuffle_epi32::<0x0E>(words);
    state.abef = x86::_mm_sha256rnds2_epu32(state.abef, state.cdgh, upper);
}

/// The four schedule words after the sixteen of `w`.
#[inline]
#[target_feature(enable = "sha,sse4.1,ssse3")]
fn schedule(w: &[Vector; 4]) -> Vector {
    let sum = x86::_mm_add_epi32(
        x86::_mm_sha256msg1_epu32(w[0], w[1]),
        x86::_mm_alignr_epi8::<4>(w[3], w[2]),
    );
    x86::_mm_sha256msg2_epu32(sum, w[3])
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn four(words: &[u32; 4]) -> Vector {
    let [a, b, c, d] = words.map(u32::cast_signed);
    x86::_mm_set_epi32(d, c, b, a)
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn load_block(bytes: &[u8; 64]) -> [Vector; 4] {
    let mut words = [x86::_mm_setzero_si128(); 4];
    for (words, bytes) in words.iter_mut().zip(bytes.as_chunks::<16>().0) {
        *words = swap_bytes(load(bytes));
    }
    words
}

/// Words of SHA-256 are big-endian, lanes are not.
#[inline]
#[target_feature(enable = "ssse3")]
fn swap_bytes(words: Vector) -> Vector {
    let order = x86::_mm_set_epi8(12, 13, 14, 15, 8, 9, 10, 11, 4, 5, 6, 7, 0, 1, 2, 3);
    x86::_mm_shuffle_epi8(words, order)
}

#[inline]
#[target_feature(enable = "sse4.1,ssse3")]
fn store(state: &State, digest: &mut Digest) {
    // Highest first: a b e f and c d g h; the digest is a b c d, e f g h, lowest first.
    let upper = x86::_mm_unpackhi_epi64(state.cdgh, state.abef);
    let lower = x86::_mm_unpacklo_epi64(state.cdgh, state.abef);
    let halves = digest.as_chunks_mut::<16>().0.iter_mut();
    for (bytes, words) in halves.zip([upper, lower]) {
        let in_order = x86::_mm_shuffle_epi32::<0x1B>(words);
        store_whole(swap_bytes(in_order), bytes);
    }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn load(bytes: &[u8; 16]) -> Vector {
    // SAFETY: the array has the 16 bytes that are read; the read asks for no alignment.
    unsafe { x86::_mm_loadu_si128(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "sse4.1")]
fn store_whole(words: Vector, bytes: &mut [u8; 16]) {
    // SAFETY: the array has the 16 bytes that are written; the write asks for no alignment.
    unsafe { x86::_mm_storeu_si128(bytes.as_mut_ptr().cast(), words) }
}
