//! The short way to a few lost pieces. The code is linear over its field of 65,536 elements, so a
//! lost piece is a fixed sum of multiples of the pieces that are there. For few lost pieces that
//! sum is much less work than the transforms of a whole decode, which restore everything or
//! nothing: with 10 data pieces one lost piece costs 10 multiplications a column, the transforms
//! about 430.
//!
//! The factors are not derived here. The transforms are asked once, with pieces that hold the
//! field's one in a column of their own; what they answer in that column is the factor. So this
//! way cannot disagree with the other, and the same bytes leave.

use reed_solomon_simd::engine::{Engine, tables};

use crate::error::Error;
use crate::locator::Lanes;

/// Columns (elements of 2 bytes) in one step of 64 bytes: 32 low bytes, then 32 high bytes.
const COLUMNS: usize = 32;
/// Steps of 64 bytes worked on together: 4 KiB, so that all operands stay in the first cache.
const STEPS: usize = 64;

/// How each of `wanted` is made of `used`.
pub(crate) struct Matrix {
    used: Vec<usize>,
    wanted: Vec<usize>,
    /// For each wanted piece, for each used one, the factor's logarithm; none for a factor of 0.
    rows: Vec<Vec<Option<u16>>>,
}

/// Bytes of the question pieces for `count` used pieces.
pub(crate) const fn question_len(count: usize) -> usize {
    count.div_ceil(COLUMNS) * 64
}

/// The question piece of used piece `place` among `count`: the field's one in its own column.
pub(crate) fn question(place: usize, count: usize) -> Vec<u8> {
    let one = tables::get_exp_log()
        .exp
        .first()
        .copied()
        .unwrap_or_default();
    let mut piece = vec![0; question_len(count)];
    let at = place / COLUMNS * 64 + place % COLUMNS;
    for (offset, byte) in one.to_le_bytes().into_iter().enumerate() {
        if let Some(cell) = piece.get_mut(at + offset * COLUMNS) {
            *cell = byte;
        }
    }
    piece
}

impl Matrix {
    /// Reads the factors from `answers`: the wanted pieces, one after the other, that the question
    /// pieces give.
    pub(crate) fn of_answers(used: &[usize], wanted: &[usize], answers: &[u8]) -> Self {
        let log = &tables::get_exp_log().log;
        let byte = |row: &[u8], at: usize| row.get(at).copied().unwrap_or_default();
        let factor = |row: &[u8], place: usize| {
            let at = place / COLUMNS * 64 + place % COLUMNS;
            let element = u16::from_le_bytes([byte(row, at), byte(row, at + COLUMNS)]);
            let known = log.get(usize::from(element)).copied();
            known.filter(|_| element != 0)
        };
        let rows = answers.chunks_exact(question_len(used.len()));
        let rows = rows.map(|row| (0..used.len()).map(|place| factor(row, place)).collect());
        Self {
            used: used.to_vec(),
            wanted: wanted.to_vec(),
            rows: rows.collect(),
        }
    }

    /// Whether this is the matrix of exactly these pieces.
    pub(crate) fn serves(&self, used: &[usize], wanted: &[usize]) -> bool {
        self.used == used && self.wanted == wanted
    }

    /// Hands every run of every wanted piece to `take` as (place in wanted, start, bytes).
    pub(crate) fn apply(
        &self,
        lanes: &Lanes,
        pieces: &[Option<&[u8]>],
        len: usize,
        take: &mut impl FnMut(usize, usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let held = self
            .used
            .iter()
            .filter_map(|index| pieces.get(*index).copied().flatten());
        let held: Vec<&[u8]> = held.collect();
        let mut sum = [[0; 64]; STEPS];
        let mut term = [[0; 64]; STEPS];
        for start in (0..len).step_by(STEPS * 64) {
            let size = (len - start).min(STEPS * 64);
            let (sum, _) = sum.split_at_mut(size / 64);
            let (term, _) = term.split_at_mut(size / 64);
            for (place, row) in self.rows.iter().enumerate() {
                sum.fill([0; 64]);
                for (piece, factor) in held.iter().zip(row) {
                    let (Some(run), Some(log)) = (piece.get(start..start + size), factor) else {
                        continue;
                    };
                    term.as_flattened_mut().copy_from_slice(run);
                    lanes.mul(term, *log);
                    add(sum, term);
                }
                take(place, start, sum.as_flattened())?;
            }
        }
        Ok(())
    }
}

/// Adds (in this field: xor) `term` to `sum`.
fn add(sum: &mut [[u8; 64]], term: &[[u8; 64]]) {
    let bytes = sum.as_flattened_mut().iter_mut().zip(term.as_flattened());
    bytes.for_each(|(to, from)| *to ^= from);
}
