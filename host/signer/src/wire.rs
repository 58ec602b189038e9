//! What is said over the signer's socket: u32 length (big-endian) and CBOR, one answer a request
//! (docs/formats/signer.md).
//!
//! Invariant: a frame is at most [`FRAME_MAX`] bytes, checked before anything is reserved for it.

use std::io::{Read, Write};

use host_core::identity::Signature;
use host_core::keeper::Signable;
use host_core::{Address, Amount, PeerId, codec};
use minicbor::{Decode, Encode};

use crate::error::Error;

/// The longest frame: proofs of many large shards fit several times.
pub const FRAME_MAX: u32 = 1024 * 1024;

/// What may be asked.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Request {
    /// Whose key is kept here.
    #[n(0)]
    Who,
    /// A signature.
    #[n(1)]
    Sign {
        /// Of what.
        #[n(0)]
        what: Signable,
    },
    /// What is spent and what is allowed.
    #[n(2)]
    Standing,
    /// Keep the payout address as it is: drops a change that waits.
    #[n(3)]
    KeepPayout,
}

/// The answer.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub enum Reply {
    /// Whose key is kept here.
    #[n(0)]
    Who {
        /// The peer.
        #[n(0)]
        peer: PeerId,
        /// Whether its file has no passphrase.
        #[n(1)]
        plain: bool,
    },
    /// The signature.
    #[n(1)]
    Signed {
        /// Over the digest of what was asked.
        #[n(0)]
        signature: Signature,
    },
    /// The policy says no.
    #[n(2)]
    Refused {
        /// Why.
        #[n(0)]
        why: Refusal,
    },
    /// What is spent and what is allowed.
    #[n(3)]
    Standing {
        /// The figures.
        #[n(0)]
        standing: Standing,
    },
}

/// What the last 24 hours cost, and where money goes.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
pub struct Standing {
    /// Wei signed away, gas at its highest price included, proofs apart.
    #[n(0)]
    pub native: Amount,
    /// Of how much.
    #[n(1)]
    pub native_limit: Amount,
    /// Smallest token units signed away.
    #[n(2)]
    pub token: Amount,
    /// Of how much.
    #[n(3)]
    pub token_limit: Amount,
    /// Wei signed away for proofs.
    #[n(4)]
    pub proofs: Amount,
    /// Of how much.
    #[n(5)]
    pub proofs_limit: Amount,
    /// The only address money leaves for; none means the account itself.
    #[n(6)]
    pub payout: Option<Address>,
    /// The address it becomes, and when, in seconds since 1970.
    #[n(7)]
    pub pending: Option<(Address, u64)>,
    /// The signer's own time, in seconds since 1970.
    #[n(8)]
    pub now: u64,
}

