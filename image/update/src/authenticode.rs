//! Whether firmware under Secure Boot would start a kernel image: its Authenticode signature
//! against the firmware's own lists, before anything asks the firmware to try.
//!
//! Enters: the image, `db` and `dbx`. Leaves: nothing, or why the firmware would refuse. The rules
//! are those of the UEFI specification (32.4) as far as images of ours need them: RSA with SHA-256,
//! a certificate that stands in `db` or was signed by one that does, or the image's own digest in
//! `db`. What it does not know it refuses, so it can be stricter than firmware, never laxer.

use aws_lc_rs::signature::{RSA_PKCS1_2048_8192_SHA256, UnparsedPublicKey};
use sha2::{Digest, Sha256};

use crate::der::{BITS, CONTEXT, Item, OBJECT, OCTETS, Row, SEQUENCE, SET};

/// GUID of a list of X.509 certificates, as it lies in memory.
const X509: [u8; 16] = [
    0xa1, 0x59, 0xc0, 0xa5, 0xe4, 0x94, 0xa7, 0x4a, 0x87, 0xb5, 0xab, 0x15, 0x5c, 0x2b, 0xf0, 0x72,
];
/// GUID of a list of SHA-256 digests of images.
const SHA256: [u8; 16] = [
    0x26, 0x16, 0xc4, 0xc1, 0x4c, 0x50, 0x92, 0x40, 0xac, 0xa9, 0x41, 0xf9, 0x36, 0x93, 0x43, 0x28,
];
/// 1.2.840.113549.1.9.4, the digest among the signed attributes.
const MESSAGE_DIGEST: [u8; 9] = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x09, 0x04];
/// Type of a certificate table's entry that is PKCS #7.
const PKCS7: u16 = 2;

/// Certificates and digests of one of the firmware's lists.
#[derive(Debug, Default)]
pub(crate) struct List {
    certificates: Vec<Vec<u8>>,
    digests: Vec<Vec<u8>>,
}

impl List {
    /// Reads a variable's value; kinds of entries that it does not know are left out.
    pub(crate) fn parse(mut value: &[u8]) -> Self {
        let mut list = Self::default();
        while let Some(head) = value.get(..28) {
            let size = |at| usize::try_from(u32_at(head, at)).unwrap_or(usize::MAX);
            let (whole, header, entry) = (size(16), size(20), size(24));
            let Some(one) = value.get(..whole).filter(|_| whole >= 28 && entry > 16) else {
                break;
            };
            let entries = one.get(28 + header..).unwrap_or_default();
            let kind = head.get(..16).unwrap_or_default();
            for entry in entries.chunks_exact(entry) {
                let data = entry.get(16..).unwrap_or_default().to_vec();
                if kind == X509 {
                    list.certificates.push(data);
                } else if kind == SHA256 {
                    list.digests.push(data);
                }
            }
            value = value.get(whole..).unwrap_or_default();
        }
        list
    }
}

/// Whether the firmware would start `image`.
///
/// # Errors
/// Why it would not.
pub(crate) fn check(image: &[u8], db: &List, dbx: &List) -> Result<(), String> {
    let parts = Parts::of(image).ok_or("the kernel image is no PE32+ file")?;
    let digest = parts.digest(image).ok_or("the kernel image is cut")?;
    if dbx.digests.iter().any(|known| known[..] == digest) {
        return Err("the firmware's dbx forbids this kernel image".to_owned());
    }
    if db.digests.iter().any(|known| known[..] == digest) {
        return Ok(());
    }
    let mut table = image.get(parts.table..parts.end).unwrap_or_default();
    let mut why = "the kernel image is not signed".to_owned();
    while let Some(head) = table.get(..8) {
        let len = usize::try_from(u32_at(head, 0)).unwrap_or(usize::MAX);
        let kind = u16::from_le_bytes([head[6], head[7]]);
        let Some(signature) = table.get(8..len) else {
            break;
        };
        if kind == PKCS7 {
            match signed(signature, &digest, db, dbx) {
                Ok(()) => return Ok(()),
                Err(said) => said.clone_into(&mut why),
            }
        }
        table = table.get(len.next_multiple_of(8)..).unwrap_or_default();
    }
    Err(why)
}

/// Where the parts of an image are that its digest leaves out.
struct Parts {
    sum: usize,
    directory: usize,
    table: usize,
    end: usize,
}

impl Parts {
    fn of(image: &[u8]) -> Option<Self> {
        let at = |at: usize| Some(u32::from_le_bytes(*image.get(at..)?.first_chunk()?));
        let place = |from: usize| at(from).and_then(|value| usize::try_from(value).ok());
        let pe = place(0x3c).filter(|_| image.starts_with(b"MZ"))?;
        let optional = pe.checked_add(24)?;
        let head = image.get(pe..)?.starts_with(b"PE\0\0");
        let wide = image.get(optional..)?.starts_with(&[0x0b, 0x02]);
        if !head || !wide || at(optional + 108)? < 5 {
            return None;
        }
        let directory = optional + 112 + 4 * 8;
        let (table, len) = (place(directory)?, place(directory + 4)?);
        let table = if len == 0 { image.len() } else { table };
        let end = table.checked_add(len)?;
        (table > directory && end <= image.len()).then_some(Self {
            sum: optional + 64,
            directory,
            table,
            end,
        })
    }

