//! The contracts of proof and of bonded challenges, in short: what they take, what they say.
//!
//! Enters: calls through the seams, by a number that stands for their calldata. Leaves: words in
//! blocks, which a reorganisation takes back. Invariant: whether an answer is right is told by the
//! product's own judges, the pure half of what the contracts run. Does not: take stake away; a lost
//! challenge and an unproven period stand in the blocks, and the run says who deserved them.

use host_core::eip712::keccak;
use host_core::identity::Signature;
use host_core::limits::LEAF_LEN;
use host_core::seams::{
    BoxFuture, ChainError, ContractCall, DatasetEntry, DisputeChain, DisputeVerb, Head, ProofChain,
    ProofLook, ProofRules, ProofVerb, Seal, ShardChallenge,
};
use host_core::signed::{self, DELETE};
use host_core::{Address, AgreementDigest, Amount, Digest32, NetworkId};
use host_proof::LeafProof;
use host_proof::dataset::{Asked, Batch, Entry, History, Inclusion, Leaf, Peaks, judge};

use super::{Event, Line, World};

/// What never changes. A period is an epoch of the run's network.
pub(crate) const RULES: ProofRules = ProofRules {
    genesis_block: 0,
    period_blocks: 30,
    seed_delay: 2,
    window_blocks: 18,
    draws: 4,
};
/// Blocks in which a challenge may be answered.
pub(crate) const ANSWER_BLOCKS: u64 = 60;
/// Where the calls go.
const CONTRACT: Address = Address([0xc0; 20]);
/// More than anybody needs.
const RICH: Amount = Amount(1 << 100);
/// No commitment.
const NONE: Digest32 = Digest32([0; 32]);

/// A call, kept under the number that is its calldata.
#[derive(Debug, Clone)]
pub(super) enum Call {
    Proof(ProofVerb),
    Dispute(DisputeVerb),
}

/// What a call left in a block.
#[derive(Debug, Clone)]
pub(super) enum Word {
    /// Tokens may be taken; nobody asks.
    Approved,
    Committed {
        host: Address,
        batch: Batch,
    },
    Sealed {
        period: u64,
        seed: Digest32,
        deadline: u64,
    },
    Proven {
        host: Address,
        period: u64,
    },
    Opened(ShardChallenge),
    Answered {
        id: u128,
    },
    Lost {
        id: u128,
    },
}

type Verdict = Result<Word, String>;

fn ensure(holds: bool, otherwise: &str) -> Result<(), String> {
    holds.then_some(()).ok_or_else(|| otherwise.to_owned())
}

fn leaf_of(entry: &DatasetEntry) -> Leaf {
    Leaf {
        agreement: entry.agreement,
        shard: entry.shard,
        len: entry.len,
        end_epoch: entry.end_epoch,
    }
}

impl World {
    fn words(&self) -> impl Iterator<Item = &Word> {
        let mined = self.blocks.iter().flat_map(|block| &block.mined);
        mined.filter_map(|mined| match &mined.event {
            Some(Event::Word(word)) => Some(word),
            _ => None,
        })
    }

    fn batches(&self, of: Address) -> Vec<Batch> {
        let own = self.words().filter_map(|word| match word {
            Word::Committed { host, batch } if *host == of => Some(*batch),
            _ => None,
        });
        own.collect()
    }

    /// Seed and deadline of a period, once somebody asked.
    pub(crate) fn seal(&self, of: u64) -> Option<(Digest32, u64)> {
        self.words().find_map(|word| match word {
            Word::Sealed {
                period,
                seed,
                deadline,
            } if *period == of => Some((*seed, *deadline)),
            _ => None,
        })
    }

    pub(crate) fn proven(&self, of: Address, at: u64) -> bool {
        let same = |word: &Word| matches!(word, Word::Proven { host, period } if (*host, *period) == (of, at));
        self.words().any(same)
    }

    /// Proofs that were accepted.
    pub(crate) fn proofs(&self) -> usize {
        let proofs = self.words();
        proofs
            .filter(|word| matches!(word, Word::Proven { .. }))
            .count()
    }

