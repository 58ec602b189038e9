//! A renter's home directory: its sealed phrase, the network it joined, and the parts a `Renter`
//! is built from. `HOLDFAST_HOME` names it; without that it is `.holdfast` in the user's home.
//!
//! The phrase's 32 bytes of entropy are what the key file seals: every key of the renter comes
//! from them. The passphrase comes from the file `HOLDFAST_PASSPHRASE_FILE` names; without one
//! the key file is plain and readable by its owner only.

use std::io::Write;
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use host_chain::{Escrows, EvmChain, Proofs};
use host_core::agreement::Agreement;
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::{Address, AgreementDigest, Amount};
use host_daemon::clock::{SystemClock, SystemEntropy};
use host_keystore::{Phrase, Role, SealedKey};
use host_net::{Bounds, Net, SwarmKey, Ways};
use host_release::ActionLog;
use host_renter::{Code, POLICY_FILE, Parts, PlacementPolicy, Renter, Session, SessionId};

use super::meter::ProcessMeter;
use crate::operator::read_words;
use crate::trouble::Coded;
use crate::wallet;

const KEY_FILE: &str = "renter.key";
const NETWORK_FILE: &str = "network.toml";
const LOG_FILE: &str = "actions.log";
const BOOK_DIR: &str = "book";
const DRILLS_DIR: &str = "drills";

/// An opened home.
pub(crate) struct Home {
    dir: PathBuf,
    phrase: Phrase,
}

/// Where the home is.
fn dir() -> anyhow::Result<PathBuf> {
    if let Some(dir) = std::env::var_os("HOLDFAST_HOME") {
        return Ok(dir.into());
    }
    let user = std::env::var_os("HOME").context("set HOLDFAST_HOME: there is no home directory")?;
    Ok(Path::new(&user).join(".holdfast"))
}

fn passphrase() -> anyhow::Result<Option<Vec<u8>>> {
    let file = std::env::var_os("HOLDFAST_PASSPHRASE_FILE");
    let words = file.map(|file| read_words(Path::new(&file))).transpose()?;
    Ok(words.map(String::into_bytes))
}