    /// The digest that is signed: all but the sum, the entry that points at the table, the table.
    fn digest(&self, image: &[u8]) -> Option<[u8; 32]> {
        let hash = Sha256::new()
            .chain_update(image.get(..self.sum)?)
            .chain_update(image.get(self.sum + 4..self.directory)?)
            .chain_update(image.get(self.directory + 8..self.table)?)
            .chain_update(image.get(self.end..)?);
        Some(hash.finalize().into())
    }
}

/// Judges one PKCS #7 signature over an image's digest.
fn signed(pkcs7: &[u8], digest: &[u8], db: &List, dbx: &List) -> Result<(), &'static str> {
    let parsed = Signature::parse(pkcs7).ok_or("the signature cannot be read")?;
    if parsed.image != digest {
        return Err("the kernel image is not what was signed");
    }
    if parsed.content != Sha256::digest(parsed.inner).as_slice() {
        return Err("the signature covers something else");
    }
    // Attributes are signed as the set that they are.
    let mut set = vec![SET];
    set.extend_from_slice(parsed.attributes.whole.get(1..).unwrap_or_default());
    let own = parsed.certificates.iter().copied();
    let known = db.certificates.iter().map(Vec::as_slice);
    let signer = own
        .chain(known)
        .find(|certificate| {
            key(certificate).is_some_and(|key| verifies(key, &set, parsed.signature))
        })
        .ok_or("no certificate at hand made the signature")?;
    let trusts = |list: &List| {
        let listed = |known: &Vec<u8>| known == signer || issued(signer, known);
        list.certificates.iter().any(listed)
    };
    if trusts(dbx) {
        return Err("the firmware's dbx forbids the signer");
    }
    if trusts(db) {
        Ok(())
    } else {
        Err("the firmware's db does not know the signer")
    }
}

/// What a signature is made of.
struct Signature<'a> {
    /// The content that is signed, without its outermost head.
    inner: &'a [u8],
    /// The image's digest in it.
    image: &'a [u8],
    certificates: Vec<&'a [u8]>,
    attributes: Item<'a>,
    /// The content's digest among the attributes.
    content: &'a [u8],
    signature: &'a [u8],
}

impl<'a> Signature<'a> {
    fn parse(pkcs7: &'a [u8]) -> Option<Self> {
        let mut outer = Row(pkcs7).open(SEQUENCE)?;
        outer.want(OBJECT)?;
        let mut data = outer.open(CONTEXT)?.open(SEQUENCE)?;
        data.next()?;
        data.want(SET)?;
        let mut content = data.open(SEQUENCE)?;
        content.want(OBJECT)?;
        let inner = content.open(CONTEXT)?.want(SEQUENCE)?;
        let mut spc = Row(inner.body);
        spc.want(SEQUENCE)?;
        let mut told = spc.open(SEQUENCE)?;
        told.want(SEQUENCE)?;
        let image = told.want(OCTETS)?.body;
        let mut certificates = Vec::new();
        let mut row = Row(data.maybe(CONTEXT).map_or(&[], |item| item.body));
        while let Some(certificate) = row.next() {
            certificates.push(certificate.whole);
        }
        data.maybe(CONTEXT | 1);
        let mut signer = data.open(SET)?.open(SEQUENCE)?;
        signer.next()?;
        signer.want(SEQUENCE)?;
        signer.want(SEQUENCE)?;
        let attributes = signer.want(CONTEXT)?;
        signer.want(SEQUENCE)?;
        let signature = signer.want(OCTETS)?.body;
        Some(Self {
            inner: inner.body,
            image,
            certificates,
            attributes,
            content: attribute(attributes.body)?,
            signature,
        })
    }
}

/// The content's digest among signed attributes.
fn attribute(attributes: &[u8]) -> Option<&[u8]> {
    let mut row = Row(attributes);
    loop {
        let mut one = row.open(SEQUENCE)?;
        if one.want(OBJECT)?.body == MESSAGE_DIGEST {
            return Some(one.open(SET)?.want(OCTETS)?.body);
        }
    }
}

/// The RSA key of a certificate.
fn key(certificate: &[u8]) -> Option<&[u8]> {
    let mut body = Row(certificate).open(SEQUENCE)?.open(SEQUENCE)?;
    body.maybe(CONTEXT);
    // Number, algorithm, issuer, validity, subject.
    for _ in 0..5 {
        body.next()?;
    }
    let mut holder = body.open(SEQUENCE)?;
    holder.want(SEQUENCE)?;
    holder.want(BITS)?.body.get(1..)
}

/// Whether `issuer` signed `certificate`.
fn issued(certificate: &[u8], issuer: &[u8]) -> bool {
    let parse = || {
        let mut outer = Row(certificate).open(SEQUENCE)?;
        let body = outer.want(SEQUENCE)?.whole;
        outer.want(SEQUENCE)?;
        let signature = outer.want(BITS)?.body.get(1..)?;
        Some(verifies(key(issuer)?, body, signature))
    };
    parse().unwrap_or(false)
}

fn verifies(key: &[u8], message: &[u8], signature: &[u8]) -> bool {
    UnparsedPublicKey::new(&RSA_PKCS1_2048_8192_SHA256, key)
        .verify(message, signature)
        .is_ok()
}

fn u32_at(bytes: &[u8], at: usize) -> u32 {
    let four = bytes.get(at..).and_then(|rest| rest.first_chunk());
    four.map_or(0, |four| u32::from_le_bytes(*four))
}

#[cfg(test)]
mod tests;
