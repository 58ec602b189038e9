//! Reading a CAR: every block is held to its CID, then the tree below the root is written out.
//!
//! Invariants: nothing is written outside the folder, over a file, or past the bytes allowed,
//! however often an archive names one block; depth, names and blocks are bounded.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::{BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use cid::Cid;

use super::BLOCK_MAX;
use super::dag::{self, Link, Node, wrong};
use crate::error::{Error, file};

/// Longest header.
const HEADER_MAX: u64 = 4096;
/// Longest CID.
const CID_MAX: usize = 128;
/// Blocks of an archive.
const BLOCKS_MAX: usize = 1 << 22;
/// Folders inside folders, and nodes above a leaf.
const DEPTH_MAX: usize = 64;
/// Files and folders.
const ENTRIES_MAX: u64 = 1 << 20;

/// What came out of a CAR.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct Unpacked {
    /// The root.
    pub root: String,
    /// Files.
    pub files: u64,
    /// Their bytes.
    pub bytes: u64,
}

/// An archive and where its blocks are.
struct Archive {
    file: BufReader<File>,
    path: PathBuf,
    at: HashMap<Cid, (u64, usize)>,
}

/// What may still be written.
struct Bounds {
    left: u64,
    out: Unpacked,
    entries: u64,
}

impl Archive {
    fn failed(&self) -> impl FnOnce(std::io::Error) -> Error + '_ {
        file(&self.path)
    }

    /// A number as it stands in the file; none at its end.
    fn number(&mut self) -> Result<Option<(u64, u64)>, Error> {
        let (mut value, mut count) = (0_u64, 0_u32);
        loop {
            let mut byte = [0];
            let read = self.file.read(&mut byte).map_err(file(&self.path))?;
            if read == 0 {
                return match count {
                    0 => Ok(None),
                    _ => Err(wrong("it is cut off")),
                };
            }
            if count >= 9 {
                return Err(wrong("a length in it is no length"));
            }
            value |= u64::from(byte[0] & 0x7f) << (7 * count);
            count += 1;
            if byte[0] & 0x80 == 0 {
                return Ok(Some((value, u64::from(count))));
            }
        }
    }

    fn run(&mut self, len: usize) -> Result<Vec<u8>, Error> {
        let mut bytes = vec![0; len];
        self.file
            .read_exact(&mut bytes)
            .map_err(|error| match error.kind() {
                std::io::ErrorKind::UnexpectedEof => wrong("it is cut off"),
                _ => file(&self.path)(error),
            })?;
        Ok(bytes)
    }

    /// Reads the header and every block once. Errors: File, Unreadable.
    fn open(path: &Path) -> Result<(Self, Cid), Error> {
        let opened = File::open(path).map_err(file(path))?;
        let mut archive = Self {
            file: BufReader::with_capacity(1 << 16, opened),
            path: path.to_owned(),
            at: HashMap::new(),
        };
        let head = archive.number()?.ok_or_else(|| wrong("it is empty"))?;
        if head.0 > HEADER_MAX {
            return Err(wrong("its header is too long"));
        }
        let header = archive.run(usize::try_from(head.0).unwrap_or(0))?;
        let root = root_of(&header)?;
        let mut at = head.1 + head.0;
        while let Some((len, taken)) = archive.number()? {
            at += taken;
            let most = (CID_MAX + BLOCK_MAX) as u64;
            if len > most {
                return Err(wrong(format!(
                    "a block has {len} bytes, at most {BLOCK_MAX}"
                )));
            }
            if archive.at.len() >= BLOCKS_MAX {
                return Err(wrong(format!("it has more than {BLOCKS_MAX} blocks")));
            }
            let section = archive.run(usize::try_from(len).unwrap_or(0))?;
            let mut block = section.as_slice();
            let cid = Cid::read_bytes(&mut block);
            let cid = cid.map_err(|why| wrong(format!("a block has no CID: {why}")))?;
            if !dag::holds(&cid, block)? {
                return Err(wrong(format!("a block is not what {cid} names")));
            }
            let begin = at + (section.len() - block.len()) as u64;
            archive.at.insert(cid, (begin, block.len()));
            at += len;
        }
        Ok((archive, root))
    }

    /// A block, held to its CID again: the file may have changed since it was opened.
    fn node(&mut self, cid: &Cid) -> Result<Node, Error> {
        let missing = || wrong(format!("it does not hold {cid}"));
        let (at, len) = *self.at.get(cid).ok_or_else(missing)?;
        let sought = self.file.seek(SeekFrom::Start(at));
        sought.map_err(self.failed())?;
        let block = self.run(len)?;
        match dag::holds(cid, &block)? {
            true => dag::read(cid, block),
            false => Err(wrong("it changed while it was read")),
        }
    }

    fn write_folder(
        &mut self,
        links: Vec<Link>,
        into: &Path,
        depth: usize,
        bounds: &mut Bounds,
    ) -> Result<(), Error> {
        deeper(depth)?;
        for link in links {
            bounds.entries += 1;
            if bounds.entries > ENTRIES_MAX {
                return Err(wrong(format!("it has more than {ENTRIES_MAX} names")));
            }
            let path = into.join(plain(&link.name)?);
            match self.node(&link.cid)? {
                Node::Folder(links) => {
                    std::fs::create_dir(&path).map_err(file(&path))?;
                    self.write_folder(links, &path, depth + 1, bounds)?;
                }
                node => self.write_file(node, &path, bounds)?,
            }
        }
        Ok(())
    }

    fn write_file(&mut self, node: Node, path: &Path, bounds: &mut Bounds) -> Result<(), Error> {
        // Never over a file, so that two names cannot be one.
        let made = OpenOptions::new().write(true).create_new(true).open(path);
        let mut out = made.map_err(file(path))?;
        self.write_node(node, &mut out, path, 0, bounds)?;
        bounds.out.files += 1;
        out.sync_all().map_err(file(path))
    }

    /// Writes what is below a node; gives how many bytes it was.
    fn write_node(
        &mut self,
        node: Node,
        out: &mut File,
        path: &Path,
        depth: usize,
        bounds: &mut Bounds,
    ) -> Result<u64, Error> {
        deeper(depth)?;
        let (links, len) = match node {
            Node::Folder(_) => return Err(wrong("a part of a file is a folder")),
            Node::Leaf(bytes) => {
                let len = bytes.len() as u64;
                bounds.left = bounds.left.checked_sub(len).ok_or_else(|| {
                    wrong("it holds more bytes than it may: allow more with --max-bytes")
                })?;
                bounds.out.bytes += len;
                out.write_all(&bytes).map_err(file(path))?;
                return Ok(len);
            }
            Node::File(links, len) => (links, len),
        };
        let mut written = 0_u64;
        for link in links {
            let node = self.node(&link.cid)?;
            written += self.write_node(node, out, path, depth + 1, bounds)?;
            // An empty part below an empty part costs time and no bytes.
            bounds.entries += 1;
            if bounds.entries > ENTRIES_MAX.max(bounds.out.bytes) {
                return Err(wrong("it has more nodes than bytes"));
            }
        }
        match written == len {
            true => Ok(len),
            false => Err(wrong(format!("a file says {len} bytes and has {written}"))),
        }
    }
}

