//! The plan, case by case and over ten thousand periods of a model chain whose answers, blocks and
//! transactions come late, from fixed seeds.

use host_core::Amount;

use super::*;

const RULES: ProofRules = ProofRules {
    genesis_block: 100,
    period_blocks: 40,
    seed_delay: 1,
    window_blocks: 20,
    draws: 10,
};
const NAME: Digest32 = Digest32([7; 32]);

const fn look(period: u64) -> ProofLook {
    ProofLook {
        period,
        seal: Seal::None,
        proven: false,
        missed: false,
        current: NAME,
        previous: NAME,
        committed_next: 1,
        duty_from: 0,
        duty_until: 1_000_000,
        misses: 0,
        jailed_until: 0,
        paused: false,
        stake: Amount(0),
        stake_per_gib: Amount(0),
    }
}

const fn at(block: u64, look: ProofLook) -> Situation {
    Situation {
        block,
        rules: RULES,
        look,
        dataset: Dataset::Known {
            ahead: 0,
            range_bytes: 5_000,
        },
        queue: Queue {
            any: false,
            quiet: true,
        },
        under_way: UnderWay {
            seal: false,
            prove: false,
            commit: false,
            unjail: false,
        },
        courtesy: 0,
    }
}

const fn set(deadline: u64) -> Seal {
    Seal::Set {
        seed: NAME,
        deadline,
    }
}

#[test]
fn a_seal_waits_for_its_block_and_its_turn_and_is_asked_once() {
    // Period 4 is proven in period 5, which begins with block 300.
    let mut here = at(301, look(4));
    assert_eq!(plan(&here).phase, Phase::Early);
    here.block = 302;
    let seal = vec![Step::Seal { period: 4 }];
    assert_eq!(
        (plan(&here).phase, plan(&here).steps),
        (Phase::Unsealed, seal.clone())
    );
    here.courtesy = 3;
    assert!(plan(&here).steps.is_empty());
    here.block = 305;
    assert_eq!(plan(&here).steps, seal);
    here.under_way.seal = true;
    assert!(plan(&here).steps.is_empty());
    // Courtesy ends where a whole window would no longer fit.
    here = at(RULES.seal_until(4), look(4));
    here.courtesy = 1_000;
    assert_eq!(plan(&here).steps, seal);
    here.block += 1;
    assert_eq!(
        (plan(&here).phase, plan(&here).steps.len()),
        (Phase::Void, 0)
    );
}

#[test]
fn a_proof_is_due_until_its_last_block_and_late_from_the_half() {
    let mut here = at(305, look(4));
    here.look.seal = set(325);
    let prove = Step::Prove {
        period: 4,
        seed: NAME,
    };
    let told = plan(&here);
    assert_eq!(
        (told.phase, told.late, told.steps),
        (Phase::Due, false, vec![prove])
    );
    here.block = 315;
    assert!(plan(&here).late);
    here.under_way.prove = true;
    assert!(plan(&here).late && plan(&here).steps.is_empty());
    here.under_way.prove = false;
    here.block = 324;
    assert_eq!(plan(&here).steps, [prove]);
    here.block = 325;
    assert_eq!(
        (plan(&here).phase, plan(&here).steps.len()),
        (Phase::Due, 0)
    );
    here.block = 326;
    assert_eq!(plan(&here).phase, Phase::Missed);
    here.look.proven = true;
    assert_eq!(
        (plan(&here).phase, plan(&here).late),
        (Phase::Proven, false)
    );
}

#[test]
fn no_duty_no_bytes_a_pause_or_a_foreign_dataset_ask_for_nothing() {
    let idle = |here: Situation| (plan(&here).phase, plan(&here).steps.len());
    let mut here = at(305, look(4));
    here.look.seal = set(325);
    here.look.duty_from = 5;
    assert_eq!(idle(here), (Phase::Idle, 0));
    here.look.duty_from = 0;
    here.dataset = Dataset::Known {
        ahead: 0,
        range_bytes: 0,
    };
    assert_eq!(idle(here), (Phase::Idle, 0));
    here.dataset = Dataset::Foreign;
    here.queue.any = true;
    assert_eq!(idle(here), (Phase::Foreign, 0));
    here = at(305, look(4));
    here.look.paused = true;
    assert_eq!(idle(here), (Phase::Paused, 0));
    here.look.seal = Seal::Void;
    assert_eq!(idle(here), (Phase::Void, 0));
    // Before the first block of period 1 there is nothing to prove.
    assert_eq!(idle(at(120, look(0))), (Phase::Idle, 0));
}

