//! The identity key of a host at rest: sealed under words that a machine keeps, brought back by
//! its recovery phrase, and the stick that carries a phrase to a box (docs/formats/claim.md).

use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::Context;
use clap::{Args, Subcommand};
use host_daemon::sealing::{self, Sealed};
use host_keystore::{Phrase, Role};
use zeroize::Zeroizing;

use super::read_words;
use crate::print;

/// What a phrase on a stick begins with.
const MAGIC: &str = "holdfast-phrase 1\n";
/// Sticks are written in whole sectors.
const SECTOR: usize = 512;

/// Which key, and what becomes of it.
#[derive(Debug, Args)]
pub(crate) struct KeyArgs {
    #[command(subcommand)]
    what: KeyCommand,
}

#[derive(Debug, Subcommand)]
enum KeyCommand {
    /// Seal the identity key under words that a machine drew and keeps (64 hexadecimal digits)
    Seal {
        /// The data directory of a host that does not run
        #[arg(long)]
        dir: PathBuf,
        /// The file with the words, by its whole path
        #[arg(long)]
        words: PathBuf,
    },
    /// Bring back a key that its words no longer open, by its recovery phrase
    Recover {
        /// The data directory of a host that does not run
        #[arg(long)]
        dir: PathBuf,
        /// The file with the words it is sealed under from now on, by its whole path
        #[arg(long)]
        words: PathBuf,
        /// A file with the recovery phrase, or `-` for standard input
        #[arg(long)]
        phrase: PathBuf,
    },
    /// Write a recovery phrase as a box reads it from a stick
    Stick {
        /// A file with the recovery phrase, or `-` for standard input
        #[arg(long)]
        phrase: PathBuf,
        /// Where it goes
        #[arg(long)]
        out: PathBuf,
    },
}

/// Does what was asked for.
pub(crate) fn key(args: KeyArgs) -> anyhow::Result<()> {
    match args.what {
        KeyCommand::Seal { dir, words } => print::line(match sealing::seal(&dir, &words)? {
            Sealed::Now => "the identity key is sealed",
            Sealed::Before => "the identity key was sealed before",
        }),
        KeyCommand::Recover { dir, words, phrase } => {
            let phrase = Phrase::parse(&read_words(&phrase)?)?;
            sealing::recover(&dir, &phrase, &words)?;
            print::line("the identity key is back, sealed under these words")
        }
        KeyCommand::Stick { phrase, out } => stick(&Phrase::parse(&read_words(&phrase)?)?, &out),
    }
}

fn stick(phrase: &Phrase, out: &Path) -> anyhow::Result<()> {
    let words = phrase.expose();
    let head = MAGIC.len();
    let end = head + words.len();
    // One zero at least ends the words.
    let mut bytes = Zeroizing::new(vec![0; (end + 1).next_multiple_of(SECTOR)]);
    bytes[..head].copy_from_slice(MAGIC.as_bytes());
    bytes[head..end].copy_from_slice(words.as_bytes());
    let write = || {
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(out)?;
        std::io::Write::write_all(&mut file, &bytes)?;
        file.sync_all()
    };
    write().with_context(|| format!("writing {}", out.display()))?;
    print::line(&format!(
        "write {} raw onto a stick, plug it into the box of {}, and destroy both afterwards",
        out.display(),
        phrase.key(Role::Identity).peer_id()
    ))
}
