//! Every way a renter's verb can fail, as one table: a stable word, who must act, the next step.
//!
//! Scripts branch on the word; it never changes its meaning and is never used again for another
//! fault. docs/operating/renter-errors.md lists the same rows, and a test holds the two equal.
//! What happened in this one case (names, numbers) is the error's message, not the code's matter.

use std::fmt;

use host_core::Blame;
use host_core::seams::{ChainError, LinkError};
use host_core::wire::RefusalCode;
use serde::{Serialize, Serializer};

macro_rules! codes {
    ($($name:ident = $word:literal, $blame:ident, $next:literal;)*) => {
        /// The stable name of a fault; `word` is what scripts see.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub enum Code {
            $(#[doc = $next] $name,)*
        }

        impl Code {
            /// Every code, in the order of the table.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The word scripts branch on.
            #[must_use]
            pub const fn word(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// Who must act.
            #[must_use]
            pub const fn blame(self) -> Blame {
                match self { $(Self::$name => Blame::$blame,)* }
            }

            /// What to do next, as a sentence.
            #[must_use]
            pub const fn next(self) -> &'static str {
                match self { $(Self::$name => $next,)* }
            }
        }
    };
}

codes! {
    NoHome = "no-home", Operator,
        "make a renter with `holdfast renter init`, or name its directory in HOLDFAST_HOME";
    HomeExists = "home-exists", Operator,
        "use the renter that is there, or name another directory in HOLDFAST_HOME";
    KeySealed = "key-sealed", Operator,
        "name the file of the passphrase in HOLDFAST_PASSPHRASE_FILE";
    KeyUnreadable = "key-unreadable", Operator,
        "check the passphrase and the key file, or bring the wallet back with `holdfast \
         recover --phrase`";
    NoNetwork = "no-network", Operator, "join a network with `holdfast renter join FILE`";
    NetworkFile = "network-file", Operator, "get the network file again from who runs the network";
    FileMissing = "file-missing", Operator, "check the path and its permissions";
    FileFailed = "file-failed", Machine,
        "check the drive and its free space, then run the command again";
    BookDamaged = "book-damaged", Machine,
        "keep a copy of the book, then rebuild it in a new home with `holdfast recover \
         --phrase`";
    NoHubs = "no-hubs", Operator, "check the connection and `hubs` in the network file";
    TooFewHosts = "too-few-hosts", Operator,
        "lower --data or --parity, shorten --days, raise --price-max, or wait for more hosts";
    TooFewPrefixes = "too-few-prefixes", Operator,
        "lower --data or --parity, or wait for hosts elsewhere; no two shards of a segment \
         may stand together";
    TooStrict = "too-strict", Operator,
        "loosen the named key in `policy.toml` of the renter's home or the named option, or wait \
         for more hosts";
    TooFewOperators = "too-few-operators", Operator,
        "raise `per_operator` in `policy.toml` of the renter's home, or wait for other operators";
    PolicyFile = "policy-file", Operator,
        "mend `policy.toml` in the renter's home; docs/formats/policy.md lists its keys";
    VaultShort = "vault-short", Operator,
        "deposit what is missing with `holdfast wallet deposit`, or run again with --top-up \
         CAP";
    TopUpCap = "top-up-cap", Operator,
        "raise the cap of --top-up, or deposit with `holdfast wallet deposit`";
    PurseShort = "purse-short", Operator,
        "wrap native tokens with `holdfast wallet wrap`, or run again with --top-up CAP";
    NoEscrow = "no-escrow", Operator, "pay by cheque, or join a network with an escrow";
    VaultForeign = "vault-foreign", Operator,
        "use a vault that the network's factory made; `holdfast wallet balance` makes and \
         names yours";
    VaultNotYours = "vault-not-yours", Operator,
        "use the vault of this wallet; `holdfast wallet balance` names it";
    NoHostForShard = "no-host-for-shard", Peer,
        "run `holdfast put resume` later, or lower --parity so that more hosts are to spare";
    TooFewShards = "too-few-shards", Peer, "try again later; hosts that are away may come back";
    ObjectUnknown = "object-unknown", Operator,
        "look it up with `holdfast ls`, or bring the book back with `holdfast recover \
         --phrase`";
    Retained = "retained", Operator,
        "wait until its retention ends; a legal hold is lifted with `holdfast retain --release`";
    ChunkDamaged = "chunk-damaged", Us,
        "report it with the object's id; the shards verified and the bytes did not open";
    HashMismatch = "hash-mismatch", Us,
        "report it with the object's id; the shards verified and the whole did not";
    RangeOutside = "range-outside", Operator,
        "ask for bytes within the object; `holdfast stat` says how many there are";
    ShareWrong = "share-wrong", Operator,
        "ask for the line again, whole, and join the network it is of";
    SessionUnknown = "session-unknown", Operator,
        "check the session's id; sessions live in the home that began them";
    SessionBusy = "session-busy", Operator,
        "watch the process that works on it with `holdfast put status --follow`";
    SessionEnded = "session-ended", Operator, "put the file again; an ended session does not go on";
    FileChanged = "file-changed", Operator,
        "cancel the session with `holdfast put cancel` and put the file again";
    AlreadyStored = "already-stored", Operator,
        "name more --days to extend it; nothing was changed";
    ValueInvalid = "value-invalid", Operator, "change the value that the message names";
    CoderRefused = "coder-refused", Us, "report it with the geometry that was asked for";
    WorkerDied = "worker-died", Us, "run the command again; report it when it comes back";
    RecordWrong = "record-wrong", Us,
        "report it with the object's id; its shards do not belong together";
    ReceiptMissing = "receipt-missing", Peer,
        "run the same command again; the host keeps the shard and answers again";
    NoGuards = "no-guards", Operator,
        "name guards with `holdfast guard name`";
    ChainUnreachable = "chain-unreachable", Operator,
        "check `endpoints` in the network file and the connection";
    ChainDisagrees = "chain-disagrees", Operator,
        "wait until the endpoints agree, or name endpoints you trust";
    ChainReverted = "chain-reverted", Operator,
        "change what the contract refuses; the message gives its reason";
    ChainMalformed = "chain-malformed", Operator,
        "name another endpoint; this one answers out of form";
    ChainGas = "chain-gas", Operator, "send native tokens for gas to the account the message names";
    ChainForeign = "chain-foreign", Operator,
        "name endpoints of this network's chain in the network file; these serve another one";
    ChainFee = "chain-fee", Operator,
        "wait until fees are lower or earlier transactions are mined, then run it again";
    HostUnreachable = "host-unreachable", Peer,
        "nothing; another host was asked, or try again later";
    HostUnsupported = "host-unsupported", Peer,
        "nothing; the host runs a version that does not speak this";
    HostBrokeOff = "host-broke-off", Peer, "nothing; another host was asked, or try again later";
    HostSilent = "host-silent", Peer, "nothing; another host was asked, or try again later";
    HostHungUp = "host-hung-up", Peer, "nothing; another host was asked, or try again later";
    HostOversize = "host-oversize", Peer, "nothing; the host breaks the wire's bound and was left";
    HostOutOfTurn = "host-out-of-turn", Peer,
        "nothing; the host does not follow the conversation and was left";
    HostFalseWord = "host-false-word", Peer,
        "nothing; the host's signed word did not hold and it was left";
    HostFalseBytes = "host-false-bytes", Peer,
        "nothing; the host's bytes were not the shard's and it was left";
    DialRefused = "dial-refused", Operator,
        "the address is refused here: check whether the network file should say `private`";
    HostTooSlow = "host-too-slow", Peer, "nothing; a faster host took the shard";
    HostStalled = "host-stalled", Peer, "nothing; another host took the shard";
    HostLeft = "host-left", Peer,
        "nothing; an earlier run was cut off and another agreement took its place";
    ShardAbsent = "shard-absent", Peer,
        "put the object again with --reuse; this host gets no further cheque";
    AgreementOmitted = "agreement-omitted", Peer,
        "nothing; it is paid again once its dataset on the chain holds the agreement";
    TermsUnknown = "terms-unknown", Operator,
        "put the file again with --reuse: a recovered home lacks the terms that later cheques \
         need";
    HostRefusedMalformed = "host-refused-malformed", Us,
        "report it with the versions of both sides";
    HostRefusedNetwork = "host-refused-network", Operator,
        "check that both sides read the same network file";
    HostRefusedSignature = "host-refused-signature", Us,
        "report it with the versions of both sides";
    HostRefusedSpace = "host-refused-space", Peer, "nothing; a host with room was asked";
    HostRefusedPrice = "host-refused-price", Peer,
        "run again for its newest price, or raise --price-max";
    HostRefusedTerm = "host-refused-term", Operator,
        "shorten --days, or run again when both sides see the same epoch";
    HostRefusedBusy = "host-refused-busy", Peer,
        "nothing; another host was asked, or try again later";
    HostRefusedPressure = "host-refused-pressure", Peer,
        "nothing; another host was asked, or try again later";
    HostRefusedRoot = "host-refused-root", Us,
        "report it; the bytes were not the shard their name promised";
    HostRefusedUnknown = "host-refused-unknown", Peer,
        "nothing; the host does not keep it (any more)";
    HostRefusedVault = "host-refused-vault", Operator,
        "use the wallet's own vault, made by the network's factory";
    HostRefusedCover = "host-refused-cover", Operator,
        "deposit into the vault with `holdfast wallet deposit`";
    HostRefusedIncrement = "host-refused-increment", Operator,
        "bring the promised sums back with `holdfast recover`; another copy of this wallet \
         signed cheques";
    HostRefusedPayment = "host-refused-payment", Operator,
        "pay what is owed with `holdfast renter pay`";
    HostRefusedChain = "host-refused-chain", Peer,
        "try again later; the host cannot reach the chain";
    HostRefusedDamaged = "host-refused-damaged", Peer,
        "nothing; the host's copy is damaged and another one was read";
    HostRefusedInternal = "host-refused-internal", Peer,
        "nothing; another host was asked, or try again later";
    HostRefusedQuota = "host-refused-quota", Peer, "nothing; another host was asked";
    HostRefusedLeaving = "host-refused-leaving", Peer,
        "nothing where a guard watches; else `holdfast repair`";
    Failed = "failed", Us, "read the message; report it when it does not say what to do";
}

