//! `holdfast-signer`: keeps the identity key and signs what its policy allows. Prints one line of
//! JSON when it serves; ends when killed, or when standard input ends if asked to.

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use clap::{Parser, Subcommand};
use futures::executor::block_on;
use host_core::network::Network;
use host_keystore::SealedKey;
use host_signer::book::{Book, SystemTimes};
use host_signer::policy::Places;
use host_signer::server::Server;
use host_signer::wire::{Reply, Request, Standing};
use host_signer::{Client, Error, Judge, Policy, memory};
use zeroize::Zeroizing;

/// Keeps the identity key in a process of its own.
#[derive(Debug, Parser)]
#[command(name = "holdfast-signer", version, about)]
struct Arguments {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serves until it is killed
    Serve(Serve),
    /// Prints a policy for a network, to be looked through and saved as signer.toml
    Policy {
        /// The network file
        #[arg(long)]
        network: PathBuf,
        /// The cold address money may go to
        #[arg(long)]
        payout: Option<host_core::Address>,
    },
    /// Shows what is spent and where money goes
    Standing {
        /// The signer's socket
        #[arg(long)]
        socket: PathBuf,
    },
    /// Stops a change of the payout address that waits
    KeepPayout {
        /// The signer's socket
        #[arg(long)]
        socket: PathBuf,
    },
}

#[derive(Debug, clap::Args)]
struct Serve {
    /// The sealed key file
    #[arg(long)]
    key_file: PathBuf,
    /// A file with its passphrase; not needed for a plain key file
    #[arg(long)]
    passphrase_file: Option<PathBuf>,
    /// The policy file
    #[arg(long)]
    policy: PathBuf,
    /// The book of what was spent; made when it is not there
    #[arg(long)]
    book: PathBuf,
    /// The socket to serve
    #[arg(long)]
    socket: PathBuf,
    /// Stop when standard input ends, as a child of another program
    #[arg(long)]
    until_stdin_ends: bool,
}

fn main() -> std::process::ExitCode {
    let done = match Arguments::parse().verb {
        Verb::Serve(serve) => run(&serve),
        Verb::Policy { network, payout } => print_policy(&network, payout),
        Verb::Standing { socket } => show(&socket, Request::Standing),
        Verb::KeepPayout { socket } => show(&socket, Request::KeepPayout),
    };
    match done {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "holdfast-signer: {error}");
            std::process::ExitCode::FAILURE
        }
    }
}

fn run(serve: &Serve) -> Result<(), Error> {
    memory::harden()?;
    let policy = Policy::read(&serve.policy)?;
    let book = Book::open(&serve.book, Box::<SystemTimes>::default())?;
    let bytes = Zeroizing::new(read(&serve.key_file)?);
    let sealed = SealedKey::from_bytes(&bytes)?;
    let words = match &serve.passphrase_file {
        Some(path) if !sealed.is_plain() => Zeroizing::new(read(path)?),
        _ => Zeroizing::default(),
    };
    let key = sealed.open(words.strip_suffix(b"\n").unwrap_or(&words))?;
    let plain = sealed.is_plain();
    drop((bytes, sealed, words));
    let peer = key.peer_id();
    let judge = Judge::new(key, policy, book)?;
    let server = Server::bind(&serve.socket, judge, plain)?;
    let held = memory::hold();
    let ready = serde_json::json!({
        "peer": peer,
        "socket": serve.socket,
        "memory_held": held,
    });
    print(&ready.to_string())?;
    if serve.until_stdin_ends {
        let waits = std::thread::Builder::new().spawn(|| {
            let mut rest = [0; 64];
            while std::io::stdin().read(&mut rest).is_ok_and(|len| len > 0) {}
            std::process::exit(0);
        });
        waits.map_err(|error| Error::Kernel {
            what: "starting a thread",
            why: error.to_string(),
        })?;
    }
    server.serve()
}

fn print_policy(path: &Path, payout: Option<host_core::Address>) -> Result<(), Error> {
    let form = |why: String| Error::Form {
        path: path.to_path_buf(),
        why,
    };
    let text = String::from_utf8(read(path)?).map_err(|error| form(error.to_string()))?;
    let network: Network = toml::from_str(&text).map_err(|error| form(error.to_string()))?;
    let places = Places::of(&network.contracts);
    let policy = Policy::of(network.chain_id, places, payout);
    let text = toml::to_string_pretty(&policy).map_err(|error| form(error.to_string()))?;
    print(text.trim_end())
}

fn show(socket: &Path, request: Request) -> Result<(), Error> {
    let client = Client::connect(socket, Duration::ZERO)?;
    match block_on(client.ask(request))? {
        Reply::Standing { standing } => print(&describe(&standing).to_string()),
        Reply::Refused { why } => Err(why.into()),
        _ => Err(Error::Socket {
            why: "an answer to another question".to_owned(),
        }),
    }
}

fn describe(standing: &Standing) -> serde_json::Value {
    let pending = standing.pending.map(|(to, at)| {
        serde_json::json!({ "to": to, "at": at, "in_seconds": at.saturating_sub(standing.now) })
    });
    serde_json::json!({
        "native": { "spent": standing.native, "limit": standing.native_limit },
        "token": { "spent": standing.token, "limit": standing.token_limit },
        "proofs": { "spent": standing.proofs, "limit": standing.proofs_limit },
        "payout": standing.payout,
        "pending": pending,
    })
}

fn read(path: &Path) -> Result<Vec<u8>, Error> {
    std::fs::read(path).map_err(|source| Error::File {
        path: path.to_path_buf(),
        source,
    })
}

fn print(line: &str) -> Result<(), Error> {
    let mut out = std::io::stdout();
    let written = writeln!(out, "{line}").and_then(|()| out.flush());
    match written {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(Error::Socket {
            why: error.to_string(),
        }),
        _ => Ok(()),
    }
}
