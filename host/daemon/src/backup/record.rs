//! The bytes of a backup (docs/formats/backup.md):
//!
//! ```text
//! "HFBACKUP" | u16 version | record ... | end record | SHA-256 of all before (32)
//! record = u8 kind | u32 length | body        numbers big-endian
//! ```
//!
//! Enters and leaves: records in their order. Invariants: a length is checked against its kind's
//! bound before memory is taken; the reader hands out nothing after the end record unless the
//! digest holds and the file ends there. Names inside are relative and without `..`.

use std::io::{self, Read, Write};
use std::path::{Component, Path};

use anyhow::{Context, bail};
use ring::digest;

use super::{BATCH_LEN_MAX, FILE_LEN_MAX, Head};

const MAGIC: &[u8; 8] = b"HFBACKUP";
const VERSION: u16 = 1;
const END: u8 = 0;
const HEAD: u8 = 1;
const FILE: u8 = 2;
const FACTS: u8 = 3;
const HEAD_LEN_MAX: usize = 4096;
/// Bytes of a name or an origin.
const NAME_LEN_MAX: usize = 4096;

/// One file as it was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct SavedFile {
    /// Where it goes, relative to the new directory.
    pub(super) name: String,
    /// The absolute path it had outside the directory; empty for a file inside.
    pub(super) origin: String,
    /// Permission bits.
    pub(super) mode: u32,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

impl SavedFile {
    /// Checks that the name stays inside the directory it is put into.
    pub(super) fn check_name(&self) -> anyhow::Result<()> {
        let inside = |part| matches!(part, Component::Normal(_));
        let name = Path::new(&self.name);
        let bounded = self.name.len() <= NAME_LEN_MAX && self.origin.len() <= NAME_LEN_MAX;
        let plain = !self.name.is_empty() && name.components().all(inside);
        if plain && bounded && self.name != super::instance::FILE {
            return Ok(());
        }
        bail!(
            "`{}` is no name of a saved file",
            self.name.escape_default()
        );
    }

    fn body(&self) -> anyhow::Result<Vec<u8>> {
        let mut body = Vec::new();
        for text in [&self.name, &self.origin] {
            body.extend(u16::try_from(text.len())?.to_be_bytes());
            body.extend(text.as_bytes());
        }
        body.extend(self.mode.to_be_bytes());
        body.extend(&self.bytes);
        Ok(body)
    }

    fn parse(mut body: &[u8]) -> anyhow::Result<Self> {
        let name = text(&mut body)?;
        let origin = text(&mut body)?;
        let (mode, bytes) = body.split_first_chunk().context("a file record is cut")?;
        let mode = u32::from_be_bytes(*mode) & 0o777;
        let file = Self {
            name,
            origin,
            mode,
            bytes: bytes.to_vec(),
        };
        file.check_name()?;
        Ok(file)
    }
}

fn text(body: &mut &[u8]) -> anyhow::Result<String> {
    let (len, rest) = body.split_first_chunk().context("a file record is cut")?;
    let len = usize::from(u16::from_be_bytes(*len));
    let (text, rest) = rest.split_at_checked(len).context("a file record is cut")?;
    *body = rest;
    Ok(String::from_utf8(text.to_vec())?)
}

/// One part of a backup.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Record {
    /// What the backup says of itself; first and once.
    Head(Head),
    /// A file; before all facts.
    File(SavedFile),
    /// A batch of the ledger's facts.
    Facts(Vec<u8>),
}

/// Writes records and the digest over them.
pub(super) struct RecordWriter<W> {
    out: W,
    digest: digest::Context,
    size: u64,
}

impl<W: Write> RecordWriter<W> {
    pub(super) fn begin(out: W) -> anyhow::Result<Self> {
        let digest = digest::Context::new(&digest::SHA256);
        let mut writer = Self {
            out,
            digest,
            size: 0,
        };
        writer.write(MAGIC)?;
        writer.write(&VERSION.to_be_bytes())?;
        Ok(writer)
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.out.write_all(bytes)?;
        self.digest.update(bytes);
        self.size += u64::try_from(bytes.len()).unwrap_or(0);
        Ok(())
    }

    pub(super) fn put(&mut self, record: &Record) -> anyhow::Result<()> {
        match record {
            Record::Head(head) => self.record(HEAD, &serde_json::to_vec(head)?),
            Record::File(file) => self.record(FILE, &file.body()?),
            Record::Facts(batch) if batch.is_empty() => bail!("a batch of facts is empty"),
            Record::Facts(batch) => self.record(FACTS, batch),
        }
    }

