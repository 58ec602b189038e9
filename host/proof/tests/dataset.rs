//! Goal: this code, an implementation in another language and the contract agree on every byte of a
//! dataset. Method: tests/vectors/dataset.json, made by dataset.py beside it; the same file is
//! read by host/solidity/test/Dataset.t.sol. Wrong proofs of that file must be refused here as
//! there.

use std::collections::HashMap;

use host_core::agreement::{Agreement, PayMode};
use host_core::eip712::keccak;
use host_core::limits::UNIT_LEN;
use host_core::receipt::ReceiptBody;
use host_core::signed::{self, Kind};
use host_core::{
    Address, AgreementDigest, AgreementId, Amount, Digest32, NetworkId, ShardId, codec,
};
use host_proof::dataset::{
    Answer, Asked, Batch, History, Inclusion, Leaf, Peaks, Shelves, batch_root, draw, judge,
    prove_draws, prove_inclusion,
};
use host_proof::{Error, Tree, TreeBuilder, prove};
use serde_json::Value;
use sha2::{Digest, Sha256};

fn vectors() -> Value {
    serde_json::from_str(include_str!("vectors/dataset.json")).expect("committed vectors are json")
}

fn list<'a>(value: &'a Value, key: &str) -> &'a [Value] {
    value[key].as_array().expect(key)
}

fn number(value: &Value) -> u64 {
    value.as_u64().expect("a number")
}

fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().expect("hex text");
    let digit = |at: usize| u8::from_str_radix(&text[at..at + 2], 16).expect("hex");
    (2..text.len()).step_by(2).map(digit).collect()
}

fn hash(value: &Value) -> [u8; 32] {
    bytes(value).try_into().expect("32 bytes")
}

fn text(words: &str) -> [u8; 32] {
    Sha256::digest(words).into()
}

/// One shard of the vectors: its bytes follow from the name of its batch and place.
fn shard(name: &str, len: u64) -> (Vec<u8>, Tree) {
    let blocks = (0..=len / 32).map(|i| text(&format!("{name} {i}")));
    let mut data: Vec<u8> = blocks.flatten().collect();
    data.truncate(len as usize);
    let mut builder = TreeBuilder::new();
    builder.push(&data);
    (data, builder.finish().expect("a shard of allowed length"))
}

/// The vectors' host: its batches and the bytes of its shards.
struct Host {
    batches: Vec<Batch>,
    leaves: Vec<Vec<Leaf>>,
    shards: HashMap<ShardId, (Vec<u8>, Tree)>,
}

impl Host {
    fn new(vectors: &Value) -> Self {
        let (mut batches, mut leaves, mut shards) = (Vec::new(), Vec::new(), HashMap::new());
        for case in list(vectors, "history") {
            let period = number(&case["period"]);
            let mut rows = Vec::new();
            for (i, row) in list(case, "leaves").iter().enumerate() {
                let leaf = Leaf {
                    agreement: AgreementDigest(hash(&row[0])),
                    shard: ShardId(hash(&row[1])),
                    len: number(&row[2]),
                    end_epoch: number(&row[3]),
                };
                let (data, tree) = shard(&format!("{period}.{i}"), leaf.len);
                assert_eq!(tree.shard_id(), leaf.shard);
                shards.insert(leaf.shard, (data, tree));
                rows.push(leaf);
            }
            let root = batch_root(rows.clone())
                .expect("allowed leaves")
                .map(|(root, _)| root);
            batches.push(Batch { period, root });
            leaves.push(rows);
        }
        Self {
            batches,
            leaves,
            shards,
        }
    }

    fn history(&self, period: u64) -> History {
        let before = self.batches.iter().filter(|batch| batch.period <= period);
        History::replay(before).expect("a dataset of allowed size")
    }
}

impl Shelves for Host {
    type Error = Error;
    type Leaves = std::vec::IntoIter<Leaf>;

    fn leaves(&mut self, index: usize) -> Result<Self::Leaves, Error> {
        Ok(self.leaves[index].clone().into_iter())
    }

