//! A block of history: up to sixty points, each the difference from the one before.
//!
//! Enters: points, or 4096 bytes from a drive. Leaves: the other. Layout: docs/formats/blackbox.md.
//! Invariant: a block that was torn or rotted reads as nothing; no bytes panic.

use crate::checksum::crc32;

/// Bytes of a block.
pub(crate) const SIZE: usize = 4096;
pub(crate) const SIZE_U64: u64 = SIZE as u64;
/// Magic 4, version 2, count 2, sequence 8, payload length 4, checksum 4.
const HEAD: usize = 24;
const MAGIC: [u8; 4] = *b"HFHI";
const VERSION: u16 = 1;
/// Points of a block.
const POINTS: usize = 60;

/// The names of a point's values, in their order; new ones are added at the end.
pub const FIELDS: [&str; 12] = [
    "level",
    "own_mib",
    "left_mib",
    "some_ms",
    "io_ms",
    "v4_entries",
    "v4_fulls",
    "v6_entries",
    "v6_fulls",
    "stuck",
    "load_hundredths",
    "drive_us",
];

/// One minute.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Point {
    /// Minutes since 1970.
    pub minute: u64,
    /// One value for each of [`FIELDS`]; absent where it could not be read.
    pub values: [Option<u32>; FIELDS.len()],
}

/// A block in memory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Block {
    pub(crate) sequence: u64,
    count: u16,
    last: Point,
    payload: Vec<u8>,
}

impl Block {
    pub(crate) const fn new(sequence: u64) -> Self {
        Self {
            sequence,
            count: 0,
            last: EMPTY,
            payload: Vec::new(),
        }
    }

    pub(crate) fn last_minute(&self) -> Option<u64> {
        (self.count > 0).then_some(self.last.minute)
    }

    /// Adds a point; false when the block is full, or the point does not follow.
    pub(crate) fn push(&mut self, point: Point) -> bool {
        let Some(step) = point.minute.checked_sub(self.last.minute) else {
            return false;
        };
        let mut bytes = Vec::with_capacity(40);
        write_varint(&mut bytes, step);
        for (now, then) in point.values.iter().zip(&self.last.values) {
            write_varint(&mut bytes, zigzag(shifted(*now) - shifted(*then)));
        }
        let fits = HEAD + self.payload.len() + bytes.len() <= SIZE;
        if usize::from(self.count) >= POINTS || !fits {
            return false;
        }
        self.payload.append(&mut bytes);
        self.count += 1;
        self.last = point;
        true
    }

    pub(crate) fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(SIZE);
        bytes.extend(MAGIC);
        bytes.extend(VERSION.to_le_bytes());
        bytes.extend(self.count.to_le_bytes());
        bytes.extend(self.sequence.to_le_bytes());
        let len = u32::try_from(self.payload.len()).unwrap_or_default();
        bytes.extend(len.to_le_bytes());
        let crc = crc32(&[bytes.as_slice(), &self.payload].concat());
        bytes.extend(crc.to_le_bytes());
        bytes.extend(&self.payload);
        bytes.resize(SIZE, 0);
        bytes
    }

    pub(crate) fn decode(bytes: &[u8]) -> Option<Self> {
        let head = bytes.get(..HEAD - 4)?;
        let known = head.starts_with(&MAGIC) && head.get(4..6)? == VERSION.to_le_bytes();
        let len = usize::try_from(u32::from_le_bytes(head.get(16..20)?.try_into().ok()?)).ok()?;
        let crc = u32::from_le_bytes(bytes.get(HEAD - 4..HEAD)?.try_into().ok()?);
        let payload = bytes.get(HEAD..HEAD.checked_add(len)?)?;
        if !known || crc != crc32(&[head, payload].concat()) {
            return None;
        }
        let mut block = Self {
            sequence: u64::from_le_bytes(head.get(8..16)?.try_into().ok()?),
            count: u16::from_le_bytes(head.get(6..8)?.try_into().ok()?),
            last: EMPTY,
            payload: payload.to_vec(),
        };
        block.last = block.points().last().copied().unwrap_or_default();
        Some(block)
    }

    pub(crate) fn points(&self) -> Vec<Point> {
        let mut rest = self.payload.as_slice();
        let mut last = EMPTY;
        let mut points = Vec::with_capacity(usize::from(self.count).min(POINTS));
        for _ in 0..self.count {
            let Some(point) = next_point(&mut rest, &last) else {
                break;
            };
            last = point;
            points.push(point);
        }
        points
    }
}

const EMPTY: Point = Point {
    minute: 0,
    values: [None; FIELDS.len()],
};

fn next_point(rest: &mut &[u8], last: &Point) -> Option<Point> {
    let mut point = *last;
    point.minute = last.minute.checked_add(read_varint(rest)?)?;
    for value in &mut point.values {
        let moved = shifted(*value).checked_add(unzigzag(read_varint(rest)?))?;
        *value = match moved {
            0 => None,
            more => Some(u32::try_from(more.checked_sub(1)?).ok()?),
        };
    }
    Some(point)
}

/// Absent is 0, a value is one more than itself.
fn shifted(value: Option<u32>) -> i64 {
    value.map_or(0, |value| i64::from(value) + 1)
}

const fn zigzag(value: i64) -> u64 {
    ((value << 1) ^ (value >> 63)).cast_unsigned()
}

const fn unzigzag(value: u64) -> i64 {
    (value >> 1).cast_signed() ^ -((value & 1).cast_signed())
}

fn write_varint(bytes: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        bytes.push(u8::try_from(value & 0x7f).unwrap_or_default() | 0x80);
        value >>= 7;
    }
    bytes.push(u8::try_from(value).unwrap_or_default());
}

fn read_varint(rest: &mut &[u8]) -> Option<u64> {
    let mut value = 0_u64;
    for shift in (0..64).step_by(7) {
        let (byte, after) = rest.split_first()?;
        *rest = after;
        value |= u64::from(byte & 0x7f) << shift;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

#[cfg(test)]
mod tests;
