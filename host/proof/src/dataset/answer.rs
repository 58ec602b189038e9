//! A period's proof: which bytes the seed draws, the answers of a host that has them, and the
//! verdict the contract will give. What is read for ten draws is the list of leaves once for each
//! batch that was drawn, and for each drawn shard what recomputes one leaf's path.

use std::collections::BTreeMap;

use host_core::eip712::keccak;
use host_core::limits::LEAF_LEN;
use host_core::{Address, AgreementDigest, Digest32};

use crate::dataset::batch::trace;
use crate::dataset::entry::{LEAF_BODY_LEN, Leaf};
use crate::dataset::history::History;
use crate::dataset::inclusion::Inclusion;
use crate::dataset::path::Path;
use crate::dataset::peaks::Peaks;
use crate::error::Error;
use crate::leaf::{LeafProof, verify};
use crate::shape;

/// Bytes of an agreement's words in an answer.
const TERMS_LEN: usize = 14 * 32;

/// What the chain asks of one host for one period.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Asked {
    /// The period's seed: `seals(period)` with its lowest 6 bytes zeroed.
    pub seed: Digest32,
    /// The host's account.
    pub host: Address,
    /// The period.
    pub period: u64,
    /// Draws in one proof.
    pub count: u16,
}

/// Where one draw lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Drawn {
    /// The byte of the live range.
    pub byte: u64,
    /// The batch it is in.
    pub batch: usize,
    /// The byte of that batch.
    pub within: u64,
}

/// What is shown for one draw, after leaf and path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The drawn leaf of the shard.
    Kept(LeafProof),
    /// The agreement is over.
    Expired,
    /// Its renter gave it up.
    Released {
        /// The agreement's 14 words.
        terms: Vec<u8>,
        /// The renter's `delete` signature.
        signature: Vec<u8>,
    },
}

/// Where a host keeps what it must show.
pub trait Shelves {
    /// What can go wrong there.
    type Error: From<Error>;
    /// The leaves of a batch in the order in which they were committed.
    type Leaves: Iterator<Item = Leaf>;

    /// The leaves of batch `index`, counted from 0 over all batches ever committed.
    fn leaves(&mut self, index: usize) -> Result<Self::Leaves, Self::Error>;

    /// What answers for leaf `leaf_index` of the shard of a living agreement: the leaf's proof, or
    /// the renter's release.
    fn answer(&mut self, leaf: &Leaf, leaf_index: u64) -> Result<Answer, Self::Error>;
}

/// Draw `index` out of `live` bytes: keccak256(seed, host, period, index) modulo `live`; 0 when
/// nothing is live.
#[must_use]
pub fn draw(asked: &Asked, index: u16, live: u64) -> u64 {
    let mut bytes = [0; 128];
    bytes[..32].copy_from_slice(&asked.seed.0);
    bytes[44..64].copy_from_slice(&asked.host.0);
    bytes[88..96].copy_from_slice(&asked.period.to_be_bytes());
    bytes[126..].copy_from_slice(&index.to_be_bytes());
    if live == 0 {
        return 0;
    }
    // Digit by digit in base 256: the rest stays below 2^64, so 128 bits hold each step.
    let step = |rest: u128, byte: &u8| (rest << 8 | u128::from(*byte)) % u128::from(live);
    let rest = keccak(&bytes).0.iter().fold(0, step);
    u64::try_from(rest).unwrap_or(0)
}

/// All draws of a period and where they lie.
/// Errors: Range when nothing is live.
pub fn draws(history: &History, asked: &Asked) -> Result<Vec<Drawn>, Error> {
    let peaks = history.peaks();
    let live = peaks.live_bytes(asked.period);
    let find = |index| {
        let byte = draw(asked, index, live);
        let (peak, within) = peaks.locate(asked.period, byte)?;
        let lost = Error::Range { byte, live };
        let (batch, within) = history.descend(peak, within).ok_or(lost)?;
        Ok(Drawn {
            byte,
            batch,
            within,
        })
    };
    (0..asked.count).map(find).collect()
}