    fn answer(&mut self, leaf: &Leaf, leaf_index: u64) -> Result<Answer, Error> {
        let (data, tree) = &self.shards[&leaf.shard];
        // Only the unit that holds the leaf is read, as from a drive.
        let unit = leaf_index as usize / 256 * UNIT_LEN;
        let end = data.len().min(unit + UNIT_LEN);
        let proof = prove(leaf_index, &data[unit..end], &tree.units, leaf.len)?;
        Ok(Answer::Kept(proof))
    }
}

fn asked(case: &Value) -> Asked {
    Asked {
        seed: Digest32(hash(&case["seed"])),
        host: Address(bytes(&case["host"]).try_into().expect("20 bytes")),
        period: number(&case["period"]),
        count: 10,
    }
}

#[test]
fn every_batch_merges_as_in_the_vectors() {
    let vectors = vectors();
    let host = Host::new(&vectors);
    for case in list(&vectors, "history") {
        let peaks = host.history(number(&case["period"])).peaks();
        assert_eq!(peaks.to_bytes(), bytes(&case["peaks"]));
        assert_eq!(peaks.commitment().0, hash(&case["commitment"]));
        assert_eq!(Peaks::from_bytes(&peaks.to_bytes()).unwrap(), peaks);
    }
}

#[test]
fn every_size_of_batch_has_the_root_of_the_vectors() {
    for case in list(&vectors(), "batches") {
        let count = number(&case["count"]);
        let leaves = (0..count).map(|i| {
            let short = text(&format!("len {count} {i}"));
            Leaf {
                agreement: AgreementDigest(text(&format!("agreement {count} {i}"))),
                shard: ShardId(text(&format!("shard {count} {i}"))),
                len: 1 + u64::from(u32::from_be_bytes([0, short[0], short[1], short[2]])),
                end_epoch: 10 + i % 90,
            }
        });
        let (root, counted) = batch_root(leaves).unwrap().unwrap();
        assert_eq!(root.node.0, hash(&case["node"]));
        assert_eq!(
            (root.sum, root.end),
            (number(&case["sum"]), number(&case["end"]))
        );
        assert_eq!(counted, count);
    }
}

#[test]
fn the_builder_answers_with_the_bytes_of_the_vectors() {
    let vectors = vectors();
    let mut host = Host::new(&vectors);
    for case in list(&vectors, "proofs") {
        let asked = asked(case);
        let history = host.history(asked.period);
        assert_eq!(history.peaks().to_bytes(), bytes(&case["peaks"]));
        let live = history.peaks().live_bytes(asked.period);
        assert_eq!(live, number(&case["live"]));
        for (i, drawn) in (0..).zip(list(case, "draws")) {
            assert_eq!(draw(&asked, i, live), number(drawn));
        }
        let answers = prove_draws(&history, &asked, &mut host).unwrap();
        assert_eq!(answers, bytes(&case["answers"]), "period {}", asked.period);
        let verdict = judge(&asked, &history.peaks(), &answers, |_, _, _| false);
        assert_eq!(verdict.unwrap(), live);
    }
}

#[test]
fn every_wrong_proof_of_the_vectors_is_refused() {
    let vectors = vectors();
    let mut judged = 0;
    for case in list(&vectors, "proofs") {
        let Some(names) = case["wrong_names"].as_array() else {
            continue;
        };
        let peaks = Peaks::from_bytes(&bytes(&case["peaks"])).unwrap();
        for (name, wrong) in names.iter().zip(list(case, "wrong")) {
            let verdict = judge(&asked(case), &peaks, &bytes(wrong), |_, _, _| true);
            assert!(verdict.is_err(), "{name}");
            judged += 1;
        }
    }
    assert_eq!(judged, 20);
}

