//! One stripe at a time: data to pieces, pieces to data, pieces to lost pieces. The codec of the
//! geometry is chosen once, here; nothing outside this file asks which it is.

use host_core::geometry::{Codec, Geometry};

use crate::error::Error;
use crate::leopard::{self, Leopard};
use crate::matrix8::Matrix8;

/// Bytes of a cache line; vectors want rows that begin alike within one.
const LINE: usize = 64;
/// Bytes by which parity pieces are set apart beyond their length. Pieces are often a power of two
/// long; side by side, they would all share one set of the processor's caches.
const APART: usize = 4096 + 3 * LINE;

/// The arithmetic of one geometry with its reused working space.
pub struct Coder {
    geometry: Geometry,
    codec: Kernel,
    /// The last wanted piece where the caller has room for only its beginning.
    spare: Vec<u8>,
}

enum Kernel {
    Leopard16(Box<Leopard>),
    Matrix8(Matrix8),
}

/// The pieces of one encoded stripe, in shard order.
#[derive(Debug, Clone, Copy)]
pub struct Pieces<'a> {
    piece_len: usize,
    /// Pieces that stand in the caller's data as they are.
    whole: &'a [u8],
    /// The data pieces after those, padded.
    padded: &'a [u8],
    /// Parity pieces, each at a multiple of `stride`.
    parity: &'a [u8],
    stride: usize,
}

impl<'a> Pieces<'a> {
    /// Bytes of each piece.
    #[must_use]
    pub const fn piece_len(&self) -> usize {
        self.piece_len
    }

    /// The piece of shard `index`.
    #[must_use]
    pub fn get(&self, index: usize) -> Option<&'a [u8]> {
        self.iter().nth(index)
    }

    /// All pieces, data shards first.
    pub fn iter(&self) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        let len = self.piece_len;
        let data = self.whole.chunks_exact(len);
        let data = data.chain(self.padded.chunks_exact(len));
        let parity = self.parity.chunks(self.stride);
        data.chain(parity.filter_map(move |piece| piece.get(..len)))
    }
}

impl Coder {
    /// A coder for `geometry`; working space is taken at the first stripe.
    /// Errors: Geometry.
    pub fn new(geometry: &Geometry) -> Result<Self, Error> {
        geometry.check()?;
        let (data, parity) = (geometry.data.into(), geometry.parity.into());
        let codec = match geometry.codec {
            Codec::Leopard16 => Kernel::Leopard16(Box::new(Leopard::new(data, parity))),
            Codec::Matrix8 => Kernel::Matrix8(Matrix8::new(data, parity)),
        };
        Ok(Self {
            geometry: *geometry,
            codec,
            spare: Vec::new(),
        })
    }

    /// The geometry this coder serves.
    #[must_use]
    pub const fn geometry(&self) -> &Geometry {
        &self.geometry
    }

