//! Making a host: identity, configuration and formatted volumes, once, in an empty directory.
//!
//! Order: everything is written and flushed before the recovery phrase is shown, so a phrase a
//! person has written down always belongs to a host that exists.

use std::io::Write;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::seams::Entropy;
use host_core::{Address, PeerId, VolumeId};
use host_keystore::{Phrase, Role, SealedKey};

use crate::backup::Instance;
use crate::clock::{SystemEntropy, now_ms};
use crate::config::{Config, layers};
use crate::standing;

/// Name of the configuration in a data directory.
pub const CONFIG_FILE: &str = "host.toml";

/// What a new host is made from.
pub struct Plan {
    /// The data directory; new or empty.
    pub dir: PathBuf,
    /// The configuration it starts with; its network file is copied into the directory.
    pub config: Config,
    /// The network.
    pub network: Network,
    /// An existing phrase, or none to draw one.
    pub phrase: Option<Phrase>,
    /// The passphrase the key file is sealed with; none leaves it plain, readable by its owner.
    pub passphrase: Option<Vec<u8>>,
}

/// A host that was made.
pub struct Made {
    /// Who it is.
    pub peer: PeerId,
    /// Its account.
    pub address: Address,
    /// The phrase that brings it back; shown once, kept nowhere.
    pub phrase: Phrase,
}

/// Makes the host. Errors when the directory holds one already, or a volume cannot be made.
pub async fn make(plan: Plan) -> anyhow::Result<Made> {
    let dir = &plan.dir;
    if dir.join(CONFIG_FILE).exists() {
        bail!(
            "{} already holds a host; choose another directory",
            dir.display()
        );
    }
    plan.config.check()?;
    plan.network.check()?;
    std::fs::create_dir_all(dir).with_context(|| format!("making {}", dir.display()))?;
    let entropy = SystemEntropy;
    let phrase = match plan.phrase {
        Some(phrase) => phrase,
        None => Phrase::draw(&entropy),
    };
    let key = phrase.key(Role::Identity);
    write_key(
        dir,
        &plan.config,
        &key,
        plan.passphrase.as_deref(),
        &entropy,
    )?;
    let network = toml::to_string_pretty(&plan.network).context("writing the network file")?;
    layers::write_atomic(&Config::resolve(dir, &plan.config.network), &network)?;
    format_volumes(dir, &plan.config, &plan.network, &key, &entropy).await?;
    Instance::first(dir, &standing::machine(), &entropy, now_ms())?.write(dir)?;
    let text = toml::to_string_pretty(&plan.config).context("writing the configuration")?;
    layers::write_atomic(&dir.join(CONFIG_FILE), &text)?;
    Ok(Made {
        peer: key.peer_id(),
        address: key.address(),
        phrase,
    })
}

fn write_key(
    dir: &Path,
    config: &Config,
    key: &SecretKey,
    passphrase: Option<&[u8]>,
    entropy: &dyn Entropy,
) -> anyhow::Result<()> {
    let path = Config::resolve(dir, &config.identity.key_file);
    let sealed = match passphrase {
        Some(words) => SealedKey::seal(key, words, entropy)?,
        None => SealedKey::plain(key),
    };
    let mut file = std::fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(&path)
        .with_context(|| format!("writing {}", path.display()))?;
    file.write_all(&sealed.to_bytes())?;
    file.sync_all()?;
    Ok(())
}

/// Formats every configured volume. A volume that carries a label is never formatted again.
async fn format_volumes(
    dir: &Path,
    config: &Config,
    network: &Network,
    key: &SecretKey,
    entropy: &dyn Entropy,
) -> anyhow::Result<()> {
    for volume in &config.storage.volumes {
        let path = Config::resolve(dir, &volume.path);
        let options = host_uring::OpenOptions {
            create_size: Some(volume.size.0),
            arena_bytes: 4 << 20,
            queue_depth: 8,
            driver: host_uring::Driver::Auto,
        };
        let device = host_uring::open(&path, options)
            .with_context(|| format!("making volume {}", path.display()))?;
        let mut id = [0; 16];
        entropy.fill(&mut id);
        let label = host_store::Label::new(VolumeId(id), key.peer_id(), network.id());
        host_store::format(&device, label)
            .await
            .with_context(|| format!("formatting volume {}", path.display()))?;
    }
    Ok(())
}

/// Whether the identity key stands in its file without a passphrase.
pub fn is_key_plain(dir: &Path, config: &Config) -> anyhow::Result<bool> {
    let path = Config::resolve(dir, &config.identity.key_file);
    let bytes = std::fs::read(&path)
        .with_context(|| format!("reading the identity key {}", path.display()))?;
    let sealed = SealedKey::from_bytes(&bytes).with_context(|| path.display().to_string())?;
    Ok(sealed.is_plain())
}

/// Reads the identity key. Errors say which file and what unlocks it.
pub fn read_key(dir: &Path, config: &Config) -> anyhow::Result<SecretKey> {
    let path = Config::resolve(dir, &config.identity.key_file);
    let bytes = std::fs::read(&path)
        .with_context(|| format!("reading the identity key {}", path.display()))?;
    let sealed = SealedKey::from_bytes(&bytes).with_context(|| path.display().to_string())?;
    if sealed.is_plain() {
        return Ok(sealed.open(&[])?);
    }
    if config.identity.passphrase_file.as_os_str().is_empty() {
        bail!(
            "{} is sealed; name the file holding its passphrase in `identity.passphrase_file`",
            path.display()
        );
    }
    let from = Config::resolve(dir, &config.identity.passphrase_file);
    let words = std::fs::read(&from)
        .with_context(|| format!("reading the passphrase {}", from.display()))?;
    let words = words.strip_suffix(b"\n").unwrap_or(&words);
    sealed
        .open(words)
        .with_context(|| format!("opening {}", path.display()))
}

/// Reads the network file a configuration names.
pub fn read_network(dir: &Path, config: &Config) -> anyhow::Result<Network> {
    let path = Config::resolve(dir, &config.network);
    let text = std::fs::read_to_string(&path)
        .with_context(|| format!("reading the network file {}", path.display()))?;
    let network: Network = toml::from_str(&text).with_context(|| path.display().to_string())?;
    network.check()?;
    Ok(network)
}
