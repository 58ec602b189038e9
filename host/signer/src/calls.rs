//! What a call does, read from its calldata: which of our functions it is, whose money it moves,
//! and to whom.
//!
//! Enters: contract, function and arguments of a transaction. Leaves: an [`Effect`], or a refusal.
//! Invariant: only functions of the table (and of the policy's own list) have an effect at all;
//! arguments are read at the places where a contract reads them, and what does not decode there is
//! refused. Pure.

use host_core::{Address, Amount};
use sha3::{Digest, Keccak256};

use crate::policy::{Allow, Places, Policy};
use crate::wire::Refusal;

/// What a call means for the account's money, gas apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Keeps the stake: commitments, proofs, answers.
    Proof,
    /// Moves nothing of ours, or moves it only to where the contract holds it for us.
    Nothing,
    /// Native value becomes tokens of the same account.
    Wrap,
    /// Tokens leave, or may.
    Spends(Amount),
    /// An allowance for somebody.
    Allows(Address, Amount),
    /// Tokens go to somebody.
    Sends(Address, Amount),
    /// What others owe us goes to these.
    Collects(Vec<Address>),
    /// Everything still to come goes to this one.
    Registers(Address),
    /// Native value goes to somebody.
    Pays(Address),
}

/// How the arguments of a known function are read.
#[derive(Debug, Clone, Copy)]
enum Kind {
    Proof,
    Nothing,
    Wrap,
    /// The sum stands at this word.
    Spends(usize),
    Allows,
    Sends,
    /// The recipient stands at this word.
    Collects(usize),
    CollectsMany,
    Registers,
}

/// Where a function stands.
type Place = fn(&Places) -> Option<Address>;

const TERMS: &str = "(bytes32,bytes32,address,address,address,bytes32,uint64,uint8,uint128,uint64,\
uint64,uint128,uint8,uint64)";
const LEAF: &str = "(bytes32,bytes32,uint64,uint64)";

const PROOFS: Place = |places| places.proof_of_storage;
const DISPUTES: Place = |places| places.disputes;
const TOKEN: Place = |places| places.token;
const FACTORY: Place = |places| places.vault_factory;
const ORACLE: Place = |places| places.price_oracle;
const STAKING: Place = |places| places.staking;
const ESCROW: Place = |places| places.escrow;
const AIRDROP: Place = |places| places.airdrop;

/// Functions of contracts whose address is known. `{T}` stands for the terms of an agreement,
/// `{L}` for a leaf of a dataset.
const TABLE: [(Place, &str, Kind); 30] = [
    (
        PROOFS,
        "commit(bytes,bytes32,uint64,uint64,uint64)",
        Kind::Proof,
    ),
    (PROOFS, "seal(uint64)", Kind::Proof),
    (PROOFS, "prove(address,uint64,bytes,bytes)", Kind::Proof),
    (PROOFS, "unjail()", Kind::Proof),
    (DISPUTES, "answerOmission(uint256,{L},bytes)", Kind::Proof),
    (
        DISPUTES,
        "answerReleased(uint256,{L},uint64,{T},bytes)",
        Kind::Proof,
    ),
    (
        DISPUTES,
        "answerShard(uint256,{L},uint64,bytes)",
        Kind::Proof,
    ),
    (
        DISPUTES,
        "answerTerms(uint256,uint64,uint64,{T},bytes,bytes)",
        Kind::Proof,
    ),
    (TOKEN, "transfer(address,uint256)", Kind::Sends),
    (TOKEN, "approve(address,uint256)", Kind::Allows),
    (TOKEN, "deposit()", Kind::Wrap),
    (TOKEN, "withdraw(uint256)", Kind::Nothing),
    (
        FACTORY,
        "deployVault(address,address,bytes32,string,bytes)",
        Kind::Nothing,
    ),
    (FACTORY, "setPayout(address)", Kind::Registers),
    (
        FACTORY,
        "cashMany((address,address,address,uint256,bytes)[])",
        Kind::CollectsMany,
    ),
    (ORACLE, "announce(uint64)", Kind::Nothing),
    (ORACLE, "refresh(address)", Kind::Nothing),
    (ORACLE, "step(address)", Kind::Nothing),
    (STAKING, "stake(uint256)", Kind::Spends(0)),
    (STAKING, "requestUnstake(uint256)", Kind::Nothing),
    (STAKING, "cancelUnstake(uint256)", Kind::Nothing),
    (STAKING, "withdraw()", Kind::Nothing),
    (STAKING, "setPayout(address)", Kind::Registers),
    (ESCROW, "release({T},uint64,bytes)", Kind::Nothing),
    (ESCROW, "releaseMany({T},uint64[],bytes[])", Kind::Nothing),
    (ESCROW, "settle({T})", Kind::Nothing),
    (
        AIRDROP,
        "claim(uint64,address,uint256,bytes32[])",
        Kind::Nothing,
    ),
    (AIRDROP, "countEscrow({T},uint64[])", Kind::Nothing),
    (
        AIRDROP,
        "countVault({T},uint64[],bytes[],address)",
        Kind::Nothing,
    ),
    (AIRDROP, "closeRounds(uint256)", Kind::Nothing),
];

