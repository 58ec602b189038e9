//! One host: made by `holdfast init`, run by `holdfastd`, asked by `holdfast status|inspect`.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use host_core::seams::PeerAddr;
use host_core::{Address, Amount, PeerId};
use serde::Deserialize;

use super::child::Child;
use super::poll::until;
use super::said::{Said, holdfast};

/// Where a container keeps what lasts.
pub(crate) const VOLUME: &str = "/var/lib/holdfast";

/// What a host is made from.
#[derive(Debug, Clone, Default)]
pub(crate) struct Plan {
    /// Volumes as `PATH=SIZE`; one of 64 MiB when empty.
    pub(crate) volumes: Vec<String>,
    /// Values that differ from the tests' own, as `KEY=VALUE`.
    pub(crate) set: Vec<String>,
    /// A file with the phrase of an identity to bring back.
    pub(crate) recover: Option<PathBuf>,
    /// A file with the passphrase of the key file.
    pub(crate) passphrase: Option<PathBuf>,
}

/// A host and, while it runs, its process.
#[derive(Debug)]
pub(crate) struct Host {
    pub(crate) dir: PathBuf,
    pub(crate) peer: PeerId,
    pub(crate) address: Address,
    pub(crate) phrase: Option<String>,
    /// Words of the container it runs in, where its directory is the volume.
    pub(crate) container: Vec<String>,
    child: Option<Child>,
    ready: Option<Ready>,
}

#[derive(Debug, Deserialize)]
struct Made {
    peer: String,
    address: String,
    phrase: Option<String>,
}

/// The line of a daemon that serves.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Ready {
    pub(crate) peer: String,
    pub(crate) addrs: Vec<String>,
    pub(crate) api: Option<SocketAddr>,
    pub(crate) gateway: Option<SocketAddr>,
    pub(crate) health: Option<SocketAddr>,
    pub(crate) health_fingerprint: Option<String>,
}

/// What `holdfast status --json` says, as far as tests ask.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Status {
    pub(crate) block: u64,
    pub(crate) free: u64,
    pub(crate) used: u64,
    pub(crate) shards: u64,
    pub(crate) agreements: u64,
    pub(crate) cheques: u64,
    pub(crate) received: Amount,
    pub(crate) cashed: Amount,
}

/// What `holdfast inspect --json` says.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
pub(crate) struct Holdings {
    pub(crate) shards: u64,
    pub(crate) bytes: u64,
    pub(crate) damaged: u64,
    pub(crate) agreements: u64,
    pub(crate) cheques: u64,
    pub(crate) promised: Amount,
}

/// The words of `holdfast init` for a host of these tests: loopback, ports of the kernel's choice.
pub(crate) fn init_words(dir: &Path, network: &Path, plan: &Plan) -> Vec<String> {
    let mut words = vec!["init".to_owned(), "--json".into()];
    words.extend(["--dir".into(), dir.to_string_lossy().into_owned()]);
    words.extend(["--network".into(), network.to_string_lossy().into_owned()]);
    let own = ["volume-0=64 MiB".to_owned()];
    let volumes = if plan.volumes.is_empty() {
        &own[..]
    } else {
        &plan.volumes
    };
    for volume in volumes {
        words.extend(["--volume".into(), volume.clone()]);
    }
    let fixed = [
        r#"swarm.listen=["/ip4/127.0.0.1/tcp/0"]"#,
        r#"api.listen="127.0.0.1:0""#,
        "gateway.enabled=false",
        "settle.auto_cash=false",
        "offer.epochs_max=1000000",
        r#"storage.buffers="8 MiB""#,
    ];
    for pair in fixed.map(str::to_owned).iter().chain(&plan.set) {
        words.extend(["--set".into(), pair.clone()]);
    }
    if let Some(file) = &plan.passphrase {
        words.extend([
            "--passphrase-file".into(),
            file.to_string_lossy().into_owned(),
        ]);
    }
    if let Some(file) = &plan.recover {
        words.extend(["--recover".into(), file.to_string_lossy().into_owned()]);
    }
    words
}

impl Host {
    /// Makes a host in `dir` for the network of a file; it does not run yet.
    pub(crate) fn make(dir: &Path, network: &Path, plan: &Plan) -> Self {
        let made = holdfast(None, &init_words(dir, network, plan)).well();
        Self::of(dir, made.out.as_bytes())
    }

    /// The host in `dir` that `holdfast init --json` told of.
    pub(crate) fn of(dir: &Path, said: &[u8]) -> Self {
        let said = String::from_utf8_lossy(said);
        let line = said.lines().last().unwrap_or_default();
        let made: Made = serde_json::from_str(line).expect("what init says");
        Self {
            dir: dir.to_path_buf(),
            peer: made.peer.parse().expect("a peer id"),
            address: made.address.parse().expect("an account"),
            phrase: made.phrase,
            container: Vec::new(),
            child: None,
            ready: None,
        }
    }

