//! What can be wrong with a value of the vocabulary itself. Each variant names the broken fact and
//! carries the numbers that show it; none is a bare sentence.

use crate::blame::Blame;
use crate::ids::PeerId;

/// A broken fact about a value: text that is no id, a sum that does not fit, a forged signature.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Text or bytes of the wrong length for the kind of id.
    #[error("{kind} needs {need} bytes, has {have}")]
    IdLength {
        /// Which id was parsed.
        kind: &'static str,
        /// Bytes the id has.
        need: usize,
        /// Bytes that were given.
        have: usize,
    },
    /// Text that is not the id's encoding (hex, base58 or base32).
    #[error("{kind} is not written in {encoding}")]
    IdText {
        /// Which id was parsed.
        kind: &'static str,
        /// The encoding the id is written in.
        encoding: &'static str,
    },
    /// A peer id that does not embed a secp256k1 public key.
    #[error("peer id does not hold a secp256k1 key")]
    PeerKey,
    /// Arithmetic on money or sizes left the range of the type.
    #[error("{what} does not fit its integer")]
    Overflow {
        /// What was being computed.
        what: &'static str,
    },
    /// Bytes that are not the CBOR of the expected message, or not its only encoding.
    #[error("{what} is not canonical cbor of its type")]
    Encoding {
        /// The message that was expected.
        what: &'static str,
    },
    /// A signature that was not made by the key that should have made it.
    #[error("{what} is not signed by {signer}")]
    Signature {
        /// The signed thing.
        what: &'static str,
        /// Who should have signed.
        signer: String,
    },
    /// A signature that no key could have made over these bytes.
    #[error("{what} carries a malformed signature")]
    SignatureForm {
        /// The signed thing.
        what: &'static str,
    },
    /// Somebody's word about itself where another's is asked for.
    #[error("{what} of a host is not taken from its own account")]
    OwnWord {
        /// The signed thing.
        what: &'static str,
    },
    /// A geometry no codec can serve.
    #[error("geometry {data}+{parity} with pieces of {piece_len} bytes is not allowed: {why}")]
    Geometry {
        /// Data shards a segment.
        data: u16,
        /// Parity shards a segment.
        parity: u16,
        /// Bytes of one piece.
        piece_len: u32,
        /// The rule it breaks.
        why: &'static str,
    },
    /// Bytes of a BTFS peer that its own programs would not write.
    #[error("{what} is not as btfs writes it: {why}")]
    Btfs {
        /// The message that was expected.
        what: &'static str,
        /// The rule it breaks.
        why: &'static str,
    },
    /// The network file names no such contract.
    #[error("this network has no {contract} contract")]
    NoContract {
        /// Its key in the network file.
        contract: &'static str,
    },
    /// A repair that does not count, and what is wrong with it.
    #[error("the repair of {guard} {what}")]
    Repair {
        /// Who claims it.
        guard: PeerId,
        /// The rule it breaks.
        what: &'static str,
    },
    /// Secret key bytes outside the curve's order.
    #[error("secret key is not a secp256k1 scalar")]
    SecretKey,
}

impl Error {
    /// Who must act. Values that fail these checks came from outside, so the answer is the peer
    /// except where the value can only have been made or configured here.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::SecretKey | Self::NoContract { .. } => Blame::Operator,
            _ => Blame::Peer,
        }
    }
}
