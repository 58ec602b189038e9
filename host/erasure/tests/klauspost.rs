//! Goal: the 8-bit code is the code of klauspost/reedsolomon, byte for byte. Method:
//! tests/vectors/matrix8.json, made by that library (benches/compare/klauspost), raw columns of
//! one stripe for counts from 1+1 to 256 shards in all.

use host_core::geometry::{Codec, Geometry};
use host_erasure::Coder;
use serde_json::Value;
use sha2::{Digest, Sha256};

fn number(case: &Value, key: &str) -> usize {
    case[key].as_u64().expect(key) as usize
}

/// Byte `b` of data shard `i`.
fn byte(i: usize, b: usize) -> u8 {
    (((i * 193 + b) * 40_503) >> 8) as u8
}

#[test]
fn parity_is_that_of_the_go_library() {
    let vectors: Value = serde_json::from_str(include_str!("vectors/matrix8.json")).expect("json");
    let cases = vectors["cases"].as_array().expect("cases");
    assert_eq!(cases.len(), 13);
    for case in cases {
        let (data, parity, len) = (
            number(case, "data"),
            number(case, "parity"),
            number(case, "len"),
        );
        let geometry = Geometry {
            codec: Codec::Matrix8,
            data: data as u16,
            parity: parity as u16,
            piece_len: len as u32,
            segment_len: (data * len) as u64,
        };
        let stripe = (0..data).flat_map(|i| (0..len).map(move |b| byte(i, b)));
        let stripe: Vec<u8> = stripe.collect();
        let mut rest = Vec::new();
        let mut coder = Coder::new(&geometry).expect("allowed");
        let pieces = coder
            .encode_stripe(&stripe, &mut rest)
            .expect("a whole stripe");
        let first = pieces.get(data).expect("a parity piece");
        assert_eq!(
            hex::encode(&first[..64]),
            case["first_parity"],
            "{data}+{parity}"
        );
        let sum = pieces
            .iter()
            .skip(data)
            .fold(Sha256::new(), |sum, piece| sum.chain_update(piece));
        assert_eq!(
            hex::encode(sum.finalize()),
            case["parity_sha256"],
            "{data}+{parity}"
        );
    }
}
