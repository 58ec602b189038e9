//! Channels: a name such as `stable` that points at a release and moves forward only. Who follows
//! one remembers the highest number seen, and takes nothing below it.

use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What the first member says.
const KIND: &str = "holdfast channel pointer 1";

/// Where a channel stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pointer {
    /// `holdfast channel pointer 1`.
    pub kind: String,
    /// The network.
    pub network: String,
    /// What is released.
    pub name: String,
    /// The channel.
    pub channel: String,
    /// Rises with every move.
    pub number: u64,
    /// The release's version.
    pub version: String,
    /// SHA-256 of the release's manifest, in hex.
    pub manifest: String,
    /// Milliseconds since 1970.
    pub date_ms: u64,
    /// Not to be followed after, milliseconds since 1970.
    pub expires_ms: u64,
}

/// The highest pointer seen of a channel.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Its number.
    pub number: u64,
    /// The manifest it named.
    pub manifest: String,
}

impl Pointer {
    /// The next one of a channel.
    #[must_use]
    pub fn next(
        (network, name, channel): (&str, &str, &str),
        before: Option<&Seen>,
        (version, manifest): (&str, &str),
        (date_ms, expires_ms): (u64, u64),
    ) -> Self {
        Self {
            kind: KIND.to_owned(),
            network: network.to_owned(),
            name: name.to_owned(),
            channel: channel.to_owned(),
            number: before.map_or(0, |seen| seen.number) + 1,
            version: version.to_owned(),
            manifest: manifest.to_owned(),
            date_ms,
            expires_ms,
        }
    }

    /// Its bytes.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Reads one. Errors: Unreadable.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unreadable = |why: String| Error::Unreadable {
            what: "the pointer",
            why,
        };
        let pointer: Self =
            serde_json::from_str(text).map_err(|why| unreadable(why.to_string()))?;
        if pointer.kind != KIND {
            return Err(unreadable(format!("it is of kind {:?}", pointer.kind)));
        }
        Ok(pointer)
    }

    /// Follows it: gives what is to be remembered. Errors: Replayed, Forked, Expired.
    pub fn follow(&self, seen: Option<&Seen>, now_ms: u64) -> Result<Seen, Error> {
        let channel = self.channel.clone();
        if let Some(seen) = seen {
            if self.number < seen.number {
                return Err(Error::Replayed {
                    channel,
                    number: self.number,
                    seen: seen.number,
                });
            }
            if self.number == seen.number && self.manifest != seen.manifest {
                return Err(Error::Forked {
                    channel,
                    number: self.number,
                });
            }
        }
        if self.expires_ms <= now_ms {
            return Err(Error::Expired {
                channel,
                expires_ms: self.expires_ms,
            });
        }
        Ok(Seen {
            number: self.number,
            manifest: self.manifest.clone(),
        })
    }
}

#[cfg(test)]
mod tests;