impl Code {
    /// The code of a host's refusal.
    #[must_use]
    pub const fn of_refusal(code: RefusalCode) -> Self {
        match code {
            RefusalCode::Malformed => Self::HostRefusedMalformed,
            RefusalCode::Network => Self::HostRefusedNetwork,
            RefusalCode::Signature => Self::HostRefusedSignature,
            RefusalCode::Space => Self::HostRefusedSpace,
            RefusalCode::Price => Self::HostRefusedPrice,
            RefusalCode::Term => Self::HostRefusedTerm,
            RefusalCode::Busy => Self::HostRefusedBusy,
            RefusalCode::Pressure => Self::HostRefusedPressure,
            RefusalCode::Root => Self::HostRefusedRoot,
            RefusalCode::Unknown => Self::HostRefusedUnknown,
            RefusalCode::Vault => Self::HostRefusedVault,
            RefusalCode::Cover => Self::HostRefusedCover,
            RefusalCode::Increment => Self::HostRefusedIncrement,
            RefusalCode::Payment => Self::HostRefusedPayment,
            RefusalCode::Chain => Self::HostRefusedChain,
            RefusalCode::Damaged => Self::HostRefusedDamaged,
            RefusalCode::Internal => Self::HostRefusedInternal,
            RefusalCode::Quota => Self::HostRefusedQuota,
            RefusalCode::Leaving => Self::HostRefusedLeaving,
        }
    }

