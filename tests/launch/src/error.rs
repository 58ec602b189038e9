//! What can stop the launcher itself. A failing test is no error here: it is a counted result.

use std::fmt;
use std::io;
use std::path::PathBuf;

/// Why the launcher could not do its work.
#[derive(Debug)]
pub(crate) enum Error {
    /// The words on the command line are not known; holds the usage.
    Usage(&'static str),
    /// A tier was asked for that does not exist.
    UnknownTier {
        /// The word given.
        given: String,
    },
    /// No virtual manifest above the directory searched.
    NoWorkspace(PathBuf),
    /// The launcher does not stand in a cargo target directory.
    OddPlace(PathBuf),
    /// A program could not be started.
    Start {
        /// The program.
        program: String,
        /// What the system said.
        source: io::Error,
    },
    /// The build ended with this exit status.
    Build(i32),
    /// The build succeeded and made no program at this path.
    NoProgram(PathBuf),
    /// A file of the launcher's own could not be read or written.
    File {
        /// Which one.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Error::Usage(usage) => write!(f, "{usage}"),
            Error::UnknownTier { given } => {
                write!(f, "no tier {given:?}; `cargo verify --list` names them")
            }
            Error::NoWorkspace(path) => write!(f, "no workspace at or above {}", path.display()),
            Error::OddPlace(path) => {
                write!(f, "{} is not in a cargo target directory", path.display())
            }
            Error::Start { program, source } => write!(f, "{program} does not start: {source}"),
            Error::Build(status) => write!(f, "the build ended with status {status}"),
            Error::NoProgram(path) => write!(f, "the build made no {}", path.display()),
            Error::File { path, source } => write!(f, "{}: {source}", path.display()),
        }
    }
}

impl std::error::Error for Error {}