/// Why nothing is signed.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode, thiserror::Error)]
pub enum Refusal {
    /// Someone who may not ask.
    #[error("user {uid} may not ask this signer")]
    #[n(0)]
    Stranger {
        /// Who the kernel says it is.
        #[n(0)]
        uid: u32,
    },
    /// For another chain.
    #[error("chain {have} is not the policy's {want}")]
    #[n(1)]
    Chain {
        /// As asked.
        #[n(0)]
        have: u64,
        /// As the policy says.
        #[n(1)]
        want: u64,
    },
    /// A contract would be made.
    #[error("contracts are not made with this key")]
    #[n(2)]
    Creation,
    /// A function of a contract that is not allowed.
    #[error("function {selector:08x} of {to} is not allowed")]
    #[n(3)]
    Function {
        /// The contract.
        #[n(0)]
        to: Address,
        /// The first four bytes of the calldata, zero when there are fewer.
        #[n(1)]
        selector: u32,
    },
    /// Calldata that does not decode.
    #[error("the calldata of function {selector:08x} does not decode")]
    #[n(4)]
    Calldata {
        /// The first four bytes.
        #[n(0)]
        selector: u32,
    },
    /// Money would go to somebody else.
    #[error("money goes to {to}, the payout address is {payout}")]
    #[n(5)]
    Recipient {
        /// Where it would go.
        #[n(0)]
        to: Address,
        /// Where it may go.
        #[n(1)]
        payout: Address,
    },
    /// Somebody else would be allowed to take tokens.
    #[error("{spender} may not be given an allowance")]
    #[n(6)]
    Spender {
        /// Who.
        #[n(0)]
        spender: Address,
    },
    /// Native value where none belongs.
    #[error("{value} wei are sent along where none belong")]
    #[n(7)]
    Value {
        /// How much.
        #[n(0)]
        value: Amount,
    },
    /// The day's native value is used up.
    #[error("{asked} wei more than {spent} of {limit} a day")]
    #[n(8)]
    DayNative {
        /// What was asked.
        #[n(0)]
        asked: Amount,
        /// What the last 24 hours used.
        #[n(1)]
        spent: Amount,
        /// What a day may use.
        #[n(2)]
        limit: Amount,
    },
    /// The day's tokens are used up.
    #[error("{asked} token units more than {spent} of {limit} a day")]
    #[n(9)]
    DayToken {
        /// What was asked.
        #[n(0)]
        asked: Amount,
        /// What the last 24 hours used.
        #[n(1)]
        spent: Amount,
        /// What a day may use.
        #[n(2)]
        limit: Amount,
    },
    /// The budget of proofs is used up.
    #[error("{asked} wei for proofs more than {spent} of {limit} a day")]
    #[n(10)]
    DayProofs {
        /// What was asked.
        #[n(0)]
        asked: Amount,
        /// What the last 24 hours used.
        #[n(1)]
        spent: Amount,
        /// What a day may use.
        #[n(2)]
        limit: Amount,
    },
    /// A unit of gas costs too much.
    #[error("{have} wei a unit of gas, at most {most}")]
    #[n(11)]
    GasPrice {
        /// As asked.
        #[n(0)]
        have: Amount,
        /// As allowed.
        #[n(1)]
        most: Amount,
    },
    /// Words of another host, or about another payout address.
    #[error("the {what} is not this host's")]
    #[n(12)]
    Foreign {
        /// Which field.
        #[n(0)]
        what: String,
    },
    /// More transactions in a day than the book keeps.
    #[error("{count} transactions in a day are too many")]
    #[n(13)]
    TooMany {
        /// How many.
        #[n(0)]
        count: u64,
    },
    /// The book cannot be written, so nothing that costs is signed.
    #[error("the book cannot be written: {why}")]
    #[n(14)]
    Book {
        /// What the kernel said.
        #[n(0)]
        why: String,
    },
    /// A request that is no message of this version.
    #[error("the request does not decode")]
    #[n(15)]
    Malformed,
}

fn broken(error: &std::io::Error) -> Error {
    Error::Socket {
        why: error.to_string(),
    }
}

/// Writes one frame. Errors when it is too long or the socket is gone.
pub fn say<T: Encode<()>>(to: &mut impl Write, message: &T) -> Result<(), Error> {
    let body = codec::to_bytes(message);
    let len = u32::try_from(body.len())
        .ok()
        .filter(|len| *len <= FRAME_MAX);
    let len = len.ok_or_else(|| Error::Socket {
        why: format!("a frame of {} bytes", body.len()),
    })?;
    let frame = [len.to_be_bytes().as_slice(), &body].concat();
    to.write_all(&frame).map_err(|error| broken(&error))
}

/// Reads one frame's bytes; none when the other side closed between two. Errors when it is too
/// long or ends early.
pub fn hear(from: &mut impl Read) -> Result<Option<Vec<u8>>, Error> {
    let mut head = [0; 4];
    match from.read(&mut head).map_err(|error| broken(&error))? {
        0 => return Ok(None),
        4 => {}
        some => {
            let rest = head.get_mut(some..).unwrap_or(&mut []);
            from.read_exact(rest).map_err(|error| broken(&error))?;
        }
    }
    let len = u32::from_be_bytes(head);
    if len > FRAME_MAX {
        return Err(Error::Socket {
            why: format!("a frame of {len} bytes"),
        });
    }
    let mut body = vec![0; usize::try_from(len).unwrap_or(0)];
    from.read_exact(&mut body).map_err(|error| broken(&error))?;
    Ok(Some(body))
}
