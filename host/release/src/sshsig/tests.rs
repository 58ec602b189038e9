//! Signatures that hold and that do not.

use super::*;

fn signer(byte: u8) -> Signer {
    Signer::of_seal_key(&[byte; 32]).expect("a key")
}

#[test]
fn a_signature_holds_for_its_bytes_key_and_purpose_alone() {
    let (one, two) = (signer(1), signer(2));
    let signature = one.sign("purpose", b"bytes");
    one.key()
        .verify("purpose", b"bytes", &signature)
        .expect("holds");
    assert!(one.key().verify("purpose", b"other", &signature).is_err());
    assert!(one.key().verify("other", b"bytes", &signature).is_err());
    assert!(two.key().verify("purpose", b"bytes", &signature).is_err());
}

#[test]
fn no_cut_signature_holds() {
    let signer = signer(1);
    let whole = signer.sign("p", b"bytes");
    let body: String = whole
        .lines()
        .filter(|line| !line.starts_with('-'))
        .collect();
    for len in (0..body.len()).step_by(4) {
        let cut = format!("{BEGIN}\n{}\n{END}\n", &body[..len]);
        assert!(signer.key().verify("p", b"bytes", &cut).is_err(), "{len}");
    }
}

#[test]
fn a_key_reads_back_from_its_line_and_from_a_list() {
    let key = signer(3).key();
    assert_eq!(PublishKey::parse(&key.to_string()).expect("reads"), key);
    let list = format!("# comment\nrelease@example.org {key}\n");
    assert_eq!(PublishKey::parse(&list).expect("reads"), key);
    assert!(PublishKey::parse("ssh-rsa AAAA").is_err());
}
