//! A put as it is remembered: an append-only journal a session, so that a killed put goes on where
//! it was and any process can tell how one stands.
//!
//! Entry: u32 big-endian length, first 4 bytes of the SHA-256 of the body, CBOR body. Each is
//! flushed before what it says counts; an entry that a crash tore at the end is cut off by the
//! next writer and unseen by readers.

use std::fmt;
use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::str::FromStr;

use host_core::object::Place;
use host_core::{Amount, ObjectId, codec};
use minicbor::{Decode, Encode};
use serde::{Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::Error;

/// The name of one put: 16 random bytes in hex.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct SessionId(pub [u8; 16]);

impl fmt::Display for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for SessionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for SessionId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self, Error> {
        let bytes = hex::decode(text)
            .ok()
            .and_then(|bytes| <[u8; 16]>::try_from(bytes).ok());
        bytes.map(Self).ok_or_else(|| Error::Session {
            session: text.to_owned(),
        })
    }
}

impl Serialize for SessionId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// Where a put stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode, Serialize)]
#[cbor(index_only)]
#[serde(rename_all = "kebab-case")]
pub enum State {
    /// Written down.
    #[n(0)]
    Begun,
    /// Hosts are looked for and cover is checked.
    #[n(1)]
    Finding,
    /// Shards are agreed, sent and paid.
    #[n(2)]
    Sending,
    /// The records are being written.
    #[n(3)]
    Recording,
    /// Stored, paid and written down.
    #[n(4)]
    Completed,
    /// Stopped by an error; may be resumed.
    #[n(5)]
    Stopped,
    /// Given up; what was agreed was released.
    #[n(6)]
    Cancelled,
}

impl State {
    /// BTFS's word for the same state.
    #[must_use]
    pub const fn btfs(self) -> &'static str {
        match self {
            Self::Begun => "init",
            Self::Finding => "submit",
            Self::Sending => "wait-upload",
            Self::Recording => "pay",
            Self::Completed => "complete",
            Self::Stopped | Self::Cancelled => "error",
        }
    }
}

/// What a put began with; enough to make the same shards again.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) struct Begin {
    #[n(0)]
    pub(crate) path: String,
    #[n(1)]
    pub(crate) bytes: u64,
    #[n(2)]
    pub(crate) modified_ms: u64,
    #[n(3)]
    pub(crate) data: u16,
    #[n(4)]
    pub(crate) parity: u16,
    #[n(5)]
    pub(crate) days: u64,
    #[n(6)]
    pub(crate) public: bool,
    #[n(7)]
    pub(crate) price_max: Option<Amount>,
    /// Key and nonce prefix, sealed with the owner's seal key.
    #[n(8)]
    #[cbor(with = "minicbor::bytes")]
    pub(crate) sealed: Vec<u8>,
}

/// One entry of the journal.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub(crate) enum Entry {
    #[n(0)]
    Begun(#[n(0)] Begin),
    #[n(1)]
    State {
        #[n(0)]
        state: State,
        #[n(1)]
        at_ms: u64,
        #[n(2)]
        message: Option<String>,
    },
    /// A shard is stored and paid.
    #[n(2)]
    Placed(#[n(0)] Place),
    #[n(3)]
    Done(#[n(0)] ObjectId),
    /// The end every shard's term reaches at least.
    #[n(4)]
    Term {
        #[n(0)]
        end_epoch: u64,
    },
}

/// A change of state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct StateChange {
    /// Where it stands from then on.
    pub state: State,
    /// BTFS's word for it.
    pub btfs: &'static str,
    /// Milliseconds since 1970.
    pub at_ms: u64,
    /// What stopped it.
    pub message: Option<String>,
}

/// A put as its journal tells it.
#[derive(Debug, Clone)]
pub struct Session {
    /// Its name.
    pub id: SessionId,
    /// Every change, oldest first.
    pub changes: Vec<StateChange>,
    /// Shards stored and paid.
    pub places: Vec<Place>,
    /// The object, once it is complete.
    pub object: Option<ObjectId>,
    pub(crate) begin: Begin,
    pub(crate) end_epoch: Option<u64>,
}

impl Session {
    /// Where it stands.
    #[must_use]
    pub fn state(&self) -> State {
        self.changes
            .last()
            .map_or(State::Begun, |change| change.state)
    }

    /// The file it stores.
    #[must_use]
    pub fn path(&self) -> &str {
        &self.begin.path
    }
}

/// The writing end; holding it keeps other processes from working on the same session.
#[derive(Debug)]
pub(crate) struct Journal {
    file: File,
    path: PathBuf,
}

const HEAD: usize = 8;

fn failed(path: &Path) -> impl Fn(std::io::Error) -> Error + '_ {
    move |source| Error::File {
        path: path.display().to_string(),
        source,
    }
}