fn deeper(depth: usize) -> Result<(), Error> {
    match depth < DEPTH_MAX {
        true => Ok(()),
        false => Err(wrong(format!("it is more than {DEPTH_MAX} levels deep"))),
    }
}

/// A name that leads nowhere but into its folder. Errors: Unreadable.
fn plain(name: &str) -> Result<&str, Error> {
    let is_plain = !matches!(name, "" | "." | "..")
        && name.len() <= 255
        && !name.contains(['/', '\0', '\n', '\r', '\\']);
    match is_plain {
        true => Ok(name),
        false => Err(wrong(format!("{name:?} is no plain name"))),
    }
}

/// The one root of a header: `{"roots": [CID], "version": 1}` in DAG-CBOR.
fn root_of(header: &[u8]) -> Result<Cid, Error> {
    const ROOTS: &[u8] = b"\xa2\x65roots\x81\xd8\x2a\x58";
    const VERSION: &[u8] = b"\x67version\x01";
    let broken = || wrong("its header is not that of a CAR version 1 with one root");
    let rest = header.strip_prefix(ROOTS).ok_or_else(broken)?;
    let (len, rest) = rest.split_first().ok_or_else(broken)?;
    let (link, rest) = rest
        .split_at_checked(usize::from(*len))
        .ok_or_else(broken)?;
    let bytes = link.strip_prefix(b"\0").ok_or_else(broken)?;
    match rest == VERSION {
        true => Cid::try_from(bytes).map_err(|_| broken()),
        false => Err(broken()),
    }
}

/// Writes the tree of a CAR below `into`, which must be empty or not there. At most `max_bytes` of
/// files come out. Cost: the archive read and hashed twice. Errors: File, Unreadable; what was
/// written by then stays.
pub fn unpack(car: &Path, into: &Path, max_bytes: u64) -> Result<Unpacked, Error> {
    let (mut archive, root) = Archive::open(car)?;
    std::fs::create_dir_all(into).map_err(file(into))?;
    if std::fs::read_dir(into)
        .map_err(file(into))?
        .next()
        .is_some()
    {
        let path = into.display().to_string();
        let what = "not empty";
        return Err(Error::Odd { path, what });
    }
    let mut bounds = Bounds {
        left: max_bytes,
        out: Unpacked {
            root: root.to_string(),
            files: 0,
            bytes: 0,
        },
        entries: 0,
    };
    match archive.node(&root)? {
        Node::Folder(links) => archive.write_folder(links, into, 0, &mut bounds)?,
        node => {
            let path = into.join(root.to_string());
            archive.write_file(node, &path, &mut bounds)?;
        }
    }
    Ok(bounds.out)
}
