//! A guard: a process with its own key, account and vault, named by renters of a town.

use std::path::PathBuf;

use host_core::identity::SecretKey;
use host_core::{Amount, Digest32};
use serde::Deserialize;

use super::child::Child;
use super::ground::block_on;
use super::town::Town;
use super::wire::key_of;

/// What it has in its vault for repairs, and in its account for bonds.
const MONEY: Amount = Amount(20_000_000_000_000_000_000);

/// A guard and its process, which ends when this is dropped.
#[derive(Debug)]
pub(crate) struct Watcher {
    pub(crate) dir: PathBuf,
    /// Where it is found, as renters name it.
    pub(crate) place: String,
    _child: Child,
}

#[derive(Debug, Deserialize)]
struct Ready {
    guard: String,
}

impl Watcher {
    /// Makes a guard of this name, gives it money and waits until it serves.
    pub(crate) fn start(town: &Town, name: &str) -> Self {
        let dir = town.dir.join(name);
        let key = key_of(name);
        write_key(&dir, &key);
        town.ground.fund(key.address());
        let chain = town.ground.chain().with_key(key);
        block_on(chain.fill_vault(Digest32([0; 32]), MONEY)).expect("a vault with money");
        block_on(chain.wrap(MONEY)).expect("tokens for bonds");
        let words = [
            "guard",
            "--network",
            &town.file.to_string_lossy(),
            "--data",
            &dir.to_string_lossy(),
            "--listen",
            "/ip4/127.0.0.1/tcp/0",
        ]
        .map(str::to_owned);
        let child = Child::start("holdfast-services", &words, &dir.with_extension("log"));
        let ready: Ready = child.ready();
        Self {
            dir,
            place: ready.guard,
            _child: child,
        }
    }

    /// What it logged.
    #[allow(dead_code, reason = "not every tier reads a guard's log")]
    pub(crate) fn log(&self) -> String {
        std::fs::read_to_string(self.dir.with_extension("log")).unwrap_or_default()
    }
}

fn write_key(dir: &std::path::Path, key: &SecretKey) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::create_dir(dir).expect("the guard's name is its own");
    let path = dir.join("identity.key");
    std::fs::write(&path, hex::encode(key.expose().as_slice())).expect("written");
    let own = std::fs::Permissions::from_mode(0o600);
    std::fs::set_permissions(&path, own).expect("the key is its own");
}
