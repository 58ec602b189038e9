//! Blocks of a UnixFS tree: their CIDs, the dag-pb bytes of files and folders, and back.
//!
//! Invariant: nodes are written in the one canonical way (links before data, links of a folder in
//! the order of their names' bytes); reading bounds every length by what is left.

use cid::Cid;
use cid::multihash::Multihash;
use sha2::{Digest, Sha256};

use crate::error::Error;
use crate::manifest::{RAW, SHA2_256};

const DAG_PB: u64 = 0x70;

/// Kinds of UnixFS nodes.
const KIND_RAW: u64 = 0;
const KIND_FOLDER: u64 = 1;
const KIND_FILE: u64 = 2;

/// A child: what a node says of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) cid: Cid,
    pub(super) name: String,
    /// Bytes of its block and all below.
    pub(super) total: u64,
    /// Bytes of the file's content below it.
    pub(super) content: u64,
}

/// A node as it was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Node {
    /// Bytes of a file.
    Leaf(Vec<u8>),
    /// A file in parts, with its length.
    File(Vec<Link>, u64),
    /// A folder.
    Folder(Vec<Link>),
}

pub(super) fn wrong(why: impl Into<String>) -> Error {
    Error::Unreadable {
        what: "the CAR",
        why: why.into(),
    }
}

fn cid_of(codec: u64, block: &[u8]) -> Cid {
    let digest = Sha256::digest(block);
    // A SHA-256 fits every multihash of 64 bytes.
    let hash = Multihash::wrap(SHA2_256, &digest).unwrap_or_default();
    Cid::new_v1(codec, hash)
}

/// Whether a block is what its CID names. Errors: a hash that is not SHA-256.
pub(super) fn holds(cid: &Cid, block: &[u8]) -> Result<bool, Error> {
    if cid.hash().code() != SHA2_256 {
        let code = cid.hash().code();
        return Err(wrong(format!("{cid} has hash {code:#x}, not SHA-256")));
    }
    Ok(cid.hash().digest() == Sha256::digest(block).as_slice())
}

/// The CID of a run of a file.
pub(super) fn leaf(bytes: &[u8]) -> Cid {
    cid_of(RAW, bytes)
}

pub(super) fn put_number(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// A field of some bytes.
fn put_bytes(out: &mut Vec<u8>, field: u8, bytes: &[u8]) {
    out.push((field << 3) | 2);
    put_number(out, bytes.len() as u64);
    out.extend_from_slice(bytes);
}

fn put_field(out: &mut Vec<u8>, field: u8, value: u64) {
    out.push(field << 3);
    put_number(out, value);
}

fn node(links: &[Link], data: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    for link in links {
        let mut one = Vec::new();
        put_bytes(&mut one, 1, &link.cid.to_bytes());
        put_bytes(&mut one, 2, link.name.as_bytes());
        put_field(&mut one, 3, link.total);
        put_bytes(&mut out, 2, &one);
    }
    put_bytes(&mut out, 1, data);
    out
}

/// A block that holds others together, and how its own parent names it.
fn closed(name: &str, links: &[Link], block: &[u8], content: u64) -> Link {
    let below: u64 = links.iter().map(|link| link.total).sum();
    Link {
        cid: cid_of(DAG_PB, block),
        name: name.to_owned(),
        total: below.saturating_add(block.len() as u64),
        content,
    }
}

/// A file, or a run of one, of some parts.
pub(super) fn file(links: &[Link]) -> (Vec<u8>, Link) {
    let content = links.iter().map(|link| link.content).sum();
    let mut data = Vec::new();
    put_field(&mut data, 1, KIND_FILE);
    put_field(&mut data, 3, content);
    for link in links {
        put_field(&mut data, 4, link.content);
    }
    let block = node(links, &data);
    let link = closed("", links, &block, content);
    (block, link)
}

/// A folder of some entries, which are put in order.
pub(super) fn folder(name: &str, links: &mut [Link]) -> (Vec<u8>, Link) {
    links.sort_unstable_by(|one, other| one.name.as_bytes().cmp(other.name.as_bytes()));
    let mut data = Vec::new();
    put_field(&mut data, 1, KIND_FOLDER);
    let block = node(links, &data);
    let link = closed(name, links, &block, 0);
    (block, link)
}

/// Bytes that are read from the front.
struct Front<'a>(&'a [u8]);

