//! What the guard asks every contract of a network: one line a question.
//!
//! Enters: nothing. Leaves: signatures and how their words are written. Invariant: every signature
//! stands in the committed artefact of its contract (a test), so that a changed contract is noticed
//! here and not read as "does not say". Does not: ask.

/// How one word of an answer is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Word {
    /// An account or contract.
    Place,
    /// A number.
    Count,
    /// 32 bytes.
    Hash,
}

use Word::{Count, Hash, Place};

/// How much a change of the answer matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Weight {
    /// Decides about money: a difference stops new agreements.
    Money,
    /// Moves by its nature: only half or double of what is expected is a difference.
    Moves,
}

/// One question.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Question {
    /// The contract's key in the network file.
    pub(crate) contract: &'static str,
    /// Behind the contract's key, what the answer is called.
    pub(crate) name: &'static str,
    /// The function; an argument is always the token.
    pub(crate) signature: &'static str,
    /// The words of the answer.
    pub(crate) words: &'static [Word],
    /// How much a change matters.
    pub(crate) weight: Weight,
}

/// A change with notice: who asks for it, and from which block it may come.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Notice {
    /// The contract's key in the network file.
    pub(crate) contract: &'static str,
    /// Behind the contract's key, what would change.
    pub(crate) name: &'static str,
    /// The block from which it may be done; zero while nothing is queued.
    pub(crate) ready: &'static str,
    /// What it would become.
    pub(crate) next: &'static str,
    /// The words of that.
    pub(crate) words: &'static [Word],
}

const fn ask(
    contract: &'static str,
    name: &'static str,
    signature: &'static str,
    words: &'static [Word],
) -> Question {
    Question {
        contract,
        name,
        signature,
        words,
        weight: Weight::Money,
    }
}

/// Six clamps of a price, or six parameters of the proofs.
const SIX: &[Word] = &[Count; 6];
/// Staking, proofs and four figures.
const RULE: &[Word] = &[Place, Place, Count, Count, Count, Count];

/// Every question.
pub(crate) const QUESTIONS: &[Question] = &[
    ask("vault_factory", "master", "master()", &[Place]),
    ask("vault_factory", "token", "TokenAddress()", &[Place]),
    ask("price_oracle", "owner", "owner()", &[Place]),
    ask("price_oracle", "notice", "ownerDelay()", &[Count]),
    Question {
        contract: "price_oracle",
        name: "price",
        signature: "getPrice(address)",
        words: &[Count],
        weight: Weight::Moves,
    },
    ask("price_oracle", "rate", "getRate(address)", &[Count]),
    ask("price_oracle", "limits", "limitsOf(address)", SIX),
    ask("price_oracle", "rule", "ruleOf()", RULE),
    ask("registry", "owner", "owner()", &[Place]),
    ask("registry", "notice", "ownerDelay()", &[Count]),
    ask("staking", "owner", "owner()", &[Place]),
    ask("staking", "notice", "ownerDelay()", &[Count]),
    ask("staking", "token", "token()", &[Place]),
    ask("staking", "treasury", "treasury()", &[Place]),
    ask("staking", "slasher", "proof()", &[Place]),
    ask("staking", "unbonding", "unbondingBlocks()", &[Count]),
    ask("staking", "genesis", "genesisBlock()", &[Count]),
    ask("staking", "period", "periodBlocks()", &[Count]),
    ask("staking", "params", "params()", &[Count; 3]),
    ask("staking", "minimum_max", "minStakeMax()", &[Count]),
    ask("proofs", "owner", "owner()", &[Place]),
    ask("proofs", "notice", "ownerDelay()", &[Count]),
    ask("proofs", "staking", "staking()", &[Place]),
    ask("proofs", "disputes", "disputes()", &[Place]),
    ask("proofs", "network", "networkId()", &[Hash]),
    ask("proofs", "genesis", "genesisBlock()", &[Count]),
    ask("proofs", "period", "periodBlocks()", &[Count]),
    ask("proofs", "seed_delay", "seedDelay()", &[Count]),
    ask("proofs", "window", "windowBlocks()", &[Count]),
    ask("proofs", "pause_max", "pauseBlocksMax()", &[Count]),
    ask("proofs", "draws", "challengeCount()", &[Count]),
    ask("proofs", "params", "params()", SIX),
    ask("disputes", "proofs", "proof()", &[Place]),
    ask("disputes", "answer", "answerBlocks()", &[Count]),
    ask("escrow", "token", "token()", &[Place]),
    ask("escrow", "proofs", "proofs()", &[Place]),
    ask("escrow", "vault_factory", "factory()", &[Place]),
    ask("escrow", "network", "networkId()", &[Hash]),
    ask("escrow", "claim", "claimEpochs()", &[Count]),
    ask("airdrop", "owner", "owner()", &[Place]),
    ask("airdrop", "notice", "ownerDelay()", &[Count]),
    ask("airdrop", "token", "token()", &[Place]),
    ask("airdrop", "proofs", "proofs()", &[Place]),
    ask("airdrop", "escrow", "escrow()", &[Place]),
    ask("airdrop", "fees", "rulesOf()", &[Count; 7]),
];

const fn owner_of(contract: &'static str) -> Notice {
    Notice {
        contract,
        name: "owner",
        ready: "ownerReadyAt()",
        next: "pendingOwner()",
        words: &[Place],
    }
}

/// Every change that can be queued, but those of registry entries, which have names.
pub(crate) const NOTICES: &[Notice] = &[
    owner_of("price_oracle"),
    Notice {
        contract: "price_oracle",
        name: "limits",
        ready: "limitsReadyAt(address)",
        next: "proposedLimitsOf(address)",
        words: SIX,
    },
    Notice {
        contract: "price_oracle",
        name: "rule",
        ready: "ruleReadyAt()",
        next: "proposedRule()",
        words: RULE,
    },
    owner_of("registry"),
    owner_of("staking"),
    Notice {
        contract: "staking",
        name: "params",
        ready: "paramsReadyAt()",
        next: "proposedParams()",
        words: &[Count; 3],
    },
    owner_of("proofs"),
    Notice {
        contract: "proofs",
        name: "params",
        ready: "paramsReadyAt()",
        next: "proposedParams()",
        words: SIX,
    },
    owner_of("airdrop"),
];

/// Where proxies of EIP-1967 keep the code they run: keccak256("eip1967.proxy.implementation") - 1.
pub(crate) const IMPLEMENTATION_SLOT: &str =
    "0x360894a13ba1a3210667c828492db98dca3e2076cc3735a920a3ca505d382bbc";
