//! Our programs as processes: found beside the test, owned by it, gone when it ends.

use std::io::{BufRead, BufReader};
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, ExitStatus, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, sync_channel};
use std::thread;
use std::time::{Duration, Instant};

/// How many lines of a program wait to be read by the test.
const LINES: usize = 1024;

/// The path of one of our programs. Test programs live in `release/deps`, programs in `release`.
///
/// # Panics
/// If the program was not built: `cargo verify` builds all of them first.
#[must_use]
pub fn program(name: &str) -> PathBuf {
    let own = std::env::current_exe().expect("a test knows its own path");
    let found = own
        .ancestors()
        .skip(1)
        .map(|folder| folder.join(name))
        .find(|path| path.is_file());
    found.unwrap_or_else(|| panic!("{name} is not built: cargo verify build"))
}

/// A process of ours. Dropping it kills and reaps it.
#[derive(Debug)]
pub struct Running {
    name: String,
    child: Child,
    lines: Receiver<String>,
}

impl Running {
    /// Starts a program with its standard output kept line by line.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start(name: &str, arguments: &[&str]) -> Running {
        let mut command = Command::new(program(name));
        command.args(arguments);
        Running::start_command(name, command)
    }

    /// Starts a prepared command, e.g. with an environment.
    ///
    /// # Panics
    /// If it does not start.
    #[must_use]
    pub fn start_command(name: &str, mut command: Command) -> Running {
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command
            .spawn()
            .unwrap_or_else(|error| panic!("{name}: {error}"));
        let lines = read_lines(child.stdout.take().expect("the output is piped"));
        Running {
            name: name.to_owned(),
            child,
            lines,
        }
    }

    /// The next line of standard output.
    ///
    /// # Panics
    /// If none comes within the limit, or the program ended.
    pub fn line(&self, limit: Duration) -> String {
        match self.lines.recv_timeout(limit) {
            Ok(line) => line,
            Err(RecvTimeoutError::Timeout) => panic!("{} said nothing in {limit:?}", self.name),
            Err(RecvTimeoutError::Disconnected) => panic!("{} ended without a word", self.name),
        }
    }

    /// The process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// kill -9, and waits until it is gone.
    pub fn kill(&mut self) {
        let _gone_already = self.child.kill();
        let _status = self.child.wait();
    }

    /// Sends SIGTERM and waits for the end.
    ///
    /// # Panics
    /// If it has not ended within the limit.
    pub fn stop(&mut self, limit: Duration) -> ExitStatus {
        let pid = self.pid().to_string();
        let _sent = Command::new("kill").args(["-TERM", &pid]).status();
        let until = Instant::now() + limit;
        loop {
            match self.child.try_wait() {
                Ok(Some(status)) => return status,
                Ok(None) if Instant::now() < until => thread::park_timeout(POLL),
                _ => panic!("{} did not end within {limit:?} of SIGTERM", self.name),
            }
        }
    }
}

const POLL: Duration = Duration::from_millis(20);

impl Drop for Running {
    fn drop(&mut self) {
        self.kill();
    }
}

fn read_lines(output: ChildStdout) -> Receiver<String> {
    let (sender, receiver) = sync_channel(LINES);
    thread::spawn(move || {
        let lines = BufReader::new(output).lines().map_while(Result::ok);
        for line in lines {
            // A test that reads no more must not stop the program at a full pipe.
            let _full_or_gone = sender.try_send(line);
        }
    });
    receiver
}
