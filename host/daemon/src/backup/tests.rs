//! Goal: what was saved comes back whole or not at all. Method: real directories; every byte
//! changed, every cut, crafted names, a source and a sink that fail.

use std::collections::VecDeque;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU8, Ordering};

use anyhow::bail;
use host_core::seams::Entropy;
use ring::digest;

use super::instance::{FILE, State};
use super::{BATCH_LEN_MAX, FactSink, FactSource, Instance, Machine, Plan, Restored, Taken};
use super::{backup, restore, verify};

/// Counts up, so that each mark differs and a run repeats.
#[derive(Default)]
pub(super) struct Counting(AtomicU8);

impl Entropy for Counting {
    fn fill(&self, buffer: &mut [u8]) {
        buffer.fill(self.0.fetch_add(1, Ordering::Relaxed));
    }
}

/// Batches to give, then an end or an error.
struct Facts {
    left: VecDeque<Vec<u8>>,
    broken: bool,
}

impl FactSource for Facts {
    fn next_batch(&mut self) -> anyhow::Result<Option<Vec<u8>>> {
        match self.left.pop_front() {
            None if self.broken => bail!("the ledger is gone"),
            batch => Ok(batch),
        }
    }
}

#[derive(Default)]
struct Taking {
    calls: Vec<String>,
    batches: Vec<Vec<u8>>,
    full: bool,
}

impl FactSink for Taking {
    fn open(&mut self, dir: &Path) -> anyhow::Result<()> {
        assert!(dir.join("host.toml").exists(), "files come before facts");
        self.calls.push("open".to_owned());
        std::fs::create_dir(dir.join("state"))?;
        Ok(())
    }

    fn put_batch(&mut self, batch: &[u8]) -> anyhow::Result<()> {
        if self.full {
            bail!("no space left");
        }
        self.batches.push(batch.to_vec());
        Ok(())
    }

    fn close(&mut self) -> anyhow::Result<()> {
        self.calls.push("close".to_owned());
        Ok(())
    }
}

struct Place {
    root: tempfile::TempDir,
    entropy: Counting,
}

fn place() -> Place {
    let place = Place {
        root: tempfile::tempdir().expect("a directory"),
        entropy: Counting::default(),
    };
    let dir = place.dir();
    std::fs::create_dir_all(dir.join("keys")).expect("makes");
    std::fs::write(dir.join("host.toml"), "network = \"network.toml\"\n").expect("writes");
    std::fs::write(dir.join("network.toml"), "name = \"test\"\n").expect("writes");
    let key = dir.join("keys/identity.key");
    std::fs::write(&key, b"sealed bytes").expect("writes");
    std::fs::set_permissions(key, std::fs::Permissions::from_mode(0o600)).expect("sets");
    std::fs::write(place.outside(), b"far away").expect("writes");
    let first = Instance::first(&dir, &Machine::default(), &place.entropy, 5).expect("makes");
    first.write(&dir).expect("writes");
    place
}

impl Place {
    fn dir(&self) -> PathBuf {
        self.root.path().join("host")
    }

    fn new_dir(&self) -> PathBuf {
        self.root.path().join("again")
    }

    fn outside(&self) -> PathBuf {
        self.root.path().join("elsewhere.toml")
    }

    fn file(&self) -> PathBuf {
        self.root.path().join("host.backup")
    }

    fn backup(&self, batches: &[&[u8]], broken: bool) -> anyhow::Result<Taken> {
        let dir = self.dir();
        let names = ["host.toml", "network.toml", "keys/identity.key"];
        let mut files: Vec<PathBuf> = names.into_iter().map(PathBuf::from).collect();
        files.push(self.outside());
        let plan = Plan {
            dir: &dir,
            files: &files,
            program: "holdfastd/0",
            now_ms: 7,
        };
        let left = batches.iter().map(|batch| batch.to_vec()).collect();
        backup(
            &plan,
            &self.file(),
            &mut Facts { left, broken },
            &self.entropy,
        )
    }

    fn restore(&self, sink: &mut Taking) -> anyhow::Result<Restored> {
        let (file, dir) = (self.file(), self.new_dir());
        restore(&file, &dir, sink, &Machine::default(), &self.entropy, 9)
    }

