//! Kernels whose neighbour tables are known to be at fault, by release. For the doctor.
//!
//! Enters: a release as `uname -r` says it. Leaves: [`Fault`]s of the upstream release; a
//! distribution may have mended them without changing the number, so they are advice, never an
//! alarm. Sources: the named changes in the kernel's own history. That a table is shared by all
//! namespaces and can overflow is no fault of a release: all of them are so.

use std::fmt;

/// A fault of a range of releases.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Fault {
    /// 5.0 to 5.1.8: an entry released before it was inserted stayed counted for ever.
    LeakedCount,
    /// Before 5.11 (mended in 5.4.97 and 5.10.15): a dead entry could come back to the list that is
    /// collected, in a race with an interface that goes down.
    DeadEntry,
    /// Before 6.6 (mended in many stable releases): a full table says "invalid argument" to a
    /// sender instead of "no buffer space".
    MisleadingError,
    /// Before 6.7: a collection by force held a processor for as long as the table is wide.
    UnboundedCollection,
}

impl Fault {
    const ALL: [Self; 4] = [
        Self::LeakedCount,
        Self::DeadEntry,
        Self::MisleadingError,
        Self::UnboundedCollection,
    ];

    fn is_in(self, release: [u32; 3]) -> bool {
        let [major, minor, patch] = release;
        match self {
            Self::LeakedCount => ([5, 0, 0]..[5, 1, 9]).contains(&release),
            Self::DeadEntry => match (major, minor) {
                (5, 4) => patch < 97,
                (5, 10) => patch < 15,
                _ => release < [5, 11, 0],
            },
            Self::MisleadingError => release < [6, 6, 0],
            Self::UnboundedCollection => release < [6, 7, 0],
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::LeakedCount => "neighbour entries stay counted after they are gone",
            Self::DeadEntry => "a dead neighbour entry can come back in a race",
            Self::MisleadingError => "a full neighbour table says invalid argument",
            Self::UnboundedCollection => "collecting a wide neighbour table holds a processor",
        })
    }
}

/// The faults of a release; none when it cannot be read.
#[must_use]
pub fn kernel_faults(release: &str) -> Vec<Fault> {
    parse(release).map_or_else(Vec::new, |release| {
        let all = Fault::ALL.into_iter();
        all.filter(|fault| fault.is_in(release)).collect()
    })
}

/// `6.1.0-56-amd64` is 6, 1, 0; a patch level that is missing is 0.
fn parse(release: &str) -> Option<[u32; 3]> {
    let end = release
        .find(|c: char| !(c.is_ascii_digit() || c == '.'))
        .unwrap_or(release.len());
    let mut parts = release.get(..end)?.split('.');
    let major = parts.next()?.parse().ok()?;
    let minor = parts.next()?.parse().ok()?;
    let patch = parts.next().and_then(|part| part.parse().ok());
    Some([major, minor, patch.unwrap_or_default()])
}

#[cfg(test)]
mod tests;
