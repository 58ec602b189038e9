//! Writing a CAR: leaves as they come, the node of a file when it ends, of a folder when it is
//! left.
//!
//! The header names the root, which is known last: it has a fixed length, and is written again in
//! its place, or given first by whoever knows it from a manifest.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use cid::Cid;

use super::dag::{self, Link};
use super::{BLOCK_MAX, LEAF, LINKS};
use crate::error::{Error, file};
use crate::manifest::{FileLine, Manifest};
use crate::pack::Unpacker;
use crate::tree::{pass, walk};

/// Bytes of the header: one root, a CIDv1 with SHA-256.
const HEADER_LEN: usize = 59;
/// `{"roots": [CID], "version": 1}` in DAG-CBOR, up to the CID and behind it.
const BEFORE: &[u8] = b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00";
const BEHIND: &[u8] = b"\x67version\x01";

/// An open folder.
#[derive(Debug, Default)]
struct Folder {
    name: String,
    links: Vec<Link>,
}

/// Writes the blocks of files that come in the order of their paths' bytes.
#[derive(Debug)]
pub(crate) struct CarWriter<W: Write> {
    out: W,
    /// The root and the folders below it that the current file is in.
    open: Vec<Folder>,
    /// The current file's name, its leaves and the beginning of the next one.
    name: Option<String>,
    leaves: Vec<Link>,
    run: Vec<u8>,
}

fn header(root: &Cid) -> Vec<u8> {
    [BEFORE, &root.to_bytes(), BEHIND].concat()
}

impl<W: Write> CarWriter<W> {
    /// Begins, with the header of a root that is known; without one, with room for it.
    pub(crate) fn begin(mut out: W, root: Option<&Cid>) -> io::Result<Self> {
        match root {
            Some(root) => out.write_all(&header(root))?,
            None => out.write_all(&[0; HEADER_LEN])?,
        }
        Ok(Self {
            out,
            open: vec![Folder::default()],
            name: None,
            leaves: Vec::new(),
            run: Vec::with_capacity(LEAF),
        })
    }

    fn section(&mut self, cid: &Cid, block: &[u8]) -> io::Result<()> {
        if block.len() > BLOCK_MAX {
            let why = "a folder has more names than one block of UnixFS holds";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        }
        let cid = cid.to_bytes();
        let mut head = Vec::new();
        dag::put_number(&mut head, (cid.len() + block.len()) as u64);
        head.extend_from_slice(&cid);
        self.out.write_all(&head)?;
        self.out.write_all(block)
    }

    fn enter(&mut self, link: Link) {
        if let Some(folder) = self.open.last_mut() {
            folder.links.push(link);
        }
    }

    fn leave(&mut self) -> io::Result<()> {
        if let Some(mut folder) = self.open.pop() {
            let (block, link) = dag::folder(&folder.name, &mut folder.links);
            self.section(&link.cid, &block)?;
            self.enter(link);
        }
        Ok(())
    }

    /// Ends the file before and begins this one.
    pub(crate) fn file(&mut self, path: &str) -> io::Result<()> {
        self.end_file()?;
        let mut parts: Vec<&str> = path.split('/').collect();
        let name = parts.pop().unwrap_or_default();
        let inside = self.open.iter().skip(1);
        let same = inside
            .zip(&parts)
            .take_while(|(open, part)| open.name == **part);
        let same = same.count() + 1;
        while self.open.len() > same {
            self.leave()?;
        }
        for part in parts.iter().skip(same - 1) {
            self.open.push(Folder {
                name: (*part).to_owned(),
                links: Vec::new(),
            });
        }
        self.name = Some(name.to_owned());
        Ok(())
    }

    /// Takes bytes of the current file.
    pub(crate) fn bytes(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let (run, rest) = bytes.split_at(bytes.len().min(LEAF - self.run.len()));
            self.run.extend_from_slice(run);
            bytes = rest;
            if self.run.len() == LEAF {
                self.leaf()?;
            }
        }
        Ok(())
    }

    fn leaf(&mut self) -> io::Result<()> {
        let run = std::mem::take(&mut self.run);
        let cid = dag::leaf(&run);
        self.section(&cid, &run)?;
        let len = run.len() as u64;
        self.leaves.push(Link {
            cid,
            name: String::new(),
            total: len,
            content: len,
        });
        self.run = run;
        self.run.clear();
        Ok(())
    }

    /// Joins the leaves of the current file level by level until one node is left.
    fn end_file(&mut self) -> io::Result<()> {
        let Some(name) = self.name.take() else {
            return Ok(());
        };
        if !self.run.is_empty() || self.leaves.is_empty() {
            self.leaf()?;
        }
        let mut level = std::mem::take(&mut self.leaves);
        while level.len() > 1 {
            let mut above = Vec::with_capacity(level.len().div_ceil(LINKS));
            for links in level.chunks(LINKS) {
                let (block, link) = dag::file(links);
                self.section(&link.cid, &block)?;
                above.push(link);
            }
            level = above;
        }
        if let Some(link) = level.pop() {
            self.enter(Link { name, ..link });
        }
        Ok(())
    }

    /// Ends the last file and every folder; gives what it was written to and the root.
    pub(crate) fn finish(mut self) -> io::Result<(W, Cid)> {
        self.end_file()?;
        while self.open.len() > 1 {
            self.leave()?;
        }
        let mut root = self.open.pop().unwrap_or_default();
        let (block, link) = dag::folder("", &mut root.links);
        self.section(&link.cid, &block)?;
        Ok((self.out, link.cid))
    }
}