/// Functions of vaults, which are many and not known by address. Called on anything else they
/// move nothing of ours: no contract of the table has them.
const VAULT: [(&str, Kind); 2] = [
    (
        "cashChequeBeneficiary(address,uint256,bytes)",
        Kind::Collects(0),
    ),
    (
        "multiTokenCashChequeBeneficiary(address,address,uint256,bytes)",
        Kind::Collects(1),
    ),
];

/// The most cheques of one `cashMany`, as the contract bounds them.
const ORDERS_MAX: usize = 100;

/// The first four bytes of a function's Keccak-256.
#[must_use]
pub fn selector(signature: &str) -> u32 {
    let text = signature.replace("{T}", TERMS).replace("{L}", LEAF);
    let hash: [u8; 32] = Keccak256::digest(text.as_bytes()).into();
    hash.first_chunk().copied().map_or(0, u32::from_be_bytes)
}

/// What a call of `data` on `to` does. Errors: the function is not allowed, or its arguments do
/// not decode.
pub fn effect(policy: &Policy, to: Address, data: &[u8]) -> Result<Effect, Refusal> {
    let Some((head, arguments)) = data.split_first_chunk::<4>() else {
        // Fewer than four bytes call a contract's fallback; none at all pay an account.
        let known = places(&policy.contracts).contains(&Some(to));
        if data.is_empty() && !known {
            return Ok(Effect::Pays(to));
        }
        return Err(Refusal::Function { to, selector: 0 });
    };
    let called = u32::from_be_bytes(*head);
    let args = Arguments {
        selector: called,
        words: arguments,
    };
    let known = places(&policy.contracts).contains(&Some(to));
    let row = TABLE
        .iter()
        .find(|(place, text, _)| place(&policy.contracts) == Some(to) && selector(text) == called);
    if let Some((_, _, kind)) = row {
        return args.read(*kind);
    }
    let own = |allow: &&Allow| allow.to == to && selector(&allow.function) == called;
    if let Some(allow) = policy.allow.iter().find(own) {
        return allow
            .token_argument
            .map_or(Ok(Effect::Nothing), |at| args.read(Kind::Spends(at)));
    }
    let of_vault = VAULT
        .iter()
        .find(|(text, _)| !known && selector(text) == called);
    let Some((_, kind)) = of_vault else {
        return Err(Refusal::Function {
            to,
            selector: called,
        });
    };
    args.read(*kind)
}

fn places(contracts: &Places) -> [Option<Address>; 8] {
    [
        TOKEN, FACTORY, ORACLE, STAKING, PROOFS, DISPUTES, ESCROW, AIRDROP,
    ]
    .map(|place| place(contracts))
}

/// The bytes after the selector.
struct Arguments<'a> {
    selector: u32,
    words: &'a [u8],
}

impl Arguments<'_> {
    fn read(&self, kind: Kind) -> Result<Effect, Refusal> {
        Ok(match kind {
            Kind::Proof => Effect::Proof,
            Kind::Nothing => Effect::Nothing,
            Kind::Wrap => Effect::Wrap,
            Kind::Spends(at) => Effect::Spends(self.sum(at * 32)?),
            Kind::Allows => Effect::Allows(self.address(0)?, self.sum(32)?),
            Kind::Sends => Effect::Sends(self.address(0)?, self.sum(32)?),
            Kind::Collects(at) => Effect::Collects(vec![self.address(at * 32)?]),
            Kind::CollectsMany => Effect::Collects(self.recipients()?),
            Kind::Registers => Effect::Registers(self.address(0)?),
        })
    }

    fn wrong(&self) -> Refusal {
        Refusal::Calldata {
            selector: self.selector,
        }
    }

    fn word(&self, at: usize) -> Result<[u8; 32], Refusal> {
        let word = self.words.get(at..).and_then(|rest| rest.first_chunk());
        word.copied().ok_or_else(|| self.wrong())
    }

    fn address(&self, at: usize) -> Result<Address, Refusal> {
        let word = self.word(at)?;
        match word.split_first_chunk::<12>() {
            Some(([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], tail)) => {
                Address::from_slice(tail).map_err(|_| self.wrong())
            }
            _ => Err(self.wrong()),
        }
    }

    /// A sum; what leaves 128 bits is more than anybody has.
    fn sum(&self, at: usize) -> Result<Amount, Refusal> {
        let word = self.word(at)?;
        let (high, low) = word.split_at(16);
        let low = low.first_chunk::<16>().copied().unwrap_or_default();
        if high.iter().any(|byte| *byte != 0) {
            return Ok(Amount(u128::MAX));
        }
        Ok(Amount(u128::from_be_bytes(low)))
    }

    /// A length or offset, bounded by what there is.
    fn place(&self, at: usize) -> Result<usize, Refusal> {
        let value = self.sum(at)?.0;
        let value = usize::try_from(value).map_err(|_| self.wrong())?;
        if value > self.words.len() {
            return Err(self.wrong());
        }
        Ok(value)
    }

    /// The third field of every order of `cashMany`.
    fn recipients(&self) -> Result<Vec<Address>, Refusal> {
        let list = self.place(0)?;
        let count = self.place(list)?;
        if count > ORDERS_MAX {
            return Err(self.wrong());
        }
        let base = list + 32;
        let recipient = |index: usize| {
            let order = self.place(base + index * 32)?;
            self.address(base + order + 2 * 32)
        };
        (0..count).map(recipient).collect()
    }
}

#[cfg(test)]
mod tests;