    /// The same host in another directory, as a restore makes it.
    pub(crate) fn moved(&self, dir: &Path) -> Self {
        Self {
            dir: dir.to_path_buf(),
            peer: self.peer,
            address: self.address,
            phrase: None,
            container: Vec::new(),
            child: None,
            ready: None,
        }
    }

    /// Starts the daemon without waiting for it.
    pub(crate) fn launch(&mut self) {
        self.launch_with(&[]);
    }

    /// The same with more words on its command line.
    pub(crate) fn launch_with(&mut self, more: &[&str]) {
        assert!(self.child.is_none(), "the host runs already");
        let log = self.dir.with_extension("log");
        let boxed = !self.container.is_empty();
        let dir = if boxed {
            VOLUME.to_owned()
        } else {
            self.dir_text()
        };
        let mut words = vec!["--dir".to_owned(), dir];
        words.extend(more.iter().map(|word| (*word).to_owned()));
        self.child = Some(if boxed {
            Child::start_within(&self.container, "/usr/bin/holdfastd", &words, &log)
        } else {
            Child::start("holdfastd", &words, &log)
        });
        self.ready = None;
    }

    /// Waits until the launched daemon serves.
    pub(crate) fn serving(&mut self) -> &Ready {
        let child = self.child.as_ref().expect("the host was launched");
        let ready: Ready = child.ready();
        assert_eq!(ready.peer, self.peer.to_string());
        self.ready.insert(ready)
    }

    /// Starts the daemon and waits until it serves.
    pub(crate) fn start(&mut self) {
        self.launch();
        self.serving();
    }

    /// Runs a daemon that must not come to serve; returns what it said.
    pub(crate) fn start_in_vain(&self) -> String {
        let log = self.dir.with_extension("vain");
        let _none_yet = std::fs::remove_file(&log);
        let words = ["--dir".to_owned(), self.dir_text()];
        let mut child = Child::start("holdfastd", &words, &log);
        let status = child.ended();
        let said = std::fs::read_to_string(&log).expect("the log reads");
        assert!(!status.success(), "the daemon ended well: {said}");
        said
    }

    /// kill -9.
    pub(crate) fn kill(&mut self) {
        if let Some(mut child) = self.child.take() {
            child.kill();
        }
    }

    /// Ends the daemon in order.
    pub(crate) fn stop(&mut self) {
        if let Some(mut child) = self.child.take() {
            let status = child.stop();
            assert!(
                status.success(),
                "the daemon ended with {status}: {}",
                child.log_tail()
            );
        }
    }

    /// Waits for the daemon to end by itself.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        self.child.take().expect("the host runs").ended()
    }

    /// The daemon's process id.
    pub(crate) fn pid(&self) -> u32 {
        self.child.as_ref().expect("the host runs").pid()
    }

    /// What the daemon said when it served.
    pub(crate) fn ready(&self) -> &Ready {
        self.ready.as_ref().expect("the host served")
    }

    /// Where it can be dialled.
    pub(crate) fn addr(&self) -> PeerAddr {
        PeerAddr {
            peer: self.peer,
            addrs: self.ready().addrs.clone(),
        }
    }

    fn dir_text(&self) -> String {
        self.dir.to_string_lossy().into_owned()
    }

    /// Asks the running host with `holdfast VERB`.
    pub(crate) fn ask(&self, verb: &str) -> Said {
        let api = self.ready().api.expect("a local api").to_string();
        holdfast(
            None,
            &[verb, "--dir", &self.dir_text(), "--api", &api, "--json"],
        )
    }

    /// How the running host is doing.
    pub(crate) fn status(&self) -> Status {
        self.ask("status").json()
    }

    /// Waits until the host's status satisfies `holds`.
    pub(crate) fn status_when(&self, what: &str, holds: impl Fn(&Status) -> bool) -> Status {
        until(what, Duration::from_secs(20), || {
            Some(self.status()).filter(|status| holds(status))
        })
    }

    /// Counts what the host at rest holds, every byte read back.
    pub(crate) fn inspect(&self) -> Holdings {
        holdfast(None, &["inspect", "--dir", &self.dir_text(), "--json"]).json()
    }

    /// What the daemon wrote into its log files, whole.
    pub(crate) fn log(&self) -> String {
        holdfast(None, &["logs", "--dir", &self.dir_text(), "--json"])
            .well()
            .out
    }
}