    fn record(&mut self, kind: u8, body: &[u8]) -> anyhow::Result<()> {
        let bound = bound_of(kind)?;
        if body.len() > bound {
            bail!(
                "a record of kind {kind} has {} bytes, at most {bound} are allowed",
                body.len()
            );
        }
        self.write(&[kind])?;
        self.write(&u32::try_from(body.len())?.to_be_bytes())?;
        self.write(body)?;
        Ok(())
    }

    /// Writes end and digest; returns the output, its size in bytes and the digest as hex.
    pub(super) fn finish(mut self) -> anyhow::Result<(W, u64, String)> {
        self.record(END, &[])?;
        let digest = self.digest.finish();
        self.out.write_all(digest.as_ref())?;
        self.out.flush()?;
        let size = self.size + u64::try_from(digest.as_ref().len())?;
        Ok((self.out, size, super::instance::hex(digest.as_ref())))
    }
}

/// Reads records and checks the digest over them.
pub(super) struct RecordReader<R> {
    input: R,
    digest: Option<digest::Context>,
    last: u8,
}

impl<R: Read> RecordReader<R> {
    pub(super) fn begin(input: R) -> anyhow::Result<Self> {
        let digest = Some(digest::Context::new(&digest::SHA256));
        let mut reader = Self {
            input,
            digest,
            last: END,
        };
        let magic: [u8; 8] = reader.array()?;
        if &magic != MAGIC {
            bail!("this is no backup of a host");
        }
        let version = u16::from_be_bytes(reader.array()?);
        if version != VERSION {
            bail!("the backup has format {version}; this program reads format {VERSION}");
        }
        Ok(reader)
    }

    fn array<const N: usize>(&mut self) -> anyhow::Result<[u8; N]> {
        let mut bytes = [0; N];
        self.fill(&mut bytes)?;
        Ok(bytes)
    }

    fn fill(&mut self, bytes: &mut [u8]) -> anyhow::Result<()> {
        self.input
            .read_exact(bytes)
            .context("the backup is cut off")?;
        if let Some(digest) = &mut self.digest {
            digest.update(bytes);
        }
        Ok(())
    }

    /// The next record; `None` once the end was reached and the digest held.
    /// Errors for anything else: a cut, a wrong order or length, a changed byte, bytes behind.
    pub(super) fn next_record(&mut self) -> anyhow::Result<Option<Record>> {
        if self.digest.is_none() {
            return Ok(None);
        }
        let [kind] = self.array()?;
        let len = usize::try_from(u32::from_be_bytes(self.array()?))?;
        let bound = bound_of(kind)?;
        if len > bound {
            bail!("a record of kind {kind} says {len} bytes, at most {bound} are allowed");
        }
        let first = self.last == END;
        if first != (kind == HEAD) || (kind == FILE && self.last == FACTS) {
            bail!("a record of kind {kind} stands in the wrong place");
        }
        self.last = kind;
        if kind == END {
            self.check_end()?;
            return Ok(None);
        }
        let mut body = vec![0; len];
        self.fill(&mut body)?;
        Ok(Some(match kind {
            HEAD => Record::Head(serde_json::from_slice(&body).context("the backup's head")?),
            FILE => Record::File(SavedFile::parse(&body)?),
            _ => Record::Facts(body),
        }))
    }

    fn check_end(&mut self) -> anyhow::Result<()> {
        let counted = self.digest.take().map(digest::Context::finish);
        let written: [u8; 32] = self.array()?;
        if counted.is_none_or(|counted| counted.as_ref() != written) {
            bail!("the backup is damaged: its SHA-256 does not hold");
        }
        if self.input.read(&mut [0])? != 0 {
            bail!("the backup goes on behind its end");
        }
        Ok(())
    }
}

fn bound_of(kind: u8) -> anyhow::Result<usize> {
    match kind {
        END => Ok(0),
        HEAD => Ok(HEAD_LEN_MAX),
        FILE => Ok(FILE_LEN_MAX + 2 * NAME_LEN_MAX + 8),
        FACTS => Ok(BATCH_LEN_MAX),
        other => bail!("the backup has a record of unknown kind {other}"),
    }
}
