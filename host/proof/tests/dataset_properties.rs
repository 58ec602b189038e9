//! Goal: what must hold for every dataset, not only for the vectors. Method: random batches over
//! random periods, every agreement looked up, one random lie at a time, hostile bytes.

use host_core::{Address, AgreementDigest, Digest32};
use host_proof::dataset::{
    Answer, Asked, Batch, History, Inclusion, Leaf, Peaks, Shelves, batch_root, judge, prove_draws,
    prove_inclusion,
};
use host_proof::{Error, LeafProof, Tree, TreeBuilder, prove};
use proptest::prelude::{
    ProptestConfig, Strategy, any, prop, prop_assert, prop_assert_eq, prop_assume,
};
use proptest::proptest;

/// A host with shards of up to 2 KiB, whose bytes repeat the shard's number.
struct Host {
    batches: Vec<Batch>,
    leaves: Vec<Vec<Leaf>>,
}

fn shard(number: u32, len: u64) -> (Vec<u8>, Tree) {
    let data: Vec<u8> = number.to_be_bytes().repeat(512);
    let data = data[..len as usize].to_vec();
    let mut builder = TreeBuilder::new();
    builder.push(&data);
    (data, builder.finish().expect("a shard of allowed length"))
}

fn number_of(leaf: &Leaf) -> u32 {
    u32::from_be_bytes([
        leaf.agreement.0[0],
        leaf.agreement.0[1],
        leaf.agreement.0[2],
        leaf.agreement.0[3],
    ])
}

impl Host {
    /// Batches of (length, term) rows, one a period.
    fn new(plan: &[Vec<(u64, u64)>]) -> Self {
        let (mut batches, mut leaves, mut number) = (Vec::new(), Vec::new(), 0);
        for (period, rows) in (0..).zip(plan) {
            let mut made = Vec::new();
            for (len, term) in rows {
                let (_, tree) = shard(number, *len);
                let mut name = [3; 32];
                name[..4].copy_from_slice(&number.to_be_bytes());
                made.push(Leaf {
                    agreement: AgreementDigest(name),
                    shard: tree.shard_id(),
                    len: *len,
                    end_epoch: period + term,
                });
                number += 1;
            }
            let root = batch_root(made.clone()).expect("allowed leaves");
            batches.push(Batch {
                period,
                root: root.map(|(root, _)| root),
            });
            leaves.push(made);
        }
        Self { batches, leaves }
    }
}

impl Shelves for Host {
    type Error = Error;
    type Leaves = std::vec::IntoIter<Leaf>;

    fn leaves(&mut self, index: usize) -> Result<Self::Leaves, Error> {
        Ok(self.leaves[index].clone().into_iter())
    }

    fn answer(&mut self, leaf: &Leaf, leaf_index: u64) -> Result<Answer, Error> {
        let (data, tree) = shard(number_of(leaf), leaf.len);
        let proof: LeafProof = prove(leaf_index, &data, &tree.units, leaf.len)?;
        Ok(Answer::Kept(proof))
    }
}

fn plans() -> impl Strategy<Value = Vec<Vec<(u64, u64)>>> {
    let row = (1..2048_u64, 1..12_u64);
    prop::collection::vec(prop::collection::vec(row, 0..9), 1..9)
}

fn asked(seed: [u8; 32], period: u64) -> Asked {
    Asked {
        seed: Digest32(seed),
        host: Address([6; 20]),
        period,
        count: 10,
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn an_honest_host_answers_every_seed(plan in plans(), seed: [u8; 32]) {
        let mut host = Host::new(&plan);
        let history = History::replay(&host.batches).unwrap();
        let period = plan.len() as u64;
        let asked = asked(seed, period);
        let peaks = history.peaks();
        prop_assume!(peaks.live_bytes(period) > 0);
        let answers = prove_draws(&history, &asked, &mut host).unwrap();
        let live = judge(&asked, &peaks, &answers, |_, _, _| false).unwrap();
        prop_assert_eq!(live, peaks.live_bytes(period));
    }

    #[test]
    fn one_changed_bit_is_never_an_answer(plan in plans(), seed: [u8; 32], at: u32, bit in 0..8_u8) {
        let mut host = Host::new(&plan);
        let history = History::replay(&host.batches).unwrap();
        let period = plan.len() as u64;
        let asked = asked(seed, period);
        prop_assume!(history.peaks().live_bytes(period) > 0);
        let mut answers = prove_draws(&history, &asked, &mut host).unwrap();
        let at = at as usize % answers.len();
        answers[at] ^= 1 << bit;
        prop_assert!(judge(&asked, &history.peaks(), &answers, |_, _, _| false).is_err());
    }

    #[test]
    fn every_agreement_under_a_living_peak_is_included_where_it_is(plan in plans()) {
        let host = Host::new(&plan);
        let history = History::replay(&host.batches).unwrap();
        let commitment = history.peaks().commitment();
        for (index, rows) in host.leaves.iter().enumerate() {
            for leaf in rows {
                let built = prove_inclusion(&history, index, rows.clone(), &leaf.agreement);
                if history.path(index).is_none() {
                    prop_assert!(built.is_err());
                    continue;
                }
                let built = built.unwrap();
                built.check(&commitment, leaf).unwrap();
                let again = Inclusion::from_bytes(&built.to_bytes().unwrap()).unwrap();
                prop_assert_eq!(again, built);
            }
        }
    }

    #[test]
    fn what_falls_off_is_over(plan in plans()) {
        let host = Host::new(&plan);
        let history = History::replay(&host.batches).unwrap();
        let last = plan.len() as u64 - 1;
        for (index, rows) in host.leaves.iter().enumerate() {
            if history.path(index).is_none() {
                prop_assert!(rows.iter().all(|leaf| leaf.end_epoch <= last));
            }
        }
    }

    #[test]
    fn hostile_bytes_are_answered_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..400), seed: [u8; 32]) {
        let _ = Inclusion::from_bytes(&bytes);
        let host = Host::new(&[vec![(900, 9), (33, 9)]]);
        let peaks = History::replay(&host.batches).unwrap().peaks();
        prop_assert!(judge(&asked(seed, 1), &peaks, &bytes, |_, _, _| true).is_err());
        if let Ok(peaks) = Peaks::from_bytes(&bytes) {
            let _ = judge(&asked(seed, 1), &peaks, &bytes, |_, _, _| true);
            let _ = peaks.commitment();
        }
    }
}