/// The answers to a period's draws, as `prove` takes them beside `history.peaks()`. `history` is
/// replayed from the batches committed in or before the period.
/// Cost: each drawn batch's leaves once, one leaf proof a draw.
/// Errors: those of the shelves; Range when nothing is live; BatchRoot when a batch reads otherwise
/// than it was committed.
pub fn prove_draws<S: Shelves>(
    history: &History,
    asked: &Asked,
    shelves: &mut S,
) -> Result<Vec<u8>, S::Error> {
    let draws = draws(history, asked)?;
    let mut by_batch: BTreeMap<usize, Vec<(usize, Drawn)>> = BTreeMap::new();
    for (index, drawn) in draws.into_iter().enumerate() {
        by_batch
            .entry(drawn.batch)
            .or_default()
            .push((index, drawn));
    }
    let mut answers = BTreeMap::new();
    for (batch, asked_of) in by_batch {
        let hits = |start: u64, leaf: &Leaf, at: u64| start <= at && at - start < leaf.len;
        let (root, found) = trace(shelves.leaves(batch)?, |start, leaf| {
            asked_of
                .iter()
                .any(|(_, drawn)| hits(start, leaf, drawn.within))
        })?;
        let lost = Error::BatchRoot { batch };
        let (rest, peak) = history.path(batch).ok_or(lost.clone())?;
        for (index, drawn) in asked_of {
            let hit = found
                .iter()
                .find(|it| hits(it.start, &it.leaf, drawn.within));
            let hit = hit.ok_or(lost.clone())?;
            let path = Path([hit.path.0.as_slice(), rest.0.as_slice()].concat());
            if root.is_none() || !leads_to(history, peak, &hit.leaf, &path)? {
                return Err(lost.clone().into());
            }
            let answer = if hit.leaf.end_epoch <= asked.period {
                Answer::Expired
            } else {
                shelves.answer(&hit.leaf, (drawn.within - hit.start) / LEAF_LEN as u64)?
            };
            answers.insert(index, encode(&hit.leaf, &path, &answer)?);
        }
    }
    Ok(answers.into_values().flatten().collect())
}

/// Where `agreement` stands, among the leaves of batch `batch`.
/// Errors: NotIncluded when the batch has no such leaf or its peak fell off; ShardLength,
/// DatasetBytes.
pub fn prove_inclusion(
    history: &History,
    batch: usize,
    leaves: impl IntoIterator<Item = Leaf>,
    agreement: &AgreementDigest,
) -> Result<Inclusion, Error> {
    let missing = Error::NotIncluded {
        agreement: *agreement,
    };
    let (_, found) = trace(leaves, |_, leaf| leaf.agreement == *agreement)?;
    let found = found.first().ok_or(missing.clone())?;
    let (rest, peak_index) = history.path(batch).ok_or(missing.clone())?;
    let path = Path([found.path.0.as_slice(), rest.0.as_slice()].concat());
    if !leads_to(history, peak_index, &found.leaf, &path)? {
        return Err(missing);
    }
    Ok(Inclusion {
        peaks: history.peaks(),
        peak_index,
        path,
    })
}

fn leads_to(history: &History, peak: usize, leaf: &Leaf, path: &Path) -> Result<bool, Error> {
    let (top, _) = path.climb(leaf.entry()?)?;
    Ok(history.peaks().0.get(peak) == Some(&top))
}

/// One answer's bytes.
fn encode(leaf: &Leaf, path: &Path, answer: &Answer) -> Result<Vec<u8>, Error> {
    let kind = match answer {
        Answer::Kept(_) => 0,
        Answer::Expired => 1,
        Answer::Released { .. } => 2,
    };
    let mut bytes = vec![kind];
    bytes.extend(leaf.to_bytes());
    bytes.extend(path.to_bytes()?);
    match answer {
        Answer::Kept(proof) => {
            bytes.extend(&proof.leaf);
            bytes.extend(proof.path.iter().flat_map(|node| node.0));
        }
        Answer::Expired => {}
        Answer::Released { terms, signature } => {
            let long = |_| Error::Encoding { what: "release" };
            bytes.extend(terms);
            bytes.extend(u16::try_from(signature.len()).map_err(long)?.to_be_bytes());
            bytes.extend(signature);
        }
    }
    Ok(bytes)
}

