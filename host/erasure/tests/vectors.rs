//! Goal: layout and parity agree with an implementation written apart from this one, in another
//! language and by another method. Method: tests/vectors/erasure.json, made by erasure.py beside
//! it from the same rules: plain interpolation over the field, no transforms.

use host_core::geometry::{Codec, Geometry};
use host_erasure::{Coder, Stripes};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/erasure.json")).expect("committed vectors are json")
}

fn number(case: &Value, key: &str) -> u64 {
    case[key].as_u64().expect(key)
}

fn geometry(case: &Value) -> Geometry {
    let small = |key| u16::try_from(number(case, key)).expect(key);
    Geometry {
        codec: Codec::Leopard16,
        data: small("data"),
        parity: small("parity"),
        piece_len: number(case, "piece_len") as u32,
        segment_len: number(case, "segment_len"),
    }
}

fn pattern(len: usize) -> Vec<u8> {
    let blocks = (0..).map(|i: u64| <[u8; 32]>::from(Sha256::digest(i.to_be_bytes())));
    blocks.flatten().take(len).collect()
}

#[test]
fn every_vector_is_met() {
    let vectors = vectors();
    let cases = vectors["cases"].as_array().expect("cases");
    assert!(cases.len() >= 12);
    for case in cases {
        let geometry = geometry(case);
        let segment = pattern(geometry.segment_len as usize);
        let mut coder = Coder::new(&geometry).unwrap();
        let mut shards = vec![Vec::new(); geometry.total().into()];
        let layout = Stripes::of(&geometry, geometry.segment_len).unwrap();
        let listed = case["stripes"].as_array().expect("stripes");
        assert_eq!(layout.len(), listed.len());
        let mut rest = Vec::new();
        for (stripe, listed) in layout.zip(listed) {
            assert_eq!(stripe.index, number(listed, "index"));
            assert_eq!(stripe.offset, number(listed, "offset"));
            assert_eq!(stripe.len as u64, number(listed, "len"));
            assert_eq!(stripe.piece_len as u64, number(listed, "piece_len"));
            assert_eq!(stripe.shard_offset, number(listed, "shard_offset"));
            let from = stripe.offset as usize;
            let pieces = coder
                .encode_stripe(&segment[from..from + stripe.len], &mut rest)
                .unwrap();
            for (shard, piece) in shards.iter_mut().zip(pieces.iter()) {
                shard.extend_from_slice(piece);
            }
        }
        let parity = &shards[usize::from(geometry.data)];
        assert_eq!(
            hex::encode(&parity[..64]),
            case["first_parity_64"].as_str().unwrap()
        );
        let hashes: Vec<String> = shards
            .iter()
            .map(|s| hex::encode(Sha256::digest(s)))
            .collect();
        let listed: Vec<&str> = case["shards_sha256"]
            .as_array()
            .unwrap()
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(hashes, listed, "{geometry:?}");
    }
}
