//! Money: whole smallest units of a token in checked 128-bit integers. There is no float and no
//! silent wrap anywhere near it; an amount beyond 128 bits is refused at the chain's door.

use std::fmt;
use std::str::FromStr;

use minicbor::{Decode, Decoder, Encode, Encoder};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// Bytes in a GiB, the unit prices are quoted in.
pub const GIB: u128 = 1 << 30;

/// A number of smallest token units.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Amount(pub u128);

impl Amount {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// The sum. Errors when it leaves 128 bits.
    pub fn plus(self, other: Self) -> Result<Self, Error> {
        self.0
            .checked_add(other.0)
            .map(Self)
            .ok_or(Error::Overflow {
                what: "sum of amounts",
            })
    }

    /// The difference. Errors when `other` is larger.
    pub fn minus(self, other: Self) -> Result<Self, Error> {
        self.0
            .checked_sub(other.0)
            .map(Self)
            .ok_or(Error::Overflow {
                what: "difference of amounts",
            })
    }

    /// `count` times this amount. Errors when it leaves 128 bits.
    pub fn times(self, count: u64) -> Result<Self, Error> {
        self.0
            .checked_mul(u128::from(count))
            .map(Self)
            .ok_or(Error::Overflow {
                what: "multiple of an amount",
            })
    }

    /// The price of reading `len` bytes at `price` smallest units per GiB, in 2^-30 of a smallest
    /// unit, so that many small reads sum without rounding. Errors when it leaves 128 bits.
    pub fn of_reads(len: u64, price: Self) -> Result<Self, Error> {
        price.times(len)
    }

    /// Smallest units that pay a sum of `of_reads`, rounded up.
    #[must_use]
    pub const fn of_fine(fine: Self) -> Self {
        Self(fine.0.div_ceil(1 << 30))
    }

    /// The price of keeping `len` bytes for `epochs` epochs at `price` smallest units per GiB and
    /// epoch: ceil(len x price x epochs / 2^30). Errors when a product leaves 128 bits.
    pub fn of_storage(len: u64, price: Self, epochs: u64) -> Result<Self, Error> {
        let what = Error::Overflow {
            what: "storage amount",
        };
        let total = price
            .0
            .checked_mul(u128::from(len))
            .and_then(|sum| sum.checked_mul(u128::from(epochs)))
            .ok_or(what)?;
        Ok(Self(total.div_ceil(GIB)))
    }

    /// Big-endian bytes, as the wire, the ledger and the chain write an amount.
    #[must_use]
    pub const fn to_be_bytes(self) -> [u8; 16] {
        self.0.to_be_bytes()
    }
}

impl fmt::Display for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl fmt::Debug for Amount {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.0)
    }
}

impl FromStr for Amount {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        text.parse().map(Self).map_err(|_| Error::IdText {
            kind: "amount",
            encoding: "decimal",
        })
    }
}

impl<C> Encode<C> for Amount {
    fn encode<W: minicbor::encode::Write>(
        &self,
        e: &mut Encoder<W>,
        _: &mut C,
    ) -> Result<(), minicbor::encode::Error<W::Error>> {
        e.bytes(&self.to_be_bytes())?.ok()
    }
}

impl<'b, C> Decode<'b, C> for Amount {
    fn decode(d: &mut Decoder<'b>, _: &mut C) -> Result<Self, minicbor::decode::Error> {
        <[u8; 16]>::try_from(d.bytes()?)
            .map(|bytes| Self(u128::from_be_bytes(bytes)))
            .map_err(|_| minicbor::decode::Error::message("amount is 16 bytes"))
    }
}

impl Serialize for Amount {
    /// Writes a decimal string: JSON numbers lose digits beyond 2^53.
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Amount {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests;
