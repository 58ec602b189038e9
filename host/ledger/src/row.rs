//! Rows: what the ledger remembers of agreements, placements, cheques, transactions, volumes and
//! peers. Their layout on disk stands in docs/formats/ledger.md.

use std::fmt;

use host_core::agreement::SignedAgreement;
use host_core::cheque::SignedCheque;
use host_core::{Address, AgreementDigest, Amount, Digest32, PeerId, VolumeId};
use minicbor::{Decode, Encode};

/// Where an agreement stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Encode, Decode)]
#[cbor(index_only)]
pub enum AgreementState {
    /// Signed by both; its shard is not kept yet.
    #[n(0)]
    Offered,
    /// Its shard is kept.
    #[n(1)]
    Active,
    /// Its term and grace are past.
    #[n(2)]
    Expired,
    /// The renter gave it up.
    #[n(3)]
    Released,
    /// Its shard was lost.
    #[n(4)]
    Failed,
}

impl AgreementState {
    /// Whether the agreement still binds the host.
    #[must_use]
    pub const fn is_open(self) -> bool {
        matches!(self, Self::Offered | Self::Active)
    }

    /// The word for logs and errors.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Offered => "offered",
            Self::Active => "active",
            Self::Expired => "expired",
            Self::Released => "released",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for AgreementState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.label())
    }
}

/// One agreement.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct AgreementRow {
    /// Its name.
    #[n(0)]
    pub digest: AgreementDigest,
    /// The terms with both signatures.
    #[n(1)]
    pub signed: SignedAgreement,
    /// The newest block known when it was signed.
    #[n(2)]
    pub block: u64,
    /// Where it stands.
    #[n(3)]
    pub state: AgreementState,
    /// What cheques added for it.
    #[n(4)]
    pub paid: Amount,
    /// First epoch that is not paid; 0 before the first cheque.
    #[n(5)]
    pub paid_through: u64,
}

impl AgreementRow {
    /// A fresh agreement, signed while `block` was the newest block known.
    #[must_use]
    pub const fn new(digest: AgreementDigest, signed: SignedAgreement, block: u64) -> Self {
        let state = AgreementState::Offered;
        Self {
            digest,
            signed,
            block,
            state,
            paid: Amount::ZERO,
            paid_through: 0,
        }
    }
}

/// Where a shard lies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct PlacementRow {
    /// The volume.
    #[n(0)]
    pub volume: VolumeId,
    /// First byte of the extent on the volume.
    #[n(1)]
    pub offset: u64,
    /// Bytes of the extent: header, aligned body, aligned footer.
    #[n(2)]
    pub size: u64,
    /// Bytes of the shard.
    #[n(3)]
    pub len: u64,
}

/// The newest cheque of one vault.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct ChequeRow {
    /// The cheque.
    #[n(0)]
    pub cheque: SignedCheque,
    /// What was cashed of it.
    #[n(1)]
    pub cashed: Amount,
    /// What the vault could not pay when a cheque was last presented.
    #[n(2)]
    #[cbor(default)]
    pub bounced: Amount,
    /// The block known when something first stood uncashed; none while nothing does, or while the
    /// policy has not looked yet.
    #[n(3)]
    pub due_since: Option<u64>,
    /// What cheques of this vault paid for reads.
    #[n(4)]
    #[cbor(default)]
    pub reads_paid: Amount,
    /// What reads on its account cost so far, in 2^-30 of a smallest unit.
    #[n(5)]
    #[cbor(default)]
    pub reads_cost: Amount,
    /// Bytes read on its account.
    #[n(6)]
    #[cbor(default)]
    pub read_bytes: u64,
}

impl ChequeRow {
    /// The first cheque of a vault: nothing cashed, nothing read.
    #[must_use]
    pub const fn first(cheque: SignedCheque) -> Self {
        Self {
            cheque,
            cashed: Amount::ZERO,
            bounced: Amount::ZERO,
            due_since: None,
            reads_paid: Amount::ZERO,
            reads_cost: Amount::ZERO,
            read_bytes: 0,
        }
    }

    /// What would be paid if it were cashed now and the vault could.
    #[must_use]
    pub const fn due(&self) -> Amount {
        Amount(
            self.cheque
                .cheque
                .cumulative
                .0
                .saturating_sub(self.cashed.0),
        )
    }
}