    /// Bytes a host had to prove in a period; zero without a duty.
    pub(crate) fn duty(&self, host: Address, period: u64) -> u64 {
        let batches = self.batches(host).into_iter();
        let batches: Vec<Batch> = batches.filter(|batch| batch.period <= period).collect();
        peaks(&batches).map_or(0, |peaks| peaks.live_bytes(period))
    }

    /// Challenges, and how each stands: open, answered or lost.
    pub(crate) fn challenges(&self) -> Vec<(ShardChallenge, Option<bool>)> {
        let mut all: Vec<(ShardChallenge, Option<bool>)> = Vec::new();
        for word in self.words() {
            let (id, answered) = match word {
                Word::Opened(one) => {
                    all.push((one.clone(), None));
                    continue;
                }
                Word::Answered { id } => (*id, true),
                Word::Lost { id } => (*id, false),
                _ => continue,
            };
            if let Some((_, end)) = all.iter_mut().find(|(one, _)| one.id == id) {
                *end = Some(answered);
            }
        }
        all
    }

    pub(super) fn look(&self, host: Address, period: u64) -> ProofLook {
        let batches = self.batches(host);
        let named = |count: usize| peaks(batches.get(..count).unwrap_or_default());
        let commitment = |count: usize| named(count).map_or(NONE, |peaks| peaks.commitment());
        let (mut duty_from, mut duty_until) = (0, 0);
        for (count, batch) in (1..).zip(&batches) {
            let live = named(count).unwrap_or_default().0.into_iter();
            let ends = live.map(|peak| peak.end).filter(|end| *end > batch.period);
            if let Some(end) = ends.max() {
                if duty_until < batch.period {
                    duty_from = batch.period;
                }
                duty_until = end;
            }
        }
        ProofLook {
            period,
            seal: match self.seal(period) {
                Some((seed, deadline)) => Seal::Set { seed, deadline },
                None => Seal::None,
            },
            proven: self.proven(host, period),
            missed: false,
            current: commitment(batches.len()),
            previous: commitment(batches.len().saturating_sub(1)),
            committed_next: batches.last().map_or(0, |batch| batch.period + 1),
            duty_from,
            duty_until,
            misses: 0,
            jailed_until: 0,
            paused: false,
            stake: RICH,
            stake_per_gib: Amount(1),
        }
    }

    /// What a call of `from` says in block `block`; `id` names what it opens.
    pub(super) fn judge(&self, from: Address, data: &[u8], block: u64, id: u128) -> Verdict {
        let number = data.try_into().map(u64::from_be_bytes).ok();
        let number = number.and_then(|number| usize::try_from(number).ok());
        match number.and_then(|number| self.calls.get(number)) {
            Some(Call::Proof(verb)) => self.proof(from, verb, block),
            Some(Call::Dispute(verb)) => self.dispute(from, verb, block, id),
            None => Err("no such call".into()),
        }
    }

    fn proof(&self, from: Address, verb: &ProofVerb, block: u64) -> Verdict {
        let now = RULES.period_of(block);
        match verb {
            ProofVerb::Commit {
                peaks: shown,
                node,
                sum,
                end,
                ..
            } => {
                let look = self.look(from, now);
                ensure(look.committed_next <= now, "committed in this period")?;
                let shown = Peaks::from_bytes(shown).map_err(|error| error.to_string())?;
                ensure(shown.commitment() == look.current, "not the present peaks")?;
                let root = (*sum > 0).then_some(Entry {
                    node: *node,
                    sum: *sum,
                    end: *end,
                });
                let batch = Batch { period: now, root };
                Ok(Word::Committed { host: from, batch })
            }
            ProofVerb::Seal { period } => {
                ensure(now == period + 1, "not the period before")?;
                ensure(self.seal(*period).is_none(), "sealed")?;
                let timely =
                    (RULES.seal_from(*period)..=RULES.seal_until(*period)).contains(&block);
                ensure(timely, "too early or too late")?;
                Ok(Word::Sealed {
                    period: *period,
                    seed: self.seed(*period),
                    deadline: block + RULES.window_blocks,
                })
            }
            ProofVerb::Prove {
                host,
                period,
                peaks: shown,
                answers,
            } => {
                ensure(now == period + 1, "not the period before")?;
                let (seed, deadline) = self.seal(*period).ok_or("no seed")?;
                ensure(block <= deadline, "too late")?;
                let look = self.look(*host, *period);
                let is_newest = look.committed_next <= now;
                let range = if is_newest {
                    look.current
                } else {
                    look.previous
                };
                let shown = Peaks::from_bytes(shown).map_err(|error| error.to_string())?;
                ensure(
                    shown.commitment() == range && range != NONE,
                    "not the frozen peaks",
                )?;
                let asked = Asked {
                    seed,
                    host: *host,
                    period: *period,
                    count: RULES.draws,
                };
                judge(&asked, &shown, answers, is_released).map_err(|error| error.to_string())?;
                let (host, period) = (*host, *period);
                Ok(Word::Proven { host, period })
            }
            ProofVerb::Approve { .. } | ProofVerb::Stake { .. } | ProofVerb::StakeFor { .. } => {
                Ok(Word::Approved)
            }
            ProofVerb::Unjail => Err("not jailed".into()),
        }
    }

