//! Access tokens: scoped, expiring, revocable, kept as digests.
//!
//! A token's text is `hft_<id, 8 hex>_<secret, 64 hex>`; 256 random bits, shown once. The table
//! keeps SHA-256 of the secret, so reading the table gives no access; comparing digests of
//! unguessable secrets leaks nothing an attacker could use. Enters: random bytes and times. Leaves:
//! the scope a text stands for. Does not: read clocks or files.

use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use utoipa::ToSchema;

use crate::error::Error;

/// Tokens a table holds at most.
pub const TOKENS_MAX: usize = 64;
/// Letters of a name at most.
pub const NAME_MAX: usize = 64;

/// What a caller may do; each includes those before it.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, ToSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Scope {
    /// Look: health, metrics, events, status.
    Read,
    /// Act without changing what the host is: drain, cash, restart.
    Operate,
    /// Change configuration and access.
    Configure,
}

impl Scope {
    /// The word, as it stands in tables and answers.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Operate => "operate",
            Self::Configure => "configure",
        }
    }
}

/// A token's text. Its debug form hides the secret.
#[derive(Clone, PartialEq, Eq)]
pub struct TokenSecret(String);

impl TokenSecret {
    /// The text to hand over, once.
    #[must_use]
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for TokenSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSecret(..)")
    }
}

/// What is kept of a token.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TokenRow {
    /// Its public name: the first part of the text.
    pub id: String,
    /// Who or what uses it.
    pub name: String,
    /// What it allows.
    pub scope: Scope,
    /// SHA-256 of the secret, hex.
    pub digest: String,
    /// When it was made, seconds since 1970.
    pub made: u64,
    /// When it ends, seconds since 1970; absent means when it is revoked.
    #[serde(default)]
    pub expires: Option<u64>,
}

/// All tokens of a host.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TokenTable {
    /// The rows, in the order they were made.
    pub tokens: Vec<TokenRow>,
}

impl TokenTable {
    /// Reads a table. Errors name what does not parse.
    pub fn parse(text: &str) -> Result<Self, Error> {
        serde_json::from_str(text).map_err(|err| Error::Table {
            why: err.to_string(),
        })
    }

    /// The table's text.
    #[must_use]
    pub fn text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default()
    }

    /// Makes a token from 36 random bytes and adds its row; the text is returned and kept nowhere.
    pub fn issue(
        &mut self,
        random: &[u8; 36],
        name: &str,
        scope: Scope,
        made: u64,
        expires: Option<u64>,
    ) -> Result<TokenSecret, Error> {
        check_name(name)?;
        if self.tokens.len() >= TOKENS_MAX {
            let count = self.tokens.len();
            return Err(Error::TokensFull { count });
        }
        let (id, secret) = random.split_at(4);
        let (id, secret) = (hex::encode(id), hex::encode(secret));
        self.tokens.push(TokenRow {
            digest: digest(&secret),
            name: name.to_owned(),
            scope,
            made,
            expires,
            id: id.clone(),
        });
        Ok(TokenSecret(format!("hft_{id}_{secret}")))
    }

    /// Removes a token; whoever uses it is refused from the next request on.
    pub fn revoke(&mut self, id: &str) -> Result<TokenRow, Error> {
        let at = self.tokens.iter().position(|row| row.id == id);
        let at = at.ok_or_else(|| Error::TokenUnknown { id: id.to_owned() })?;
        Ok(self.tokens.remove(at))
    }

    /// The row a text stands for, when it is known and not over at `now` (seconds since 1970).
    #[must_use]
    pub fn find(&self, text: &str, now: u64) -> Option<&TokenRow> {
        let (id, secret) = split(text).ok()?;
        let given = digest(secret);
        self.tokens
            .iter()
            .filter(|row| row.id == id && row.digest == given)
            .find(|row| row.expires.is_none_or(|end| now < end))
    }
}

fn check_name(name: &str) -> Result<(), Error> {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '.' | '-' | '_');
    if name.is_empty() || name.len() > NAME_MAX || !name.chars().all(plain) {
        return Err(Error::TokenName { max: NAME_MAX });
    }
    Ok(())
}

fn split(text: &str) -> Result<(&str, &str), Error> {
    let rest = text.strip_prefix("hft_").ok_or(Error::TokenForm)?;
    let (id, secret) = rest.split_once('_').ok_or(Error::TokenForm)?;
    if id.len() != 8 || secret.len() != 64 {
        return Err(Error::TokenForm);
    }
    Ok((id, secret))
}

fn digest(secret: &str) -> String {
    hex::encode(Sha256::digest(secret.as_bytes()))
}

#[cfg(test)]
mod tests;
