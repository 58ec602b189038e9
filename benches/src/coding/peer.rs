//! klauspost's library in a process of its own: a line asks for a measurement, a line answers.

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::Context;

/// The running program, stopped when its questions end.
pub(super) struct Peer {
    child: Child,
    ask: Option<ChildStdin>,
    answers: BufReader<ChildStdout>,
}

impl Peer {
    /// Starts it for so many shards; none when it was not built.
    pub(super) fn start(
        program: &Path,
        data: usize,
        parity: usize,
    ) -> anyhow::Result<Option<Self>> {
        if !program.exists() {
            return Ok(None);
        }
        let mut child = Command::new(program)
            .args(["bench", &data.to_string(), &parity.to_string()])
            .env("GOMAXPROCS", "1")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .with_context(|| program.display().to_string())?;
        let ask = child.stdin.take();
        let answers = child.stdout.take().context("its output is a pipe")?;
        let answers = BufReader::new(answers);
        Ok(Some(Self {
            child,
            ask,
            answers,
        }))
    }

    /// GiB of data a CPU second.
    pub(super) fn rate(&mut self, lost: bool, len: usize, least: f64) -> anyhow::Result<f64> {
        let what = if lost { "decode" } else { "encode" };
        let millis = (least * 1000.0).ceil();
        let ask = self
            .ask
            .as_mut()
            .context("it is asked until it is dropped")?;
        writeln!(ask, "{what} {len} {millis}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        line.trim().parse().context("the peer answers with a rate")
    }
}

impl Drop for Peer {
    fn drop(&mut self) {
        drop(self.ask.take());
        let _ = self.child.wait();
    }
}
