//! As much of protobuf as BTFS's messages need: varints and length-delimited fields.
//!
//! Enters: field numbers below 16 and values, or bounded bytes of a peer. Leaves: bytes with
//! defaults omitted, or the fields one by one. Fixed-width fields and groups are refused: no
//! message at this door has them.

use crate::error::Error;

/// Writes fields in the order of the calls.
#[derive(Debug, Default)]
pub(super) struct Writer(Vec<u8>);

impl Writer {
    fn varint(&mut self, mut value: u64) {
        while value >= 0x80 {
            self.0.push(value.to_le_bytes()[0] | 0x80);
            value >>= 7;
        }
        self.0.push(value.to_le_bytes()[0]);
    }

    /// Writes a number unless it is the default, 0.
    pub(super) fn number(&mut self, field: u8, value: u64) {
        if value != 0 {
            self.varint(u64::from(field) << 3);
            self.varint(value);
        }
    }

    /// Writes text, bytes or an inner message unless it is empty.
    pub(super) fn bytes(&mut self, field: u8, value: &[u8]) {
        if !value.is_empty() {
            self.varint(u64::from(field) << 3 | 2);
            self.varint(u64::try_from(value.len()).unwrap_or(u64::MAX));
            self.0.extend_from_slice(value);
        }
    }

    /// The bytes written.
    pub(super) fn finish(self) -> Vec<u8> {
        self.0
    }
}

/// The value of one field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Field<'a> {
    /// A varint.
    Number(u64),
    /// Text, bytes or an inner message.
    Bytes(&'a [u8]),
}

/// Reads fields as they stand.
#[derive(Debug)]
pub(super) struct Reader<'a> {
    what: &'static str,
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    /// Starts on `bytes`; `what` names the message in errors. Errors beyond `bound` bytes.
    pub(super) fn new(what: &'static str, bytes: &'a [u8], bound: usize) -> Result<Self, Error> {
        let reader = Self { what, rest: bytes };
        if bytes.len() > bound {
            return Err(reader.wrong("it is longer than its bound"));
        }
        Ok(reader)
    }

    /// The error that the message breaks the fact `why` says.
    pub(super) const fn wrong(&self, why: &'static str) -> Error {
        Error::Btfs {
            what: self.what,
            why,
        }
    }

    /// `bytes` as text. Errors when they are not UTF-8.
    pub(super) fn text(&self, bytes: &[u8]) -> Result<String, Error> {
        std::str::from_utf8(bytes)
            .map(str::to_owned)
            .map_err(|_| self.wrong("a text in it is not UTF-8"))
    }

    fn varint(&mut self) -> Result<u64, Error> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let Some((byte, rest)) = self.rest.split_first() else {
                return Err(self.wrong("it ends inside a number"));
            };
            self.rest = rest;
            let digit = u64::from(byte & 0x7f);
            if shift == 63 && *byte > 1 {
                break;
            }
            value |= digit << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(self.wrong("a number in it has more than 64 bits"))
    }

    /// The next field with its number, `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<(u64, Field<'a>)>, Error> {
        if self.rest.is_empty() {
            return Ok(None);
        }
        let key = self.varint()?;
        let field = match key & 7 {
            0 => Field::Number(self.varint()?),
            2 => {
                let len = usize::try_from(self.varint()?).unwrap_or(usize::MAX);
                let Some((value, rest)) = self.rest.split_at_checked(len) else {
                    return Err(self.wrong("it ends inside a field"));
                };
                self.rest = rest;
                Field::Bytes(value)
            }
            _ => return Err(self.wrong("a field is neither a number nor bytes")),
        };
        Ok(Some((key >> 3, field)))
    }
}
