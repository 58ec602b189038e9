//! What can be wrong with words that come from outside.

use host_core::Blame;

/// Words that cannot be taken.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// A text that is no token at all.
    #[error("this is no access token: one reads hft_<8 hex>_<64 hex>")]
    TokenForm,
    /// A name a token cannot have.
    #[error("a token's name has 1 to {max} letters, digits, dots, dashes or underscores")]
    TokenName {
        /// Longest name.
        max: usize,
    },
    /// No more tokens fit.
    #[error("{count} tokens exist, which is the most; revoke one first")]
    TokensFull {
        /// How many there are.
        count: usize,
    },
    /// A token that does not exist.
    #[error("there is no token {id}")]
    TokenUnknown {
        /// The id asked for.
        id: String,
    },
    /// The table of tokens does not read.
    #[error("the table of tokens does not read: {why}")]
    Table {
        /// What the parser said.
        why: String,
    },
}

impl Error {
    /// Who has to act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::TokenForm => Blame::Peer,
            Self::TokenName { .. }
            | Self::TokensFull { .. }
            | Self::TokenUnknown { .. }
            | Self::Table { .. } => Blame::Operator,
        }
    }
}
