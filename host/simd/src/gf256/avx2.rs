//! 32 bytes at once on any processor of the last ten years: a product is the sum of two look-ups,
//! one for each half of a byte.
//!
//! Source: Plank, Greenan, Miller, "Screaming Fast Galois Field Arithmetic Using Intel SIMD
//! Instructions", FAST 2013.

use std::arch::x86_64 as x86;
use std::ops::Range;

use super::field::HALVES;

type Vector = x86::__m256i;

/// Lower and upper halves of bytes, each in the lower half of a byte.
#[derive(Clone, Copy)]
struct Operand {
    lower: Vector,
    upper: Vector,
}

/// Products of the factor with every lower and every upper half.
#[derive(Clone, Copy)]
struct Factor {
    lower: Vector,
    upper: Vector,
}

/// Bytes of a vector.
const WIDTH: usize = 32;

columns_of_rows!("avx2");

#[inline]
#[target_feature(enable = "avx2")]
fn zero() -> Vector {
    x86::_mm256_setzero_si256()
}

#[inline]
#[target_feature(enable = "avx2")]
fn operand(bytes: Vector) -> Operand {
    let half = x86::_mm256_set1_epi8(0x0F);
    Operand {
        lower: x86::_mm256_and_si256(bytes, half),
        upper: x86::_mm256_and_si256(x86::_mm256_srli_epi64::<4>(bytes), half),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn factor(number: u64) -> Factor {
    let halves = load(&HALVES[usize::from(number as u8)]);
    Factor {
        lower: x86::_mm256_permute2x128_si256::<0x00>(halves, halves),
        upper: x86::_mm256_permute2x128_si256::<0x11>(halves, halves),
    }
}

#[inline]
#[target_feature(enable = "avx2")]
fn add_product(sum: Vector, factor: Factor, operand: Operand) -> Vector {
    let lower = x86::_mm256_shuffle_epi8(factor.lower, operand.lower);
    let upper = x86::_mm256_shuffle_epi8(factor.upper, operand.upper);
    x86::_mm256_xor_si256(sum, x86::_mm256_xor_si256(lower, upper))
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
