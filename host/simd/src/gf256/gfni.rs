//! 32 bytes at once for processors with GFNI and without AVX-512: multiplication by a factor is a
//! map over bits, one instruction.

use std::arch::x86_64 as x86;
use std::ops::Range;

type Vector = x86::__m256i;
type Operand = Vector;
type Factor = Vector;

/// Bytes of a vector.
const WIDTH: usize = 32;

columns_of_rows!("avx2,gfni");

#[inline]
#[target_feature(enable = "avx2")]
fn zero() -> Vector {
    x86::_mm256_setzero_si256()
}

#[inline]
#[target_feature(enable = "avx2")]
fn operand(bytes: Vector) -> Operand {
    bytes
}

#[inline]
#[target_feature(enable = "avx2")]
fn factor(map: u64) -> Factor {
    x86::_mm256_set1_epi64x(map.cast_signed())
}

#[inline]
#[target_feature(enable = "avx2,gfni")]
fn add_product(sum: Vector, factor: Factor, operand: Operand) -> Vector {
    let product = x86::_mm256_gf2p8affine_epi64_epi8::<0>(operand, factor);
    x86::_mm256_xor_si256(sum, product)
}

#[inline]
#[target_feature(enable = "avx2")]
fn load(bytes: &[u8; WIDTH]) -> Vector {
    // SAFETY: the array has the 32 bytes that are read; the read asks for no alignment.
    unsafe { x86::_mm256_loadu_si256(bytes.as_ptr().cast()) }
}

#[inline]
#[target_feature(enable = "avx2")]
fn store(vector: Vector, bytes: &mut [u8; WIDTH]) {
    // SAFETY: the array has the 32 bytes that are written; the write asks for no alignment.
    unsafe { x86::_mm256_storeu_si256(bytes.as_mut_ptr().cast(), vector) }
}
