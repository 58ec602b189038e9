//! The prover: keeps the host's dataset on the chain and answers every period's draws in time.
//!
//! Enters: the seams of chain and proof, the ledger, whoever reads leaves. Leaves: wishes in the
//! outbox, and a report of where things stand. Each turn reads the chain, tells which batches it
//! has (`align`), plans (`plan`) and acts; nothing is remembered between turns that the ledger and
//! the chain would not tell again, so a crash between any two steps goes on where it was.
//! Invariants: at most one commitment a period; a proof that the judge of host-proof refuses is
//! never sent; without stake, leaves wait and the report says what is missing. Does not: move
//! shards, or decide about money beyond the stake it was allowed.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use host_core::eip712::keccak;
use host_core::seams::{Chain, ProofChain, ProofLook, ProofRules, ProofVerb, Seal};
use host_core::{Address, AgreementDigest, Amount, Digest32};
use host_ledger::{BatchRow, CallRow, Fact, IntentKey, Ledger, OutboxRow, PeriodEnd, PeriodRow};
use host_proof::dataset::Asked;
use tracing::{debug, error, info, warn};

use crate::error::Error;
use crate::outbox::{Bounds, Outbox, Purse};

mod align;
mod answers;
mod batching;
mod memory;
pub mod plan;
mod report;

pub use answers::{Leaves, answers};
pub use plan::{Phase, Plan, Step};
pub use report::Report;

use memory::Memory;
use plan::{Dataset, Queue, Situation, UnderWay};

/// How the intents of this room begin.
pub const INTENTS: &str = "proof/";
/// Past periods looked at in one turn.
const PAST_MAX: usize = 8;

/// What a prover works with.
pub struct Parts {
    /// All durable facts.
    pub ledger: Ledger,
    /// The chain, with the host's account.
    pub chain: Arc<dyn Chain>,
    /// The contracts of stake and proof.
    pub proofs: Arc<dyn ProofChain>,
    /// Reads leaves of stored shards.
    pub leaves: Arc<dyn Leaves>,
    /// The host's account.
    pub host: Address,
    /// What a transaction may cost, and how deep it must lie.
    pub bounds: Bounds,
    /// Stake that may be held by putting the account's tokens in, smallest units; zero when the
    /// operator stakes by hand.
    pub stake_max: Amount,
}

/// Keeps one host's word on the chain.
pub struct Prover {
    ledger: Ledger,
    proofs: Arc<dyn ProofChain>,
    leaves: Arc<dyn Leaves>,
    host: Address,
    stake_max: Amount,
    outbox: Outbox,
    memory: Mutex<Memory>,
}

impl Prover {
    /// A prover; nothing is read or sent.
    #[must_use]
    pub fn new(parts: Parts) -> Self {
        let purse = Purse {
            beneficiary: parts.host,
            recipient: parts.host,
        };
        Self {
            outbox: Outbox::new(parts.ledger.clone(), parts.chain, purse, parts.bounds),
            ledger: parts.ledger,
            proofs: parts.proofs,
            leaves: parts.leaves,
            host: parts.host,
            stake_max: parts.stake_max,
            memory: Mutex::default(),
        }
    }

    fn memory(&self) -> MutexGuard<'_, Memory> {
        // Plain values: a panic in between leaves nothing half written.
        self.memory.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Where things stood after the last turn.
    #[must_use]
    pub fn report(&self) -> Report {
        self.memory().report.clone()
    }

    /// One turn: look, plan, act, follow what is under way. Errors when the chain does not answer
    /// or a step cannot be taken; the next turn tries again.
    /// Durability: every call is in the outbox before it is sent.
    pub async fn turn(&self) -> Result<Report, Error> {
        let rules = self.proofs.rules().await?;
        let block = self.proofs.head().await?.block;
        let now = rules.period_of(block);
        let look = self.proofs.look(self.host, now.saturating_sub(1)).await?;
        let situation = self.situate(block, rules, look).await?;
        let plan = plan::plan(&situation);
        self.note(&situation, &plan);
        let mut failed = None;
        for step in &plan.steps {
            if let Err(error) = self.step(*step, &situation).await {
                self.memory().report.why = error.to_string();
                failed.get_or_insert(error);
            }
        }
        let followed = self.outbox.follow_those(INTENTS).await;
        self.past(&rules, &look, now).await?;
        followed?;
        failed.map_or_else(|| Ok(self.report()), Err)
    }

    /// The proof that an agreement stands in the dataset's newest commitment, as the contract and
    /// renters read it, and the commitment's name.
    /// Errors: Uncommitted while it stands in no batch that the chain has.
    pub fn inclusion(&self, agreement: &AgreementDigest) -> Result<(Digest32, Vec<u8>), Error> {
        let (history, on_chain) = {
            let memory = self.memory();
            (memory.history.clone(), memory.on_chain)
        };
        let bytes = answers::inclusion(&self.ledger, &history, on_chain, agreement)?;
        Ok((history.peaks().commitment(), bytes))
    }

