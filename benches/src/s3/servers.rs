//! The two servers: ours over a town of hosts, and Garage, one node on one disk that flushes
//! what it acknowledges. Each says where it listens and who may sign.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant, SystemTime};

use anyhow::{Context, bail};

use crate::s3::load::Line;
use crate::s3::sign::Signer;
use crate::town::{Serving, Town, say, word};

/// The bucket of every measurement.
pub(crate) const BUCKET: &str = "bench";
/// Longest wait for a server to store its first object.
const READY: Duration = Duration::from_secs(90);

/// A server that answers.
pub(crate) trait Server {
    /// Who signs for it, and where it is.
    fn signer(&self) -> &Signer;
}

/// Our gateway.
pub(crate) struct Ours {
    signer: Signer,
    _serving: Serving,
}

impl Server for Ours {
    fn signer(&self) -> &Signer {
        &self.signer
    }
}

/// How our gateway is started.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Plan {
    /// Data shards, and parity shards.
    pub(crate) shards: (u16, u16),
    /// MiB of bodies kept in memory.
    pub(crate) cache_mib: usize,
}

impl Ours {
    /// Starts it and waits until it stores.
    pub(crate) fn start(town: &Town, dir: &Path, plan: Plan) -> anyhow::Result<Self> {
        let (data, parity) = (plan.shards.0.to_string(), plan.shards.1.to_string());
        let cache = plan.cache_mib.to_string();
        let mut command = town.as_renter(&["gateway", "--listen", "127.0.0.1:0", "--days", "1"]);
        command.args(["--data", &data, "--parity", &parity, "--cache", &cache]);
        let serving = Serving::start(&mut command, &dir.join("gateway.log"))?;
        let key = say(&mut town.as_renter(&["gateway", "make-key", "bench", "--json"]))?;
        let signer = Signer {
            access_key: word(&key, "access_key")?,
            secret_key: word(&key, "secret_key")?,
            region: "us-east-1".to_owned(),
            host: serving.word("s3")?,
        };
        until_it_stores(&signer, || Ok(()))?;
        let _serving = serving;
        Ok(Self { signer, _serving })
    }
}

/// Garage, killed when dropped.
pub(crate) struct Garage {
    signer: Signer,
    child: Child,
}

impl Server for Garage {
    fn signer(&self) -> &Signer {
        &self.signer
    }
}

impl Garage {
    /// Where `just bench-peers` puts the program.
    pub(crate) fn program(peers: &Path) -> PathBuf {
        peers.join("garage/bin/garage")
    }

    /// Starts it below `dir` and waits until it stores.
    pub(crate) fn start(program: &Path, dir: &Path) -> anyhow::Result<Self> {
        let place = dir.join("garage");
        std::fs::create_dir_all(&place)?;
        let (s3, rpc) = (free_address()?, free_address()?);
        let config = place.join("garage.toml");
        std::fs::write(&config, config_of(&place, &s3, &rpc))?;
        let signer = Signer {
            access_key: format!("GK{}", "42".repeat(12)),
            secret_key: "24".repeat(32),
            region: "garage".to_owned(),
            host: s3,
        };
        let log = std::fs::File::create(place.join("log"))?;
        let child = Command::new(program)
            .arg("--config")
            .arg(&config)
            .args(["server", "--single-node", "--default-bucket"])
            .env("GARAGE_DEFAULT_ACCESS_KEY", &signer.access_key)
            .env("GARAGE_DEFAULT_SECRET_KEY", &signer.secret_key)
            .env("GARAGE_DEFAULT_BUCKET", BUCKET)
            // A line a request would be its cost, not its work.
            .env("RUST_LOG", "warn")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log)
            .spawn()
            .with_context(|| format!("starting {}", program.display()))?;
        let mut garage = Self { signer, child };
        let signer = garage.signer.clone();
        until_it_stores(&signer, || match garage.child.try_wait()? {
            None => Ok(()),
            Some(_) => {
                let said = std::fs::read_to_string(place.join("log")).unwrap_or_default();
                bail!("garage ended: {}", said.trim())
            }
        })?;
        Ok(garage)
    }
}

impl Drop for Garage {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One node, one copy; both flushes, which its defaults leave out, so that its word means what ours
/// does.
fn config_of(place: &Path, s3: &str, rpc: &str) -> String {
    let (meta, data) = (place.join("meta"), place.join("data"));
    let secret = "42".repeat(32);
    format!(
        "metadata_dir = {meta:?}\ndata_dir = {data:?}\ndb_engine = \"lmdb\"\n\
         metadata_fsync = true\ndata_fsync = true\nreplication_factor = 1\n\
         rpc_bind_addr = \"{rpc}\"\nrpc_public_addr = \"{rpc}\"\nrpc_secret = \"{secret}\"\n\
         [s3_api]\ns3_region = \"garage\"\napi_bind_addr = \"{s3}\"\n"
    )
}

/// An address of this machine that nothing listens on now.
fn free_address() -> anyhow::Result<String> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    Ok(listener.local_addr()?.to_string())
}

/// Makes the bucket and puts a first object, again and again until both work. `alive` ends the wait
/// early.
fn until_it_stores(
    signer: &Signer,
    mut alive: impl FnMut() -> anyhow::Result<()>,
) -> anyhow::Result<()> {
    let begun = Instant::now();
    loop {
        alive()?;
        match first_object(signer) {
            Ok(()) => return Ok(()),
            Err(error) if begun.elapsed() > READY => {
                return Err(error.context("the server stores nothing"));
            }
            Err(_) => std::thread::sleep(Duration::from_millis(200)),
        }
    }
}

fn first_object(signer: &Signer) -> anyhow::Result<()> {
    let mut line = Line::open(&signer.host)?;
    let now = SystemTime::now();
    // It may be there already, which the next answer shows.
    let bucket = format!("/{BUCKET}");
    let _there = line.ask(&signer.head("PUT", &bucket, &[], now), &[]);
    let mut line = Line::open(&signer.host)?;
    let (path, body) = (format!("/{BUCKET}/first"), b"first");
    line.ask(&signer.head("PUT", &path, body, now), body)?;
    Ok(())
}
