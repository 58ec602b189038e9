//! The start that both programs share: arguments, users, the socket, then confinement.
//!
//! Invariant: everything that needs a path or another right happens before [`begin`] returns.

use std::io::Write;
use std::path::PathBuf;

use clap::Args;
use nix::unistd::User;

use crate::error::Error;
use crate::filter::{Program, confine};
use crate::privilege::{Right, keep_only};
use crate::server::Server;

/// Where to listen and to whom.
#[derive(Debug, Args)]
pub struct Listening {
    /// The socket to make
    #[arg(long, required_unless_present = "inherited")]
    pub socket: Option<PathBuf>,
    /// The listening socket is standard input, as systemd gives it
    #[arg(long, conflicts_with = "socket")]
    pub inherited: bool,
    /// A user who may ask, by name or number; may be given again
    #[arg(long = "user", required = true)]
    pub users: Vec<String>,
}

/// Makes the socket, keeps one right, confines the process. Says one line when it serves.
///
/// # Errors
/// Every variant of [`Error`].
pub fn begin(listening: &Listening, program: Program) -> Result<Server, Error> {
    let users = listening.users.iter().map(|name| number(name));
    let users = users.collect::<Result<Vec<u32>, Error>>()?;
    let server = match &listening.socket {
        Some(path) => Server::bind(path, users)?,
        None => Server::inherited(users)?,
    };
    let right = match program {
        Program::Net => Right::CAP_NET_ADMIN,
        Program::Nvme => Right::CAP_SYS_ADMIN,
    };
    let held = keep_only(right)?;
    confine(program)?;
    say(&format!(
        "serving; {right}: {}",
        if held { "held" } else { "missing" }
    ));
    Ok(server)
}

/// One line to standard error: the journal's.
pub fn say(line: &str) {
    let _lost = writeln!(std::io::stderr(), "{line}");
}

fn number(name: &str) -> Result<u32, Error> {
    if let Ok(number) = name.parse() {
        return Ok(number);
    }
    let known = User::from_name(name).ok().flatten();
    let known = known.ok_or_else(|| Error::User { name: name.into() });
    Ok(known?.uid.as_raw())
}
