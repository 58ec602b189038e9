//! Frames: length as u32, big-endian, then that many bytes.
//!
//! Invariant: a length is judged before anything is reserved for it. [`Inbox`] takes whatever a
//! socket gives and tells whole frames, so that a privileged program never waits inside one.

use crate::error::Error;

/// The longest request.
pub const REQUEST_MAX: usize = 512;
/// The longest reply: a list of [`crate::bounds::DRIVES_MAX`] drives.
pub const REPLY_MAX: usize = 16 << 10;
/// Bytes of the length.
pub const HEAD: usize = 4;

/// A frame around `body`. Errors: `TooLong`.
pub fn framed(body: &[u8], most: usize) -> Result<Vec<u8>, Error> {
    let len = body.len();
    let told = u32::try_from(len).ok().filter(|_| len <= most);
    let told = told.ok_or(Error::TooLong { len, most })?;
    Ok([told.to_be_bytes().as_slice(), body].concat())
}

/// Collects the bytes of one line into frames of at most `most` bytes.
#[derive(Debug)]
pub struct Inbox {
    bytes: Vec<u8>,
    most: usize,
}

impl Inbox {
    /// An empty one.
    #[must_use]
    pub const fn new(most: usize) -> Self {
        let bytes = Vec::new();
        Self { bytes, most }
    }

    /// Takes bytes; at most one frame is ever held, the rest of `bytes` waits in the caller's
    /// socket. Returns how many were taken.
    pub fn take(&mut self, bytes: &[u8]) -> usize {
        let room = (HEAD + self.most).saturating_sub(self.bytes.len());
        let taken = bytes.get(..room).unwrap_or(bytes);
        self.bytes.extend_from_slice(taken);
        taken.len()
    }

    /// How many bytes fit until a frame must be taken out.
    #[must_use]
    pub fn room(&self) -> usize {
        (HEAD + self.most).saturating_sub(self.bytes.len())
    }

    /// The next whole frame's body. Errors: `TooLong`; the line is of no use then.
    pub fn frame(&mut self) -> Result<Option<Vec<u8>>, Error> {
        let Some((head, rest)) = self.bytes.split_first_chunk::<HEAD>() else {
            return Ok(None);
        };
        let len = usize::try_from(u32::from_be_bytes(*head)).unwrap_or(usize::MAX);
        if len > self.most {
            let most = self.most;
            return Err(Error::TooLong { len, most });
        }
        let Some(body) = rest.get(..len) else {
            return Ok(None);
        };
        let body = body.to_vec();
        self.bytes.drain(..HEAD + len);
        Ok(Some(body))
    }
}

#[cfg(test)]
mod tests;
