//! The vectors of proof and erasure, made by programs written apart from ours: names of shards and
//! parity as another room sees them. Layout and Merkle paths are checked by the rooms themselves.

use host_core::geometry::{Codec, Geometry};
use host_erasure::{Coder, Stripes};
use host_proof::TreeBuilder;
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::file::{list, number, read, text};

/// The bytes both families are made over: SHA-256 of 0, 1, 2 ... as 64-bit big-endian numbers.
fn pattern(len: u64) -> Vec<u8> {
    let len = usize::try_from(len).expect("a length");
    let blocks = (0..).map(|index: u64| <[u8; 32]>::from(Sha256::digest(index.to_be_bytes())));
    blocks.take(len.div_ceil(32)).flatten().take(len).collect()
}

fn small(case: &Value, pointer: &str) -> u16 {
    u16::try_from(number(case, pointer)).expect("a small number")
}

#[test]
fn shards_have_the_names_the_proof_vectors_give_them() {
    for case in list(&read("../../host/proof/tests/vectors/proof.json"), "/cases") {
        let (len, zeros) = (number(case, "/len"), number(case, "/zeros"));
        let mut bytes = pattern(len - zeros);
        bytes.resize(usize::try_from(len).expect("a length"), 0);
        let mut builder = TreeBuilder::new();
        bytes.chunks(65_537).for_each(|part| builder.push(part));
        let tree = builder.finish().expect("a tree");
        let named = text(case, "/shard_id").trim_start_matches("0x");
        assert_eq!(
            tree.shard_id().to_string(),
            named,
            "{len} bytes, {zeros} zeros"
        );
    }
}

#[test]
fn shards_have_the_bytes_the_erasure_vectors_give_them() {
    for case in list(
        &read("../../host/erasure/tests/vectors/erasure.json"),
        "/cases",
    ) {
        let geometry = Geometry {
            codec: Codec::Leopard16,
            data: small(case, "/data"),
            parity: small(case, "/parity"),
            piece_len: u32::try_from(number(case, "/piece_len")).expect("a length"),
            segment_len: number(case, "/segment_len"),
        };
        let segment = pattern(geometry.segment_len);
        let mut coder = Coder::new(&geometry).expect("a coder");
        let mut shards = vec![Sha256::new(); usize::from(geometry.total())];
        let mut rest = Vec::new();
        for stripe in Stripes::of(&geometry, geometry.segment_len).expect("stripes") {
            let from = usize::try_from(stripe.offset).expect("an offset");
            let run = &segment[from..from + stripe.len];
            let pieces = coder.encode_stripe(run, &mut rest).expect("encodes");
            for (shard, piece) in shards.iter_mut().zip(pieces.iter()) {
                shard.update(piece);
            }
        }
        let hashes: Vec<String> = shards
            .into_iter()
            .map(|shard| hex::encode(shard.finalize()))
            .collect();
        let named: Vec<&str> = list(case, "/shards_sha256")
            .iter()
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(hashes, named, "{geometry:?}");
    }
}
