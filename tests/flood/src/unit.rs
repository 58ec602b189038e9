//! The program `board-net` in the machine's first namespace, for the length of a run.
//!
//! Enters: nothing; it stands beside this program. Leaves: widened thresholds. Killed when dropped.

use std::path::PathBuf;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, ensure};
use board_wire::NetClient;
use board_wire::net::{Family, Limits};

/// How long it may take to begin.
const BEGIN: Duration = Duration::from_secs(20);

/// A running `board-net`.
#[derive(Debug)]
pub(crate) struct Unit {
    child: Child,
    client: NetClient,
    socket: PathBuf,
}

impl Unit {
    /// Starts it and waits until it answers.
    pub(crate) fn start() -> anyhow::Result<Self> {
        let own = std::env::current_exe().context("our own path")?;
        let program = own.with_file_name("board-net");
        let name = format!("holdfast-flood-{}.sock", std::process::id());
        let socket = std::env::temp_dir().join(name);
        let child = Command::new(&program)
            .arg("--socket")
            .arg(&socket)
            .args(["--user", "0"])
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let client = NetClient::new(&socket);
        let unit = Self {
            child,
            client,
            socket,
        };
        let until = Instant::now() + BEGIN;
        while let Err(error) = unit.client.thresholds() {
            ensure!(Instant::now() < until, "board-net: {error}");
            std::thread::sleep(Duration::from_millis(10));
        }
        Ok(unit)
    }

    /// Asks it to widen the table of IPv4.
    pub(crate) fn widen(&self, thresholds: [u32; 3]) -> anyhow::Result<()> {
        let family = Family::V4;
        let limits = Limits { family, thresholds };
        self.client.widen(limits).context("board-net")
    }
}

impl Drop for Unit {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
        let _removed = std::fs::remove_file(&self.socket);
    }
}
