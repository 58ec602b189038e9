//! The codec `Leopard16`: the 16-bit FFT code of reed-solomon-simd, driven in runs that stay in
//! the cache. Byte columns of a stripe are coded independently of each other in steps of 64, so
//! a piece may be cut into runs of any multiple of 64 bytes and the bytes are the same.
//!
//! Lost pieces are had in one of two ways that give the same bytes: the code's transforms, or,
//! where fewer operations, a small matrix (see `matrix.rs`).

use reed_solomon_simd::rate::{DefaultRateDecoder, DefaultRateEncoder, RateDecoder, RateEncoder};

use crate::error::Error;
use crate::locator::Lanes;
use crate::matrix::{self, Matrix};

/// Bytes of a piece coded at once, at most. Measured best between 8 and 32 KiB at 10+20.
const RUN_MAX: usize = 16 * 1024;
/// Bytes of a piece coded at once, at least: below, the cost of a call shows.
const RUN_MIN: usize = 2 * 1024;
/// Bytes of working space that stay close to the processor; wide stripes take shorter runs.
const WORK: usize = 1024 * 1024;

/// Working space of one stripe shape.
pub(crate) struct Leopard {
    data: usize,
    parity: usize,
    /// Points of the transforms of a decode.
    points: usize,
    run: usize,
    lanes: Lanes,
    encoder: Option<DefaultRateEncoder<Lanes>>,
    decoder: Option<DefaultRateDecoder<Lanes>>,
    restored: Vec<u8>,
    /// The matrix used last: the stripes of a segment mostly miss the same shards.
    matrix: Option<Matrix>,
}

impl Leopard {
    pub(crate) fn new(data: usize, parity: usize) -> Self {
        let points = (data.next_power_of_two() + parity.next_power_of_two()).next_power_of_two();
        Self {
            data,
            parity,
            points,
            run: (WORK / points).clamp(RUN_MIN, RUN_MAX),
            lanes: Lanes::new(),
            encoder: None,
            decoder: None,
            restored: Vec::new(),
            matrix: None,
        }
    }

    /// Writes the parity of `len`-byte data pieces, one piece after the other, to `parity`.
    pub(crate) fn encode(
        &mut self,
        data: &[&[u8]],
        len: usize,
        parity: &mut [u8],
    ) -> Result<(), Error> {
        for (start, size) in runs(len, self.run) {
            let encoder = self.encoder(size)?;
            for piece in data {
                let run = piece
                    .get(start..start + size)
                    .ok_or(refused("cutting a run"))?;
                encoder
                    .add_original_shard(run)
                    .map_err(|_| refused("adding data"))?;
            }
            let result = encoder.encode().map_err(|_| refused("encoding"))?;
            for (run, piece) in result.recovery_iter().zip(parity.chunks_exact_mut(len)) {
                put(piece, start, run)?;
            }
        }
        Ok(())
    }

