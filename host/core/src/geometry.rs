//! How a segment becomes shards: codec, counts and lengths. A geometry that exists is valid; the
//! only way to make one is checked.
//!
//! Layout (our own, for every codec): a segment's ciphertext is cut into stripes of
//! `data x piece_len` bytes; in each stripe, shard `i < data` gets the i-th piece, parity shards
//! get the coder's output of the same length. The last stripe is shorter: its pieces are
//! ceil(rest / data) bytes rounded up to 64, the tail zero-padded. Shard = its pieces in order.

use minicbor::{Decode, Encode};
use serde::{Deserialize, Serialize};

use crate::error::Error;
use crate::limits;

/// Which erasure code made the parity shards; written into every descriptor and agreement.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum Codec {
    /// The 16-bit FFT code of reed-solomon-simd (Leopard construction).
    #[n(1)]
    Leopard16,
    /// The systematic 8-bit matrix code over 0x11D, equal to klauspost's.
    #[n(2)]
    Matrix8,
}

impl Codec {
    /// Shards a stripe that the 8-bit code can tell apart.
    pub const MATRIX8_SHARDS_MAX: u32 = 256;

    /// The code that new stripes of so many data and parity shards use: the 8-bit code where it
    /// can, because vector instructions multiply its elements directly; beyond, the 16-bit one.
    #[must_use]
    pub const fn of_counts(data: u16, parity: u16) -> Self {
        if data as u32 + parity as u32 <= Self::MATRIX8_SHARDS_MAX {
            Self::Matrix8
        } else {
            Self::Leopard16
        }
    }

    /// The number this codec has on the wire, in agreements and in extents.
    #[must_use]
    pub const fn id(self) -> u8 {
        match self {
            Self::Leopard16 => 1,
            Self::Matrix8 => 2,
        }
    }
}

/// The shape of an object's segments.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode, Serialize, Deserialize)]
pub struct Geometry {
    /// The erasure code.
    #[n(0)]
    pub codec: Codec,
    /// Data shards a segment; any this many shards give the segment back.
    #[n(1)]
    pub data: u16,
    /// Parity shards a segment.
    #[n(2)]
    pub parity: u16,
    /// Bytes of one piece (one shard's part of one stripe).
    #[n(3)]
    pub piece_len: u32,
    /// Ciphertext bytes of one segment, the last one excepted.
    #[n(4)]
    pub segment_len: u64,
}

impl Geometry {
    /// The default: 8-bit code, 10+20, 256 KiB pieces, 40 MiB segments.
    #[must_use]
    pub const fn standard() -> Self {
        Self {
            codec: Codec::Matrix8,
            data: limits::DATA_SHARDS,
            parity: limits::PARITY_SHARDS,
            piece_len: limits::PIECE_LEN,
            segment_len: limits::SEGMENT_LEN,
        }
    }

    /// A default geometry with other counts and the code that serves them. Errors when they are
    /// out of range.
    pub fn of_counts(data: u16, parity: u16) -> Result<Self, Error> {
        let base = Self {
            codec: Codec::of_counts(data, parity),
            data,
            parity,
            ..Self::standard()
        };
        let segment_len = u64::from(data) * u64::from(base.piece_len) * 16;
        let geometry = Self {
            segment_len: segment_len
                .min(limits::SEGMENT_LEN.max(u64::from(data) * u64::from(base.piece_len))),
            ..base
        };
        geometry.check()?;
        Ok(geometry)
    }

    /// Checks every rule. Errors name the first rule that is broken.
    pub fn check(&self) -> Result<(), Error> {
        let wrong = |why| Error::Geometry {
            data: self.data,
            parity: self.parity,
            piece_len: self.piece_len,
            why,
        };
        let total = u32::from(self.data) + u32::from(self.parity);
        if self.data == 0 || self.parity == 0 {
            return Err(wrong("data and parity are at least 1"));
        }
        if total > u32::from(limits::STRIPE_SHARDS_MAX) {
            return Err(wrong("too many shards a stripe"));
        }
        if self.codec == Codec::Matrix8 && total > Codec::MATRIX8_SHARDS_MAX {
            return Err(wrong("the 8-bit code serves at most 256 shards"));
        }
        if self.piece_len == 0 || !self.piece_len.is_multiple_of(limits::PIECE_STEP) {
            return Err(wrong("pieces are a positive multiple of 64 bytes"));
        }
        if self.segment_len == 0 || self.shard_len(self.segment_len) > limits::SHARD_LEN_MAX {
            return Err(wrong("a shard is 1 byte to 64 MiB"));
        }
        Ok(())
    }

    /// Shards a segment.
    #[must_use]
    pub const fn total(&self) -> u16 {
        self.data + self.parity
    }

    /// Data bytes of a full stripe.
    #[must_use]
    pub fn stripe_len(&self) -> u64 {
        u64::from(self.data) * u64::from(self.piece_len)
    }

    /// Bytes of a piece in a stripe that holds `stripe_len` data bytes.
    #[must_use]
    pub fn piece_len_of(&self, stripe_len: u64) -> u64 {
        let step = u64::from(limits::PIECE_STEP);
        if stripe_len == self.stripe_len() {
            return u64::from(self.piece_len);
        }
        stripe_len.div_ceil(u64::from(self.data)).div_ceil(step) * step
    }

    /// Bytes of each shard of a segment holding `segment_len` ciphertext bytes.
    #[must_use]
    pub fn shard_len(&self, segment_len: u64) -> u64 {
        let stripe = self.stripe_len();
        let rest = segment_len % stripe;
        let full = segment_len / stripe * u64::from(self.piece_len);
        if rest == 0 {
            full
        } else {
            full + self.piece_len_of(rest)
        }
    }
}
