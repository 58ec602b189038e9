//! Goal: the factors are those of klauspost's matrix, and a loss pattern is worked out once. Method:
//! the matrix computed the slow way, a Vandermonde matrix times the inverse of its top square, by
//! elimination; small stripes.

use super::{Matrix8, PATTERNS_MAX, factors};
use host_simd::gf256::{inverse, multiply};

type Square = Vec<Vec<u8>>;

/// Row r, column c: r to the power c.
fn vandermonde(rows: usize, columns: usize) -> Square {
    let power = |row: usize, column| (0..column).fold(1, |all, _| multiply(all, row as u8));
    let row = |row| (0..columns).map(|column| power(row, column)).collect();
    (0..rows).map(row).collect()
}

/// The inverse by elimination.
fn inverted(mut left: Square) -> Square {
    let n = left.len();
    let unit = |row| (0..n).map(|column| u8::from(row == column)).collect();
    let mut right: Square = (0..n).map(unit).collect();
    for at in 0..n {
        let pivot = (at..n).find(|row| left[*row][at] != 0).expect("regular");
        left.swap(at, pivot);
        right.swap(at, pivot);
        let scale = inverse(left[at][at]).expect("not zero");
        for side in [&mut left, &mut right] {
            side[at]
                .iter_mut()
                .for_each(|cell| *cell = multiply(*cell, scale));
        }
        for row in (0..n).filter(|row| *row != at) {
            let factor = left[row][at];
            for side in [&mut left, &mut right] {
                let pivot = side[at].clone();
                let cells = side[row].iter_mut().zip(pivot);
                cells.for_each(|(cell, pivot)| *cell ^= multiply(factor, pivot));
            }
        }
    }
    right
}

fn times(a: &Square, b: &Square) -> Square {
    let cell = |row: &[u8], column: usize| {
        let cells = row.iter().zip(b);
        cells.fold(0, |sum, (x, other)| sum ^ multiply(*x, other[column]))
    };
    let row = |row: &Vec<u8>| (0..b[0].len()).map(|column| cell(row, column)).collect();
    a.iter().map(row).collect()
}

#[test]
fn parity_factors_are_the_vandermonde_matrix_over_its_top_square() {
    for (data, parity) in [
        (1, 1),
        (1, 255),
        (2, 3),
        (10, 20),
        (16, 4),
        (29, 51),
        (128, 128),
        (255, 1),
    ] {
        let whole = vandermonde(data + parity, data);
        let matrix = times(&whole, &inverted(whole[..data].to_vec()));
        let points: Vec<u8> = (0..data + parity).map(|point| point as u8).collect();
        let (used, wanted) = points.split_at(data);
        assert_eq!(
            factors(used, wanted),
            matrix[data..].concat(),
            "{data}+{parity}"
        );
    }
}

#[test]
fn a_used_piece_is_itself() {
    assert_eq!(factors(&[3, 5], &[5, 3]), [0, 1, 1, 0]);
}

#[test]
fn the_factors_of_few_patterns_are_kept() {
    let mut matrix = Matrix8::new(2, 30);
    let piece = [7; 5];
    for lost in 0..20 {
        let mut pieces = vec![Some(piece.as_slice()); 32];
        pieces[lost] = None;
        let mut out = [0; 5];
        matrix.rebuild(&pieces, &[lost], &mut [&mut out]).unwrap();
        assert!(matrix.patterns.len() <= PATTERNS_MAX);
    }
    let latest = matrix.patterns.last().map(|pattern| pattern.wanted.clone());
    assert_eq!(latest, Some(vec![19]));
    let before = matrix.patterns.len();
    let mut pieces = vec![Some(piece.as_slice()); 32];
    pieces[18] = None;
    matrix.rebuild(&pieces, &[18], &mut [&mut [0; 5]]).unwrap();
    assert_eq!(matrix.patterns.len(), before);
    assert_eq!(matrix.patterns.last().unwrap().wanted, [18]);
}