    /// Names in the directory of everything: nothing half-done may be left there.
    fn names(&self) -> Vec<String> {
        let found = std::fs::read_dir(self.root.path()).expect("reads");
        let mut names: Vec<String> = found
            .map(|found| {
                found
                    .expect("reads")
                    .file_name()
                    .into_string()
                    .expect("text")
            })
            .collect();
        names.sort();
        names
    }
}

/// Goal: what was saved is what comes back. Method: files of different modes and folders, one of
/// them outside the directory, and three batches.
#[test]
fn a_restored_directory_holds_the_saved_files_and_facts() {
    let place = place();
    let taken = place
        .backup(&[b"one", b"two", &[7; 100_000]], false)
        .expect("saves");
    assert_eq!(taken.batches, 3);
    assert_eq!(
        taken.size,
        std::fs::metadata(place.file()).expect("is there").len()
    );
    assert_eq!(
        verify(&place.file()).expect("holds"),
        (taken.head.clone(), 3)
    );
    let mut sink = Taking::default();
    let restored = place.restore(&mut sink).expect("restores");
    assert_eq!(sink.calls, ["open", "close"]);
    assert_eq!(
        sink.batches,
        [b"one".to_vec(), b"two".to_vec(), vec![7; 100_000]]
    );
    for name in ["host.toml", "network.toml", "keys/identity.key"] {
        let read = |dir: PathBuf| {
            let path = dir.join(name);
            let mode = std::fs::metadata(&path)
                .expect("is there")
                .permissions()
                .mode();
            (std::fs::read(path).expect("reads"), mode)
        };
        assert_eq!(read(place.new_dir()), read(place.dir()), "{name}");
    }
    assert!(
        place.new_dir().join("state").is_dir(),
        "what the sink made came along"
    );
    let (named, now) = restored.outside.first().expect("one file was outside");
    assert_eq!(Path::new(named), place.outside());
    assert_eq!(std::fs::read(now).expect("reads"), b"far away");
    assert_eq!(
        place.names(),
        ["again", "elsewhere.toml", "host", "host.backup"]
    );
}

#[test]
fn a_restored_copy_is_another_instance_that_must_claim() {
    let place = place();
    let taken = place.backup(&[], false).expect("saves");
    let restored = place.restore(&mut Taking::default()).expect("restores");
    let old = Instance::read(&place.dir())
        .expect("reads")
        .expect("is there");
    let new = Instance::read(&place.new_dir())
        .expect("reads")
        .expect("is there");
    assert_eq!(new, restored.instance);
    assert_ne!(new.instance, old.instance);
    assert_eq!((old.state, old.generation), (State::Claimed, 0));
    assert_eq!((new.state, new.generation), (State::Restored, 1));
    let origin = new.restored_from.clone().expect("has an origin");
    assert_eq!(
        (origin.backup, origin.instance),
        (Some(taken.head.backup), old.instance)
    );
    assert_eq!(old.backups.first().map(|noted| noted.backup), origin.backup);
    // The rename that ends a restore does not look like a copied directory.
    let started = Instance::at_start(&place.new_dir(), &Machine::default(), &place.entropy, 10);
    assert_eq!(started.expect("starts"), new);
}

