//! A network for measurements: a company's own (`holdfast network`), some hosts and one renter with
//! a full vault, all real programs on loopback. Its epochs last an hour, so that paying by the epoch
//! does not enter a measurement of minutes.
//!
//! Enters: a directory, how many hosts, how large a volume. Invariant: every program ends when its
//! standard input does, so that neither an error nor a kill of this one leaves any behind.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU16, Ordering};

use anyhow::{Context, ensure};
use serde_json::Value;

use crate::idle::program;

/// Ports that `holdfast network` takes from its first on.
const PORTS: u16 = 5;
/// Where first ports are looked for: below those that the kernel gives to clients.
const FIRST_PORTS: std::ops::Range<u16> = 12_000..30_000;
/// MiB of I/O buffers a volume: many hosts on one machine.
const BUFFERS_MIB: usize = 32;
/// What the renter's vault is given: smallest units.
const DEPOSIT: &str = "100000000000000000000";

/// A program that said a line of JSON when it served; ended by the end of its input.
pub(crate) struct Serving {
    child: Child,
    /// What it said.
    pub(crate) said: Value,
}

impl Serving {
    /// Starts it and waits for its line; its standard error goes to `log`.
    pub(crate) fn start(command: &mut Command, log: &Path) -> anyhow::Result<Self> {
        let errors = File::options().create(true).append(true).open(log)?;
        let mut child = command
            .arg("--until-stdin-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .with_context(|| format!("starting {:?}", command.get_program()))?;
        let out = child.stdout.take().context("its output is a pipe")?;
        let mut serving = Self {
            child,
            said: Value::Null,
        };
        let mut lines = BufReader::new(out);
        let mut line = String::new();
        lines.read_line(&mut line)?;
        serving.said = serde_json::from_str(&line).with_context(|| {
            let why = std::fs::read_to_string(log).unwrap_or_default();
            format!("{:?} did not serve: {why}", command.get_program())
        })?;
        std::thread::spawn(move || lines.lines().for_each(drop));
        Ok(serving)
    }

    /// Its process.
    pub(crate) fn id(&self) -> u32 {
        self.child.id()
    }

    /// A word of what it said.
    pub(crate) fn word(&self, name: &str) -> anyhow::Result<String> {
        let word = self.said[name].as_str();
        Ok(word.with_context(|| format!("it names {name}"))?.to_owned())
    }
}

impl Drop for Serving {
    fn drop(&mut self) {
        drop(self.child.stdin.take());
        let _ = self.child.wait();
    }
}

/// A running network. Fields end in this order.
pub(crate) struct Town {
    hosts: Vec<(PathBuf, Serving)>,
    _network: Serving,
    dir: PathBuf,
    holdfast: PathBuf,
}

impl Town {
    /// Starts everything below `dir`; none where the programs are not built.
    pub(crate) fn start(
        dir: &Path,
        hosts: usize,
        volume_mib: usize,
    ) -> anyhow::Result<Option<Self>> {
        Self::with_buffers(dir, hosts, volume_mib, BUFFERS_MIB)
    }

    /// The same with other I/O buffers a volume.
    pub(crate) fn with_buffers(
        dir: &Path,
        hosts: usize,
        volume_mib: usize,
        buffers_mib: usize,
    ) -> anyhow::Result<Option<Self>> {
        let (holdfast, daemon) = (program("holdfast")?, program("holdfastd")?);
        if !holdfast.exists() || !daemon.exists() {
            return Ok(None);
        }
        let (net, home) = (dir.join("network"), dir.join("renter"));
        let file = net.join("network.toml");
        let port = free_ports()?.to_string();
        let network = |more: &[String]| {
            let mut command = Command::new(&holdfast);
            command.args(["network", "--json", "--port", &port, "--dir"]);
            command.arg(&net).args(more);
            command
        };
        // Once for its file, which hosts are made from; then for good, with money for them.
        say(&mut network(&["--exit".to_owned()]))?;
        let mut renter = Command::new(&holdfast);
        renter.args(["renter", "init", "--json"]);
        let made = say(renter.env("HOLDFAST_HOME", &home))?;
        let mut fund = vec!["--fund".to_owned(), word(&made, "address")?];
        let places: Vec<PathBuf> = (0..hosts)
            .map(|n| dir.join(format!("host-{n:02}")))
            .collect();
        for place in &places {
            let made = say(&mut host_command(
                &holdfast,
                place,
                &file,
                [volume_mib, buffers_mib],
            ))?;
            fund.extend(["--fund".to_owned(), word(&made, "address")?]);
        }
        let mut town = Self {
            hosts: Vec::new(),
            _network: Serving::start(&mut network(&fund), &dir.join("network.log"))?,
            dir: dir.to_owned(),
            holdfast: holdfast.clone(),
        };
        for place in places {
            let mut command = Command::new(&daemon);
            command.arg("--dir").arg(&place);
            let serving = Serving::start(&mut command, &place.with_extension("log"))?;
            town.hosts.push((place, serving));
        }
        let file = file.to_string_lossy();
        for words in [
            ["renter", "join", &file],
            ["wallet", "wrap", DEPOSIT],
            ["wallet", "deposit", DEPOSIT],
        ] {
            run(&mut town.as_renter(&words))?;
        }
        Ok(Some(town))
    }