    /// The code of a conversation that ended early.
    #[must_use]
    pub const fn of_transfer(error: &host_transfer::Error) -> Self {
        match error {
            host_transfer::Error::Link(link) => match link {
                LinkError::Unreachable { .. } => Self::HostUnreachable,
                LinkError::Unsupported { .. } => Self::HostUnsupported,
                LinkError::Broken { .. } => Self::HostBrokeOff,
                LinkError::Oversize { .. } => Self::HostOversize,
                LinkError::Silent { .. } => Self::HostSilent,
                LinkError::Refused { .. } => Self::DialRefused,
            },
            host_transfer::Error::Refused { refusal, .. } => Self::of_refusal(refusal.code),
            host_transfer::Error::Unpaid { .. } => Self::of_refusal(RefusalCode::Payment),
            host_transfer::Error::Turn { .. } => Self::HostOutOfTurn,
            host_transfer::Error::HungUp { .. } => Self::HostHungUp,
            host_transfer::Error::Word { .. } => Self::HostFalseWord,
            host_transfer::Error::Bytes { .. } => Self::HostFalseBytes,
        }
    }

    /// The code of a chain that gave no answer.
    #[must_use]
    pub const fn of_chain(error: &ChainError) -> Self {
        match error {
            ChainError::Unreachable { .. } => Self::ChainUnreachable,
            ChainError::Disagreement { .. } => Self::ChainDisagrees,
            ChainError::Reverted { .. } => Self::ChainReverted,
            ChainError::Malformed { .. } => Self::ChainMalformed,
            ChainError::Gas { .. } => Self::ChainGas,
            ChainError::Foreign { .. } => Self::ChainForeign,
            ChainError::NonceTaken { .. }
            | ChainError::Underpriced { .. }
            | ChainError::FeeCap { .. } => Self::ChainFee,
            // A renter's key stands in its own process: no signer can refuse it.
            ChainError::Signer(_) => Self::Failed,
        }
    }

    /// The code of this word, as journals keep it; none when a newer program wrote it.
    #[must_use]
    pub fn of_word(word: &str) -> Option<Self> {
        Self::ALL.iter().copied().find(|code| code.word() == word)
    }
}

impl fmt::Display for Code {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.word())
    }
}

impl Serialize for Code {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(self.word())
    }
}

#[cfg(test)]
mod tests;