impl Home {
    /// Makes a home from a phrase, or from a fresh one. Errors when there is one already.
    pub(crate) fn make(phrase: Option<Phrase>) -> anyhow::Result<Self> {
        let dir = dir()?;
        std::fs::DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&dir)
            .with_context(|| format!("making {}", dir.display()))?;
        let phrase = phrase.unwrap_or_else(|| Phrase::draw(&SystemEntropy));
        let secret = phrase.entropy();
        let sealed = match passphrase()? {
            Some(words) => SealedKey::seal_bytes(&secret, &words, &SystemEntropy)?,
            None => SealedKey::plain_bytes(&secret),
        };
        let path = dir.join(KEY_FILE);
        let mut file = std::fs::OpenOptions::new()
            .write(true)
            .create_new(true)
            .mode(0o600)
            .open(&path)
            .with_context(|| {
                let words = format!("writing {}; is there a renter already?", path.display());
                Coded::new(Code::HomeExists, words)
            })?;
        file.write_all(&sealed.to_bytes())?;
        file.sync_all()?;
        Ok(Self { dir, phrase })
    }

    /// Opens the home. Errors say which command makes one, or what opens its key.
    pub(crate) fn open() -> anyhow::Result<Self> {
        let dir = dir()?;
        let path = dir.join(KEY_FILE);
        let bytes = std::fs::read(&path).with_context(|| {
            let words = format!("there is no renter in {}", dir.display());
            Coded::new(Code::NoHome, words)
        })?;
        let sealed = SealedKey::from_bytes(&bytes).with_context(|| path.display().to_string())?;
        let words = passphrase()?;
        if !sealed.is_plain() && words.is_none() {
            let words = format!("{} is sealed and no passphrase is named", path.display());
            return Err(Coded::new(Code::KeySealed, words).into());
        }
        let secret = sealed.open_bytes(&words.unwrap_or_default())?;
        Ok(Self {
            dir,
            phrase: Phrase::of_entropy(&secret),
        })
    }

    /// The phrase, to be shown once.
    pub(crate) const fn phrase(&self) -> &Phrase {
        &self.phrase
    }

    /// The key that seals secrets and records.
    pub(crate) fn seal_key(&self) -> [u8; 32] {
        *self.phrase.seal_key()
    }

    /// Where it is.
    pub(crate) fn dir(&self) -> &Path {
        &self.dir
    }

    /// Where reports of restore drills are kept when nobody says where.
    pub(crate) fn drills(&self) -> PathBuf {
        self.dir.join(DRILLS_DIR)
    }

    /// The log of what is done with it.
    pub(crate) fn log(&self) -> ActionLog {
        ActionLog::at(self.dir.join(LOG_FILE))
    }

    /// The issuer key.
    pub(crate) fn key(&self) -> SecretKey {
        self.phrase.key(Role::Issuer)
    }

    /// Joins the network a file describes.
    pub(crate) fn join(&self, file: &Path) -> anyhow::Result<Network> {
        let text = std::fs::read_to_string(file)
            .with_context(|| format!("reading the network file {}", file.display()))?;
        let network: Network = toml::from_str(&text).with_context(|| file.display().to_string())?;
        let wrong = || Coded::new(Code::NetworkFile, file.display().to_string());
        network.check().with_context(wrong)?;
        SwarmKey::carry(file, &network, &self.dir.join(NETWORK_FILE))?;
        host_daemon::config::layers::write_atomic(&self.dir.join(NETWORK_FILE), &text)?;
        Ok(network)
    }

    /// The placement policy; with a file, that file's is checked and put in its place first.
    pub(crate) fn policy(&self, file: Option<&Path>) -> anyhow::Result<PlacementPolicy> {
        let path = self.dir.join(BOOK_DIR).join(POLICY_FILE);
        if let Some(file) = file {
            PlacementPolicy::load(file)?;
            let text = std::fs::read_to_string(file)
                .with_context(|| format!("reading {}", file.display()))?;
            std::fs::create_dir_all(self.dir.join(BOOK_DIR))?;
            host_daemon::config::layers::write_atomic(&path, &text)?;
        }
        Ok(PlacementPolicy::load(&path)?)
    }

    /// The network this renter joined.
    pub(crate) fn network(&self) -> anyhow::Result<Network> {
        let path = self.dir.join(NETWORK_FILE);
        let text = std::fs::read_to_string(&path).context(Coded::new(
            Code::NoNetwork,
            "this renter has joined no network",
        ))?;
        toml::from_str(&text).with_context(|| path.display().to_string())
    }

    /// The network's chain, signing with the issuer key.
    pub(crate) fn chain(&self) -> anyhow::Result<EvmChain> {
        Ok(host_daemon::chain::connect(&self.network()?)?.with_key(self.key()))
    }

    /// The vault's address, remembered after the chain told it once, so that reading needs no
    /// chain.
    pub(crate) async fn vault(&self, chain: &EvmChain) -> anyhow::Result<Address> {
        let path = self.dir.join("vault");
        if let Ok(text) = std::fs::read_to_string(&path)
            && let Ok(vault) = text.trim().parse()
        {
            return Ok(vault);
        }
        let vault = wallet::vault(chain).await?;
        host_daemon::config::layers::write_atomic(&path, &vault.to_string())?;
        Ok(vault)
    }

    /// Sum of the cheques ever issued on a vault.
    pub(crate) fn issued(&self, vault: Address) -> anyhow::Result<Amount> {
        Ok(host_renter::issued_total(&self.dir.join(BOOK_DIR), vault)?)
    }

    /// What a vault promised to each beneficiary.
    pub(crate) fn promises(&self, vault: Address) -> anyhow::Result<Vec<(Address, Amount)>> {
        Ok(host_renter::issued_each(&self.dir.join(BOOK_DIR), vault)?)
    }

    /// The terms of an agreement some put of this home made.
    pub(crate) fn terms(&self, agreement: &AgreementDigest) -> anyhow::Result<Agreement> {
        let found = host_renter::terms_of(&self.dir.join(BOOK_DIR), agreement)?;
        found.with_context(|| format!("no session of this home made agreement {agreement}"))
    }

    /// A session of the book, read without network or chain.
    pub(crate) fn session(&self, id: SessionId) -> anyhow::Result<Session> {
        Ok(host_renter::read_session(&self.dir.join(BOOK_DIR), id)?)
    }

    /// A renter over the real network and chain. `net` must outlive it.
    pub(crate) async fn renter(&self) -> anyhow::Result<(Renter, Net)> {
        let network = self.network()?;
        let chain = self.chain()?;
        let vault = self.vault(&chain).await?;
        let swarm_key = SwarmKey::beside(&self.dir.join(NETWORK_FILE), &network)?;
        // A way through a router is opened from a port that listens; where no relay helps with
        // that, none does.
        let listen = match network.services.relays.is_empty() {
            true => Vec::new(),
            false => vec!["/ip4/0.0.0.0/tcp/0".to_owned()],
        };
        let options = host_net::Options {
            key: self.phrase.key(Role::Identity),
            listen,
            announce: Vec::new(),
            private_network: network.private,
            protocols: Vec::new(),
            agent: concat!("holdfast-renter/", env!("CARGO_PKG_VERSION")).to_owned(),
            bounds: Bounds::house(),
        };
        let ways = Ways::of(&network, swarm_key)?;
        let (net, _inlet) = Net::start_in(options, ways).await?;
        let renter = Renter::open(Parts {
            network,
            key: self.key(),
            seal_key: *self.phrase.seal_key(),
            vault,
            peers: Arc::new(net.clone()),
            chain: Arc::new(chain.clone()),
            clock: Arc::new(SystemClock::start()),
            entropy: Arc::new(SystemEntropy),
            meter: Arc::new(ProcessMeter),
            heavy: host_renter::Heavy::Threads,
            home: self.dir.join(BOOK_DIR),
        })?;
        if let Ok(escrows) = Escrows::of(&chain) {
            renter.set_escrow(Arc::new(escrows));
        }
        if let Ok(proofs) = Proofs::of(&chain) {
            renter.set_proofs(Arc::new(proofs));
        }
        Ok((renter, net))
    }
}
