//! An object's record as hosts keep it: whole when it fits one owner record, else cut into
//! numbered parts, each sealed and signed alone (docs/formats/object.md). Records enter and signed
//! records leave; signed records enter, from any host in any order, and whole records leave.
//!
//! Invariants: a record is put together only from parts that name the same object, version and
//! SHA-256, and only when that hash holds; of several versions the newest whole one counts; what
//! was buried under a higher version stays buried. A host sees neither content nor which parts
//! belong together.

use std::collections::BTreeMap;

use host_core::codec;
use host_core::records::{Record, SignedRecord};
use host_core::{ObjectId, limits};
use minicbor::{Decode, Encode};
use sha2::{Digest, Sha256};

use super::{ObjectRecord, seal, unseal};
use crate::Inner;
use crate::error::Error;

/// Bytes of a record in one part. A part's own fields, its seal and its record's stay below what
/// a host keeps.
const PART_LEN: usize = 180 * 1024;
/// Parts of a record: 720 MiB, enough for an object of a terabyte.
const PARTS_MAX: u32 = 4096;
/// Bytes a seal adds: nonce and tag.
const SEAL_LEN: usize = 12 + 16;

const _: () = assert!(PART_LEN + SEAL_LEN + 256 <= limits::RECORD_LEN_MAX);

/// One part, as it is sealed. Its first element is a number, a whole record's a byte string.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Part {
    /// The form, 1.
    #[n(0)]
    form: u8,
    /// The object the record tells of.
    #[n(1)]
    object: ObjectId,
    /// Which part.
    #[n(2)]
    index: u32,
    /// Of how many.
    #[n(3)]
    count: u32,
    /// SHA-256 of the whole record.
    #[n(4)]
    #[cbor(with = "minicbor::bytes")]
    sha256: [u8; 32],
    /// The part's bytes.
    #[n(5)]
    #[cbor(with = "minicbor::bytes")]
    bytes: Vec<u8>,
}

/// Under which name a host keeps part `index`: the first under the object's own, so that whoever
/// buries the object needs to know nothing else.
fn part_name(object: &ObjectId, index: u32) -> ObjectId {
    if index == 0 {
        return *object;
    }
    let mut hash = Sha256::new();
    hash.update(b"holdfast.record-part.1");
    hash.update(object.0);
    hash.update(index.to_be_bytes());
    ObjectId(hash.finalize().into())
}

/// The signed records that hosts are given for an object's record.
pub(crate) fn sign(inner: &Inner, record: &ObjectRecord) -> Result<Vec<SignedRecord>, Error> {
    sign_cut(inner, record, PART_LEN)
}

fn sign_cut(
    inner: &Inner,
    record: &ObjectRecord,
    part_len: usize,
) -> Result<Vec<SignedRecord>, Error> {
    let placement = &record.placement.placement;
    let whole = codec::to_bytes(record);
    let signed = |index, plain: &[u8]| {
        let body = Record {
            owner: inner.owner,
            object: part_name(&placement.object, index),
            version: placement.version,
            end_epoch: placement.end_epoch,
            body: seal(&inner.seal, inner.nonce(), plain),
        };
        SignedRecord::sign(body, &inner.id, &inner.key)
    };
    if whole.len() <= part_len {
        return Ok(vec![signed(0, &whole)]);
    }
    let sha256: [u8; 32] = Sha256::digest(&whole).into();
    let runs = whole.chunks(part_len);
    let count = u32::try_from(runs.len()).unwrap_or(u32::MAX);
    if count > PARTS_MAX {
        return Err(host_core::Error::Encoding {
            what: "record of more parts than hosts keep",
        }
        .into());
    }
    let part = |(index, run): (u32, &[u8])| {
        let part = Part {
            form: 1,
            object: placement.object,
            index,
            count,
            sha256,
            bytes: run.to_vec(),
        };
        signed(index, &codec::to_bytes(&part))
    };
    Ok((0..count).zip(runs).map(part).collect())
}