/// Where the reading of the chain's blocks stands: the newest block whose effects are recorded,
/// and older ones that let a reorganisation find the last block it left standing.
#[derive(Debug, Clone, PartialEq, Eq, Default, Encode, Decode)]
pub struct Cursor {
    /// Blocks (number, hash), newest first.
    #[n(0)]
    pub marks: Vec<(u64, Digest32)>,
}

impl Cursor {
    /// The newest block read; none before the first.
    #[must_use]
    pub fn block(&self) -> Option<u64> {
        self.marks.first().map(|(block, _)| *block)
    }
}

/// A payment the host has read from a block; kept while a reorganisation could take it back.
/// Its key is block and index.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct EventRow {
    /// The vault.
    #[n(0)]
    pub vault: Address,
    /// The transaction.
    #[n(1)]
    pub tx: Digest32,
    /// What the vault had paid after it.
    #[n(2)]
    pub paid_out: Amount,
    /// What it could not pay.
    #[n(3)]
    pub missing: Amount,
}

/// What the host remembers of a peer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct PeerRow {
    /// Who.
    #[n(0)]
    pub peer: PeerId,
    /// Where it was last seen.
    #[n(1)]
    pub addrs: Vec<String>,
    /// When, in milliseconds since 1970.
    #[n(2)]
    pub seen_ms: u64,
}

/// How far a volume is trusted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
#[cbor(index_only)]
pub enum VolumeState {
    /// Reads and writes.
    #[n(0)]
    Healthy,
    /// Reads only.
    #[n(1)]
    ReadOnly,
    /// Gone, or as good as gone: nothing is asked of it.
    #[n(2)]
    Failed,
    /// Reads, and writes where no healthy volume has room: something on it was bad.
    #[n(3)]
    Suspect,
    /// Reads only, and its shards move to the other volumes.
    #[n(4)]
    Evacuating,
}

/// A shard whose bytes were found bad: it is never served again from where it lies.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct FencedRow {
    /// The volume it lies on.
    #[n(0)]
    pub volume: VolumeId,
    /// What was bad, for people.
    #[n(1)]
    pub why: String,
}

/// One volume.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Encode, Decode)]
pub struct VolumeRow {
    /// Its name.
    #[n(0)]
    pub volume: VolumeId,
    /// First byte of its data region.
    #[n(1)]
    pub start: u64,
    /// Bytes of its data region.
    #[n(2)]
    pub size: u64,
    /// Bytes that extents take of it.
    #[n(3)]
    pub used: u64,
    /// Whether it takes new shards.
    #[n(4)]
    pub state: VolumeState,
}

/// Counts and sums, kept with every commit, never by a scan.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Encode, Decode)]
pub struct Totals {
    /// Shards placed.
    #[n(0)]
    pub shards: u64,
    /// Their bytes.
    #[n(1)]
    pub bytes: u64,
    /// Leases of all shards.
    #[n(2)]
    pub leases: u64,
    /// Agreements whose shard is not kept yet.
    #[n(3)]
    pub offered: u64,
    /// Agreements that run.
    #[n(4)]
    pub active: u64,
    /// Agreements that ended by time.
    #[n(5)]
    pub expired: u64,
    /// Agreements given up by the renter.
    #[n(6)]
    pub released: u64,
    /// Agreements whose shard was lost.
    #[n(7)]
    pub failed: u64,
    /// Vaults (and tokens) a cheque is kept from.
    #[n(8)]
    pub cheques: u64,
    /// What the newest cheques promise, summed over vaults.
    #[n(9)]
    pub received: Amount,
    /// What was cashed of it.
    #[n(10)]
    pub cashed: Amount,
    /// Owner records kept.
    #[n(11)]
    pub records: u64,
    /// Bytes their extents take on the volumes.
    #[n(12)]
    pub used: u64,
    /// Bytes all rows take that a fact ring must be able to hold.
    #[n(13)]
    pub live_bytes: u64,
    /// Active agreements that stand in no batch of the dataset yet.
    #[n(14)]
    #[cbor(default)]
    pub uncommitted: u64,
    /// Ended agreements whose rows are gone; they stand in the counts above.
    #[n(15)]
    #[cbor(default)]
    pub forgotten: u64,
    /// What cheques paid for reads, summed over vaults; a part of `received`.
    #[n(16)]
    #[cbor(default)]
    pub reads_paid: Amount,
    /// Bytes read on paying accounts.
    #[n(17)]
    #[cbor(default)]
    pub read_bytes: u64,
}
