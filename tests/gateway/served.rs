//! A running gateway and the clients that speak to it.

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use holdfast_tests::program;
use serde::Deserialize;

use crate::stage::{Child, Home, Shape, Town};
use host_core::Amount;

/// More than any test here costs.
pub(crate) const RICH: Amount = Amount(1_000_000_000_000_000_000);

/// The town of tests that break nothing.
pub(crate) fn town() -> &'static Town {
    static TOWN: OnceLock<Town> = OnceLock::new();
    TOWN.get_or_init(|| start_town("gateway"))
}

/// Six hosts and a hub.
pub(crate) fn start_town(name: &str) -> Town {
    let shape = Shape {
        hosts: 6,
        hubs: 1,
        ..Shape::default()
    };
    Town::start(name, shape)
}

#[derive(Debug, Deserialize)]
struct Ready {
    s3: String,
    http: String,
    page: Option<String>,
    api: Option<String>,
}

/// An access key as it is told once.
#[derive(Debug, Clone, Deserialize)]
pub(crate) struct Key {
    pub(crate) access_key: String,
    pub(crate) secret_key: String,
}

/// A gateway, its renter, a key to it.
#[derive(Debug)]
pub(crate) struct Served {
    pub(crate) home: Home,
    pub(crate) child: Child,
    pub(crate) s3: String,
    pub(crate) http: String,
    /// Where the page is, when it was asked for.
    pub(crate) page: Option<String>,
    /// Where the API for applications is, when it was asked for.
    pub(crate) api: Option<String>,
    pub(crate) key: Key,
}

/// How a client ended and what it said.
#[derive(Debug)]
pub(crate) struct Said {
    pub(crate) success: bool,
    pub(crate) out: Vec<u8>,
    pub(crate) err: String,
    words: String,
}

impl Said {
    /// Holds the client to success; gives its output.
    pub(crate) fn well(self) -> String {
        assert!(self.success, "`{}` failed: {}", self.words, self.err);
        String::from_utf8_lossy(&self.out).into_owned()
    }

    /// Holds the client to failure; gives what it said of it, on either stream.
    pub(crate) fn badly(self) -> String {
        let out = String::from_utf8_lossy(&self.out).into_owned();
        assert!(!self.success, "`{}` worked: {out}", self.words);
        format!("{}{out}", self.err)
    }
}

fn start(home: &Home, more: &[&str]) -> (Child, Ready) {
    let any = "127.0.0.1:0";
    let words = ["gateway", "--listen", any, "--http", any];
    let words = [&words[..], &["--data", "2", "--parity", "2"]].concat();
    let term: &[&str] = match more.contains(&"--days") {
        true => &[],
        false => &["--days", "1"],
    };
    let words = [&words[..], term].concat();
    let words = words.iter().chain(more).map(|word| (*word).to_owned());
    let words: Vec<String> = words.collect();
    let log = home.dir.join("gateway.log");
    let within = [
        "env".to_owned(),
        format!("HOLDFAST_HOME={}", home.dir.display()),
    ];
    let program = program("holdfast");
    let child = Child::start_within(&within, &program.to_string_lossy(), &words, &log);
    let ready: Ready = child.ready();
    (child, ready)
}

impl Served {
    /// Starts a gateway of a new renter.
    pub(crate) fn start(town: &Town, name: &str) -> Self {
        Self::start_with(town, name, &[])
    }

    /// The same, with more words on the command line.
    pub(crate) fn start_with(town: &Town, name: &str, more: &[&str]) -> Self {
        let home = town.renter(name, RICH);
        let (child, ready) = start(&home, more);
        let key = home.say(&["gateway", "make-key", "all", "--json"]).json();
        Self {
            home,
            child,
            s3: ready.s3,
            http: ready.http,
            page: ready.page,
            api: ready.api,
            key,
        }
    }

    /// Starts it again, after it was killed or stopped.
    pub(crate) fn again(&mut self) {
        self.again_with(&[]);
    }

    /// The same, with more words on the command line.
    pub(crate) fn again_with(&mut self, more: &[&str]) {
        let (child, ready) = start(&self.home, more);
        self.child = child;
        (self.s3, self.http) = (ready.s3, ready.http);
        (self.page, self.api) = (ready.page, ready.api);
    }

    /// A directory of the renter's, made.
    pub(crate) fn dir(&self, name: &str) -> PathBuf {
        let dir = self.home.dir.join(name);
        std::fs::create_dir_all(&dir).expect("a directory");
        dir
    }

    /// Runs a client with this gateway's key in its environment.
    pub(crate) fn client(&self, program: &str, words: &[&str]) -> Said {
        self.client_as(&self.key, program, words)
    }

    /// Runs a client with a key.
    pub(crate) fn client_as(&self, key: &Key, program: &str, words: &[&str]) -> Said {
        let url = format!("http://{}", self.s3);
        let mut command = Command::new(program);
        command
            .args(words)
            .env("HOME", &self.home.dir)
            .env("AWS_ACCESS_KEY_ID", &key.access_key)
            .env("AWS_SECRET_ACCESS_KEY", &key.secret_key)
            .env("AWS_DEFAULT_REGION", "us-east-1")
            .env("AWS_EC2_METADATA_DISABLED", "true")
            // A host under pressure refuses for a while, and says so: clients come again.
            .env("AWS_MAX_ATTEMPTS", "8")
            .env_remove("AWS_CA_BUNDLE")
            .env("RESTIC_PASSWORD", "test only")
            .env("RCLONE_CONFIG", self.home.dir.join("rclone.conf"))
            .env("RCLONE_CONFIG_HF_TYPE", "s3")
            .env("RCLONE_CONFIG_HF_PROVIDER", "Other")
            .env("RCLONE_CONFIG_HF_ENV_AUTH", "true")
            .env("RCLONE_CONFIG_HF_ENDPOINT", &url)
            .stdin(Stdio::null());
        let said = command.output().unwrap_or_else(|error| {
            panic!("{program}: {error}; `cargo verify gateway` installs the clients")
        });
        Said {
            success: said.status.success(),
            out: said.stdout,
            err: String::from_utf8_lossy(&said.stderr).into_owned(),
            words: format!("{program} {}", words.join(" ")),
        }
    }

    /// The AWS command line.
    pub(crate) fn aws(&self, words: &[&str]) -> Said {
        let url = format!("http://{}", self.s3);
        self.client("aws", &[words, &["--endpoint-url", &url]].concat())
    }

    /// rclone, in its quiet way.
    pub(crate) fn rclone(&self, words: &[&str]) -> Said {
        self.client(
            "rclone",
            &[words, &["--retries", "3", "--low-level-retries", "8"]].concat(),
        )
    }

    /// restic on a repository in a bucket.
    pub(crate) fn restic(&self, words: &[&str]) -> Said {
        let repository = format!("s3:http://{}/backup/repo", self.s3);
        let all = [&["-r", &repository, "--no-cache"][..], words].concat();
        self.client("restic", &all)
    }

    /// curl, signing as S3 wants it.
    pub(crate) fn curl(&self, path: &str, words: &[&str]) -> Said {
        let url = format!("http://{}/{path}", self.s3);
        let user = format!("{}:{}", self.key.access_key, self.key.secret_key);
        let sign = [
            "-sS",
            "--aws-sigv4",
            "aws:amz:us-east-1:s3",
            "--user",
            &user,
            "-H",
            "x-amz-content-sha256: UNSIGNED-PAYLOAD",
        ];
        self.client("curl", &[&sign[..], words, &[&url]].concat())
    }
}