impl<'a> Front<'a> {
    fn number(&mut self) -> Option<u64> {
        let mut value = 0_u64;
        for shift in (0..64).step_by(7) {
            let (first, rest) = self.0.split_first()?;
            self.0 = rest;
            value |= u64::from(first & 0x7f).checked_shl(shift)?;
            if first & 0x80 == 0 {
                return Some(value);
            }
        }
        None
    }

    fn bytes(&mut self) -> Option<&'a [u8]> {
        let len = usize::try_from(self.number()?).ok()?;
        let (bytes, rest) = self.0.split_at_checked(len)?;
        self.0 = rest;
        Some(bytes)
    }

    /// The next field: its number, and its value or its bytes.
    fn field(&mut self) -> Option<(u64, u64, &'a [u8])> {
        let tag = self.number()?;
        match tag & 7 {
            0 => Some((tag >> 3, self.number()?, &[])),
            2 => Some((tag >> 3, 0, self.bytes()?)),
            _ => None,
        }
    }
}

fn link_of(bytes: &[u8]) -> Option<Link> {
    let mut front = Front(bytes);
    let (mut cid, mut name, mut total) = (None, "", 0);
    while !front.0.is_empty() {
        match front.field()? {
            (1, _, bytes) => cid = Some(Cid::try_from(bytes).ok()?),
            (2, _, bytes) => name = std::str::from_utf8(bytes).ok()?,
            (3, value, _) => total = value,
            _ => return None,
        }
    }
    Some(Link {
        cid: cid?,
        name: name.to_owned(),
        total,
        content: 0,
    })
}

/// Kind, bytes and length of a UnixFS node.
fn unixfs(data: &[u8]) -> Option<(u64, &[u8], Option<u64>)> {
    let mut front = Front(data);
    let (mut kind, mut bytes, mut len) = (None, &[][..], None);
    while !front.0.is_empty() {
        match front.field()? {
            (1, value, _) => kind = Some(value),
            (2, _, run) => bytes = run,
            (3, value, _) => len = Some(value),
            // Lengths of parts, fanout, mode and time say nothing that the parts do not.
            _ => (),
        }
    }
    Some((kind?, bytes, len))
}

/// Reads a block by its CID's codec. Errors: Unreadable for what is no file or folder.
pub(super) fn read(cid: &Cid, block: Vec<u8>) -> Result<Node, Error> {
    match cid.codec() {
        RAW => return Ok(Node::Leaf(block)),
        DAG_PB => (),
        other => return Err(wrong(format!("{cid} is of codec {other:#x}, not UnixFS"))),
    }
    let broken = || wrong(format!("{cid} is no UnixFS node"));
    let mut front = Front(&block);
    let (mut links, mut data) = (Vec::new(), None);
    while !front.0.is_empty() {
        match front.field().ok_or_else(broken)? {
            (2, _, bytes) => links.push(link_of(bytes).ok_or_else(broken)?),
            (1, _, bytes) => data = Some(bytes),
            _ => return Err(broken()),
        }
    }
    let (kind, bytes, len) = data.and_then(unixfs).ok_or_else(broken)?;
    match kind {
        KIND_FOLDER => Ok(Node::Folder(links)),
        KIND_FILE | KIND_RAW if links.is_empty() => Ok(Node::Leaf(bytes.to_vec())),
        KIND_FILE if bytes.is_empty() => Ok(Node::File(links, len.ok_or_else(broken)?)),
        4 => Err(wrong(format!("{cid} is a symbolic link"))),
        5 => Err(wrong(format!(
            "{cid} is a sharded folder, which is not read"
        ))),
        other => Err(wrong(format!("{cid} is of UnixFS kind {other}"))),
    }
}