#[test]
fn every_inclusion_is_built_and_checked_as_in_the_vectors() {
    let vectors = vectors();
    let host = Host::new(&vectors);
    for case in list(&vectors, "inclusions") {
        let body = bytes(&case["leaf"]);
        let leaf = Leaf::from_bytes(body.as_slice().try_into().unwrap());
        assert_eq!(leaf.to_bytes().as_slice(), body);
        let history = host.history(number(&case["period"]));
        let batch = host
            .leaves
            .iter()
            .position(|rows| rows.contains(&leaf))
            .unwrap();
        let leaves = host.leaves[batch].clone();
        let built = prove_inclusion(&history, batch, leaves, &leaf.agreement).unwrap();
        assert_eq!(built.to_bytes().unwrap(), bytes(&case["inclusion"]));
        let read = Inclusion::from_bytes(&bytes(&case["inclusion"])).unwrap();
        assert_eq!(read, built);
        let commitment = Digest32(hash(&case["commitment"]));
        read.check(&commitment, &leaf).unwrap();
        let mut other = leaf.clone();
        other.len += 1;
        assert!(read.check(&commitment, &other).is_err());
        assert!(read.check(&Digest32([0; 32]), &leaf).is_err());
    }
}

#[test]
fn a_host_that_lost_a_batch_of_its_list_is_told_so() {
    let vectors = vectors();
    let mut host = Host::new(&vectors);
    let case = &list(&vectors, "proofs")[0];
    host.leaves[0].swap(0, 1);
    let lost = prove_draws(&host.history(0), &asked(case), &mut host);
    assert_eq!(lost, Err(Error::BatchRoot { batch: 0 }));
}

#[test]
fn a_release_is_shown_and_judged_by_its_checker() {
    struct Released(Host);
    impl Shelves for Released {
        type Error = Error;
        type Leaves = std::vec::IntoIter<Leaf>;
        fn leaves(&mut self, index: usize) -> Result<Self::Leaves, Error> {
            self.0.leaves(index)
        }
        fn answer(&mut self, leaf: &Leaf, _: u64) -> Result<Answer, Error> {
            Ok(Answer::Released {
                terms: leaf.agreement.0.repeat(14),
                signature: vec![5; 65],
            })
        }
    }
    let vectors = vectors();
    let mut host = Released(Host::new(&vectors));
    let asked = asked(&list(&vectors, "proofs")[0]);
    let history = host.0.history(0);
    let answers = prove_draws(&history, &asked, &mut host).unwrap();
    let signed = |leaf: &Leaf, terms: &[u8], signature: &[u8]| {
        terms == leaf.agreement.0.repeat(14) && signature == [5; 65]
    };
    assert!(judge(&asked, &history.peaks(), &answers, signed).is_ok());
    let refused = judge(&asked, &history.peaks(), &answers, |_, _, _| false);
    assert!(matches!(refused, Err(Error::NotReleased { .. })));
}

#[test]
fn agreement_receipt_and_release_have_the_digests_the_contract_computes() {
    for case in list(&vectors(), "agreements") {
        let words = bytes(&case["words"]);
        let word = |i: usize| -> [u8; 32] { words[32 * i..32 * i + 32].try_into().unwrap() };
        let account = |i: usize| Address(word(i)[12..].try_into().unwrap());
        let long = |i: usize| u128::from_be_bytes(word(i)[16..].try_into().unwrap());
        let short = |i: usize| u64::try_from(long(i)).unwrap();
        let terms = Agreement {
            network: NetworkId(word(0)),
            id: AgreementId(word(1)),
            renter: account(2),
            host: account(3),
            payout: account(4),
            shard: ShardId(word(5)),
            shard_len: short(6),
            codec: short(7) as u8,
            price: Amount(long(8)),
            start_epoch: short(9),
            end_epoch: short(10),
            egress_price: Amount(long(11)),
            pay_mode: if short(12) == 0 {
                PayMode::Cheque
            } else {
                PayMode::Escrow
            },
            nonce: short(13),
        };
        let digest = terms.digest(1029);
        assert_eq!(digest.0, hash(&case["digest"]));
        let body = ReceiptBody {
            agreement: digest,
            shard: terms.shard,
            len: terms.shard_len,
            end_epoch: terms.end_epoch,
        };
        let kind = Kind {
            name: "receipt",
            version: 1,
        };
        let receipt = signed::digest(kind, &terms.network, &codec::to_bytes(&body));
        assert_eq!(receipt.0, hash(&case["receipt"]));
        let release = signed::digest(signed::DELETE, &terms.network, &digest.0);
        assert_eq!(release.0, hash(&case["release"]));
    }
    assert_eq!(keccak(b"").0[..2], [0xc5, 0xd2]);
}
