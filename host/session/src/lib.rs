//! The host's side of every conversation: upload, download, delete, cheque, records, info,
//! inclusion, challenge.
//!
//! A conversation is one file and reads as the steps of its order of trust. The invariant of this
//! room: no signed word (signature on an agreement, receipt, cheque's acceptance, delete receipt)
//! leaves before the ledger commit that makes it true, and no commit is asked for before the
//! bytes it speaks of were flushed. What this room does not do: know a network, chain or drive
//! vendor, or the renter's side.

pub mod announce;
mod challenge;
mod cheque;
mod delete;
pub mod desk;
mod download;
pub mod error;
pub mod head;
mod inclusion;
mod info;
mod reads;
mod records;
mod talk;
mod upload;

use std::sync::Arc;

use host_core::seams::{Device, Frames};
use host_core::wire::Protocol;
use tracing::{debug, warn};

pub use desk::{Desk, Seat};
pub use error::Error;

use crate::talk::Talk;

#[cfg(test)]
mod tests;

/// Serves one inbound conversation to its end. A refusal was already said to the peer when this
/// returns; what ended it is logged here, once.
pub async fn serve<D: Device>(desk: Arc<Desk<D>>, protocol: Protocol, frames: Box<dyn Frames>) {
    let mut talk = Talk::new(frames);
    let peer = talk.peer();
    let kind = protocol.id();
    let ended = match protocol {
        Protocol::Upload => upload::serve(&desk, &mut talk).await,
        Protocol::Download => download::serve(&desk, &mut talk).await,
        Protocol::Delete => delete::serve(&desk, &mut talk).await,
        Protocol::Cheque => cheque::serve(&desk, &mut talk).await,
        Protocol::Records => records::serve(&desk, &mut talk).await,
        Protocol::Info => info::serve(&desk, &mut talk).await,
        Protocol::Hub | Protocol::Guard => Ok(()),
        Protocol::Inclusion => inclusion::serve(&desk, &mut talk).await,
        Protocol::Challenge => challenge::serve(&desk, &mut talk).await,
    };
    match ended {
        Ok(()) => debug!(kind, %peer, "session ended"),
        Err(error) if error.blame().needs_person() => {
            warn!(kind, %peer, blame = error.blame().label(), err = %error, "session failed");
        }
        Err(error) => debug!(kind, %peer, err = %error, "session refused"),
    }
    talk.close().await;
}
