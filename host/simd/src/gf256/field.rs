//! The field of 256 elements with the polynomial x^8 + x^4 + x^3 + x^2 + 1 (0x11D), whose element 2
//! generates all others. Tables are computed by the compiler.

/// x to the eighth, reduced.
const REDUCED: u8 = 0x1D;

/// `POWERS[e]` = 2^e, twice around, so that sums of two logarithms need no reduction.
static POWERS: [u8; 512] = powers();
/// `LOGS[a]` = e with 2^e = a; nothing for 0.
static LOGS: [u8; 256] = logs();
/// `PRODUCTS[a][b]` = a times b.
pub(super) static PRODUCTS: [[u8; 256]; 256] = products();

/// The product of two elements.
#[must_use]
pub fn multiply(a: u8, b: u8) -> u8 {
    PRODUCTS[usize::from(a)][usize::from(b)]
}

/// The element whose product with `a` is 1; none for 0.
#[must_use]
pub fn inverse(a: u8) -> Option<u8> {
    (a != 0).then(|| POWERS[255 - usize::from(LOGS[usize::from(a)])])
}

/// Multiplication by `factor` as a map over bits, in the order that GFNI reads: byte `7 - i` of the
/// number holds the bits of an operand that add up to bit `i` of the product.
pub(super) fn bit_map(factor: u8) -> u64 {
    let mut map = [0_u8; 8];
    for bit in 0..8 {
        let product = multiply(factor, 1 << bit);
        for (i, row) in map.iter_mut().rev().enumerate() {
            *row |= (product >> i & 1) << bit;
        }
    }
    u64::from_le_bytes(map)
}

/// `HALVES[a]` = a times 0 to 15, then a times 0, 16, .. 240: look-ups for halves of a byte.
pub(super) static HALVES: [[u8; 32]; 256] = halves();

const fn powers() -> [u8; 512] {
    let mut table = [0; 512];
    let mut element: u8 = 1;
    let mut e = 0;
    while e < 512 {
        table[e] = element;
        let carry = element & 0x80 != 0;
        element <<= 1;
        if carry {
            element ^= REDUCED;
        }
        e += 1;
    }
    table
}

const fn logs() -> [u8; 256] {
    let (powers, mut table) = (powers(), [0; 256]);
    let mut e = 0;
    while e < 255 {
        table[powers[e] as usize] = e as u8;
        e += 1;
    }
    table
}

const fn products() -> [[u8; 256]; 256] {
    let (powers, logs, mut table) = (powers(), logs(), [[0; 256]; 256]);
    let mut a = 1;
    while a < 256 {
        let mut b = 1;
        while b < 256 {
            table[a][b] = powers[logs[a] as usize + logs[b] as usize];
            b += 1;
        }
        a += 1;
    }
    table
}

const fn halves() -> [[u8; 32]; 256] {
    let (products, mut table) = (products(), [[0; 32]; 256]);
    let mut a = 0;
    while a < 256 {
        let mut b = 0;
        while b < 16 {
            table[a][b] = products[a][b];
            table[a][16 + b] = products[a][b << 4];
            b += 1;
        }
        a += 1;
    }
    table
}