    /// Cuts `stripe` (1 to data x piece_len bytes) into pieces and adds parity. Whole data pieces
    /// are borrowed from `stripe`; `rest` is resized to hold padded data pieces and parity, and
    /// is meant to be reused.
    /// Errors: StripeLength. Cost: linear in the stripe.
    pub fn encode_stripe<'a>(
        &mut self,
        stripe: &'a [u8],
        rest: &'a mut Vec<u8>,
    ) -> Result<Pieces<'a>, Error> {
        let len = self.piece_len(stripe.len())?;
        let (data, parity) = self.counts();
        let (whole, tail) = stripe.split_at(stripe.len() / len * len);
        let padded = data * len - whole.len();
        let stride = match &self.codec {
            Kernel::Leopard16(_) => len,
            Kernel::Matrix8(_) => len + APART,
        };
        rest.resize(padded + 2 * LINE + parity * stride, 0);
        let (pad, out) = rest.split_at_mut(padded);
        let (head, zeros) = pad.split_at_mut(tail.len());
        head.copy_from_slice(tail);
        zeros.fill(0);
        // Parity begins within a cache line where the data does.
        let lead = out.as_ptr().align_offset(LINE) + stripe.as_ptr().addr() % LINE;
        let (_, out) = out.split_at_mut(lead.min(2 * LINE));
        let (out, _) = out.split_at_mut(parity * stride);
        let pad = &*pad;
        let pieces: Vec<&[u8]> = whole
            .chunks_exact(len)
            .chain(pad.chunks_exact(len))
            .collect();
        match &mut self.codec {
            Kernel::Leopard16(leopard) => leopard.encode(&pieces, len, out)?,
            Kernel::Matrix8(matrix) => {
                let rows = out.chunks_exact_mut(stride);
                let mut rows: Vec<_> = rows.filter_map(|row| row.get_mut(..len)).collect();
                matrix.encode(&pieces, &mut rows);
            }
        }
        Ok(Pieces {
            piece_len: len,
            whole,
            padded: pad,
            parity: out,
            stride,
        })
    }

    /// Gives a stripe's `out.len()` data bytes back from any `data` of its pieces; `pieces` has a
    /// place for every shard. Pieces beyond need are ignored; data pieces that the stripe is too
    /// short for are known to be zeros and need not be given.
    /// Errors: StripeLength, PieceCount, PieceLength; TooFew when fewer than `data` are there.
    /// Cost: a copy when all data pieces are there; else linear in the stripe and in the number of
    /// lost data pieces, up to where a whole decode is cheaper.
    pub fn reconstruct_stripe(
        &mut self,
        pieces: &[Option<&[u8]>],
        out: &mut [u8],
    ) -> Result<(), Error> {
        let len = self.piece_len(out.len())?;
        self.check_pieces(pieces, len)?;
        let (data, _) = self.counts();
        let held = out.len().div_ceil(len);
        let zeros = vec![0; if held < data { len } else { 0 }];
        let mut known = pieces.to_vec();
        for place in known.iter_mut().take(data).skip(held) {
            *place = Some(&zeros);
        }
        let missing = known.iter().take(data).any(Option::is_none);
        if missing {
            self.check_enough(&known)?;
        }
        for (piece, to) in known.iter().zip(out.chunks_mut(len)) {
            if let Some(piece) = piece {
                let (piece, _) = piece.split_at(to.len());
                to.copy_from_slice(piece);
            }
        }
        if !missing {
            return Ok(());
        }
        let lost = |index: &usize| known.get(*index).is_some_and(Option::is_none);
        let wanted: Vec<usize> = (0..held).filter(lost).collect();
        match &mut self.codec {
            Kernel::Leopard16(leopard) => {
                leopard.rebuild(&known, len, &wanted, |place, start, run| {
                    let at = wanted.get(place).map_or(usize::MAX, |index| index * len);
                    put_within(out, at.saturating_add(start), run)
                })
            }
            Kernel::Matrix8(matrix) => {
                let spare = &mut self.spare;
                rebuild_into(matrix, &known, &wanted, out, (len, spare))
            }
        }
    }

    /// Rebuilds the pieces called `wanted`, data or parity, from any `data` others; they are
    /// written one after the other to `out`. Works on whole pieces as well as on the same columns
    /// of each piece, if their number is a multiple of 64.
    /// Errors: PieceCount, PieceLength, PieceIndex, TooFew.
    pub fn rebuild_pieces(
        &mut self,
        pieces: &[Option<&[u8]>],
        wanted: &[usize],
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        let len = pieces
            .iter()
            .flatten()
            .next()
            .map_or(0, |piece| piece.len());
        self.check_pieces(pieces, len)?;
        self.check_enough(pieces)?;
        let total = pieces.len();
        if let Some(&index) = wanted.iter().find(|index| **index >= total) {
            return Err(Error::PieceIndex { index, total });
        }
        out.resize(wanted.len() * len, 0);
        match &mut self.codec {
            Kernel::Leopard16(leopard) => {
                leopard.rebuild(pieces, len, wanted, |place, start, run| {
                    leopard::put(out, place * len + start, run)
                })
            }
            Kernel::Matrix8(matrix) => {
                let mut outs: Vec<&mut [u8]> = out.chunks_exact_mut(len).collect();
                matrix.rebuild(pieces, wanted, &mut outs)
            }
        }
    }

    /// Rebuilds one piece. Errors and cost as of `rebuild_pieces`.
    pub fn rebuild_piece(
        &mut self,
        pieces: &[Option<&[u8]>],
        index: usize,
        out: &mut Vec<u8>,
    ) -> Result<(), Error> {
        self.rebuild_pieces(pieces, &[index], out)
    }

    fn counts(&self) -> (usize, usize) {
        (self.geometry.data.into(), self.geometry.parity.into())
    }

    /// Bytes of a piece in a stripe of `stripe_len` data bytes.
    fn piece_len(&self, stripe_len: usize) -> Result<usize, Error> {
        let (have, max) = (stripe_len as u64, self.geometry.stripe_len());
        if have == 0 || have > max {
            return Err(Error::StripeLength { have, max });
        }
        Ok(self.geometry.piece_len_of(have) as usize)
    }

    /// One place a shard, each piece `len` bytes in steps of 64, none longer than the geometry's.
    fn check_pieces(&self, pieces: &[Option<&[u8]>], len: usize) -> Result<(), Error> {
        let (need, have) = (usize::from(self.geometry.total()), pieces.len());
        if need != have {
            return Err(Error::PieceCount { need, have });
        }
        let max = self.geometry.piece_len as usize;
        let step = host_core::limits::PIECE_STEP as usize;
        let need = len.min(max) / step * step;
        let lengths = pieces
            .iter()
            .enumerate()
            .filter_map(|(i, piece)| Some((i, (*piece)?.len())));
        match lengths
            .into_iter()
            .find(|(_, have)| *have != need || need == 0)
        {
            Some((index, have)) => Err(Error::PieceLength { index, need, have }),
            None => Ok(()),
        }
    }

    fn check_enough(&self, pieces: &[Option<&[u8]>]) -> Result<(), Error> {
        let (need, _) = self.counts();
        let have = pieces.iter().flatten().count();
        if have < need {
            return Err(Error::TooFew { need, have });
        }
        Ok(())
    }
}

