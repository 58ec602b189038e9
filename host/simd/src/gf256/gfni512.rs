//! 64 bytes at once: multiplication by a factor is a map over bits, one instruction.

use std::arch::x86_64 as x86;
use std::ops::Range;

type Vector = x86::__m512i;
type Operand = Vector;
type Factor = Vector;

/// Bytes of a vector.
const WIDTH: usize = 64;

columns_of_rows!("avx512f,avx512bw,gfni");

#[inline]
#[target_feature(enable = "avx512f")]
fn zero() -> Vector {
    x86::_mm512_setzero_si512()
}

#[inline]
#[target_feature(enable = "avx512f")]
fn operand(bytes: Vector) -> Operand {
    bytes
}

#[inline]
#[target_feature(enable = "avx512f")]
fn factor(map: u64) -> Factor {
    x86::_mm512_set1_epi64(map.cast_signed())
}

#[inline]
#[target_feature(enable = "avx512f,gfni")]
fn add_product(sum: Vector, factor: Factor, operand: Operand) -> Vector {
    let product = x86::_mm512_gf2p8affine_epi64_epi8::<0>(operand, factor);
    x86::_mm512_xor_si512(sum, product)
}

#[inline]
#[target_feature(enable = "avx512f")]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: the array has the 64 bytes that are read; the read asks for no alignment.
    unsafe { x86::_mm512_loadu_si512(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx512f")]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    // SAFETY: the array has the 64 bytes that are written; the write asks for no alignment.
    unsafe { x86::_mm512_storeu_si512(bytes.as_mut_ptr().cast(), vector) }
}
