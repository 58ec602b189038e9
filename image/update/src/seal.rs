//! The identity key of this box under its TPM: words that are drawn once open the key file, and the
//! TPM alone gives the words back (docs/decisions/0080-tpm.md).
//!
//! Before the host starts the words are unsealed into memory for it. A box without a TPM goes on
//! with a plain key. A TPM that does not give the words, because the disk is in another machine
//! or the state of Secure Boot changed, keeps the host from starting: the console says why, and a
//! stick with the recovery phrase brings the key back under this TPM.
//! Invariants: sealed words are flushed, read back and unsealed before the key file changes; a
//! trial seals nothing that the version before could not read. `systemd-creds` speaks to the TPM.

use std::fs::{File, OpenOptions, Permissions};
use std::io::Write;
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use board_slot::cmdline::hex;
use zeroize::Zeroizing;

use crate::claim;
use crate::console;
use crate::error::Error;
use crate::record::{Record, replace};

/// The sealed words, in the updater's folder; and those that are to follow them.
const BLOB: &str = "identity.cred";
const NEXT: &str = "identity.cred.next";
/// What a recovery phrase on a stick begins with.
const PHRASE_MAGIC: &[u8] = b"holdfast-phrase 1\n";
/// Firmware that tells of a TPM has its device within this time.
const APPEARS: Duration = Duration::from_secs(10);
/// Between two looks for a stick.
const AGAIN: Duration = Duration::from_secs(5);

/// Where things are.
#[derive(Debug, Clone)]
pub(crate) struct Places {
    /// The host's folder.
    pub(crate) host: PathBuf,
    /// A folder in memory for what is unsealed.
    pub(crate) open: PathBuf,
    /// The TPM.
    pub(crate) device: PathBuf,
    /// The firmware's word that there is one.
    pub(crate) told: PathBuf,
    /// What speaks to it.
    pub(crate) creds: PathBuf,
    /// The host's own command line.
    pub(crate) program: PathBuf,
}

impl Default for Places {
    fn default() -> Self {
        Self {
            host: "/var/lib/holdfast".into(),
            open: "/run/holdfast/identity".into(),
            device: "/dev/tpmrm0".into(),
            told: "/sys/firmware/acpi/tables/TPM2".into(),
            creds: "/usr/bin/systemd-creds".into(),
            program: "/usr/bin/holdfast".into(),
        }
    }
}

/// Whether the identity key of this box is sealed to a TPM.
pub(crate) fn is_sealed(record: &Record) -> bool {
    record.path(BLOB).exists()
}

/// Forgets the words of a key that is gone.
///
/// # Errors
/// `File`.
pub(crate) fn forget(record: &Record) -> Result<(), Error> {
    [BLOB, NEXT]
        .into_iter()
        .try_for_each(|name| record.forget(name))
}

/// Gives the host the words of its key, sealing it first where it is plain. Does not return while
/// the key cannot be opened: it looks for a stick with the recovery phrase.
///
/// # Errors
/// `File`, and `State` when a box without a TPM has a sealed key, which no stick mends here.
pub(crate) fn run(places: &Places, record: &Record, system_disk: &str) -> Result<(), Error> {
    if !places.host.join("host.toml").exists() {
        return Ok(());
    }
    if !present(places) {
        if is_sealed(record) {
            return Err(locked("it is sealed to a TPM, and this machine has none"));
        }
        console::say("no TPM 2.0: the identity key stays plain");
        return Ok(());
    }
    let mut told = String::new();
    loop {
        let why = match open(places, record) {
            Ok(said) => {
                console::say(said);
                return Ok(());
            }
            Err(why) => why.to_string(),
        };
        if why != told {
            console::say(&format!(
                "{why}. Plug in a stick with its recovery phrase (holdfast key stick)"
            ));
            record.keep_reason(&why)?;
            told = why;
        }
        for drive in claim::drives(system_disk) {
            let Some(phrase) = claim::read(&drive, PHRASE_MAGIC) else {
                continue;
            };
            match recover(places, record, &phrase) {
                Ok(()) => {
                    console::say("the identity key is back, sealed to this TPM");
                    return Ok(());
                }
                Err(why) => console::say(&format!("phrase on {}: {why}", drive.display())),
            }
        }
        std::thread::sleep(AGAIN);
    }
}

/// Whether there is a TPM, waiting for its device where the firmware tells of one.
fn present(places: &Places) -> bool {
    let begun = Instant::now();
    while !places.device.exists() {
        if !places.told.exists() || begun.elapsed() > APPEARS {
            return false;
        }
        std::thread::sleep(Duration::from_millis(50));
    }
    true
}

