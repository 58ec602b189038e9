//! What one endpoint did wrong in one request, and whether another endpoint may do better.
//!
//! Enters: transport errors, HTTP status, JSON-RPC errors. Leaves: a class. Invariant: a fault is
//! `final_word` only when every honest endpoint of the same chain would say the same (a revert, a
//! used nonce, missing funds); everything else moves on to the next endpoint.

use crate::codec::revert_reason;
use crate::error::Error;
use host_core::Address;

/// One endpoint's failure in one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Fault {
    /// Nothing came, or no JSON-RPC answer.
    Transport { why: String },
    /// It asks to be left alone, or is not synced.
    Busy { why: String },
    /// A JSON-RPC error about the request itself.
    Refused {
        code: i64,
        message: String,
        data: Option<Vec<u8>>,
    },
    /// An answer of the wrong form.
    Malformed { what: &'static str, why: String },
    /// It serves another chain.
    Foreign { why: String },
}

/// Words in an error message that mean: later, or elsewhere.
const BUSY_WORDS: [&str; 7] = [
    "rate limit",
    "too many requests",
    "header not found",
    "timeout",
    "timed out",
    "not synced",
    "try again",
];
/// Words that every honest endpoint would say of the same transaction.
const FINAL_WORDS: [&str; 9] = [
    "revert",
    "nonce too low",
    "already known",
    "known transaction",
    "already imported",
    "insufficient funds",
    "underpriced",
    "intrinsic gas",
    "exceeds block gas limit",
];

impl Fault {
    /// The class of a JSON-RPC error.
    pub(crate) fn of_rpc(code: i64, message: String, data: Option<Vec<u8>>) -> Self {
        let lower = message.to_lowercase();
        let busy = matches!(code, -32005 | -32016 | 429);
        if busy || BUSY_WORDS.iter().any(|word| lower.contains(word)) {
            return Self::Busy { why: message };
        }
        Self::Refused {
            code,
            message,
            data,
        }
    }

    /// Whether asking another endpoint is pointless.
    pub(crate) fn final_word(&self) -> bool {
        match self {
            Self::Refused { code, message, .. } => *code == 3 || Self::says(message, &FINAL_WORDS),
            _ => false,
        }
    }

    /// Whether the connection or the endpoint itself is to blame, for its health.
    pub(crate) fn hurts(&self) -> bool {
        !matches!(self, Self::Refused { .. })
    }

    /// Whether the endpoint has this very transaction already.
    pub(crate) fn already_known(&self) -> bool {
        self.refused_with(&["already known", "known transaction", "already imported"])
    }

    /// Whether the nonce is used, by this transaction or another.
    pub(crate) fn nonce_used(&self) -> bool {
        self.refused_with(&["nonce too low"])
    }

    /// Whether a dearer transaction with the same nonce waits already.
    pub(crate) fn underpriced(&self) -> bool {
        self.refused_with(&["underpriced"])
    }

    fn refused_with(&self, words: &[&str]) -> bool {
        matches!(self, Self::Refused { message, .. } if Self::says(message, words))
    }

    fn says(message: &str, words: &[&str]) -> bool {
        let lower = message.to_lowercase();
        words.iter().any(|word| lower.contains(word))
    }

    /// The same in one line.
    pub(crate) fn why(&self) -> String {
        match self {
            Self::Transport { why } | Self::Busy { why } | Self::Foreign { why } => why.clone(),
            Self::Malformed { what, why } => format!("answer to {what} is malformed: {why}"),
            Self::Refused { code, message, .. } => format!("{message} (code {code})"),
        }
    }

    /// The same as an error of the crate; `payer` is named when funds are missing.
    pub(crate) fn into_error(self, what: &'static str, payer: Option<Address>) -> Error {
        match (self, payer) {
            (Self::Refused { message, .. }, Some(account))
                if Self::says(&message, &["insufficient funds"]) =>
            {
                Error::Gas {
                    account,
                    why: message,
                }
            }
            (
                Self::Refused {
                    code,
                    message,
                    data,
                },
                _,
            ) => {
                let reverted = code == 3 || Self::says(&message, &["revert"]);
                match data {
                    Some(data) if reverted && !data.is_empty() => Error::Reverted {
                        what,
                        reason: revert_reason(&data),
                    },
                    _ if reverted => Error::Reverted {
                        what,
                        reason: message,
                    },
                    _ => Error::Refused {
                        what,
                        code,
                        reason: message,
                    },
                }
            }
            (Self::Malformed { what, why }, _) => Error::Malformed { what, why },
            (Self::Foreign { why }, _) => Error::OtherChain { why },
            (Self::Transport { why } | Self::Busy { why }, _) => {
                Error::Unreachable { tried: 1, why }
            }
        }
    }
}
