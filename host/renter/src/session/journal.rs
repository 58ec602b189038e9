//! A session's journal: the entries and the file that holds them.
//!
//! Entry: u32 big-endian length, first 4 bytes of the SHA-256 of the body, CBOR body. What later
//! work builds on is flushed before it counts (`append`); a step of one shard is only written
//! (`mention`): it survives a killed process, and losing it with the power costs at most asking
//! that host again. An entry that a crash tore at the end is cut off by the next writer and
//! unseen by readers.

use std::fs::{File, OpenOptions};
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use host_core::agreement::Agreement;
use host_core::agreement::PayMode;
use host_core::object::Place;
use host_core::{AgreementDigest, Amount, ObjectId, codec};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::{ShardState, State};
use crate::error::Error;
use crate::shred::zero;

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
    /// The object whose shards are leased again; the key is then that object's.
    #[n(9)]
    pub(crate) reuse: Option<ObjectId>,
    /// Pieces of a shard in one segment; absent in journals of programs that always made four.
    #[n(10)]
    pub(crate) pieces: Option<u64>,
    /// How it is paid; absent in journals of older programs, which knew cheques alone.
    #[n(11)]
    pub(crate) pay: Option<PayMode>,
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
        /// The code of what stopped it.
        #[n(3)]
        code: Option<String>,
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
    /// Terms are about to leave for a host.
    #[n(5)]
    Proposed {
        #[n(0)]
        place: Place,
        #[n(1)]
        terms: Agreement,
        #[n(2)]
        at_ms: u64,
    },
    /// What became of them.
    #[n(6)]
    Shard {
        #[n(0)]
        agreement: AgreementDigest,
        #[n(1)]
        state: ShardState,
        #[n(2)]
        at_ms: u64,
        #[n(3)]
        code: Option<String>,
        #[n(4)]
        message: Option<String>,
    },
    /// A later cheque was accepted.
    #[n(7)]
    Paid {
        #[n(0)]
        agreement: AgreementDigest,
        /// First epoch that is not yet paid.
        #[n(1)]
        through_epoch: u64,
        #[n(2)]
        at_ms: u64,
    },
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

    /// Takes the journal off the drive; a power cut may bring it back.
    pub(crate) fn remove(self) -> Result<(), Error> {
        std::fs::remove_file(&self.path).map_err(failed(&self.path))
    }

    /// Appends an entry; durable when it returns.
    pub(crate) fn append(&mut self, entry: &Entry) -> Result<(), Error> {
        self.mention(entry)?;
        self.file.sync_data().map_err(failed(&self.path))
    }

    /// Writes an entry without flushing it: a killed process keeps it, a power cut may not.
    pub(crate) fn mention(&mut self, entry: &Entry) -> Result<(), Error> {
        self.file
            .write_all(&framed(entry))
            .map_err(failed(&self.path))
    }
}

fn framed(entry: &Entry) -> Vec<u8> {
    let body = codec::to_bytes(entry);
    let len = u32::try_from(body.len()).unwrap_or(u32::MAX);
    let sum = Sha256::digest(&body);
    [
        len.to_be_bytes().as_slice(),
        sum.get(..4).unwrap_or_default(),
        &body,
    ]
    .concat()
}

/// Writes a journal anew without its sealed key, then zeros over what it was. Durable when it
/// returns. The caller holds the journal.
pub(crate) fn without_key(path: &Path) -> Result<(), Error> {
    let bytes = std::fs::read(path).map_err(failed(path))?;
    let mut fresh = Vec::new();
    for entry in entries(&bytes).0 {
        let entry = match entry {
            Entry::Begun(begin) => Entry::Begun(Begin {
                sealed: Vec::new(),
                ..begin
            }),
            other => other,
        };
        fresh.extend_from_slice(&framed(&entry));
    }
    let mut old = OpenOptions::new()
        .write(true)
        .open(path)
        .map_err(failed(path))?;
    let new = path.with_extension("new");
    let mut out = File::create(&new).map_err(failed(&new))?;
    out.write_all(&fresh)
        .and_then(|()| out.sync_all())
        .map_err(failed(&new))?;
    std::fs::rename(&new, path).map_err(failed(path))?;
    if let Some(folder) = path.parent() {
        let synced = File::open(folder).and_then(|folder| folder.sync_all());
        synced.map_err(failed(folder))?;
    }
    zero(&mut old).map_err(failed(path))
}

/// The sound entries and where they end.
pub(super) fn entries(bytes: &[u8]) -> (Vec<Entry>, usize) {
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
