//! One stripe at a time: data to pieces, pieces to data, pieces to lost pieces. The codec of the
//! geometry is chosen once, here; nothing outside this file asks which it is.

use host_core::geometry::{Codec, Geometry};

use crate::error::Error;
use crate::leopard::{self, Leopard};

/// The arithmetic of one geometry with its reused working space.
pub struct Coder {
    geometry: Geometry,
    codec: Kernel,
}

enum Kernel {
    Leopard16(Box<Leopard>),
}

/// The pieces of one encoded stripe, in shard order.
#[derive(Debug, Clone, Copy)]
pub struct Pieces<'a> {
    piece_len: usize,
    /// Pieces that stand in the caller's data as they are.
    whole: &'a [u8],
    /// The pieces after those: padded data, then parity.
    rest: &'a [u8],
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
        let whole = self.whole.chunks_exact(self.piece_len);
        whole.chain(self.rest.chunks_exact(self.piece_len))
    }
}

impl Coder {
    /// A coder for `geometry`; working space is taken at the first stripe.
    /// Errors: Geometry; Unsupported for the 8-bit matrix code, which this build cannot compute.
    pub fn new(geometry: &Geometry) -> Result<Self, Error> {
        geometry.check()?;
        let (data, parity) = (geometry.data.into(), geometry.parity.into());
        let codec = match geometry.codec {
            Codec::Leopard16 => Kernel::Leopard16(Box::new(Leopard::new(data, parity))),
            codec @ Codec::Matrix8 => return Err(Error::Unsupported { codec }),
        };
        Ok(Self {
            geometry: *geometry,
            codec,
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
        rest.resize(padded + parity * len, 0);
        let (pad, out) = rest.split_at_mut(padded);
        let (head, zeros) = pad.split_at_mut(tail.len());
        head.copy_from_slice(tail);
        zeros.fill(0);
        let pieces: Vec<&[u8]> = whole
            .chunks_exact(len)
            .chain(pad.chunks_exact(len))
            .collect();
        let Kernel::Leopard16(leopard) = &mut self.codec;
        leopard.encode(&pieces, len, out)?;
        Ok(Pieces {
            piece_len: len,
            whole,
            rest,
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
        let Kernel::Leopard16(leopard) = &mut self.codec;
        leopard.rebuild(&known, len, &wanted, |place, start, run| {
            let at = wanted
                .get(place)
                .map_or(usize::MAX, |index| index * len + start);
            let rest = out.len().saturating_sub(at);
            let (run, _) = run.split_at(run.len().min(rest));
            if run.is_empty() {
                return Ok(());
            }
            leopard::put(out, at, run)
        })
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
        let Kernel::Leopard16(leopard) = &mut self.codec;
        leopard.rebuild(pieces, len, wanted, |place, start, run| {
            leopard::put(out, place * len + start, run)
        })
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

#[cfg(test)]
mod tests;
