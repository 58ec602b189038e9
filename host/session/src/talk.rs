//! One conversation seen from the host: hear a message of the expected type, say one, send a run.

use bytes::Bytes;
use host_core::PeerId;
use host_core::codec;
use host_core::seams::Frames;
use host_core::wire::{self, Frame};
use minicbor::{Decode, Encode};

use crate::error::Error;

/// An inbound conversation.
pub(crate) struct Talk {
    frames: Box<dyn Frames>,
}

impl Talk {
    pub(crate) fn new(frames: Box<dyn Frames>) -> Self {
        Self { frames }
    }

    /// Who is on the other side.
    pub(crate) fn peer(&self) -> PeerId {
        self.frames.peer()
    }

    /// Sends a message.
    pub(crate) async fn say<T: Encode<()>>(&mut self, message: &T) -> Result<(), Error> {
        Ok(self.frames.send(wire::message(message)).await?)
    }

    /// Sends a run of body bytes.
    pub(crate) async fn run(&mut self, run: &[u8]) -> Result<(), Error> {
        Ok(self.frames.send_body(run).await?)
    }

    /// The next frame, or none when the peer closed cleanly.
    pub(crate) async fn frame(&mut self) -> Result<Option<Frame>, Error> {
        match self.frames.recv().await? {
            None => Ok(None),
            Some(frame) => Ok(Some(wire::parse(frame)?)),
        }
    }

    /// The next message as `T`, or none when the peer closed cleanly.
    pub(crate) async fn hear<T>(&mut self, what: &'static str) -> Result<Option<T>, Error>
    where
        T: for<'b> Decode<'b, ()>,
    {
        match self.frame().await? {
            None => Ok(None),
            Some(Frame::Message(bytes)) => read(what, &bytes).map(Some),
            Some(Frame::Body(_)) => Err(Error::Turn { what }),
        }
    }

    /// Ends the conversation; the peer may be gone already.
    pub(crate) async fn close(&mut self) {
        let _ = self.frames.close().await;
    }
}

/// Reads a message's bytes as `T`.
pub(crate) fn read<T>(what: &'static str, bytes: &Bytes) -> Result<T, Error>
where
    T: for<'b> Decode<'b, ()>,
{
    Ok(codec::from_bytes(what, bytes)?)
}