    /// The seed of a period: of a block that nobody knew when the range was frozen.
    fn seed(&self, period: u64) -> Digest32 {
        let at = RULES.first_block_of(period + 1) + RULES.seed_delay;
        let at = usize::try_from(at).ok().and_then(|at| self.blocks.get(at));
        let hash = at.map_or(NONE, |block| block.hash);
        let mut seed = keccak(&[hash.0.as_slice(), &period.to_be_bytes()].concat());
        if let Some(low) = seed.0.last_chunk_mut::<6>() {
            *low = [0; 6];
        }
        seed
    }

    fn dispute(&self, from: Address, verb: &DisputeVerb, block: u64, id: u128) -> Verdict {
        let open = |id: &u128| {
            let mut all = self.challenges().into_iter();
            let one = all.find(|(one, end)| one.id == *id && end.is_none());
            one.map(|(one, _)| one).ok_or("no such challenge")
        };
        match verb {
            DisputeVerb::Approve { .. } => Ok(Word::Approved),
            DisputeVerb::Open {
                host,
                entry,
                inclusion,
                index,
            } => {
                let look = self.look(*host, RULES.period_of(block));
                let shown = Inclusion::from_bytes(inclusion).map_err(|error| error.to_string())?;
                let stands = |name| shown.check(name, &leaf_of(entry)).is_ok();
                let names = [look.current, look.previous];
                ensure(names.iter().any(stands), "not in the dataset")?;
                Ok(Word::Opened(ShardChallenge {
                    id,
                    host: *host,
                    challenger: from,
                    entry: entry.clone(),
                    index: *index,
                    until: block + ANSWER_BLOCKS,
                }))
            }
            DisputeVerb::Answer { id, shown, .. } => {
                let one = open(id)?;
                let (leaf, path) = shown
                    .split_at_checked(LEAF_LEN.min(shown.len()))
                    .ok_or("")?;
                let (path, _) = path.as_chunks::<32>();
                let proof = LeafProof {
                    leaf: leaf.to_vec(),
                    path: path.iter().copied().map(Digest32).collect(),
                };
                let (shard, len) = (&one.entry.shard, one.entry.len);
                host_proof::verify(shard, len, one.index, &proof)
                    .map_err(|error| error.to_string())?;
                Ok(Word::Answered { id: *id })
            }
            DisputeVerb::Released {
                id,
                terms,
                signature,
                ..
            } => {
                let one = open(id)?;
                let (network, renter) = (terms.network, terms.renter);
                let gave_up = signed_release(&network, &one.entry.agreement, renter, signature);
                ensure(gave_up, "not released")?;
                Ok(Word::Answered { id: *id })
            }
            DisputeVerb::Claim { id } => {
                let one = open(id)?;
                ensure(block > one.until, "still answerable")?;
                Ok(Word::Lost { id: *id })
            }
        }
    }
}