/// The contract's verdict: the live bytes that `answers` prove. Whether `peaks` is the committed
/// list is told by its commitment; whether a renter gave an agreement up, by `is_released` (leaf,
/// 14 words, signature).
/// Errors: everything that can be wrong with an answer; Range when nothing is live.
pub fn judge(
    asked: &Asked,
    peaks: &Peaks,
    answers: &[u8],
    is_released: impl Fn(&Leaf, &[u8], &[u8]) -> bool,
) -> Result<u64, Error> {
    let live = peaks.live_bytes(asked.period);
    let mut rest = answers;
    for index in 0..asked.count {
        let byte = draw(asked, index, live);
        let (peak, within) = peaks.locate(asked.period, byte)?;
        let (leaf, path, kind, tail) = front(rest)?;
        let (top, start) = path.climb(leaf.entry()?)?;
        let agreement = leaf.agreement;
        if peaks.0.get(peak) != Some(&top) {
            return Err(Error::NotIncluded { agreement });
        }
        let at = within.checked_sub(start).filter(|at| *at < leaf.len);
        let at = at.ok_or(Error::NotDrawn { byte, agreement })?;
        rest = match kind {
            0 => check_kept(&leaf, at / LEAF_LEN as u64, tail)?,
            1 if leaf.end_epoch <= asked.period => tail,
            1 => {
                return Err(Error::NotOver {
                    agreement,
                    end: leaf.end_epoch,
                    period: asked.period,
                });
            }
            2 => check_released(&leaf, tail, &is_released)?,
            _ => return Err(Error::Encoding { what: "answer" }),
        };
    }
    if !rest.is_empty() {
        return Err(Error::Encoding { what: "end" });
    }
    Ok(live)
}

/// Leaf, path and kind from the front of an answer, and what follows.
fn front(bytes: &[u8]) -> Result<(Leaf, Path, u8, &[u8]), Error> {
    let short = Error::Encoding { what: "answer" };
    let (&kind, rest) = bytes.split_first().ok_or(short.clone())?;
    let (body, rest) = rest.split_first_chunk::<LEAF_BODY_LEN>().ok_or(short)?;
    let (path, rest) = Path::from_front(rest)?;
    Ok((Leaf::from_bytes(body), path, kind, rest))
}

fn check_kept<'a>(leaf: &Leaf, leaf_index: u64, bytes: &'a [u8]) -> Result<&'a [u8], Error> {
    let short = Error::Encoding { what: "leaf proof" };
    let (shown, rest) = bytes.split_at_checked(LEAF_LEN).ok_or(short.clone())?;
    let depth = shape::depth(leaf.len) as usize;
    let (path, rest) = rest.split_at_checked(32 * depth).ok_or(short)?;
    let (path, _) = path.as_chunks::<32>();
    let proof = LeafProof {
        leaf: shown.to_vec(),
        path: path.iter().copied().map(Digest32).collect(),
    };
    verify(&leaf.shard, leaf.len, leaf_index, &proof)?;
    Ok(rest)
}

fn check_released<'a>(
    leaf: &Leaf,
    bytes: &'a [u8],
    is_released: impl Fn(&Leaf, &[u8], &[u8]) -> bool,
) -> Result<&'a [u8], Error> {
    let short = Error::Encoding { what: "release" };
    let (terms, rest) = bytes.split_at_checked(TERMS_LEN).ok_or(short.clone())?;
    let (len, rest) = rest.split_first_chunk::<2>().ok_or(short.clone())?;
    let len = usize::from(u16::from_be_bytes(*len));
    let (signature, rest) = rest.split_at_checked(len).ok_or(short)?;
    if !is_released(leaf, terms, signature) {
        return Err(Error::NotReleased {
            agreement: leaf.agreement,
        });
    }
    Ok(rest)
}

#[cfg(test)]
mod tests;