#[test]
fn a_backup_is_for_its_owner_only_and_replaces_an_older_one() {
    let place = place();
    let first = place.backup(&[b"one"], false).expect("saves");
    let second = place.backup(&[b"two"], false).expect("saves");
    assert_ne!(first.digest, second.digest);
    let mode = std::fs::metadata(place.file())
        .expect("is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    let bytes = std::fs::read(place.file()).expect("reads");
    let (body, end) = bytes.split_last_chunk::<32>().expect("has a digest");
    assert_eq!(digest::digest(&digest::SHA256, body).as_ref(), end);
}

#[test]
fn facts_that_fail_leave_the_older_backup_as_it_was() {
    let place = place();
    place.backup(&[b"one"], false).expect("saves");
    let before = std::fs::read(place.file()).expect("reads");
    let why = place
        .backup(&[b"two"], true)
        .expect_err("the ledger is gone");
    assert!(format!("{why:#}").contains("the ledger is gone"), "{why:#}");
    assert!(place.backup(&[&vec![0; BATCH_LEN_MAX + 1]], false).is_err());
    assert!(place.backup(&[b""], false).is_err());
    assert_eq!(std::fs::read(place.file()).expect("reads"), before);
    assert_eq!(place.names(), ["elsewhere.toml", "host", "host.backup"]);
}

#[test]
fn a_directory_that_holds_anything_is_refused() {
    let place = place();
    place.backup(&[], false).expect("saves");
    std::fs::create_dir(place.new_dir()).expect("makes");
    std::fs::write(place.new_dir().join("mine"), "").expect("writes");
    assert!(place.restore(&mut Taking::default()).is_err());
    assert_eq!(
        std::fs::read_dir(place.new_dir()).expect("reads").count(),
        1
    );
    std::fs::remove_file(place.new_dir().join("mine")).expect("removes");
    place
        .restore(&mut Taking::default())
        .expect("an empty one is filled");
}

/// Goal: no damaged backup restores anything. Method: every byte changed, every cut, one byte more.
#[test]
fn a_backup_with_any_byte_changed_cut_or_added_restores_nothing() {
    let place = place();
    place.backup(&[b"one"], false).expect("saves");
    let whole = std::fs::read(place.file()).expect("reads");
    let refused = |bytes: &[u8], what: &str| {
        std::fs::write(place.file(), bytes).expect("writes");
        assert!(verify(&place.file()).is_err(), "{what}");
    };
    for at in 0..whole.len() {
        let mut changed = whole.clone();
        changed[at] ^= 1;
        refused(&changed, &format!("byte {at} changed"));
        refused(&whole[..at], &format!("cut at {at}"));
    }
    refused(&[whole.as_slice(), b"x"].concat(), "one byte more");
    assert!(place.restore(&mut Taking::default()).is_err());
    assert_eq!(place.names(), ["elsewhere.toml", "host", "host.backup"]);
}

#[test]
fn a_sink_that_fails_leaves_nothing_behind() {
    let place = place();
    place.backup(&[b"one"], false).expect("saves");
    let mut sink = Taking {
        full: true,
        ..Taking::default()
    };
    assert!(place.restore(&mut sink).is_err());
    assert_eq!(place.names(), ["elsewhere.toml", "host", "host.backup"]);
    place
        .restore(&mut Taking::default())
        .expect("the next one succeeds");
}

/// Goal: a crafted backup writes nowhere else. Method: whole records and a right digest around a
/// name that leaves the directory or replaces the instance.
#[test]
fn names_that_leave_the_directory_are_refused() {
    for name in ["../evil", "/tmp/evil", "a/../../evil", "", FILE, "./a"] {
        let place = place();
        place.backup(&[], false).expect("saves");
        let whole = std::fs::read(place.file()).expect("reads");
        let (head, _) = whole.split_at(whole.len() - 37);
        let mut crafted = head.to_vec();
        let mut body = (name.len() as u16).to_be_bytes().to_vec();
        body.extend(name.as_bytes());
        body.extend([0, 0, 0, 0, 1, 0xff, b'x']);
        crafted.push(2);
        crafted.extend((body.len() as u32).to_be_bytes());
        crafted.extend(&body);
        crafted.extend([0, 0, 0, 0, 0]);
        let end = digest::digest(&digest::SHA256, &crafted);
        crafted.extend(end.as_ref());
        std::fs::write(place.file(), &crafted).expect("writes");
        let why = verify(&place.file()).expect_err("must be refused");
        assert!(
            format!("{why:#}").contains("no name of a saved file"),
            "{name}: {why:#}"
        );
    }
}

#[test]
fn the_instance_file_and_what_is_no_file_are_never_saved() {
    let place = place();
    let dir = place.dir();
    for name in [FILE, "keys", "missing"] {
        let files = [PathBuf::from(name)];
        let plan = Plan {
            dir: &dir,
            files: &files,
            program: "holdfastd/0",
            now_ms: 7,
        };
        let mut facts = Facts {
            left: VecDeque::new(),
            broken: false,
        };
        assert!(
            backup(&plan, &place.file(), &mut facts, &place.entropy).is_err(),
            "{name}"
        );
    }
    assert_eq!(place.names(), ["elsewhere.toml", "host"]);
}