/// The empty records, one version higher, that bury what `sign` made.
pub(crate) fn bury(inner: &Inner, record: &ObjectRecord) -> Vec<SignedRecord> {
    let placement = &record.placement.placement;
    let len = codec::to_bytes(record).len();
    let count = match len <= PART_LEN {
        true => 1,
        false => u32::try_from(len.div_ceil(PART_LEN)).unwrap_or(PARTS_MAX),
    };
    let empty = |index| {
        let body = Record {
            owner: inner.owner,
            object: part_name(&placement.object, index),
            version: placement.version + 1,
            end_epoch: placement.end_epoch,
            body: Vec::new(),
        };
        SignedRecord::sign(body, &inner.id, &inner.key)
    };
    (0..count).map(empty).collect()
}

/// What of a record is there.
enum Found {
    Whole(Vec<u8>),
    Parts {
        count: u32,
        sha256: [u8; 32],
        held: BTreeMap<u32, Vec<u8>>,
    },
}

impl Found {
    /// The whole record's bytes, when every part is there and they are what they should be.
    fn join(self) -> Option<Vec<u8>> {
        match self {
            Self::Whole(bytes) => Some(bytes),
            Self::Parts {
                count,
                sha256,
                held,
            } => {
                let all = u32::try_from(held.len()) == Ok(count);
                let whole: Vec<u8> = held.into_values().flatten().collect();
                let sound = <[u8; 32]>::from(Sha256::digest(&whole)) == sha256;
                (all && sound).then_some(whole)
            }
        }
    }
}

/// Records from many hosts, put together. Each part is held once, whichever hosts send it.
#[derive(Default)]
pub(crate) struct Gathering {
    /// By object; the versions of each, and the records of one version told apart by their hash.
    found: BTreeMap<ObjectId, BTreeMap<(u64, [u8; 32]), Found>>,
    buried: BTreeMap<ObjectId, u64>,
}

impl Gathering {
    /// Takes a record whose signature was checked. Errors when it does not open or is kept under
    /// a name that is not its own.
    pub(crate) fn take(&mut self, seal: &[u8; 32], signed: SignedRecord) -> Result<(), Error> {
        let Record {
            object: name,
            version,
            body,
            ..
        } = signed.record;
        if body.is_empty() {
            let buried = self.buried.entry(name).or_default();
            *buried = version.max(*buried);
            return Ok(());
        }
        let wrong = host_core::Error::Encoding {
            what: "record under another name",
        };
        let plain = unseal(seal, &body)?;
        // An array's head, then its first element: a number begins a part.
        let is_part = plain.get(1).is_some_and(|head| head >> 5 == 0);
        if !is_part {
            let record: ObjectRecord = codec::from_bytes("object record", &plain)?;
            let placement = &record.placement.placement;
            if (placement.object, placement.version) != (name, version) {
                return Err(wrong.into());
            }
            let held = self.found.entry(name).or_default();
            held.entry((version, [0; 32]))
                .or_insert(Found::Whole(plain));
            return Ok(());
        }
        let part: Part = codec::from_bytes("part of a record", &plain)?;
        let counted = part.form == 1 && part.index < part.count && part.count <= PARTS_MAX;
        if !counted || part_name(&part.object, part.index) != name {
            return Err(wrong.into());
        }
        let held = self.found.entry(part.object).or_default();
        let found = held
            .entry((version, part.sha256))
            .or_insert_with(|| Found::Parts {
                count: part.count,
                sha256: part.sha256,
                held: BTreeMap::new(),
            });
        if let Found::Parts { held, .. } = found {
            held.entry(part.index).or_insert(part.bytes);
        }
        Ok(())
    }

    /// The newest whole record of each object that is not buried, with the objects whose records
    /// are there in parts only.
    pub(crate) fn finish(self) -> (Vec<ObjectRecord>, Vec<ObjectId>) {
        let (mut whole, mut torn) = (Vec::new(), Vec::new());
        for (object, versions) in self.found {
            let buried = self.buried.get(&object).copied();
            let living = versions.into_iter().rev();
            let mut living = living
                .filter(|((version, _), _)| buried.is_none_or(|buried| *version > buried))
                .peekable();
            if living.peek().is_none() {
                continue;
            }
            let read = |((version, _), found): ((u64, [u8; 32]), Found)| {
                let record: ObjectRecord =
                    codec::from_bytes("object record", &found.join()?).ok()?;
                let placement = &record.placement.placement;
                let same = (placement.object, placement.version) == (object, version);
                same.then_some(record)
            };
            match living.find_map(read) {
                Some(record) => whole.push(record),
                None => torn.push(object),
            }
        }
        (whole, torn)
    }
}

#[cfg(test)]
mod tests;
