//! Why an image could not be built. Each variant names the file, tool or number at fault.

use std::path::PathBuf;

/// The party that can mend what went wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(crate) enum Blame {
    /// Whoever runs the builder: a missing tool, a full disk, a wrong word.
    Operator,
    /// The build machine or what it fetched.
    Machine,
    /// A defect of Holdfast: a list or a limit that does not fit its packages.
    Us,
}

/// An image that could not be built.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Error {
    /// A file or folder that could not be read or written.
    #[error("{path}: {why}")]
    File {
        /// Its path.
        path: PathBuf,
        /// What the system said.
        why: std::io::Error,
    },
    /// A tool that is not installed.
    #[error("{tool} is not installed; {package} has it")]
    NoTool {
        /// The program.
        tool: String,
        /// Where it comes from.
        package: &'static str,
    },
    /// A tool that failed.
    #[error("{tool} failed ({status}): {said}")]
    Tool {
        /// The program.
        tool: String,
        /// Its exit status.
        status: String,
        /// The end of what it said.
        said: String,
    },
    /// A list of the image that is not what its reader expects.
    #[error("{path}: {why}")]
    List {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        why: String,
    },
    /// A package that the archive does not have, or that does not hold what the list names.
    #[error("package {name}: {why}")]
    Package {
        /// Its name.
        name: String,
        /// What is wrong.
        why: String,
    },
    /// A kernel module that does not exist in this kernel.
    #[error("kernel {kernel} has no module {name}")]
    Module {
        /// Release of the kernel.
        kernel: String,
        /// The module.
        name: String,
    },
    /// A machine that is not supported.
    #[error(transparent)]
    Spec(#[from] board_spec::Error),
    /// Something is larger than its place.
    #[error("{what} has {have} bytes, allowed are {most}")]
    Size {
        /// What it is.
        what: &'static str,
        /// Its bytes.
        have: u64,
        /// The bound.
        most: u64,
    },
    /// Metadata that could not be signed, or keys that are not those of their root.
    #[error("signing: {why}")]
    Signing {
        /// What the signer said.
        why: String,
    },
    /// A key, a folder of keys or a root of trust that is not as it must be.
    #[error("{what} {why}")]
    Keys {
        /// The key, folder or file.
        what: String,
        /// What is wrong.
        why: String,
    },
    /// A key file that does not open.
    #[error(transparent)]
    Sealed(#[from] host_keystore::Error),
    /// Metadata that too few have signed so far.
    #[error("{path} has {have} of {want} signatures; `holdfast-image sign metadata` adds one")]
    Unsigned {
        /// The file.
        path: PathBuf,
        /// Signatures so far.
        have: usize,
        /// Signatures it needs.
        want: u64,
    },
    /// A release that would trust what is marked as a test.
    #[error("a release cannot be built with {what}")]
    TestMark {
        /// What is marked, or missing.
        what: &'static str,
    },
    /// A file that is no fresh set of firmware variables.
    #[error("the file of firmware variables {why}")]
    Firmware {
        /// What is wrong.
        why: &'static str,
    },
    /// Two builds from the same inputs are not equal.
    #[error("two builds differ: {name}")]
    Differs {
        /// The first artefact that does.
        name: String,
    },
    /// A disk that is not written to.
    #[error("disk {serial}: {why}")]
    Disk {
        /// Its serial number.
        serial: String,
        /// What speaks against it.
        why: String,
    },
    /// Something that no image may hold.
    #[error("{what} {why}")]
    Gate {
        /// The program or file.
        what: String,
        /// What is wrong with it.
        why: String,
    },
    /// A boot stub that is no PE file of the expected kind.
    #[error("boot stub: {why}")]
    Stub {
        /// What is wrong.
        why: &'static str,
    },
}

impl Error {
    /// Who must act.
    #[must_use]
    pub(crate) const fn blame(&self) -> Blame {
        match self {
            Self::NoTool { .. }
            | Self::Spec(_)
            | Self::Signing { .. }
            | Self::Keys { .. }
            | Self::Sealed(_)
            | Self::Firmware { .. }
            | Self::Disk { .. }
            | Self::Unsigned { .. }
            | Self::TestMark { .. } => Blame::Operator,
            Self::File { .. } | Self::Tool { .. } | Self::Package { .. } => Blame::Machine,
            Self::List { .. }
            | Self::Module { .. }
            | Self::Size { .. }
            | Self::Gate { .. }
            | Self::Differs { .. }
            | Self::Stub { .. } => Blame::Us,
        }
    }

    /// Wraps what a signer said.
    pub(crate) fn signing(why: impl std::fmt::Display) -> Self {
        Self::Signing {
            why: why.to_string(),
        }
    }

    /// Wraps what the system said about a path.
    pub(crate) fn file(path: impl Into<PathBuf>) -> impl FnOnce(std::io::Error) -> Self {
        let path = path.into();
        move |why| Self::File { path, why }
    }
}
