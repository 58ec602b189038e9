//! A PostgreSQL server from the system's package, in a directory of its own, with a certificate of
//! its own, gone with the test.

use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use host_gateway::{Postgres, PostgresAt};
use tempfile::TempDir;

use crate::stage::until;

/// Longest start, recovery included.
const START: Duration = Duration::from_secs(60);
/// The role and its password: of this server alone.
const ROLE: &str = "holdfast";
const PASSWORD: &str = "test only";
/// Ends the server at once, as a kill would, when whoever started it is gone.
const TEND: &str = r#""$@" & pid=$!; cat > /dev/null; kill -QUIT $pid; wait $pid"#;

/// A server; stopped at once, without a checkpoint, when dropped.
pub(crate) struct Server {
    dir: TempDir,
    port: u16,
    owner: Option<(u32, u32)>,
    running: Option<Child>,
}

/// Where the package keeps the server's programs.
fn programs() -> PathBuf {
    let all = std::fs::read_dir("/usr/lib/postgresql").expect("`cargo verify gateway` installs it");
    let newest = all.flatten().map(|entry| entry.path()).max();
    newest.expect("a version of it").join("bin")
}

fn number(word: &str) -> u32 {
    let said = Command::new("id").args([word, "postgres"]).output();
    let said = said.expect("id runs");
    let text = String::from_utf8_lossy(&said.stdout).trim().to_owned();
    text.parse().expect("the package makes the user")
}

/// Whom the server runs as: it refuses to be root.
fn owner() -> Option<(u32, u32)> {
    let said = Command::new("id").arg("-u").output().expect("id runs");
    let is_root = said.stdout.trim_ascii() == b"0";
    is_root.then(|| (number("-u"), number("-g")))
}

fn free_port() -> u16 {
    let taken = std::net::TcpListener::bind("127.0.0.1:0").expect("a port");
    taken.local_addr().expect("its number").port()
}

impl Server {
    /// Makes and starts one, with more settings, `NAME=VALUE`.
    pub(crate) fn start(settings: &[&str]) -> Self {
        let dir = tempfile::tempdir().expect("a directory");
        let mut server = Self {
            dir,
            port: free_port(),
            owner: owner(),
            running: None,
        };
        server.give(server.dir.path());
        server.write("password", PASSWORD.as_bytes());
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let made = rcgen::generate_simple_self_signed(names).expect("a certificate");
        server.write("server.crt", made.cert.pem().as_bytes());
        server.write("server.key", made.key_pair.serialize_pem().as_bytes());
        let data = server.at("data");
        let words = ["-D", &data, "-U", ROLE, "-A", "scram-sha-256"];
        let password = format!("--pwfile={}", server.at("password"));
        let mut make = server.command(&programs().join("initdb"));
        make.args(words).args([&password, "--no-sync"]);
        let made = make.output().expect("initdb runs");
        assert!(made.status.success(), "{made:?}");
        server.run(settings);
        server
    }

    fn at(&self, name: &str) -> String {
        self.dir.path().join(name).to_string_lossy().into_owned()
    }

    /// Hands a file to whom the server runs as.
    fn give(&self, path: &Path) {
        if let Some((user, group)) = self.owner {
            chown(path, Some(user), Some(group)).expect("given");
        }
    }

    fn write(&self, name: &str, bytes: &[u8]) {
        let path = self.dir.path().join(name);
        std::fs::write(&path, bytes).expect("written");
        let mode = std::fs::Permissions::from_mode(0o600);
        std::fs::set_permissions(&path, mode).expect("its owner's");
        self.give(&path);
    }

    fn command(&self, program: &Path) -> Command {
        let mut command = Command::new(program);
        command.stdin(Stdio::null()).current_dir(self.dir.path());
        if let Some((user, group)) = self.owner {
            command.uid(user).gid(group);
        }
        command
    }

    /// Starts it on what is there.
    pub(crate) fn run(&mut self, settings: &[&str]) {
        let log = std::fs::File::create(self.dir.path().join("log")).expect("a log");
        let mut tend = self.command(Path::new("sh"));
        tend.args(["-c", TEND, "server"]);
        tend.arg(programs().join("postgres"));
        tend.args(["-D", &self.at("data")]);
        let files = [
            format!("port={}", self.port),
            "listen_addresses=127.0.0.1".to_owned(),
            format!("unix_socket_directories={}", self.dir.path().display()),
            "ssl=on".to_owned(),
            format!("ssl_cert_file={}", self.at("server.crt")),
            format!("ssl_key_file={}", self.at("server.key")),
        ];
        for setting in files
            .iter()
            .map(String::as_str)
            .chain(settings.iter().copied())
        {
            tend.args(["-c", setting]);
        }
        tend.stdin(Stdio::piped()).stderr(log).stdout(Stdio::null());
        self.running = Some(tend.spawn().expect("sh runs"));
        until("the database answers", START, || {
            let at = ["-h", "127.0.0.1", "-p", &self.port.to_string()];
            let mut ready = Command::new(programs().join("pg_isready"));
            let ready = ready.args(at).stdout(Stdio::null()).status();
            ready.is_ok_and(|status| status.success()).then_some(())
        });
    }

    /// Stops it at once: what it holds in memory is lost, as after a kill.
    pub(crate) fn kill(&mut self) {
        if let Some(mut tend) = self.running.take() {
            drop(tend.stdin.take());
            tend.wait().expect("ended");
        }
    }

    /// Where it is, on its socket.
    pub(crate) fn near(&self) -> PostgresAt {
        let dir = self.dir.path().display();
        self.by(format!(
            "postgresql:///postgres?user={ROLE}&host={dir}&port={}",
            self.port
        ))
    }

    /// Where it is over TLS.
    pub(crate) fn over_tls(&self, name: &str) -> PostgresAt {
        let at = self.by(format!("postgres://{ROLE}@{name}:{}/postgres", self.port));
        PostgresAt {
            authority: Some(self.dir.path().join("server.crt")),
            ..at
        }
    }

    fn by(&self, url: String) -> PostgresAt {
        PostgresAt {
            url,
            password: Some(PASSWORD.to_owned()),
            authority: None,
        }
    }

    /// The file with its password.
    pub(crate) fn password(&self) -> String {
        self.at("password")
    }

    /// An open catalogue on it.
    pub(crate) fn open(&self) -> Postgres {
        Postgres::open(&self.near()).expect("opens")
    }

    /// Says one word of SQL to it.
    pub(crate) fn say(&self, word: &str) -> String {
        let mut say = self.command(&programs().join("psql"));
        let dir = self.dir.path().to_string_lossy().into_owned();
        let at = ["-h", &dir, "-p", &self.port.to_string(), "-U", ROLE];
        say.args(at).args(["-d", "postgres", "-Atc", word]);
        let said = say.env("PGPASSWORD", PASSWORD).output().expect("psql runs");
        assert!(said.status.success(), "{said:?}");
        String::from_utf8_lossy(&said.stdout).trim().to_owned()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.kill();
    }
}
