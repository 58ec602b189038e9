//! Firmware variables of a virtual machine with its owner's keys enrolled, so that it refuses what
//! they did not sign. Real firmware takes the same certificates through its setup.
//!
//! The file is a firmware volume (EDK II, MdeModulePkg/Include/Guid/VariableFormat.h): a volume
//! header, a store header, then variables one after another, each aligned to four bytes.

use crate::error::Error;

/// Who owns variables of the specification: PK and KEK.
const GLOBAL: [u8; 16] = guid(
    0x8be4_df61,
    0x93ca,
    0x11d2,
    *b"\xaa\x0d\x00\xe0\x98\x03\x2b\x8c",
);
/// Who owns the lists of signatures: db.
const SECURITY: [u8; 16] = guid(
    0xd719_b2cb,
    0x3d3a,
    0x4596,
    *b"\xa3\xbc\xda\xd0\x0e\x67\x65\x6f",
);
/// Who owns the switch of Secure Boot.
const ENABLE: [u8; 16] = guid(
    0xf0a3_0bc7,
    0xaf08,
    0x4556,
    *b"\x99\xc4\x00\x10\x09\xc9\x3a\x44",
);
/// A list of X.509 certificates.
const X509: [u8; 16] = guid(
    0xa5c0_59a1,
    0x94e4,
    0x4aa7,
    *b"\x87\xb5\xab\x15\x5c\x2b\xf0\x72",
);
/// A store of variables that carry a time.
const STORE: [u8; 16] = guid(
    0xaaf3_2c78,
    0x947b,
    0x439a,
    *b"\xa1\x80\x2e\x14\x4e\xc3\x77\x92",
);
/// Who enrolled the certificates: us.
const OWNER: [u8; 16] = guid(
    0x6f1c_2a52,
    0x6d0e,
    0x4b7c,
    *b"\x9a\x58\x0f\x3a\x7d\x1b\x9e\x40",
);

const STORE_HEAD: usize = 28;
/// Non-volatile, boot services, runtime, authenticated by time.
const AUTHENTICATED: u32 = 0x27;
/// Non-volatile, boot services.
const PLAIN: u32 = 0x03;

const fn guid(one: u32, two: u16, three: u16, rest: [u8; 8]) -> [u8; 16] {
    let (a, b, c) = (one.to_le_bytes(), two.to_le_bytes(), three.to_le_bytes());
    let [r0, r1, r2, r3, r4, r5, r6, r7] = rest;
    [
        a[0], a[1], a[2], a[3], b[0], b[1], c[0], c[1], r0, r1, r2, r3, r4, r5, r6, r7,
    ]
}

/// The certificates, DER.
pub(crate) struct Owner<'a> {
    /// Owner of the platform.
    pub(crate) pk: &'a [u8],
    /// Keys that may change the lists.
    pub(crate) kek: &'a [u8],
    /// What signs programs.
    pub(crate) db: &'a [u8],
}

/// `fresh`, an empty store, with the owner's keys in it and Secure Boot on.
///
/// # Errors
/// `Firmware` when it is no empty store of variables, or too small.
pub(crate) fn enrol(fresh: &[u8], owner: &Owner<'_>) -> Result<Vec<u8>, Error> {
    let bad = |why| Error::Firmware { why };
    let head = fresh.get(48..50).ok_or(bad("is too short"))?;
    let start = usize::from(u16::from_le_bytes([head[0], head[1]]));
    if fresh.get(40..44) != Some(b"_FVH") || fresh.get(start..start + 16) != Some(&STORE) {
        return Err(bad("holds no store of authenticated variables"));
    }
    let size = fresh
        .get(start + 16..start + 20)
        .and_then(|word| word.try_into().ok())
        .map_or(0, u32::from_le_bytes);
    let first = start + STORE_HEAD;
    let end = start + usize::try_from(size).unwrap_or(0);
    if fresh.get(first..first + 2) != Some(&[0xff, 0xff]) {
        return Err(bad(
            "is not empty: take the template that came with the firmware",
        ));
    }
    let mut variables = Vec::new();
    for (name, vendor, attributes, content) in [
        ("PK", GLOBAL, AUTHENTICATED, list(owner.pk)),
        ("KEK", GLOBAL, AUTHENTICATED, list(owner.kek)),
        ("db", SECURITY, AUTHENTICATED, list(owner.db)),
        ("SecureBootEnable", ENABLE, PLAIN, vec![1]),
    ] {
        variables.extend_from_slice(&variable(name, vendor, attributes, &content));
        let aligned = (first + variables.len()).next_multiple_of(4) - first;
        variables.resize(aligned, 0xff);
    }
    let mut out = fresh.to_vec();
    let place = out
        .get_mut(first..end.min(first + variables.len()))
        .filter(|place| place.len() == variables.len())
        .ok_or(bad("is too small"))?;
    place.copy_from_slice(&variables);
    Ok(out)
}

/// A list with one certificate.
fn list(certificate: &[u8]) -> Vec<u8> {
    let one = u32::try_from(certificate.len() + 16).unwrap_or(u32::MAX);
    let mut list = X509.to_vec();
    for word in [one + 28, 0, one] {
        list.extend_from_slice(&word.to_le_bytes());
    }
    list.extend_from_slice(&OWNER);
    list.extend_from_slice(certificate);
    list
}

fn variable(name: &str, vendor: [u8; 16], attributes: u32, content: &[u8]) -> Vec<u8> {
    let name: Vec<u8> = name
        .encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect();
    let mut bytes = vec![0xaa, 0x55, 0x3f, 0];
    bytes.extend_from_slice(&attributes.to_le_bytes());
    bytes.extend_from_slice(&0_u64.to_le_bytes());
    bytes.extend_from_slice(&time(attributes));
    bytes.extend_from_slice(&0_u32.to_le_bytes());
    for len in [name.len(), content.len()] {
        bytes.extend_from_slice(&u32::try_from(len).unwrap_or(u32::MAX).to_le_bytes());
    }
    bytes.extend_from_slice(&vendor);
    bytes.extend_from_slice(&name);
    bytes.extend_from_slice(content);
    bytes
}

/// 1 January 2024 for what is authenticated by time; later writes must be newer.
fn time(attributes: u32) -> [u8; 16] {
    let mut time = [0; 16];
    if attributes == AUTHENTICATED {
        let [low, high] = 2024_u16.to_le_bytes();
        time[..4].copy_from_slice(&[low, high, 1, 1]);
    }
    time
}

#[cfg(test)]
mod tests;
