//! A renter's home and the command line that works on it.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use holdfast_tests::program;
use host_core::{Address, Amount, PeerId};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use super::ground::{Ground, ground};
use super::said::{Said, holdfast};

/// Options of every put here: a term, and a geometry that five hosts hold.
const PUT: [&str; 6] = ["--days", "1", "--data", "2", "--parity", "2"];

/// A renter.
#[derive(Debug)]
pub(crate) struct Home {
    pub(crate) dir: PathBuf,
    pub(crate) account: Address,
    pub(crate) phrase: String,
}

#[derive(Debug, Deserialize)]
struct Made {
    address: String,
    phrase: String,
}

/// What `holdfast put --json` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Put {
    pub(crate) id: String,
}

/// What `holdfast get --json` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Got {
    pub(crate) bytes: u64,
    pub(crate) sha256: String,
}

/// One shard's place.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Place {
    pub(crate) index: u16,
    pub(crate) host: PeerId,
}

#[derive(Debug, Clone, Deserialize)]
struct Stat {
    places: Vec<Place>,
}

/// What `holdfast wallet balance --json` says.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Balance {
    pub(crate) vault: Address,
    pub(crate) vault_balance: Amount,
    pub(crate) vault_paid_out: Amount,
    pub(crate) issued: Amount,
    pub(crate) available: Amount,
}

/// SHA-256 in hex.
pub(crate) fn sha256(bytes: &[u8]) -> String {
    hex::encode(Sha256::digest(bytes))
}

impl Home {
    /// Makes a home, joins the network of a file and fills the vault.
    pub(crate) fn make(dir: &Path, network: &Path, deposit: Amount) -> Self {
        Self::make_on(ground(), dir, network, deposit)
    }

    /// The same on another ground.
    pub(crate) fn make_on(ground: &Ground, dir: &Path, network: &Path, deposit: Amount) -> Self {
        let home = Self::alone(dir);
        ground.fund(home.account);
        home.join(network, deposit);
        home
    }

    /// Makes a home that knows no network.
    pub(crate) fn alone(dir: &Path) -> Self {
        let made: Made = holdfast(Some(dir), &["renter", "init", "--json"]).json();
        Self {
            dir: dir.to_path_buf(),
            account: made.address.parse().expect("an account"),
            phrase: made.phrase,
        }
    }

    /// Joins the network of a file and fills the vault of an account that has money.
    pub(crate) fn join(&self, network: &Path, deposit: Amount) {
        let home = self;
        home.say(&["renter", "join", &network.to_string_lossy()])
            .well();
        if deposit > Amount::ZERO {
            home.say(&["wallet", "wrap", &deposit.to_string()]).well();
            home.say(&["wallet", "deposit", &deposit.to_string()])
                .well();
        }
    }

    /// Runs a command as this renter.
    pub(crate) fn say(&self, words: &[&str]) -> Said {
        holdfast(Some(&self.dir), words)
    }

    /// Starts a command as this renter, to be killed or waited for.
    pub(crate) fn begin(&self, words: &[&str]) -> std::process::Child {
        Command::new(program("holdfast"))
            .args(words)
            .env("HOLDFAST_HOME", &self.dir)
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the command line starts")
    }

    /// Writes a file beside the home's own.
    pub(crate) fn file(&self, name: &str, bytes: &[u8]) -> PathBuf {
        let path = self.dir.join(name);
        std::fs::write(&path, bytes).expect("the file is written");
        path
    }

    /// The words that put a file.
    pub(crate) fn put_words<'a>(path: &'a str, more: &[&'a str]) -> Vec<&'a str> {
        [&["put", path][..], &PUT, &["--json"], more].concat()
    }

    /// Puts a file, whatever comes of it.
    pub(crate) fn try_put(&self, path: &Path, more: &[&str]) -> Said {
        self.say(&Self::put_words(&path.to_string_lossy(), more))
    }

    /// Puts bytes under a name; returns the object's id.
    pub(crate) fn put(&self, name: &str, bytes: &[u8], more: &[&str]) -> String {
        let path = self.file(name, bytes);
        let put: Put = self.try_put(&path, more).json();
        put.id
    }

    /// Gets an object, whatever comes of it.
    pub(crate) fn try_get(&self, id: &str, out: &Path, more: &[&str]) -> Said {
        let out = out.to_string_lossy();
        self.say(&[&["get", id, "-o", &out, "--json"][..], more].concat())
    }

    /// Gets an object, checks what the command says against the file, returns the bytes.
    pub(crate) fn get(&self, id: &str, more: &[&str]) -> Vec<u8> {
        let out = self.dir.join("got");
        let got: Got = self.try_get(id, &out, more).json();
        let bytes = std::fs::read(&out).expect("the file is there");
        assert_eq!(got.bytes, bytes.len() as u64);
        assert_eq!(got.sha256, sha256(&bytes));
        std::fs::remove_file(&out).expect("the file goes");
        bytes
    }

    /// Where an object's shards are.
    pub(crate) fn places(&self, id: &str) -> Vec<Place> {
        let stat: Stat = self.say(&["stat", id, "--local", "--json"]).json();
        stat.places
    }

    /// The wallet.
    pub(crate) fn balance(&self) -> Balance {
        self.say(&["wallet", "balance", "--json"]).json()
    }
}
