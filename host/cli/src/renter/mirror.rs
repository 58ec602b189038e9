//! `holdfast mirror`: the files of a folder or an object store kept in Holdfast too, and each side
//! a way back when the other fails. The folder or store stays the canonical copy: nothing of it is
//! ever changed.
//!
//! store.rs stores what is new, back.rs compares the sides and brings files back; record.rs is what
//! is known of each file, canon.rs the door to the canonical copy.

use std::path::{Path, PathBuf};

use anyhow::{Context, ensure};
use clap::{Args, Subcommand};

use super::home::Home;
use super::publish::sha256;
use crate::print;

mod back;
mod canon;
mod record;
mod store;

use canon::Canon;
use record::{Head, Record};

/// The folder of a home with what is mirrored.
const DIR: &str = "mirrors";

/// Keeps files of a folder or an object store in Holdfast too.
#[derive(Debug, Args)]
pub(crate) struct MirrorArgs {
    #[command(subcommand)]
    what: MirrorCommand,
}

#[derive(Debug, Subcommand)]
enum MirrorCommand {
    /// Name a folder or `s3://BUCKET/PREFIX` (keys and endpoint from AWS_ACCESS_KEY_ID,
    /// AWS_SECRET_ACCESS_KEY, AWS_ENDPOINT_URL, AWS_REGION); nothing is read yet
    Add {
        /// The mirror's name
        name: String,
        /// What it is of, the canonical copy
        of: String,
        /// Data shards a segment
        #[arg(long, default_value_t = 10)]
        data: u16,
        /// Parity shards a segment
        #[arg(long, default_value_t = 20)]
        parity: u16,
        /// Term in days
        #[arg(long, default_value_t = 30)]
        days: u64,
        /// Open data: not encrypted
        #[arg(long)]
        public: bool,
    },
    /// Store what is new or has changed since the last run
    Run {
        name: String,
        /// Delete what the canonical copy has no more, and what was replaced
        #[arg(long)]
        prune: bool,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Compare both sides; status 1 where they drift apart
    Check {
        name: String,
        /// Read every byte of both and compare SHA-256, not names and marks alone
        #[arg(long)]
        deep: bool,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Get one file: from Holdfast, or from the canonical copy where that fails, which is said
    Get {
        name: String,
        path: String,
        /// The file to write
        #[arg(short, long)]
        output: PathBuf,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
    /// Write every file from Holdfast into another folder or object store; what is there already
    /// with the same bytes is left
    Restore {
        name: String,
        /// Where to
        to: String,
        /// Answer as JSON
        #[arg(long)]
        json: bool,
    },
}

/// An open mirror.
struct Mirror {
    home: Home,
    record: Record,
    /// Files on their way, by the hash of their names.
    spool: PathBuf,
}

impl Mirror {
    /// Opens it to store; one process at a time.
    fn open(home: Home, name: &str) -> anyhow::Result<Self> {
        let record = Record::open(&path(&home, name)?)?;
        Self::of(home, name, record)
    }

    /// Opens it to compare and bring back, also while another process stores.
    fn look(home: Home, name: &str) -> anyhow::Result<Self> {
        let record = Record::look(&path(&home, name)?)?;
        Self::of(home, name, record)
    }

    fn of(home: Home, name: &str, record: Record) -> anyhow::Result<Self> {
        let spool = path(&home, name)?.with_extension("spool");
        std::fs::create_dir_all(&spool).with_context(|| spool.display().to_string())?;
        Ok(Self {
            home,
            record,
            spool,
        })
    }

    /// The canonical copy; a mirror brings files back without it too.
    fn canon(&self) -> anyhow::Result<Canon> {
        Canon::open(&self.record.head.of)
    }

    /// Where a file lies until its put is done.
    fn spooled(&self, path: &str) -> PathBuf {
        self.spool.join(sha256(path.as_bytes()))
    }

    /// Where a file lies while it is looked at.
    fn scratch(&self) -> PathBuf {
        self.spool.join(format!("scratch-{}", std::process::id()))
    }
}

/// A mirror's record. Errors when the name is not one.
fn path(home: &Home, name: &str) -> anyhow::Result<PathBuf> {
    let plain = |letter: char| letter.is_ascii_alphanumeric() || "-_".contains(letter);
    ensure!(
        !name.is_empty() && name.len() <= 64 && name.chars().all(plain),
        "{name:?} is no name: letters, digits, - and _, 64 at most"
    );
    Ok(home.dir().join(DIR).join(name))
}

/// Runs it; false where something failed or drifted apart.
pub(crate) async fn run(args: MirrorArgs) -> anyhow::Result<bool> {
    let home = Home::open()?;
    match args.what {
        MirrorCommand::Add {
            name,
            of,
            data,
            parity,
            days,
            public,
        } => {
            let of = lasting(&of)?;
            Canon::open(&of)?;
            host_renter::put_geometry(data, parity, 0)?;
            std::fs::create_dir_all(home.dir().join(DIR))?;
            let head = Head::new(of, (data, parity), days, public);
            Record::make(&path(&home, &name)?, &head)?;
            print::line(&format!("{name} mirrors {}", head.of))?;
            Ok(true)
        }
        MirrorCommand::Run { name, prune, json } => store::run(home, &name, prune, json).await,
        MirrorCommand::Check { name, deep, json } => back::check(home, &name, deep, json).await,
        MirrorCommand::Get {
            name,
            path,
            output,
            json,
        } => back::get(home, &name, &path, &output, json).await,
        MirrorCommand::Restore { name, to, json } => back::restore(home, &name, &to, json).await,
    }
}

/// A folder by its whole path, as a later run may stand elsewhere.
fn lasting(of: &str) -> anyhow::Result<String> {
    if of.contains("://") {
        return Ok(of.to_owned());
    }
    let folder = Path::new(of).canonicalize();
    let folder = folder.with_context(|| format!("the folder {of}"))?;
    let text = folder.to_str().context("its name is not UTF-8")?;
    Ok(text.to_owned())
}
