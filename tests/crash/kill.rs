//! SIGKILL. A child stores, pays and removes shards on real files through the real driver and says
//! each acknowledgement on its output; it is killed at a moment chance chooses, again and again on
//! the same directory. After every kill the files are opened here: all it said is true.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use futures::executor::block_on;
use host_ledger::{Fact, Ledger, Options};
use host_store::simulated::Chance;
use host_store::{Store, format};
use host_uring::{AnyDevice, Driver, OpenOptions};

use super::machine::{NETWORK, OWNER, Running, bytes_of, digest, label, shard_of};

/// Names the directory in the child's environment, and makes it a child.
const CHILD: &str = "HOLDFAST_CRASH_DIR";
const VOLUMES: usize = 2;
const VOLUME_SIZE: u64 = 64 << 20;
/// Kills of one directory.
const LIVES: u64 = 12;

fn device(dir: &Path, n: usize, create_size: Option<u64>) -> AnyDevice {
    let options = OpenOptions {
        create_size,
        arena_bytes: 16 << 20,
        queue_depth: 16,
        driver: Driver::Auto,
    };
    host_uring::open(&dir.join(format!("volume-{n}")), options).expect("the volume opens")
}

fn start(dir: &Path) -> Running<AnyDevice> {
    let ledger = Ledger::open(&dir.join("state"), Options::default()).expect("the ledger opens");
    let volumes = (0..VOLUMES)
        .map(|n| (format!("volume-{n}"), device(dir, n, None)))
        .collect();
    let opened = block_on(Store::open(volumes, ledger.clone(), OWNER, NETWORK));
    let (store, left_out) = opened.expect("the store opens");
    assert!(left_out.is_empty(), "{left_out:?}");
    Running {
        ledger,
        store,
        left_out,
    }
}

fn content(n: u64) -> Vec<u8> {
    bytes_of(n, 1 + usize::try_from(n * 7919 % 900_000).expect("small"))
}

/// Not a test of its own: the child's life when the parent set its directory.
#[test]
fn a_child_lives_until_it_is_killed() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let running = start(Path::new(&dir));
    let open = running
        .ledger
        .read()
        .expect("reads")
        .agreements(None, usize::MAX)
        .expect("reads");
    let mut kept: Vec<u64> = open.iter().map(|row| row.signed.terms.nonce).collect();
    kept.sort_unstable();
    let mut n = kept.last().copied().unwrap_or(0) + 1000;
    let cheque = running
        .ledger
        .read()
        .expect("reads")
        .totals()
        .expect("reads")
        .received
        .0;
    let mut out = std::io::stdout();
    let mut say = |word: &str, number: u128| {
        writeln!(out, "\nACK {word} {number}").expect("the parent listens");
        out.flush().expect("the parent listens");
    };
    for sum in cheque + 1.. {
        n += 1;
        running.put(n, &content(n)).expect("stored");
        say("put", u128::from(n));
        kept.push(n);
        running.pay(n, sum).expect("paid");
        say("pay", sum);
        if kept.len() > 30 {
            let gone = kept.remove(usize::try_from(n % 30).expect("small"));
            say("removing", u128::from(gone));
            running.remove(gone).expect("removed");
            say("removed", u128::from(gone));
            let forgotten = Fact::AgreementsForgotten {
                ended: vec![digest(gone)],
                before: u64::MAX,
            };
            block_on(running.ledger.commit(vec![forgotten])).expect("forgotten");
            say("forgotten", u128::from(gone));
        }
    }
}

/// What the children said.
#[derive(Default)]
struct Said {
    /// Kept, or (false) in doubt because a removal had begun.
    shards: BTreeMap<u64, bool>,
    cheque: u128,
    forgotten: Vec<u64>,
}

impl Said {
    fn hear(&mut self, line: &str) {
        let mut words = line.split_whitespace();
        let (Some("ACK"), Some(word), Some(number)) = (words.next(), words.next(), words.next())
        else {
            return;
        };
        let Ok(number) = number.parse::<u128>() else {
            return;
        };
        let n = u64::try_from(number).unwrap_or(u64::MAX);
        match word {
            "put" => {
                self.shards.insert(n, true);
            }
            "removing" => {
                self.shards.insert(n, false);
            }
            "removed" => {
                self.shards.remove(&n);
            }
            "pay" => self.cheque = number,
            "forgotten" => self.forgotten.push(n),
            _ => (),
        }
    }
}

