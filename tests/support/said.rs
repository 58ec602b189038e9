//! One run of the command line: what was typed and what was said.

use std::io::Read;
use std::path::Path;
use std::process::{Command, Stdio};
use std::thread;
use std::time::Duration;

use holdfast_tests::program;
use serde::de::DeserializeOwned;

use super::poll::until;

/// Longest run of one command.
const LIMIT: Duration = Duration::from_secs(100);

/// How a command ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    words: String,
    pub(crate) success: bool,
    pub(crate) out: String,
    pub(crate) err: String,
}

/// Runs `holdfast WORDS` to its end, as the renter of `home` when one is given.
pub(crate) fn holdfast<S: AsRef<str>>(home: Option<&Path>, words: &[S]) -> Said {
    let words: Vec<&str> = words.iter().map(AsRef::as_ref).collect();
    let mut command = Command::new(program("holdfast"));
    command.args(&words).env_remove("HOLDFAST_PASSPHRASE_FILE");
    // A command that names no home must not find one of the person who runs the tests.
    command.env(
        "HOLDFAST_HOME",
        home.unwrap_or(Path::new("/nonexistent/holdfast")),
    );
    command
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped());
    let mut child = command
        .spawn()
        .unwrap_or_else(|error| panic!("holdfast: {error}"));
    let out = gather(child.stdout.take().expect("the output is piped"));
    let err = gather(child.stderr.take().expect("the errors are piped"));
    let words = words.join(" ");
    let what = format!("the end of `holdfast {words}`");
    let mut ended = || child.try_wait().expect("a child of ours");
    let status = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
        until(&what, LIMIT, &mut ended)
    }));
    let status = status.unwrap_or_else(|panic| {
        let _gone_already = child.kill();
        let _status = child.wait();
        std::panic::resume_unwind(panic)
    });
    let out = out.join().expect("the reader ends");
    let err = err.join().expect("the reader ends");
    Said {
        words,
        success: status.success(),
        out,
        err,
    }
}

fn gather(mut pipe: impl Read + Send + 'static) -> thread::JoinHandle<String> {
    thread::spawn(move || {
        let mut bytes = Vec::new();
        let _broken_pipe = pipe.read_to_end(&mut bytes);
        String::from_utf8_lossy(&bytes).into_owned()
    })
}

impl Said {
    /// Holds the command to success.
    pub(crate) fn well(self) -> Self {
        assert!(
            self.success,
            "`holdfast {}` failed: {}",
            self.words, self.err
        );
        self
    }

    /// Holds the command to failure; returns what it said of it.
    pub(crate) fn badly(self) -> String {
        assert!(
            !self.success,
            "`holdfast {}` worked: {}",
            self.words, self.out
        );
        self.err
    }

    /// The last line of the answer as JSON.
    pub(crate) fn json<T: DeserializeOwned>(self) -> T {
        let said = self.well();
        let line = said.out.lines().last().unwrap_or_default();
        serde_json::from_str(line)
            .unwrap_or_else(|why| panic!("`holdfast {}` said {line}: {why}", said.words))
    }
}