    /// `holdfast WORDS` in the renter's home.
    pub(crate) fn as_renter(&self, words: &[&str]) -> Command {
        let mut command = Command::new(&self.holdfast);
        command.args(words);
        command.env("HOLDFAST_HOME", self.dir.join("renter"));
        command
    }

    /// A host's place and its process.
    pub(crate) fn host(&self, host: usize) -> anyhow::Result<&(PathBuf, Serving)> {
        self.hosts.get(host).context("there is no such host")
    }

    /// The file that names the network.
    pub(crate) fn network_file(&self) -> PathBuf {
        self.dir.join("network").join("network.toml")
    }

    /// What each host says of itself.
    pub(crate) fn statuses(&self) -> anyhow::Result<Vec<Value>> {
        let ask = |place: &Path| {
            let mut command = Command::new(&self.holdfast);
            say(command.args(["status", "--json", "--dir"]).arg(place))
        };
        self.hosts.iter().map(|(place, _)| ask(place)).collect()
    }
}

fn host_command(holdfast: &Path, place: &Path, network: &Path, mib: [usize; 2]) -> Command {
    let [volume_mib, buffers_mib] = mib;
    let buffers = format!("storage.buffers=\"{buffers_mib} MiB\"");
    let mut command = Command::new(holdfast);
    command
        .args(["init", "--json", "--dir"])
        .arg(place)
        .arg("--network")
        .arg(network)
        .args(["--volume", &format!("volume-0={volume_mib} MiB")]);
    for pair in [
        r#"swarm.listen=["/ip4/127.0.0.1/tcp/0"]"#,
        r#"api.listen="127.0.0.1:0""#,
        "gateway.enabled=false",
        "settle.auto_cash=false",
        &buffers,
    ] {
        command.args(["--set", pair]);
    }
    command
}

/// What a command says. Errors with its own words when it does not end well.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<String> {
    let ended = command.stdin(Stdio::null()).output();
    let ended = ended.with_context(|| format!("running {:?}", command.get_program()))?;
    let why = String::from_utf8_lossy(&ended.stderr);
    ensure!(ended.status.success(), "{command:?}: {}", why.trim());
    Ok(String::from_utf8_lossy(&ended.stdout).into_owned())
}

/// The JSON a command says: its last line, or all of it.
pub(crate) fn say(command: &mut Command) -> anyhow::Result<Value> {
    let out = run(command)?;
    let last = out.lines().last().unwrap_or_default();
    let said = serde_json::from_str(last).or_else(|_| serde_json::from_str(&out));
    said.with_context(|| format!("{command:?} did not answer in JSON"))
}

/// A word of an answer.
pub(crate) fn word(said: &Value, name: &str) -> anyhow::Result<String> {
    let word = said[name].as_str();
    Ok(word
        .with_context(|| format!("the answer names {name}"))?
        .to_owned())
}

/// First of some ports in a row that nothing listens on. Another program may take one meanwhile:
/// the network then says so.
fn free_ports() -> anyhow::Result<u16> {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    let span = FIRST_PORTS.end - FIRST_PORTS.start;
    let [low, high, ..] = std::process::id().to_le_bytes();
    let begin = u16::from_le_bytes([low, high]);
    for _ in 0..span / PORTS {
        let step = NEXT.fetch_add(PORTS, Ordering::Relaxed).wrapping_add(begin);
        let first = FIRST_PORTS.start + step % span;
        let free =
            (first..first + PORTS).all(|port| TcpListener::bind(("127.0.0.1", port)).is_ok());
        if free {
            return Ok(first);
        }
    }
    anyhow::bail!("no {PORTS} ports in a row are free within {FIRST_PORTS:?}")
}
