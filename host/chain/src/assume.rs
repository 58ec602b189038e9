//! What a network relies on, held against the chain itself.
//!
//! Enters: the network file. Leaves: readings (every fact a contract says of itself, and every
//! change that is queued), and pure judgement of readings against expected values. Invariants: an
//! endpoint that does not answer breaks no assumption, it is an error; what a contract has no
//! function for is not there, as with BTFS's own. Does not: remember or act on a difference; the
//! daemon's guard does.

mod read;
mod table;

use host_core::network::Network;
use std::collections::BTreeMap;
use table::{QUESTIONS, Weight};

/// One thing a contract says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fact {
    /// Its name: the contract's key in the network file, a dot, and what it is about.
    pub key: String,
    /// What it says; several figures are separated by spaces.
    pub value: String,
}

/// A change that may come into force later.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Queued {
    /// The name of the fact that would change.
    pub key: String,
    /// What it would become.
    pub next: String,
    /// The block from which its owner may put it in force.
    pub ready_block: u64,
}

/// Everything the guard reads at one look.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Readings {
    /// The facts.
    pub facts: Vec<Fact>,
    /// The queued changes.
    pub queued: Vec<Queued>,
    /// The newest block before reading began.
    pub block: u64,
}

/// One thing the network relies on, judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Assumption {
    /// The name of the fact.
    pub what: String,
    /// What is expected; empty when nobody has said and the value is only shown.
    pub expected: String,
    /// What the chain says.
    pub found: String,
    holds: bool,
}

impl Assumption {
    /// Whether the chain says what is expected, or nothing is expected. Everything the guard reads
    /// decides about money, so whatever does not hold speaks against new agreements.
    #[must_use]
    pub const fn holds(&self) -> bool {
        self.holds
    }
}

/// Expected values by the name of the fact.
pub type Expected = BTreeMap<String, String>;

/// What a network file expects: its list of facts, its anchor, and its code hashes.
#[must_use]
pub fn expected_of(network: &Network) -> Expected {
    let mut expected: Expected = network.guard.facts.clone();
    for (name, address) in network.contracts.named() {
        let of_file = network.guard.code.iter().find(|one| one.address == address);
        if let Some(code) = of_file {
            expected.insert(format!("{name}.code"), code.hash.to_string());
        }
    }
    if let Some(anchor) = network.guard.anchor {
        expected.insert(anchor_key(anchor.block), anchor.hash.to_string());
    }
    if network.contracts.staking.is_some() {
        let epoch = network.epoch;
        expected.insert("staking.genesis".into(), epoch.genesis_block.to_string());
        expected.insert("staking.period".into(), epoch.epoch_blocks.to_string());
    }
    expected
}

/// Judges readings. Pure.
#[must_use]
pub fn judge(readings: &Readings, expected: &Expected) -> Vec<Assumption> {
    let judged = readings.facts.iter().map(|fact| {
        let wanted = expected.get(&fact.key).cloned().unwrap_or_default();
        let moves = moves(&fact.key);
        let holds =
            wanted.is_empty() || wanted == fact.value || (moves && near(&wanted, &fact.value));
        Assumption {
            what: fact.key.clone(),
            expected: wanted,
            found: fact.value.clone(),
            holds,
        }
    });
    // A fact that was there and is gone is a difference too.
    let gone = expected.iter().filter(|(key, _)| {
        let read = |fact: &Fact| fact.key == **key;
        !readings.facts.iter().any(read)
    });
    let gone = gone.map(|(key, wanted)| Assumption {
        what: key.clone(),
        expected: wanted.clone(),
        found: "nothing".into(),
        holds: false,
    });
    judged.chain(gone).collect()
}

fn moves(key: &str) -> bool {
    QUESTIONS.iter().any(|one| {
        one.weight == Weight::Moves
            && key
                .strip_prefix(one.contract)
                .and_then(|rest| rest.strip_prefix('.'))
                == Some(one.name)
    })
}

/// Within half and double.
fn near(wanted: &str, found: &str) -> bool {
    match (wanted.parse::<u128>(), found.parse::<u128>()) {
        (Ok(wanted), Ok(found)) => found >= wanted / 2 && found <= wanted.saturating_mul(2),
        _ => false,
    }
}

fn anchor_key(block: u64) -> String {
    format!("block {block}")
}

#[cfg(test)]
mod tests;
