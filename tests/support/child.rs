//! One long-running program: started, ready when it says so in JSON, ended with its pipe.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child as Process, ChildStdin, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::Mutex;
use std::sync::mpsc::{Receiver, sync_channel};
use std::thread;
use std::time::Duration;

use holdfast_tests::program;
use serde::de::DeserializeOwned;

use super::poll::until;

/// Longest wait for a program to be ready, or to be gone.
const LIMIT: Duration = Duration::from_secs(40);
/// Lines that may wait to be read.
const LINES: usize = 64;

/// A running program. Dropping it kills it and waits until it is gone.
#[derive(Debug)]
pub(crate) struct Child {
    name: String,
    process: Process,
    stdin: Option<ChildStdin>,
    lines: Mutex<Receiver<String>>,
    log: PathBuf,
}

impl Child {
    /// Starts `name ARGS --until-stdin-ends`, its standard error appended to `log`.
    pub(crate) fn start(name: &str, args: &[String], log: &Path) -> Self {
        Self::start_within(&[], &program(name).to_string_lossy(), args, log)
    }

    /// The same through other programs: their words stand before the program's own.
    pub(crate) fn start_within(before: &[String], name: &str, args: &[String], log: &Path) -> Self {
        let errors = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("a log opens");
        let mut line = before.to_vec();
        line.push(name.to_owned());
        let (first, rest) = line.split_first().expect("a program at least");
        let mut process = Command::new(first)
            .args(rest)
            .args(args)
            .arg("--until-stdin-ends")
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = Mutex::new(read_lines(
            process.stdout.take().expect("the output is piped"),
        ));
        let stdin = process.stdin.take();
        Self {
            name: name.to_owned(),
            process,
            stdin,
            lines,
            log: log.to_path_buf(),
        }
    }

    /// What the program says when it serves.
    pub(crate) fn ready<T: DeserializeOwned>(&self) -> T {
        let line = self.lines.lock().expect("one reader").recv_timeout(LIMIT);
        let line = line.unwrap_or_else(|_| {
            panic!("{} did not get ready: {}", self.name, self.log_tail());
        });
        serde_json::from_str(&line).unwrap_or_else(|_| panic!("{} said {line}", self.name))
    }

    /// The process id.
    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// Kills it as a power cut would.
    pub(crate) fn kill(&mut self) {
        let _gone_already = self.process.kill();
        let _status = self.process.wait();
    }

    /// Closes its standard input and waits for its end.
    pub(crate) fn stop(&mut self) -> ExitStatus {
        self.stdin = None;
        self.ended()
    }

    /// Waits for its end.
    pub(crate) fn ended(&mut self) -> ExitStatus {
        let what = format!("the end of {}", self.name);
        until(&what, LIMIT, || {
            self.process.try_wait().expect("a child of ours")
        })
    }

    /// The end of its log, for messages.
    pub(crate) fn log_tail(&self) -> String {
        let text = std::fs::read_to_string(&self.log).unwrap_or_default();
        let from = text.len().saturating_sub(1500);
        let from = (from..text.len())
            .find(|at| text.is_char_boundary(*at))
            .unwrap_or(0);
        text[from..].to_owned()
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES);
    thread::spawn(move || {
        for line in BufReader::new(output).lines().map_while(Result::ok) {
            // A test that reads no more must not stop the program at a full pipe.
            let _full_or_gone = sender.try_send(line);
        }
    });
    receiver
}