/// Unseals the words and has them open the key; draws and seals them where there are none.
fn open(places: &Places, record: &Record) -> Result<&'static str, Error> {
    let mut refused = None;
    for name in [BLOB, NEXT] {
        let blob = record.path(name);
        if !blob.exists() {
            continue;
        }
        let done = unseal(places, &blob).and_then(|words| {
            publish(places, "words", &words)?;
            key(places, &["seal"])
        });
        match done {
            Ok(()) if name == NEXT => {
                record.rename(NEXT, BLOB)?;
                return Ok("the identity key is sealed to the TPM");
            }
            Ok(()) => return Ok("the identity key was opened by the TPM"),
            Err(why) => refused = refused.or(Some(why)),
        }
    }
    if let Some(why) = refused {
        withdraw(places);
        return Err(why);
    }
    if record.trial().is_some() {
        return Ok("a trial does not seal the identity key");
    }
    let words = draw(places, record)?;
    publish(places, "words", &words)?;
    if let Err(why) = key(places, &["seal"]) {
        // Whatever the key is sealed under, these words are not it.
        withdraw(places);
        record.forget(NEXT)?;
        return Err(why);
    }
    record.rename(NEXT, BLOB)?;
    Ok("the identity key is sealed to the TPM")
}

/// Makes the key anew from a phrase, under fresh words.
fn recover(places: &Places, record: &Record, phrase: &[u8]) -> Result<(), Error> {
    let words = draw(places, record)?;
    publish(places, "words", &words)?;
    publish(places, "phrase", phrase)?;
    let path = places.open.join("phrase");
    let done = key(places, &["recover", "--phrase", &path.to_string_lossy()]);
    let _ = std::fs::remove_file(&path);
    if done.is_err() {
        withdraw(places);
    }
    done?;
    record.rename(NEXT, BLOB)
}

/// Draws words, seals them and sees that the TPM gives them back, before anything relies on it.
fn draw(places: &Places, record: &Record) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut drawn = Zeroizing::new([0; 32]);
    aws_lc_rs::rand::fill(drawn.as_mut()).map_err(|_| locked("no randomness"))?;
    let words = Zeroizing::new(hex(drawn.as_ref()).into_bytes());
    let mut seal = creds(places, "encrypt");
    seal.args(["--with-key=tpm2", "--tpm2-pcrs=7", "-", "-"]);
    let blob = piped(seal, &words)?;
    let next = record.path(NEXT);
    replace(&next, &blob)?;
    if unseal(places, &next)? != words {
        return Err(locked("the TPM does not give back what was sealed"));
    }
    Ok(words)
}

fn unseal(places: &Places, blob: &Path) -> Result<Zeroizing<Vec<u8>>, Error> {
    let mut unseal = creds(places, "decrypt");
    unseal.arg(blob).arg("-");
    piped(unseal, &[]).map(Zeroizing::new).map_err(|why| {
        locked(&format!(
            "this TPM does not open it; the disk is another machine's, or Secure Boot changed: {why}"
        ))
    })
}

fn creds(places: &Places, verb: &str) -> Command {
    let mut creds = Command::new(&places.creds);
    creds.arg(verb).arg("--name=identity");
    creds
}

/// Runs a program with bytes on its standard input; what it wrote.
fn piped(mut program: Command, input: &[u8]) -> Result<Vec<u8>, Error> {
    let name = PathBuf::from(program.get_program());
    let mut child = program
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .map_err(Error::file(&name))?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(input).map_err(Error::file(&name))?;
    }
    let done = child.wait_with_output().map_err(Error::file(&name))?;
    if !done.status.success() {
        return Err(locked(&line(&done.stderr)));
    }
    Ok(done.stdout)
}

/// Has the host's own command line change the key file, as the host's user.
fn key(places: &Places, verb: &[&str]) -> Result<(), Error> {
    let about = std::fs::metadata(&places.host).map_err(Error::file(&places.host))?;
    let done = Command::new(&places.program)
        .arg("key")
        .args(verb)
        .arg("--dir")
        .arg(&places.host)
        .arg("--words")
        .arg(places.open.join("words"))
        .current_dir("/")
        .env_clear()
        .uid(about.uid())
        .gid(about.gid())
        .output()
        .map_err(Error::file(&places.program))?;
    if done.status.success() {
        return Ok(());
    }
    Err(locked(&line(&done.stderr)))
}

/// Leaves a secret in memory, for the host's user alone.
fn publish(places: &Places, name: &str, secret: &[u8]) -> Result<(), Error> {
    let about = std::fs::metadata(&places.host).map_err(Error::file(&places.host))?;
    let folder = &places.open;
    let path = folder.join(name);
    let write = || {
        std::fs::create_dir_all(folder)?;
        std::fs::set_permissions(folder, Permissions::from_mode(0o700))?;
        let _ = std::fs::remove_file(&path);
        let mut file: File = OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o400)
            .open(&path)?;
        file.write_all(secret)?;
        chown(&path, Some(about.uid()), Some(about.gid()))?;
        chown(folder, Some(about.uid()), Some(about.gid()))
    };
    write().map_err(Error::file(&path))
}

/// Words that open nothing are no help to anyone.
fn withdraw(places: &Places) {
    let _ = std::fs::remove_file(places.open.join("words"));
}

fn locked(why: &str) -> Error {
    Error::State {
        what: "the identity key",
        why: why.to_owned(),
    }
}

/// What a program said last, where the reason stands: libraries warn before it.
fn line(said: &[u8]) -> String {
    let said = String::from_utf8_lossy(said);
    let last = said.lines().rfind(|line| !line.trim().is_empty());
    let words = last.unwrap_or("it said nothing").split_whitespace();
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests;
