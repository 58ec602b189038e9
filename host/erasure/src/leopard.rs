//! The codec `Leopard16`: the 16-bit FFT code of reed-solomon-simd, driven in runs that stay in
//! the cache. Byte columns of a stripe are coded independently of each other in steps of 64, so
//! a piece may be cut into runs of any multiple of 64 bytes and the bytes are the same.

use reed_solomon_simd::rate::{DefaultRateDecoder, DefaultRateEncoder, RateDecoder, RateEncoder};

use crate::error::Error;
use crate::locator::Lanes;

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
    run: usize,
    encoder: Option<DefaultRateEncoder<Lanes>>,
    decoder: Option<DefaultRateDecoder<Lanes>>,
    restored: Vec<u8>,
}

impl Leopard {
    pub(crate) fn new(data: usize, parity: usize) -> Self {
        let points = (data.next_power_of_two() + parity.next_power_of_two()).next_power_of_two();
        Self {
            data,
            parity,
            run: (WORK / points).clamp(RUN_MIN, RUN_MAX),
            encoder: None,
            decoder: None,
            restored: Vec::new(),
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

    /// Restores the data pieces that are none in `pieces`, run by run, and hands each to `take`
    /// as (piece, start in the piece, bytes).
    pub(crate) fn decode(
        &mut self,
        pieces: &[Option<&[u8]>],
        len: usize,
        mut take: impl FnMut(usize, usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        for (start, size) in runs(len, self.run) {
            self.restore(pieces, start, size, &mut take)?;
        }
        Ok(())
    }

    /// Writes the pieces called `wanted`, one after the other, to `out`.
    pub(crate) fn rebuild(
        &mut self,
        pieces: &[Option<&[u8]>],
        len: usize,
        wanted: &[usize],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let mut restored = std::mem::take(&mut self.restored);
        restored.resize(self.data * self.run, 0);
        for (start, size) in runs(len, self.run) {
            if pieces.iter().take(self.data).any(Option::is_none) {
                self.restore(pieces, start, size, &mut |index, _, run| {
                    put(&mut restored, index * size, run)
                })?;
            }
            let data = |index: usize| match pieces.get(index).copied().flatten() {
                Some(piece) => piece.get(start..start + size),
                None => restored.get(index * size..(index + 1) * size),
            };
            let targets = || wanted.iter().copied().enumerate();
            for (place, index) in targets().filter(|(_, index)| *index < self.data) {
                let run = data(index).ok_or(refused("reading a restored run"))?;
                put(out, place * len + start, run)?;
            }
            if wanted.iter().all(|index| *index < self.data) {
                continue;
            }
            let count = self.data;
            let encoder = self.encoder(size)?;
            for index in 0..count {
                let run = data(index).ok_or(refused("reading a restored run"))?;
                encoder
                    .add_original_shard(run)
                    .map_err(|_| refused("adding data"))?;
            }
            let result = encoder.encode().map_err(|_| refused("encoding"))?;
            for (place, index) in targets().filter(|(_, index)| *index >= count) {
                let run = result
                    .recovery(index - count)
                    .ok_or(refused("reading parity"))?;
                put(out, place * len + start, run)?;
            }
        }
        self.restored = restored;
        Ok(())
    }

    /// Restores one run of every missing data piece from the first pieces that are there.
    fn restore(
        &mut self,
        pieces: &[Option<&[u8]>],
        start: usize,
        size: usize,
        take: &mut impl FnMut(usize, usize, &[u8]) -> Result<(), Error>,
    ) -> Result<(), Error> {
        let count = self.data;
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
            take(index, start, run)?;
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
fn put(to: &mut [u8], start: usize, run: &[u8]) -> Result<(), Error> {
    let place = to.get_mut(start..start + run.len());
    place.ok_or(refused("writing a run"))?.copy_from_slice(run);
    Ok(())
}

const fn refused(step: &'static str) -> Error {
    Error::Coder { step }
}
