//! One request, one reply, and the reading of frames: the three lines every conversation shares.

use bytes::Bytes;
use host_core::PeerId;
use host_core::codec;
use host_core::seams::{Frames, PeerAddr, Peers};
use host_core::wire::{self, Frame, Protocol};
use minicbor::{Decode, Encode};

use crate::error::Error;

/// An open conversation with its peer.
pub(crate) struct Link {
    frames: Box<dyn Frames>,
}

impl Link {
    /// Opens a conversation.
    pub(crate) async fn open(
        peers: &dyn Peers,
        to: &PeerAddr,
        protocol: Protocol,
    ) -> Result<Self, Error> {
        Ok(Self {
            frames: peers.open(to, protocol).await?,
        })
    }

    /// Who is on the other side.
    pub(crate) fn peer(&self) -> PeerId {
        self.frames.peer()
    }

    /// Sends a message.
    pub(crate) async fn say<T: Encode<()>>(&mut self, message: &T) -> Result<(), Error> {
        Ok(self.frames.send(wire::message(message)).await?)
    }

    /// Sends a run of body bytes in one frame.
    pub(crate) async fn run(&mut self, run: &[u8]) -> Result<(), Error> {
        Ok(self.frames.send_body(run).await?)
    }

    /// The next frame. `during` names the step in an error.
    pub(crate) async fn frame(&mut self, during: &'static str) -> Result<Frame, Error> {
        let peer = self.peer();
        let frame = self
            .frames
            .recv()
            .await?
            .ok_or(Error::HungUp { peer, during })?;
        wire::parse(frame).map_err(|source| self.word("frame", source))
    }

    /// The next message, read as `T`.
    pub(crate) async fn hear<T>(&mut self, during: &'static str) -> Result<T, Error>
    where
        T: for<'b> Decode<'b, ()>,
    {
        match self.frame(during).await? {
            Frame::Message(bytes) => self.read(during, &bytes),
            Frame::Body(_) => Err(Error::Turn {
                peer: self.peer(),
                during,
            }),
        }
    }

    /// Reads a message's bytes as `T`.
    pub(crate) fn read<T>(&self, what: &'static str, bytes: &Bytes) -> Result<T, Error>
    where
        T: for<'b> Decode<'b, ()>,
    {
        codec::from_bytes(what, bytes).map_err(|source| self.word(what, source))
    }

    /// The error of a word of this peer that does not hold.
    pub(crate) fn word(&self, what: &'static str, source: host_core::Error) -> Error {
        Error::Word {
            peer: self.peer(),
            what,
            source,
        }
    }

    /// The error of an answer out of turn.
    pub(crate) fn turn(&self, during: &'static str) -> Error {
        Error::Turn {
            peer: self.peer(),
            during,
        }
    }

    /// The error of a refusal.
    pub(crate) fn refused(&self, refusal: wire::Refusal) -> Error {
        Error::Refused {
            peer: self.peer(),
            refusal,
        }
    }

    /// Says that nothing more comes; failing to say it harms nobody.
    pub(crate) async fn done(mut self) {
        let _ = self.frames.close().await;
    }
}