    /// The proof that an agreement stands in the dataset that `period`'s proof is about.
    /// Errors: Uncommitted when it does not.
    pub fn inclusion_at(&self, agreement: &AgreementDigest, period: u64) -> Result<Vec<u8>, Error> {
        let rows = self.memory().rows.clone();
        let history = align::history_at(&rows, period)?;
        let taken = |row: &&BatchRow| row.period.is_some_and(|at| at <= period);
        let count = rows.iter().take_while(taken).count();
        answers::inclusion(&self.ledger, &history, count, agreement)
    }

    /// Everything a plan is made from.
    async fn situate(
        &self,
        block: u64,
        rules: ProofRules,
        look: ProofLook,
    ) -> Result<Situation, Error> {
        let dataset = self.align(&look).await?;
        let view = self.ledger.read()?;
        let pending = view.outbox_pending()?;
        let under_way = |key: &IntentKey| pending.iter().any(|row| row.intent() == *key);
        let (period, commits) = (look.period, format!("{INTENTS}commit/"));
        let prove = match look.seal {
            Seal::Set { seed, .. } => under_way(&prove_key(period, &seed)),
            _ => false,
        };
        let commit = pending
            .iter()
            .any(|row| row.mined.is_none() && row.intent().0.starts_with(&commits));
        let waiting = view.totals()?.uncommitted;
        let any = match dataset {
            Dataset::Known { .. } => self.has_work(&view, &look)?,
            Dataset::Foreign => false,
        };
        let quiet = std::mem::replace(&mut self.memory().waiting, waiting) == waiting;
        let span = rules
            .seal_until(period)
            .saturating_sub(rules.seal_from(period));
        Ok(Situation {
            block,
            rules,
            look,
            dataset,
            queue: Queue { any, quiet },
            under_way: UnderWay {
                seal: under_way(&seal_key(period)),
                prove,
                commit,
                unjail: under_way(&unjail_key(look.jailed_until)),
            },
            courtesy: courtesy(&self.host, period) % (span / 2 + 1),
        })
    }

    /// Tells which batches the chain has and writes down what changed about the last of them.
    async fn align(&self, look: &ProofLook) -> Result<Dataset, Error> {
        let mut rows = self.memory().rows.clone();
        let known = rows.len();
        rows.extend(self.ledger.read()?.batches(known as u64, usize::MAX)?);
        let told = (look.current, look.committed_next, rows.len());
        if self.memory().told != Some(told) {
            let Some(aligned) = align::align(&rows, &look.current, look.committed_next)? else {
                self.memory().told = None;
                return Ok(Dataset::Foreign);
            };
            let changed = self.seen(&mut rows, &aligned).await?;
            let history = align::history_at(&rows, u64::MAX)?;
            let mut memory = self.memory();
            memory.rows = rows;
            memory.on_chain = aligned.on_chain;
            memory.history = history;
            memory.told = Some(told);
            memory.range = None;
            if changed {
                let (batch, period) = (aligned.on_chain, look.committed_next.saturating_sub(1));
                info!(count = batch, period, "dataset on chain");
            }
        }
        let range = plan::range_of(look);
        let mut memory = self.memory();
        let ahead = (memory.rows.len() - memory.on_chain.min(memory.rows.len())) as u64;
        let key = (look.period, range);
        let range_bytes = match memory.range {
            Some((known, bytes)) if known == key => bytes,
            _ => {
                let history = align::history_at(&memory.rows, look.period)?;
                let bytes = if history.peaks().commitment() == range {
                    history.peaks().live_bytes(look.period)
                } else {
                    0
                };
                memory.range = Some((key, bytes));
                bytes
            }
        };
        Ok(Dataset::Known { ahead, range_bytes })
    }

    /// Writes down in which periods the chain has the last batches, or that it has them no more.
    async fn seen(&self, rows: &mut [BatchRow], aligned: &align::Aligned) -> Result<bool, Error> {
        let mut facts = Vec::new();
        for (index, row) in rows.iter_mut().enumerate() {
            let period = match aligned.moved {
                _ if index >= aligned.on_chain => None,
                Some(period) if index + 1 == aligned.on_chain => Some(period),
                _ => continue,
            };
            if row.period != period {
                row.period = period;
                let batch = index as u64;
                facts.push(Fact::BatchSeen { batch, period });
            }
        }
        let changed = !facts.is_empty();
        if changed {
            self.ledger.commit(facts).await?;
        }
        Ok(changed)
    }

    /// Notes what is worth a word, each once a period.
    fn note(&self, at: &Situation, plan: &Plan) {
        let mut memory = self.memory();
        memory.report = Report::of(at, plan, &memory);
        let period = at.look.period;
        if plan.phase == Phase::Proven && memory.accepted != Some(period) {
            memory.accepted = Some(period);
            let deadline = plan.deadline.unwrap_or(at.block);
            memory.slack = (period, deadline.saturating_sub(at.block));
            let left = memory.slack.1;
            info!(period, block = at.block, left, "storage proof accepted");
        }
        if plan.late && memory.late != Some(period) {
            memory.late = Some(period);
            let left = plan.deadline.unwrap_or(0).saturating_sub(at.block);
            warn!(
                period,
                left, "half of the proof's window is over and no proof is accepted"
            );
        }
        if plan.phase == Phase::Foreign && !std::mem::replace(&mut memory.foreign, true) {
            error!("the chain holds a dataset that this ledger does not know; nothing is proven");
        }
        memory.foreign &= plan.phase == Phase::Foreign;
    }

