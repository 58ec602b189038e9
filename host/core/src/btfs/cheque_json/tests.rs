//! Goal: a cheque survives Go's form and nothing else passes for one. Method: both token kinds,
//! corners of the payout, then one broken field at a time.

use super::{CHEQUE_LEN_MAX, decode, encode};
use crate::amount::Amount;
use crate::cheque::{Cheque, SignedCheque};
use crate::identity::SecretKey;
use crate::ids::Address;

const WBTT: Address = Address([0x10; 20]);

fn signed(token: Option<Address>, payout: u128) -> SignedCheque {
    let key = SecretKey::from_bytes(&[1; 32]).expect("valid scalar");
    Cheque {
        vault: Address([0x33; 20]),
        beneficiary: key.address(),
        cumulative: Amount(payout),
        token,
    }
    .sign(199, &key)
}

#[test]
fn a_cheque_reads_back_in_either_token_and_any_payout() {
    for token in [None, Some(Address([7; 20]))] {
        for payout in [0, 1 << 53 | 1, u128::MAX] {
            let cheque = signed(token, payout);
            let bytes = encode(&cheque, &WBTT).expect("writes");
            assert_eq!(decode(&bytes, &WBTT), Ok(cheque));
        }
    }
}

#[test]
fn the_object_is_as_go_writes_it() {
    let bytes = encode(&signed(None, 12), &WBTT).expect("writes");
    let text = String::from_utf8(bytes).expect("text");
    let begin = "{\"Token\":\"0x1010101010101010101010101010101010101010\",\"Vault\":\"0x3333";
    assert!(text.starts_with(begin), "{text}");
    assert!(
        text.contains("\"CumulativePayout\":12,\"Signature\":\""),
        "{text}"
    );
}

#[test]
fn a_payout_that_is_no_bare_integer_is_refused() {
    let text = String::from_utf8(encode(&signed(None, 12), &WBTT).expect("writes")).expect("text");
    let beyond = "340282366920938463463374607431768211456";
    for payout in ["12.0", "1e3", "\"12\"", "-1", "null", beyond] {
        let other = text.replace(":12,", &format!(":{payout},"));
        assert_ne!(other, text);
        assert!(decode(other.as_bytes(), &WBTT).is_err(), "{payout}");
    }
}

#[test]
fn malformed_fields_and_long_cheques_are_refused() {
    let text = String::from_utf8(encode(&signed(None, 12), &WBTT).expect("writes")).expect("text");
    for (from, to) in [
        ("0x3333", "3333"),
        ("\"Vault\"", "\"Valt\""),
        ("=", ""),
        ("}", ""),
    ] {
        let other = text.replace(from, to);
        assert_ne!(other, text);
        assert!(decode(other.as_bytes(), &WBTT).is_err(), "{from}");
    }
    let padded = text + &" ".repeat(CHEQUE_LEN_MAX);
    assert!(decode(padded.as_bytes(), &WBTT).is_err());
}
