//! What can be wrong with a machine file. Each variant names the broken fact with its numbers.

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Blame {
    /// Whoever wrote the machine file.
    Operator,
    /// A defect of Holdfast: a machine file that it ships.
    Us,
}

/// A machine file that describes no box.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// Not TOML, a key that is not known, or a value of another kind.
    #[error("machine file {name}: {why}")]
    Text {
        /// The machine's name.
        name: String,
        /// What the reader said, with line and column.
        why: String,
    },
    /// The machine it inherits from does not exist.
    #[error("machine {name} is not known")]
    Unknown {
        /// The name that was asked for.
        name: String,
    },
    /// A name that could be a path.
    #[error("{name:?} is no machine name: lower-case letters, digits and dashes, at most 64")]
    Name {
        /// What was given.
        name: String,
    },
    /// Inheritance goes in a circle or is deeper than anyone can follow.
    #[error("machine {name} inherits through more than {most} files")]
    Depth {
        /// The machine that was asked for.
        name: String,
        /// The bound.
        most: usize,
    },
    /// A value outside of what a box can have.
    #[error("machine {name}: {what} is {have}, allowed is {least} to {most}")]
    Range {
        /// The machine.
        name: String,
        /// The value's place.
        what: &'static str,
        /// The value.
        have: u64,
        /// The smallest allowed.
        least: u64,
        /// The largest allowed.
        most: u64,
    },
    /// Words for the kernel that are several, or that weaken what every image says.
    #[error("machine {name}: {word:?} may not be among kernel.words")]
    Word {
        /// The machine.
        name: String,
        /// What was given.
        word: String,
    },
    /// Thresholds that do not rise, or limits that contradict each other.
    #[error("machine {name}: {low_name} is {low}, not below {high_name} of {high}")]
    Order {
        /// The machine.
        name: String,
        /// The value that should be lower.
        low_name: &'static str,
        /// Its value.
        low: u64,
        /// The value that should be higher.
        high_name: &'static str,
        /// Its value.
        high: u64,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub const fn blame(&self) -> Blame {
        match self {
            Self::Depth { .. } => Blame::Us,
            _ => Blame::Operator,
        }
    }
}
