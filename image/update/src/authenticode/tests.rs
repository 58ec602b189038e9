//! Goal: what firmware under Secure Boot refuses is refused before it is asked. Method: a file
//! signed by sbsign with a throw-away key (`signed.efi`, its certificate `known.der`), changed in
//! every byte.

use super::{List, SHA256, X509, check};
use sha2::Digest;

const SIGNED: &[u8] = include_bytes!("signed.efi");
const PLAIN: &[u8] = include_bytes!("plain.efi");
const KNOWN: &[u8] = include_bytes!("known.der");
const STRANGER: &[u8] = include_bytes!("stranger.der");

/// A variable with one list of one entry.
fn variable(kind: [u8; 16], data: &[u8]) -> Vec<u8> {
    let entry = 16 + data.len();
    let mut out = kind.to_vec();
    for number in [28 + entry, 0, entry] {
        out.extend_from_slice(&u32::try_from(number).unwrap().to_le_bytes());
    }
    out.extend_from_slice(&[7; 16]);
    out.extend_from_slice(data);
    out
}

fn certificates(data: &[u8]) -> List {
    List::parse(&variable(X509, data))
}

#[test]
fn an_image_signed_by_a_known_certificate_starts() {
    let nothing = List::default();
    assert_eq!(check(SIGNED, &certificates(KNOWN), &nothing), Ok(()));
    let mut both = variable(X509, STRANGER);
    both.extend(variable(X509, KNOWN));
    assert_eq!(check(SIGNED, &List::parse(&both), &nothing), Ok(()));
}

#[test]
fn strangers_the_forbidden_and_the_unsigned_do_not_start() {
    let (db, nothing) = (certificates(KNOWN), List::default());
    let why = |image, db: &List, dbx: &List| check(image, db, dbx).unwrap_err();
    assert!(why(SIGNED, &certificates(STRANGER), &nothing).contains("does not know"));
    assert!(why(SIGNED, &db, &certificates(KNOWN)).contains("forbids the signer"));
    assert!(why(PLAIN, &db, &nothing).contains("not signed"));
    assert!(why(b"MZ", &db, &nothing).contains("no PE32+"));
}

#[test]
fn a_change_of_any_byte_that_is_covered_is_noticed() {
    let (db, nothing) = (certificates(KNOWN), List::default());
    let pe = 64 + 24;
    let free = |at: usize| (pe + 64..pe + 68).contains(&at) || at >= PLAIN.len();
    for at in 0..SIGNED.len() {
        let mut changed = SIGNED.to_vec();
        changed[at] ^= 1;
        let done = check(&changed, &db, &nothing);
        assert!(free(at) || done.is_err(), "byte {at}");
    }
}

#[test]
fn a_cut_image_never_starts_and_never_panics() {
    let (db, nothing) = (certificates(KNOWN), List::default());
    for len in 0..SIGNED.len() {
        assert!(check(&SIGNED[..len], &db, &nothing).is_err(), "{len}");
    }
}

#[test]
fn a_digest_in_db_is_enough_and_in_dbx_too_much() {
    // What is signed is the file without the sum and the entry of the table.
    let pe = 64 + 24;
    let digest = sha2::Sha256::new()
        .chain_update(&PLAIN[..pe + 64])
        .chain_update(&PLAIN[pe + 68..pe + 144])
        .chain_update(&PLAIN[pe + 152..])
        .finalize();
    let list = || List::parse(&variable(SHA256, &digest));
    assert_eq!(check(PLAIN, &list(), &List::default()), Ok(()));
    assert!(check(SIGNED, &certificates(KNOWN), &list()).is_err());
}