impl Journal {
    /// Opens a session's journal for writing. Errors when another process works on it.
    pub(crate) fn open(path: &Path) -> Result<Self, Error> {
        let mut file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(path)
            .map_err(failed(path))?;
        file.try_lock().map_err(|_| Error::Busy {
            path: path.display().to_string(),
        })?;
        let mut bytes = Vec::new();
        file.read_to_end(&mut bytes).map_err(failed(path))?;
        let sound = u64::try_from(entries(&bytes).1).unwrap_or(u64::MAX);
        file.set_len(sound).map_err(failed(path))?;
        file.seek(SeekFrom::Start(sound)).map_err(failed(path))?;
        Ok(Self {
            file,
            path: path.to_path_buf(),
        })
    }

    /// Appends an entry; durable when it returns.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        let body = codec::to_bytes(entry);
        let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
        let sum = Sha256::digest(&body);
        let mut bytes = len.to_be_bytes().to_vec();
        bytes.extend_from_slice(sum.get(..4).unwrap_or_default());
        bytes.extend_from_slice(&body);
        self.file.write_all(&bytes).map_err(failed(&self.path))?;
        self.file.sync_data().map_err(failed(&self.path))
    }
}

/// The sound entries and where they end.
fn entries(bytes: &[u8]) -> (Vec<Entry>, usize) {
    let mut found = Vec::new();
    let mut at = 0;
    while let Some(head) = bytes.get(at..at + HEAD) {
        let (len, sum) = head.split_at(4);
        let len = len.try_into().map_or(0, u32::from_be_bytes);
        let end = at + HEAD + usize::try_from(len).unwrap_or(usize::MAX - at - HEAD);
        let Some(body) = bytes.get(at + HEAD..end) else {
            break;
        };
        if Sha256::digest(body).get(..4) != Some(sum) {
            break;
        }
        let Ok(entry) = codec::from_bytes("session entry", body) else {
            break;
        };
        found.push(entry);
        at = end;
    }
    (found, at)
}

/// Reads a session; also while another process writes it.
pub(crate) fn read(path: &Path, id: SessionId) -> Result<Session, Error> {
    let bytes = std::fs::read(path).map_err(|_| Error::Session {
        session: id.to_string(),
    })?;
    let mut begin = None;
    let mut session = (Vec::new(), Vec::new(), None);
    let mut end = None;
    for entry in entries(&bytes).0 {
        match entry {
            Entry::Begun(begun) => begin = Some(begun),
            Entry::State {
                state,
                at_ms,
                message,
            } => {
                session.0.push(StateChange {
                    state,
                    btfs: state.btfs(),
                    at_ms,
                    message,
                });
            }
            Entry::Placed(place) => session.1.push(place),
            Entry::Done(object) => session.2 = Some(object),
            Entry::Term { end_epoch } => end = Some(end_epoch),
        }
    }
    let begin = begin.ok_or_else(|| Error::Session {
        session: id.to_string(),
    })?;
    let (changes, places, object) = session;
    Ok(Session {
        id,
        changes,
        places,
        object,
        begin,
        end_epoch: end,
    })
}

#[cfg(test)]
mod tests;