/// Rebuilds the `wanted` pieces, ascending, where they lie in a stripe's bytes `out`; of a last
/// piece that reaches beyond them, only the beginning.
fn rebuild_into(
    matrix: &mut Matrix8,
    pieces: &[Option<&[u8]>],
    wanted: &[usize],
    out: &mut [u8],
    (len, spare): (usize, &mut Vec<u8>),
) -> Result<(), Error> {
    let (whole, part) = out.split_at_mut(out.len() / len * len);
    let whole = whole.chunks_exact_mut(len).enumerate();
    let mut outs: Vec<&mut [u8]> = whole
        .filter_map(|(index, piece)| wanted.contains(&index).then_some(piece))
        .collect();
    let cut = outs.len() < wanted.len();
    if cut {
        spare.resize(len, 0);
        outs.push(spare);
    }
    matrix.rebuild(pieces, wanted, &mut outs)?;
    if cut {
        let (start, _) = spare.split_at(part.len());
        part.copy_from_slice(start);
    }
    Ok(())
}

/// Copies what of `run`, meant for `at`, lies within `out`.
fn put_within(out: &mut [u8], at: usize, run: &[u8]) -> Result<(), Error> {
    let rest = out.len().saturating_sub(at);
    let (run, _) = run.split_at(run.len().min(rest));
    if run.is_empty() {
        return Ok(());
    }
    leopard::put(out, at, run)
}

#[cfg(test)]
mod tests;
