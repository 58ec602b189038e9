//! Files of a release packed with zstd: each file a frame of its own in the tree's object, so that
//! one file is had without the others. The same bytes give the same frame with the same version of
//! the library, which the lock file names.
//!
//! Enters: a file's bytes, or the bytes of a frame that nobody vouches for. Leaves: the frame, or
//! bytes `range` of the file. Invariants: opening takes at most 8 MiB beside what it gives on, and
//! gives on no byte past the length that the manifest signs, whatever the frame says.

use std::io::{self, Write};
use std::ops::Range;

use zstd::stream::raw::CParameter;
use zstd::stream::write::{Decoder, Encoder};

/// Effort: what a release saves in hosts pays for some seconds once.
const LEVEL: i32 = 12;
/// Longest distance that a frame may look back, as a power of two.
const WINDOW_LOG: u32 = 23;

/// The library and its effort, as the provenance names them.
#[must_use]
pub fn about() -> String {
    format!("zstd {} level {LEVEL}", zstd::zstd_safe::version_string())
}

/// Takes a file of `len` bytes and writes its frame to `out`; ended by `finish`.
pub(crate) fn packer<W: Write>(out: W, len: u64) -> io::Result<Encoder<'static, W>> {
    let mut encoder = Encoder::new(out, LEVEL)?;
    encoder.set_parameter(CParameter::WindowLog(WINDOW_LOG))?;
    encoder.set_parameter(CParameter::ContentSizeFlag(true))?;
    encoder.set_parameter(CParameter::ChecksumFlag(false))?;
    encoder.set_pledged_src_size(Some(len))?;
    Ok(encoder)
}

/// Takes a frame and writes bytes `range` of the file in it to what is behind.
pub struct Unpacker<W: Write> {
    decoder: Decoder<'static, Window<W>>,
}

/// Passes on the bytes of a range; more than there may be are an error.
struct Window<W> {
    out: W,
    range: Range<u64>,
    at: u64,
    len: u64,
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<W: Write> Write for Window<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let (start, end) = (self.at, self.at.saturating_add(bytes.len() as u64));
        if end > self.len {
            return Err(broken("a packed file is longer than its manifest says"));
        }
        let inside = |at: u64| {
            let within = at.clamp(start, end) - start;
            usize::try_from(within).unwrap_or(usize::MAX)
        };
        let run = inside(self.range.start)..inside(self.range.end);
        if let Some(run) = bytes.get(run).filter(|run| !run.is_empty()) {
            self.out.write_all(run)?;
        }
        self.at = end;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.out.flush()
    }
}

impl<W: Write> Unpacker<W> {
    /// Opens a frame of a file of `len` bytes. Errors: what the library says.
    pub fn new(out: W, len: u64, range: Range<u64>) -> io::Result<Self> {
        let window = Window {
            out,
            range,
            at: 0,
            len,
        };
        let mut decoder = Decoder::new(window)?;
        decoder.window_log_max(WINDOW_LOG)?;
        Ok(Self { decoder })
    }
}

impl<W: Write> Unpacker<W> {
    /// What is behind it.
    pub(crate) fn into_inner(self) -> W {
        self.decoder.into_inner().out
    }
}

impl<W: Write> Write for Unpacker<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        // Whoever writes need not say that it was all: nothing stays behind.
        let taken = self.decoder.write(bytes)?;
        self.decoder.flush()?;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.decoder.flush()
    }
}

/// Opens a whole frame in memory. Errors: `InvalidData` when it is no frame of `len` bytes.
pub fn unpack(frame: &[u8], len: u64) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut unpacker = Unpacker::new(&mut bytes, len, 0..len)?;
    unpacker.write_all(frame)?;
    unpacker.flush()?;
    drop(unpacker);
    match bytes.len() as u64 == len {
        true => Ok(bytes),
        false => Err(broken("a packed file is shorter than its manifest says")),
    }
}

#[cfg(test)]
mod tests;