    /// Makes the pieces called `wanted` from the first pieces that are there, at least `data`,
    /// and hands each run to `take` as (place in `wanted`, start in the piece, bytes).
    pub(crate) fn rebuild(
        &mut self,
        pieces: &[Option<&[u8]>],
        len: usize,
        wanted: &[usize],
        mut take: impl FnMut(usize, usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let present = pieces
            .iter()
            .enumerate()
            .filter(|(_, piece)| piece.is_some());
        let used: Vec<usize> = present.map(|(index, _)| index).take(self.data).collect();
        if !self.matrix_pays(wanted.len(), len) {
            return self.transform(pieces, len, wanted, &mut take);
        }
        let matrix = match self.matrix.take().filter(|kept| kept.serves(&used, wanted)) {
            Some(kept) => kept,
            None => self.ask(&used, wanted)?,
        };
        matrix.apply(&self.lanes, pieces, len, &mut take)?;
        self.matrix = Some(matrix);
        Ok(())
    }

    /// Whether the matrix is less work than the transforms: a multiplication a used piece and
    /// wanted piece against about half of one a point and level (measured), and pieces long enough
    /// to repay the question.
    fn matrix_pays(&self, wanted: usize, len: usize) -> bool {
        let levels = self.points.ilog2() as usize;
        wanted * self.data <= self.points * levels / 2 && len > 4 * matrix::question_len(self.data)
    }

    /// Asks the transforms how `wanted` is made of `used`.
    fn ask(&mut self, used: &[usize], wanted: &[usize]) -> Result<Matrix, Error> {
        let len = matrix::question_len(used.len());
        let questions = (0..used.len()).map(|place| matrix::question(place, used.len()));
        let questions: Vec<Vec<u8>> = questions.collect();
        let mut pieces: Vec<Option<&[u8]>> = vec![None; self.data + self.parity];
        for (index, question) in used.iter().zip(&questions) {
            *pieces
                .get_mut(*index)
                .ok_or(refused("asking for factors"))? = Some(question);
        }
        let mut answers = vec![0; wanted.len() * len];
        self.transform(&pieces, len, wanted, &mut |place, start, run| {
            put(&mut answers, place * len + start, run)
        })?;
        Ok(Matrix::of_answers(used, wanted, &answers))
    }

    /// `rebuild` by the code's transforms: restore the lost data, encode it again for parity.
    fn transform(
        &mut self,
        pieces: &[Option<&[u8]>],
        len: usize,
        wanted: &[usize],
        take: &mut impl FnMut(usize, usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let count = self.data;
        let mut restored = std::mem::take(&mut self.restored);
        restored.resize(count * self.run, 0);
        for (start, size) in runs(len, self.run) {
            self.restore(pieces, start, size, &mut restored)?;
            let data = |index: usize| {
                let run = match pieces.get(index).copied().flatten() {
                    Some(piece) => piece.get(start..start + size),
                    None => restored.get(index * size..(index + 1) * size),
                };
                run.ok_or(refused("reading a restored run"))
            };
            let targets = || wanted.iter().copied().enumerate();
            for (place, index) in targets().filter(|(_, index)| *index < count) {
                take(place, start, data(index)?)?;
            }
            if wanted.iter().all(|index| *index < count) {
                continue;
            }
            let encoder = self.encoder(size)?;
            for index in 0..count {
                encoder
                    .add_original_shard(data(index)?)
                    .map_err(|_| refused("adding data"))?;
            }
            let result = encoder.encode().map_err(|_| refused("encoding"))?;
            for (place, index) in targets().filter(|(_, index)| *index >= count) {
                let run = result
                    .recovery(index - count)
                    .ok_or(refused("reading parity"))?;
                take(place, start, run)?;
            }
        }
        self.restored = restored;
        Ok(())
    }

    /// Writes one run of every missing data piece to `restored`, run `i` at `i * size`.
    fn restore(
        &mut self,
        pieces: &[Option<&[u8]>],
        start: usize,
        size: usize,
        restored: &mut [u8],
    ) -> Result<(), Error> {
        let count = self.data;
        if pieces.iter().take(count).all(Option::is_some) {
            return Ok(());
        }
        let decoder = self.decoder(size)?;
        let present = pieces
            .iter()
            .enumerate()
            .filter_map(|(i, piece)| Some((i, (*piece)?)));
        for (index, piece) in present.take(count) {
            let run = piece
                .get(start..start + size)
                .ok_or(refused("cutting a run"))?;
            let added = match index.checked_sub(count) {
                None => decoder.add_original_shard(index, run),
                Some(parity) => decoder.add_recovery_shard(parity, run),
            };
            added.map_err(|_| refused("adding pieces"))?;
        }
        let result = decoder.decode().map_err(|_| refused("decoding"))?;
        for (index, run) in result.restored_original_iter() {
            put(restored, index * size, run)?;
        }
        Ok(())
    }

    /// The encoder, empty and set to runs of `size` bytes.
    fn encoder(&mut self, size: usize) -> Result<&mut DefaultRateEncoder<Lanes>, Error> {
        let wrong = |_| refused("setting up the encoder");
        let (data, parity) = (self.data, self.parity);
        let encoder = match self.encoder.take() {
            None => DefaultRateEncoder::new(data, parity, size, Lanes::new(), None),
            Some(mut kept) => kept.reset(data, parity, size).map(|()| kept),
        };
        Ok(self.encoder.insert(encoder.map_err(wrong)?))
    }

    /// The decoder, empty and set to runs of `size` bytes.
    fn decoder(&mut self, size: usize) -> Result<&mut DefaultRateDecoder<Lanes>, Error> {
        let wrong = |_| refused("setting up the decoder");
        let (data, parity) = (self.data, self.parity);
        let decoder = match self.decoder.take() {
            None => DefaultRateDecoder::new(data, parity, size, Lanes::new(), None),
            Some(mut kept) => kept.reset(data, parity, size).map(|()| kept),
        };
        Ok(self.decoder.insert(decoder.map_err(wrong)?))
    }
}

/// The runs of a piece: (start, bytes).
fn runs(len: usize, run: usize) -> impl Iterator<Item = (usize, usize)> {
    (0..len)
        .step_by(run)
        .map(move |start| (start, run.min(len - start)))
}

/// Copies `run` into `to` at `start`.
pub(crate) fn put(to: &mut [u8], start: usize, run: &[u8]) -> Result<(), Error> {
    let place = to.get_mut(start..start + run.len());
    place.ok_or(refused("writing a run"))?.copy_from_slice(run);
    Ok(())
}

const fn refused(step: &'static str) -> Error {
    Error::Coder { step }
}

#[cfg(test)]
mod tests;