    async fn step(&self, step: Step, at: &Situation) -> Result<(), Error> {
        match step {
            Step::Prove { period, seed } => self.prove(period, seed, at).await,
            Step::Seal { period } => {
                let verb = ProofVerb::Seal { period };
                // Refused when somebody else was faster: then it is done.
                self.want(seal_key(period), &verb).await.map(|_| ())
            }
            Step::Commit => self.commit(at).await,
            Step::Unjail => {
                let key = unjail_key(at.look.jailed_until);
                self.want(key, &ProofVerb::Unjail).await.map(|_| ())
            }
        }
    }

    async fn prove(&self, period: u64, seed: Digest32, at: &Situation) -> Result<(), Error> {
        let history = align::history_at(&self.memory().rows, period)?;
        let asked = Asked {
            seed,
            host: self.host,
            period,
            count: at.rules.draws,
        };
        let (answers, bytes) = answers(&self.ledger, &*self.leaves, &history, &asked).await?;
        let verb = ProofVerb::Prove {
            host: self.host,
            period,
            peaks: history.peaks().to_bytes(),
            answers,
        };
        if self.want(prove_key(period, &seed), &verb).await? {
            info!(period, bytes, block = at.block, "storage proof goes out");
        }
        Ok(())
    }

    /// Tries a call and, when the contract would take it, writes it into the outbox; whether it
    /// did. Errors: Chain(Reverted) with the contract's reason.
    async fn want(&self, intent: IntentKey, verb: &ProofVerb) -> Result<bool, Error> {
        self.proofs.try_call(self.host, verb).await?;
        let call = self.proofs.call(verb)?;
        let row = OutboxRow::wanted_call(intent, CallRow::from(call));
        self.outbox.want(row).await
    }

    /// Writes down how periods ended that can change no more, a few a turn.
    async fn past(&self, rules: &ProofRules, look: &ProofLook, now: u64) -> Result<(), Error> {
        let first = self.ended()?.max(look.duty_from);
        // The period before is still being proven.
        let behind = (first..now.saturating_sub(1).min(look.duty_until)).take(PAST_MAX);
        for period in behind {
            let seen = self.proofs.look(self.host, period).await?;
            let end = match seen.seal {
                _ if seen.proven => PeriodEnd::Proven,
                Seal::None | Seal::Void => PeriodEnd::Void,
                Seal::Set { .. } => PeriodEnd::Missed,
            };
            if end == PeriodEnd::Missed {
                error!(period, "a proof was missed; stake may be slashed");
            }
            let history = align::history_at(&self.memory().rows, period)?;
            let bytes = history.peaks().live_bytes(period);
            let slack = match self.memory().slack {
                (known, slack) if known == period => slack,
                _ => 0,
            };
            let row = PeriodRow { end, bytes, slack };
            let ended = Fact::PeriodEnded { period, row };
            self.ledger.commit(vec![ended]).await?;
            self.memory().count(period, end);
            debug!(
                period,
                state = end.label(),
                block = rules.first_block_of(now),
                "period over"
            );
        }
        Ok(())
    }

    /// The first period whose end is not written down. Reads what an earlier run wrote, once.
    fn ended(&self) -> Result<u64, Error> {
        if let Some(next) = self.memory().ended {
            return Ok(next);
        }
        let mut after = None;
        loop {
            let page = self.ledger.read()?.periods(after, 1024)?;
            let mut memory = self.memory();
            let Some((last, _)) = page.last() else {
                return Ok(*memory.ended.get_or_insert(0));
            };
            after = Some(*last);
            for (period, row) in page {
                memory.count(period, row.end);
            }
        }
    }
}

fn prove_key(period: u64, seed: &Digest32) -> IntentKey {
    let seed = hex_start(seed);
    IntentKey(format!("{INTENTS}prove/{period}/{seed}"))
}

fn seal_key(period: u64) -> IntentKey {
    IntentKey(format!("{INTENTS}seal/{period}"))
}

fn unjail_key(until: u64) -> IntentKey {
    IntentKey(format!("{INTENTS}unjail/{until}"))
}

/// A number that differs from host to host and from period to period.
fn courtesy(host: &Address, period: u64) -> u64 {
    let drawn = keccak(&[host.0.as_slice(), &period.to_be_bytes()].concat());
    drawn
        .0
        .first_chunk::<8>()
        .map_or(0, |head| u64::from_be_bytes(*head))
}

/// Enough of a hash to tell two apart in a name.
fn hex_start(of: &Digest32) -> String {
    of.0.iter()
        .take(6)
        .map(|byte| format!("{byte:02x}"))
        .collect()
}