#[test]
fn additions_go_once_a_period_in_its_second_half_and_a_proof_goes_before_them() {
    let mut here = at(305, look(4));
    here.queue.any = true;
    here.look.proven = true;
    assert!(plan(&here).steps.is_empty(), "the first half gathers");
    here.block = 320;
    assert_eq!(plan(&here).steps, [Step::Commit]);
    here.look.committed_next = 6;
    assert!(plan(&here).steps.is_empty(), "committed in this period");
    here.look.committed_next = 5;
    here.under_way.commit = true;
    assert!(plan(&here).steps.is_empty());
    here.under_way.commit = false;
    here.look.proven = false;
    here.look.seal = set(330);
    assert!(matches!(
        plan(&here).steps.as_slice(),
        [Step::Prove { .. }, Step::Commit]
    ));
    // A host with nothing on chain does not wait for the half, only for a quiet moment.
    here = at(305, look(4));
    here.look.current = Digest32([0; 32]);
    here.look.duty_until = 0;
    here.queue = Queue {
        any: true,
        quiet: false,
    };
    assert!(plan(&here).steps.is_empty());
    here.queue.quiet = true;
    assert_eq!(plan(&here).steps, [Step::Commit]);
    // A batch that a reorganisation took away goes out again at once.
    here = at(301, look(4));
    here.dataset = Dataset::Known {
        ahead: 1,
        range_bytes: 9,
    };
    assert_eq!(plan(&here).steps, [Step::Commit]);
}

#[test]
fn a_jailed_host_waits_and_then_asks_to_be_let_out() {
    let mut here = at(305, look(4));
    here.look.jailed_until = 6;
    here.queue.any = true;
    assert_eq!(
        (plan(&here).phase, plan(&here).steps.len()),
        (Phase::Jailed, 0)
    );
    here.block = 340;
    here.look.period = 5;
    assert_eq!(plan(&here).steps, [Step::Unjail]);
    here.under_way.unjail = true;
    assert!(plan(&here).steps.is_empty());
}

/// Numbers from a seed.
struct Dice(u64);

impl Dice {
    fn below(&mut self, bound: u64) -> u64 {
        self.0 = self
            .0
            .wrapping_mul(6_364_136_223_846_793_005)
            .wrapping_add(1);
        (self.0 >> 33) % bound
    }
}

/// The contract's rules about one host, and a mempool that takes its time.
struct Model {
    dice: Dice,
    block: u64,
    seal: (u64, Seal),
    proven: Option<u64>,
    committed: Vec<u64>,
    waiting: u64,
    pool: Vec<(u64, Step)>,
    /// Blocks until the chain answers again.
    silent: u64,
    proofs: u64,
    seals: u64,
    refused: u64,
}

impl Model {
    fn new(seed: u64) -> Self {
        Self {
            dice: Dice(seed),
            block: RULES.genesis_block,
            seal: (0, Seal::None),
            proven: None,
            committed: Vec::new(),
            waiting: 1,
            pool: Vec::new(),
            silent: 0,
            proofs: 0,
            seals: 0,
            refused: 0,
        }
    }

    fn now(&self) -> u64 {
        RULES.period_of(self.block)
    }

    fn seal(&mut self, period: u64) {
        let fits = self.block > RULES.first_block_of(period + 1) + RULES.seed_delay
            && self.block + RULES.window_blocks < RULES.first_block_of(period + 2);
        if self.seal.0 != period {
            self.seal = (period, Seal::None);
        }
        if self.seal.1 == Seal::None && fits && self.now() == period + 1 {
            let deadline = self.block + RULES.window_blocks;
            self.seal.1 = Seal::Set {
                seed: NAME,
                deadline,
            };
            self.seals += 1;
        } else {
            self.refused += 1;
        }
    }