/// What batches come to; nothing when their bytes do not add up.
fn peaks(batches: &[Batch]) -> Option<Peaks> {
    History::replay(batches).ok().map(|history| history.peaks())
}

/// Whether the renter named in these terms gave the leaf's agreement up. That the terms are the
/// agreement's is left to the contract's own tests.
fn is_released(leaf: &Leaf, terms: &[u8], signature: &[u8]) -> bool {
    let word = |at: usize| terms.get(at * 32..(at + 1) * 32)?.first_chunk::<32>();
    let (Some(network), Some(renter)) = (word(0), word(2)) else {
        return false;
    };
    let Some(renter) = renter.last_chunk::<20>() else {
        return false;
    };
    let network = NetworkId(*network);
    signed_release(&network, &leaf.agreement, Address(*renter), signature)
}

fn signed_release(
    network: &NetworkId,
    agreement: &AgreementDigest,
    renter: Address,
    signature: &[u8],
) -> bool {
    let Some(signature) = signature.try_into().ok().map(Signature) else {
        return false;
    };
    signed::check_address(&signature, DELETE, network, &agreement.0, &renter).is_ok()
}

impl Line {
    fn number(&self, call: Call) -> ContractCall {
        let mut world = self.ether.world();
        world.calls.push(call);
        let number = world.calls.len() as u64 - 1;
        ContractCall {
            to: CONTRACT,
            data: number.to_be_bytes().to_vec(),
        }
    }

    fn tried(&self, from: Address, call: Call) -> BoxFuture<'static, Result<(), ChainError>> {
        let what = match &call {
            Call::Proof(verb) => verb.what(),
            Call::Dispute(verb) => verb.what(),
        };
        self.ask(|world| {
            let next = world.head() + 1;
            let told = match &call {
                Call::Proof(verb) => world.proof(from, verb, next),
                Call::Dispute(verb) => world.dispute(from, verb, next, u128::MAX),
            };
            told.map(|_| ())
                .map_err(|reason| ChainError::Reverted { what, reason })
        })
    }
}

impl ProofChain for Line {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        host_core::seams::Chain::head(self)
    }

    fn rules(&self) -> BoxFuture<'_, Result<ProofRules, ChainError>> {
        Box::pin(async { Ok(RULES) })
    }

    fn look(&self, host: Address, period: u64) -> BoxFuture<'_, Result<ProofLook, ChainError>> {
        self.ask(|world| Ok(world.look(host, period)))
    }

    fn tokens(&self, _: Address) -> BoxFuture<'_, Result<Amount, ChainError>> {
        Box::pin(async { Ok(RICH) })
    }

    fn call(&self, verb: &ProofVerb) -> Result<ContractCall, ChainError> {
        Ok(self.number(Call::Proof(verb.clone())))
    }

    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a ProofVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.tried(from, Call::Proof(verb.clone()))
    }
}

impl DisputeChain for Line {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        host_core::seams::Chain::head(self)
    }

    fn terms(&self) -> BoxFuture<'_, Result<(Amount, u64), ChainError>> {
        self.ask(|_| Ok((Amount(1), ANSWER_BLOCKS)))
    }

    fn tokens(&self, _: Address) -> BoxFuture<'_, Result<Amount, ChainError>> {
        Box::pin(async { Ok(RICH) })
    }

    fn open_on(
        &self,
        host: Address,
        from: u64,
    ) -> BoxFuture<'_, Result<Vec<ShardChallenge>, ChainError>> {
        self.ask(|world| {
            let all = world.challenges().into_iter();
            let open = all.filter(|(one, end)| {
                one.host == host && end.is_none() && one.until >= from + ANSWER_BLOCKS
            });
            Ok(open.map(|(one, _)| one).collect())
        })
    }

    fn call(&self, verb: &DisputeVerb) -> Result<ContractCall, ChainError> {
        Ok(self.number(Call::Dispute(verb.clone())))
    }

    fn try_call<'a>(
        &'a self,
        from: Address,
        verb: &'a DisputeVerb,
    ) -> BoxFuture<'a, Result<(), ChainError>> {
        self.tried(from, Call::Dispute(verb.clone()))
    }
}
