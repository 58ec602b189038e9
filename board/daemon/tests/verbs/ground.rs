//! A program with its socket, and a network namespace of our own; both end with the test.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// A running program.
pub(crate) struct Program {
    child: Child,
    pub(crate) socket: PathBuf,
    folder: tempfile::TempDir,
}

impl Program {
    /// Starts `command` with a socket for `user`, and waits for the socket.
    pub(crate) fn start(mut command: Command, user: u32) -> Self {
        let folder = tempfile::tempdir().expect("a folder");
        let socket = folder.path().join("s");
        let child = command
            .arg("--socket")
            .arg(&socket)
            .arg("--user")
            .arg(user.to_string())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .expect("the program starts");
        let program = Self {
            child,
            socket,
            folder,
        };
        let until = Instant::now() + Duration::from_secs(30);
        while std::os::unix::net::UnixStream::connect(&program.socket).is_err() {
            assert!(Instant::now() < until, "the program serves within 30 s");
            std::thread::sleep(Duration::from_millis(10));
        }
        program
    }

    /// What the kernel says of the process: a field of its status.
    pub(crate) fn status(&self, field: &str) -> String {
        let path = format!("/proc/{}/status", self.child.id());
        let text = std::fs::read_to_string(path).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(field));
        line.expect("the field").trim().to_owned()
    }

    pub(crate) fn folder(&self) -> &Path {
        self.folder.path()
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        let _gone = self.child.kill();
        let _status = self.child.wait();
    }
}

pub(crate) fn own_user() -> u32 {
    nix::unistd::geteuid().as_raw()
}

/// A network namespace with one link `v0` that has 10.9.0.2/24.
pub(crate) struct Namespace(String);

impl Namespace {
    /// None, with the reason said, where it cannot be had.
    pub(crate) fn make(name: &str) -> Option<Self> {
        let name = format!("hfb{}{name}", std::process::id());
        if own_user() != 0 || !ran(Command::new("ip").args(["netns", "add", &name])) {
            let _said = std::io::Write::write_all(
                &mut std::io::stderr(),
                b"skipped: needs root and network namespaces\n",
            );
            return None;
        }
        let made = Self(name);
        for line in [
            "link set lo up",
            "link add v0 type veth peer name v1",
            "addr add 10.9.0.2/24 dev v0",
            "link set v0 up",
            "link set v1 up",
        ] {
            assert!(made.ip(line), "ip {line}");
        }
        Some(made)
    }

    /// Runs `ip` inside.
    pub(crate) fn ip(&self, line: &str) -> bool {
        let words = line.split(' ');
        ran(Command::new("ip").args(["-n", &self.0]).args(words))
    }

    /// The neighbours as `ip` shows them.
    pub(crate) fn neighbours(&self) -> String {
        let out = Command::new("ip")
            .args(["-n", &self.0, "neigh", "show", "nud", "all"])
            .output()
            .expect("ip runs");
        String::from_utf8_lossy(&out.stdout).into_owned()
    }

    /// The index of `v0`.
    pub(crate) fn interface(&self) -> u32 {
        let out = Command::new("ip")
            .args(["-n", &self.0, "-o", "link", "show", "v0"])
            .output()
            .expect("ip runs");
        let text = String::from_utf8_lossy(&out.stdout);
        let index = text.split(':').next().expect("a line");
        index.trim().parse().expect("an index")
    }

    /// `board-net` inside.
    pub(crate) fn program(&self) -> Program {
        let mut command = Command::new("ip");
        command.args(["netns", "exec", &self.0, env!("CARGO_BIN_EXE_board-net")]);
        Program::start(command, own_user())
    }
}

impl Drop for Namespace {
    fn drop(&mut self) {
        let _gone = ran(Command::new("ip").args(["netns", "del", &self.0]));
    }
}

fn ran(command: &mut Command) -> bool {
    let quiet = command.stdout(Stdio::null()).stderr(Stdio::null());
    quiet.status().is_ok_and(|status| status.success())
}