/// Packs the files below `dir` into a CAR at `out`; gives its root. Cost: every byte read and
/// hashed once. Errors: File, Odd, Changed.
pub fn pack(dir: &Path, out: &Path) -> Result<String, Error> {
    let made = File::create(out).map_err(file(out))?;
    let buffer = io::BufWriter::with_capacity(LEAF, made);
    let mut writer = CarWriter::begin(buffer, None).map_err(file(out))?;
    for (path, source) in walk(dir)? {
        let before = std::fs::symlink_metadata(&source).map_err(file(&source))?;
        writer.file(&path).map_err(file(out))?;
        let (len, _) = pass(&source, |bytes| writer.bytes(bytes))?;
        if !before.is_file() || before.len() != len {
            return Err(Error::Changed { path });
        }
    }
    let (mut buffer, root) = writer.finish().map_err(file(out))?;
    buffer.seek(SeekFrom::Start(0)).map_err(file(out))?;
    buffer.write_all(&header(&root)).map_err(file(out))?;
    let made = buffer
        .into_inner()
        .map_err(|error| file(out)(error.into_error()))?;
    made.sync_all().map_err(file(out))?;
    Ok(root.to_string())
}

/// The CAR of a release, made of its tree's bytes as they come: what is written in is the tree's
/// object from its first byte on. Fails at the end when the root is not the manifest's.
pub struct CarStream<W: Write> {
    files: std::vec::IntoIter<FileLine>,
    /// Bytes that are still to come of the current file's place in the tree.
    left: u64,
    now: Taker<W>,
    root: Cid,
}

/// Who takes the current file's bytes.
enum Taker<W: Write> {
    Plain(CarWriter<W>),
    Packed(Box<Unpacker<Feed<W>>>),
    Done,
}

/// A writer whose bytes are the current file's.
struct Feed<W: Write>(CarWriter<W>);

impl<W: Write> Write for Feed<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.bytes(bytes)?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn broken(why: &'static str) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, why)
}

impl<W: Write> CarStream<W> {
    /// Begins the CAR of a release. Errors: `InvalidInput` for a manifest without a root.
    pub fn begin(out: W, manifest: &Manifest) -> io::Result<Self> {
        let root = manifest.dag.as_deref().map(str::parse::<Cid>);
        let Some(Ok(root)) = root else {
            let why = "its manifest names no root of a CAR";
            return Err(io::Error::new(io::ErrorKind::InvalidInput, why));
        };
        let mut stream = Self {
            files: manifest.files.clone().into_iter(),
            left: 0,
            now: Taker::Plain(CarWriter::begin(out, Some(&root))?),
            root,
        };
        stream.next()?;
        Ok(stream)
    }

    /// Goes on to the next file that has bytes in the tree; past the last one, ends.
    fn next(&mut self) -> io::Result<()> {
        while self.left == 0 {
            let mut writer = match std::mem::replace(&mut self.now, Taker::Done) {
                Taker::Plain(writer) => writer,
                Taker::Packed(unpacker) => unpacker.into_inner().0,
                Taker::Done => return Ok(()),
            };
            let Some(file) = self.files.next() else {
                let (mut out, root) = writer.finish()?;
                out.flush()?;
                return match root == self.root {
                    true => Ok(()),
                    false => Err(broken("the files are not those of the manifest's root")),
                };
            };
            writer.file(&file.path)?;
            self.left = file.held();
            self.now = match file.packed {
                None => Taker::Plain(writer),
                Some(_) => {
                    let opened = Unpacker::new(Feed(writer), file.size, 0..file.size)?;
                    Taker::Packed(Box::new(opened))
                }
            };
        }
        Ok(())
    }
}

impl<W: Write> Write for CarStream<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX);
        let run = bytes.get(..bytes.len().min(most)).unwrap_or_default();
        match &mut self.now {
            Taker::Plain(writer) => writer.bytes(run)?,
            Taker::Packed(unpacker) => unpacker.write_all(run)?,
            Taker::Done => return Err(broken("the tree is longer than its manifest says")),
        }
        self.left -= run.len() as u64;
        if self.left == 0 {
            self.next()?;
        }
        Ok(run.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
