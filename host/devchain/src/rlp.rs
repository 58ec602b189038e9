//! Strict reading of RLP, the byte form of Ethereum transactions, and the little writing that a
//! signing hash needs.
//!
//! Enters: bytes of a stranger. Leaves: items that borrow from them. Invariant: every length is
//! checked before it is used and only the shortest encoding is accepted, so one transaction has
//! one byte form and one hash. Does not: build anything deeper than a list of items.
//! Source: Ethereum yellow paper, appendix B.

use crate::tx::Unreadable;
use revm::primitives::U256;

/// One item: a byte string, or the bytes inside a list.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Item<'a> {
    /// A byte string.
    Text(&'a [u8]),
    /// The payload of a list.
    List(&'a [u8]),
}

/// A reader over the items of one list.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Items<'a> {
    rest: &'a [u8],
}

impl<'a> Items<'a> {
    /// Opens `bytes`, which must be exactly one list and nothing behind it.
    pub(crate) fn of_list(bytes: &'a [u8]) -> Result<Self, Unreadable> {
        match take(bytes)? {
            (Item::List(rest), []) => Ok(Self { rest }),
            (Item::List(_), _) => Err(Unreadable::TrailingBytes),
            (Item::Text(_), _) => Err(Unreadable::NotAList),
        }
    }

    /// The bytes not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Reads the next item of any kind.
    pub(crate) fn item(&mut self) -> Result<Item<'a>, Unreadable> {
        let (item, rest) = take(self.rest)?;
        self.rest = rest;
        Ok(item)
    }

    /// Reads a byte string.
    pub(crate) fn text(&mut self) -> Result<&'a [u8], Unreadable> {
        match self.item()? {
            Item::Text(text) => Ok(text),
            Item::List(_) => Err(Unreadable::ListForText),
        }
    }

    /// Reads a list as a reader of its own.
    pub(crate) fn list(&mut self) -> Result<Items<'a>, Unreadable> {
        match self.item()? {
            Item::List(rest) => Ok(Items { rest }),
            Item::Text(_) => Err(Unreadable::NotAList),
        }
    }

    /// Reads a number without leading zeros.
    pub(crate) fn number(&mut self) -> Result<U256, Unreadable> {
        let text = self.text()?;
        if text.first() == Some(&0) {
            return Err(Unreadable::LeadingZero);
        }
        U256::try_from_be_slice(text).ok_or(Unreadable::NumberTooBig)
    }

    /// Reads a number of at most 64 bits.
    pub(crate) fn number_u64(&mut self) -> Result<u64, Unreadable> {
        u64::try_from(self.number()?).map_err(|_| Unreadable::NumberTooBig)
    }

    /// Reads a number of at most 128 bits.
    pub(crate) fn number_u128(&mut self) -> Result<u128, Unreadable> {
        u128::try_from(self.number()?).map_err(|_| Unreadable::NumberTooBig)
    }

    /// Says that nothing is left.
    pub(crate) fn end(&self) -> Result<(), Unreadable> {
        if self.rest.is_empty() {
            Ok(())
        } else {
            Err(Unreadable::TrailingBytes)
        }
    }
}

/// Splits the first item off.
fn take(bytes: &[u8]) -> Result<(Item<'_>, &[u8]), Unreadable> {
    let (&tag, rest) = bytes.split_first().ok_or(Unreadable::TooShort)?;
    let cut = |rest: &'_ [u8], len: usize| -> Result<usize, Unreadable> {
        if len <= rest.len() {
            Ok(len)
        } else {
            Err(Unreadable::TooShort)
        }
    };
    match tag {
        0..=0x7f => {
            let (text, rest) = bytes.split_at(1);
            Ok((Item::Text(text), rest))
        }
        0x80..=0xb7 => {
            let (text, rest) = rest.split_at(cut(rest, usize::from(tag - 0x80))?);
            if let [only] = text
                && *only < 0x80
            {
                return Err(Unreadable::NotShortest);
            }
            Ok((Item::Text(text), rest))
        }
        0xb8..=0xbf => {
            let (len, rest) = long_len(rest, usize::from(tag - 0xb7))?;
            let (text, rest) = rest.split_at(cut(rest, len)?);
            Ok((Item::Text(text), rest))
        }
        0xc0..=0xf7 => {
            let (list, rest) = rest.split_at(cut(rest, usize::from(tag - 0xc0))?);
            Ok((Item::List(list), rest))
        }
        0xf8..=0xff => {
            let (len, rest) = long_len(rest, usize::from(tag - 0xf7))?;
            let (list, rest) = rest.split_at(cut(rest, len)?);
            Ok((Item::List(list), rest))
        }
    }
}

/// Reads a length of `width` bytes, which must need them.
fn long_len(bytes: &[u8], width: usize) -> Result<(usize, &[u8]), Unreadable> {
    if width > bytes.len() {
        return Err(Unreadable::TooShort);
    }
    let (digits, rest) = bytes.split_at(width);
    if digits.first() == Some(&0) {
        return Err(Unreadable::NotShortest);
    }
    let mut len = 0_usize;
    for digit in digits {
        len = len.checked_mul(256).ok_or(Unreadable::TooShort)?;
        len = len
            .checked_add(usize::from(*digit))
            .ok_or(Unreadable::TooShort)?;
    }
    if len < 56 {
        Err(Unreadable::NotShortest)
    } else {
        Ok((len, rest))
    }
}

/// Wraps a payload of items as a list.
pub(crate) fn list(payload: &[u8]) -> Vec<u8> {
    let mut out = head(0xc0, payload.len());
    out.extend_from_slice(payload);
    out
}

/// Writes a number in its shortest form.
pub(crate) fn number(value: U256) -> Vec<u8> {
    text(&value.to_be_bytes_trimmed_vec())
}

/// Writes a byte string.
pub(crate) fn text(bytes: &[u8]) -> Vec<u8> {
    if let [only] = bytes
        && *only < 0x80
    {
        return vec![*only];
    }
    let mut out = head(0x80, bytes.len());
    out.extend_from_slice(bytes);
    out
}

/// The head of a string (`base` 0x80) or list (`base` 0xc0) of `len` bytes.
fn head(base: u8, len: usize) -> Vec<u8> {
    // Lossless: the first arm is below 56, the second has at most 8 digits.
    #[allow(clippy::cast_possible_truncation)]
    if len < 56 {
        vec![base + len as u8]
    } else {
        let digits: Vec<u8> = len
            .to_be_bytes()
            .into_iter()
            .skip_while(|digit| *digit == 0)
            .collect();
        let mut out = vec![base + 55 + digits.len() as u8];
        out.extend_from_slice(&digits);
        out
    }
}

#[cfg(test)]
mod tests;