    /// What the contract makes of a call in this block.
    fn call(&mut self, step: Step) {
        match step {
            Step::Seal { period } => self.seal(period),
            Step::Prove { period, .. } => {
                let Seal::Set { deadline, .. } = self.seal.1 else {
                    self.refused += 1;
                    return;
                };
                let right = self.seal.0 == period && self.now() == period + 1;
                assert!(
                    right && self.block <= deadline,
                    "a proof came too late: {period}"
                );
                assert_ne!(self.proven, Some(period), "proven twice");
                self.proven = Some(period);
                self.proofs += 1;
            }
            Step::Commit => {
                assert_ne!(
                    self.committed.last(),
                    Some(&self.now()),
                    "two in one period"
                );
                self.committed.push(self.now());
                self.waiting = 0;
            }
            Step::Unjail => panic!("nobody is jailed"),
        }
    }

    fn look(&self) -> ProofLook {
        let period = self.now().saturating_sub(1);
        let first = self.committed.first().copied();
        ProofLook {
            seal: if self.seal.0 == period {
                self.seal.1
            } else {
                Seal::None
            },
            proven: self.proven == Some(period),
            current: first.map_or(Digest32([0; 32]), |_| NAME),
            committed_next: self.committed.last().map_or(0, |period| period + 1),
            duty_from: first.unwrap_or(0),
            duty_until: first.map_or(0, |_| u64::MAX),
            ..look(period)
        }
    }

    /// One turn of the host, who remembers nothing but its outbox.
    fn turn(&mut self) {
        let look = self.look();
        let has = |wanted: fn(&Step) -> bool| self.pool.iter().any(|(_, step)| wanted(step));
        let under_way = UnderWay {
            seal: has(|step| matches!(step, Step::Seal { .. })),
            prove: has(|step| matches!(step, Step::Prove { .. })),
            commit: has(|step| matches!(step, Step::Commit)),
            unjail: false,
        };
        let in_range = self
            .committed
            .first()
            .is_some_and(|first| *first <= look.period);
        let here = Situation {
            look,
            dataset: Dataset::Known {
                ahead: 0,
                range_bytes: u64::from(in_range),
            },
            queue: Queue {
                any: self.waiting > 0,
                quiet: self.dice.below(2) == 0,
            },
            under_way,
            courtesy: self.dice.below(4),
            ..at(self.block, look)
        };
        for step in plan(&here).steps {
            let delay = 1 + self.dice.below(4);
            self.pool.push((self.block + delay, step));
        }
    }

    fn block(&mut self) {
        self.block += 1;
        let (ready, rest): (Vec<_>, Vec<_>) = self
            .pool
            .drain(..)
            .partition(|(when, _)| *when <= self.block);
        self.pool = rest;
        for (_, step) in ready {
            self.call(step);
        }
        // Somebody else seals every now and then.
        if self.dice.below(60) == 0 && self.now() > 0 {
            self.seal(self.now() - 1);
        }
        self.waiting += u64::from(self.dice.below(25) == 0);
        // The chain falls silent for less than half a window, and then answers once at least.
        if self.silent > 0 {
            self.silent -= 1;
            return;
        }
        self.turn();
        if self.dice.below(8) == 0 {
            self.silent = 1 + self.dice.below(RULES.window_blocks / 2 - 2);
        }
    }
}

#[test]
fn ten_thousand_periods_of_late_answers_miss_no_proof() {
    for seed in 1..=3 {
        let mut model = Model::new(seed);
        let (mut misses, mut late_seals) = (0, 0);
        for _ in 0..10_000 {
            for _ in 0..RULES.period_blocks {
                model.block();
            }
            let period = model.now().saturating_sub(1);
            let due = model.committed.first().is_some_and(|first| *first < period);
            // The period before the one that just began is judged.
            let judged = model.seal.0 + 1 == period || model.seal.0 == period;
            if due && judged && matches!(model.seal.1, Seal::Set { .. }) {
                misses += u64::from(model.proven != Some(model.seal.0));
            } else {
                late_seals += u64::from(due);
            }
        }
        assert_eq!(misses, 0, "seed {seed}");
        assert!(model.proofs > 9_500, "seed {seed}: {} proofs", model.proofs);
        // A period nobody sealed in time is void and costs nobody anything; this chain is silent a
        // third of the time, and the host is nearly alone in sealing.
        assert!(
            late_seals < 500,
            "seed {seed}: {late_seals} periods without a seal"
        );
        assert!(model.seals >= model.proofs && model.committed.len() > 5_000);
        println!(
            "seed {seed}: {} proofs, {} refused",
            model.proofs, model.refused
        );
    }
}
