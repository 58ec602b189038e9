//! Goal: the supervisor is fed while every critical loop goes round, and not while any one of them
//! stands. Method: a real socket in the supervisor's place, the test's own clock; each loop in turn
//! stops beating while all others go on. The swarm and the committer are wedged for real.

use super::*;
use host_core::identity::SecretKey;
use host_ledger::{Fact, MemoryStorage, Storage};
use host_net::{Bounds, Inlet, Options};
use std::io;
use std::os::unix::net::UnixDatagram;
use std::sync::{Condvar, Mutex};

/// Longer than every deadline.
const LONG: Duration = Duration::from_secs(2_000);

async fn node() -> (Net, Inlet) {
    let options = Options {
        key: SecretKey::from_bytes(&[9; 32]).expect("a scalar"),
        listen: Vec::new(),
        announce: Vec::new(),
        private_network: true,
        protocols: Vec::new(),
        agent: "holdfast/test".to_owned(),
        bounds: Bounds::house(),
    };
    Net::start(options).await.expect("a node")
}

struct Rig {
    pulse: Pulse,
    beats: Vec<(&'static str, Beat)>,
    supervisor: UnixDatagram,
    net: Net,
    gate: Gate,
    _inlet: Inlet,
    _dir: tempfile::TempDir,
}

impl Rig {
    async fn begin() -> Self {
        let dir = tempfile::tempdir().expect("a folder");
        let path = dir.path().join("notify");
        let supervisor = UnixDatagram::bind(&path).expect("a socket");
        supervisor.set_nonblocking(true).expect("set");
        let notify = Notify::open(path.as_os_str()).expect("it listens");
        let gate = Gate::default();
        let storage = Gated {
            bytes: MemoryStorage::default(),
            gate: gate.clone(),
        };
        let ledger = Ledger::open_on(storage, host_ledger::Options::default());
        let (net, inlet) = node().await;
        let watchdog = Watchdog::new(Duration::from_millis(1));
        let watched = Some((notify, Some(watchdog)));
        let pulse = Pulse::with(ledger.expect("a ledger"), net.clone(), watched);
        let beats = vec![
            ("runtime", pulse.runtime()),
            ("conversations", pulse.conversations()),
            ("proofs", pulse.proofs()),
            ("drives", pulse.drives()),
        ];
        Self {
            pulse,
            beats,
            supervisor,
            net,
            gate,
            _inlet: inlet,
            _dir: dir,
        }
    }

    /// Feels at `at`, everybody having beaten but `wedged`; who is late, and whether the
    /// supervisor was fed.
    fn feel(&mut self, at: Duration, wedged: &str) -> (Vec<String>, bool) {
        for (name, beat) in &self.beats {
            if *name != wedged {
                beat.beat_at(at);
            }
        }
        if wedged != "swarm" {
            self.pulse.swarm.beat_at(at);
        }
        if wedged != "ledger" {
            self.pulse.committer.beat_at(at);
        }
        let late = self.pulse.feel_at(at);
        let mut word = [0; 64];
        let fed = self.supervisor.recv(&mut word).is_ok();
        while self.supervisor.recv(&mut word).is_ok() {}
        (late, fed)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_critical_loop_that_stands_keeps_the_watchdog_from_being_fed() {
    let mut rig = Rig::begin().await;
    let names: Vec<&str> = rig.beats.iter().map(|(name, _)| *name).collect();
    let mut at = Duration::ZERO;
    for wedged in names {
        let (late, fed) = rig.feel(at, "nobody");
        assert!(late.is_empty() && fed, "all go round: {late:?}");
        at += LONG;
        let (late, fed) = rig.feel(at, wedged);
        assert!(!fed, "{wedged} stands");
        assert_eq!(late.len(), 1, "{late:?}");
        assert!(late[0].starts_with(wedged), "{late:?}");
        let (late, fed) = rig.feel(at + Duration::from_secs(1), "nobody");
        assert!(late.is_empty() && fed, "{wedged} goes on: {late:?}");
        at += Duration::from_secs(2);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swarm_that_has_stopped_turning_is_late() {
    let mut rig = Rig::begin().await;
    let before = rig.net.sign_of_life();
    let turning = async {
        while rig.net.sign_of_life() == before {
            tokio::task::yield_now().await;
        }
    };
    let turned = tokio::time::timeout(Duration::from_secs(60), turning).await;
    assert!(turned.is_ok(), "a living swarm gives signs");
    rig.net.stop().await;
    // Signs that were on their way are counted once.
    rig.feel(Duration::from_secs(1), "swarm");
    let (late, fed) = rig.feel(LONG, "swarm");
    assert!(
        !fed && late.len() == 1 && late[0].starts_with("swarm"),
        "{late:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_committer_whose_drive_does_not_answer_is_late_and_one_that_has_nothing_to_do_is_not() {
    let mut rig = Rig::begin().await;
    let (late, fed) = rig.feel(LONG, "ledger");
    assert!(late.is_empty() && fed, "nothing waits for it: {late:?}");
    rig.gate.shut(true);
    let ledger = rig.pulse.ledger.clone();
    let bytes = vec![1];
    let key = "test".to_owned();
    let waits =
        tokio::spawn(async move { ledger.commit(vec![Fact::MetaSet { key, bytes }]).await });
    let entered = async {
        while rig.pulse.ledger.progress().0 == rig.pulse.ledger.progress().1 {
            tokio::task::yield_now().await;
        }
    };
    assert!(
        tokio::time::timeout(Duration::from_secs(60), entered)
            .await
            .is_ok()
    );
    let _told_once = rig.feel(LONG, "ledger");
    let (late, fed) = rig.feel(LONG + LONG, "ledger");
    assert!(
        !fed && late.len() == 1 && late[0].starts_with("ledger"),
        "{late:?}"
    );
    rig.gate.shut(false);
    waits.await.expect("it ends").expect("it is committed");
    let (late, fed) = rig.feel(LONG + LONG, "ledger");
    assert!(late.is_empty() && fed, "it goes on: {late:?}");
}

/// A ledger's storage whose flush waits while the gate is shut.
#[derive(Debug, Default, Clone)]
struct Gate(Arc<(Mutex<bool>, Condvar)>);

impl Gate {
    fn shut(&self, shut: bool) {
        *self.0.0.lock().expect("no holder panics") = shut;
        self.0.1.notify_all();
    }
}

#[derive(Debug)]
struct Gated {
    bytes: MemoryStorage,
    gate: Gate,
}

impl Storage for Gated {
    fn len(&self) -> io::Result<u64> {
        self.bytes.len()
    }

    fn read(&self, offset: u64, out: &mut [u8]) -> io::Result<()> {
        self.bytes.read(offset, out)
    }

    fn set_len(&self, len: u64) -> io::Result<()> {
        self.bytes.set_len(len)
    }

    fn sync(&self) -> io::Result<()> {
        let (shut, bell) = &*self.gate.0;
        let held = shut.lock().expect("no holder panics");
        let _open = bell
            .wait_while(held, |shut| *shut)
            .expect("no holder panics");
        self.bytes.sync()
    }

    fn write(&self, offset: u64, bytes: &[u8]) -> io::Result<()> {
        self.bytes.write(offset, bytes)
    }
}