fn spawn(dir: &Path) -> Child {
    Command::new(std::env::current_exe().expect("this program has a path"))
        .args([
            "kill::a_child_lives_until_it_is_killed",
            "--exact",
            "--nocapture",
        ])
        .env(CHILD, dir)
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .expect("the child starts")
}

/// Listens for `span` after the first acknowledgement, then kills and hears the rest.
fn live(dir: &Path, said: &mut Said, span: Duration) -> usize {
    let mut child = spawn(dir);
    let output = BufReader::new(child.stdout.take().expect("piped"));
    let mut count = 0;
    let mut first: Option<Instant> = None;
    for line in output.lines() {
        let Ok(line) = line else { break };
        said.hear(&line);
        count += usize::from(line.starts_with("ACK"));
        let since = first.get_or_insert_with(Instant::now);
        if count > 0 && since.elapsed() >= span {
            child.kill().expect("the child is killed");
        }
    }
    child.wait().expect("the child ended");
    count
}

fn check(dir: &Path, said: &mut Said) {
    let running = start(dir);
    running
        .check_space()
        .expect("free and used cover the volumes");
    let view = running.ledger.read().expect("reads");
    let mut open = BTreeMap::new();
    for row in view.agreements(None, usize::MAX).expect("reads") {
        open.insert(row.signed.terms.nonce, ());
    }
    said.shards.retain(|n, sure| *sure || open.contains_key(n));
    for n in said.shards.keys() {
        assert!(
            open.contains_key(n),
            "agreement {n} was acknowledged and is gone"
        );
        assert!(view.agreement(&digest(*n)).expect("reads").is_some());
        let bytes = content(*n);
        let found = running.get(&shard_of(&bytes)).expect("reads");
        assert_eq!(found.as_deref(), Some(bytes.as_slice()), "shard of {n}");
    }
    // The put under way when the child died may be there too, and it is whole.
    for n in open
        .keys()
        .filter(|n| !said.shards.contains_key(n))
        .copied()
        .collect::<Vec<_>>()
    {
        let bytes = content(n);
        assert_eq!(running.get(&shard_of(&bytes)).expect("reads"), Some(bytes));
        said.shards.insert(n, true);
    }
    for n in &said.forgotten {
        let found = view.agreement(&digest(*n)).expect("reads");
        assert!(found.is_none(), "agreement {n} was forgotten and is back");
    }
    // Whatever a kill cut off: a row is either there or counted as forgotten, never both.
    let totals = view.totals().expect("reads");
    let ended = view.ended_agreements(None, usize::MAX).expect("reads");
    let rows = u64::try_from(ended.len()).expect("few");
    let counted = totals.expired + totals.released + totals.failed;
    assert_eq!(rows + totals.forgotten, counted);
    let promised = view.totals().expect("reads").received.0;
    assert!(
        promised == said.cheque || promised == said.cheque + 1,
        "{promised}"
    );
    said.cheque = promised;
    for sure in said.shards.values_mut() {
        *sure = true;
    }
    drop(view);
    let Running { ledger, store, .. } = running;
    drop(store);
    block_on(ledger.close());
}

#[test]
fn nothing_acknowledged_is_lost_when_a_process_is_killed() {
    // Goal: kill -9 at any moment loses nothing. Method: twelve lives on one directory, each ended
    // 0 to 300 ms after its first word; seed 7.
    let dir = tempfile::tempdir().expect("a directory");
    for n in 0..VOLUMES {
        let device = device(dir.path(), n, Some(VOLUME_SIZE));
        block_on(format(&device, label(n))).expect("formatted");
    }
    let mut chance = Chance::new(7);
    let mut said = Said::default();
    let mut heard = 0;
    for _ in 0..LIVES {
        heard += live(
            dir.path(),
            &mut said,
            Duration::from_millis(chance.below(300)),
        );
        check(dir.path(), &mut said);
    }
    assert!(heard > 20, "the children said only {heard} words");
}

#[test]
fn the_rings_alone_tell_everything_after_a_kill() {
    // Goal: kill -9 and the loss of the state device together lose nothing acknowledged.
    // Method: one life, then the state directory is removed.
    let dir = tempfile::tempdir().expect("a directory");
    for n in 0..VOLUMES {
        let device = device(dir.path(), n, Some(VOLUME_SIZE));
        block_on(format(&device, label(n))).expect("formatted");
    }
    let mut said = Said::default();
    live(dir.path(), &mut said, Duration::from_millis(700));
    std::fs::remove_dir_all(dir.path().join("state")).expect("the ledger is lost");
    check(dir.path(), &mut said);
}
