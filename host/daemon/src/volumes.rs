//! Volumes that open, come and grow: opening what is configured, clearing a foreign device on the
//! owner's word, formatting a new one beside those that serve, and making one longer at the start
//! when its configured size rose.
//!
//! Each step can be repeated after a crash: a volume that was formatted and is not configured yet
//! is taken as it is when it is this host's; a file that was lengthened and not labelled yet is
//! labelled at the next start. A file shorter than its label is never lengthened: its bytes are
//! lost, and that is told. Removal needs nothing here: an evacuated volume that is not configured
//! any more is forgotten by the store.

use std::path::{Path, PathBuf};

use anyhow::{Context, bail};
use host_core::network::Network;
use host_core::seams::{Device, Entropy};
use host_core::{PeerId, VolumeId};
use host_ledger::Ledger;
use host_store::{Error, Store};
use host_uring::AnyDevice;
use tracing::{info, warn};

use crate::clock::SystemEntropy;
use crate::config::{Config, Driver, VolumeConfig};
use crate::deadline::{Clocks, Timed, VolumeDevice};

/// Ledger and volumes, open.
pub struct Opened {
    /// Every durable fact.
    pub ledger: Ledger,
    /// The volumes that opened.
    pub store: Store<VolumeDevice>,
    /// What drives the first of them.
    pub driver: &'static str,
    /// How each keeps its time.
    pub clocks: Clocks,
}

/// Opens ledger and volumes; a volume that cannot be opened is left out and said, and only when
/// none is left the start fails.
pub async fn open_volumes(
    dir: &Path,
    config: &Config,
    network: &Network,
    peer: PeerId,
) -> anyhow::Result<Opened> {
    let state = Config::resolve(dir, &config.storage.state);
    let ledger = Ledger::open(&state, host_ledger::Options::default())
        .with_context(|| format!("opening the ledger in {}", state.display()))?;
    let mut devices = Vec::new();
    for volume in &config.storage.volumes {
        match open_device(dir, config, volume) {
            Ok((path, device)) => {
                let reopen = || open_device(dir, config, volume).map(|(_, device)| device);
                let wanted = volume.size.0;
                match grown(&path, wanted, device, reopen).await {
                    Ok(device) => devices.push((path, device)),
                    Err(err) => warn!(err = format!("{err:#}"), "volume left out"),
                }
            }
            Err(err) => warn!(err = format!("{err:#}"), "volume left out"),
        }
    }
    let Some(driver) = devices.first().map(|(_, device)| device.facts().driver) else {
        bail!(
            "none of the {} configured volumes opens",
            config.storage.volumes.len()
        );
    };
    let devices: Vec<(String, VolumeDevice)> = devices
        .into_iter()
        .map(|(path, device)| {
            let name = path.display().to_string();
            let device = Timed::new(device, &name);
            (name, device)
        })
        .collect();
    let clocks = devices
        .iter()
        .map(|(name, device)| (name.clone(), device.clock()));
    let clocks = clocks.collect();
    let (store, left_out) = Store::open(devices, ledger.clone(), peer, network.id()).await?;
    for (path, err) in &left_out {
        warn!(path, err = %err, "volume left out");
    }
    let forgotten = store.forget_removed().await?;
    if forgotten > 0 {
        info!(count = forgotten, "evacuated volumes are forgotten");
    }
    if store.volume_count() == 0 {
        let why: Vec<String> = left_out
            .iter()
            .map(|(path, err)| format!("{path}: {err}"))
            .collect();
        bail!("no volume can be used: {}", why.join("; "));
    }
    info!(driver, volumes = store.volume_count(), "volumes open");
    Ok(Opened {
        ledger,
        store,
        driver,
        clocks,
    })
}

fn open_device(
    dir: &Path,
    config: &Config,
    volume: &VolumeConfig,
) -> anyhow::Result<(PathBuf, AnyDevice)> {
    let path = Config::resolve(dir, &volume.path);
    let options = host_uring::OpenOptions {
        create_size: None,
        arena_bytes: usize::try_from(config.storage.buffers.0).unwrap_or(usize::MAX),
        queue_depth: config.storage.queue_depth,
        driver: match config.storage.driver {
            Driver::Auto => host_uring::Driver::Auto,
            Driver::Uring => host_uring::Driver::Uring,
            Driver::Plain => host_uring::Driver::Plain,
        },
    };
    let device = host_uring::open(&path, options)
        .with_context(|| format!("opening volume {}", path.display()))?;
    Ok((path, device))
}

fn options(create_size: Option<u64>) -> host_uring::OpenOptions {
    host_uring::OpenOptions {
        create_size,
        arena_bytes: 4 << 20,
        queue_depth: 8,
        driver: host_uring::Driver::Auto,
    }
}

/// Clears every configured block device that is no volume yet: what it held is lost. This is the
/// owner's explicit word. Files are not touched. Errors: in use; it is a Holdfast volume.
pub fn erase(dir: &Path, volumes: &[VolumeConfig]) -> anyhow::Result<usize> {
    let mut cleared = 0;
    for volume in volumes {
        let path = Config::resolve(dir, &volume.path);
        if !path.exists() || path.is_file() {
            continue;
        }
        if begins_with_label(&path)? {
            bail!(
                "{} is a Holdfast volume and may hold shards; empty it with `holdfast volume \
                 evacuate`, or overwrite its first and last mebibyte yourself",
                path.display()
            );
        }
        host_uring::clear(&path).with_context(|| format!("clearing {}", path.display()))?;
        cleared += 1;
    }
    Ok(cleared)
}

fn begins_with_label(path: &Path) -> anyhow::Result<bool> {
    use std::io::Read;
    let mut start = [0; 8];
    let mut file = std::fs::File::open(path).with_context(|| path.display().to_string())?;
    file.read_exact(&mut start)
        .with_context(|| format!("reading {}", path.display()))?;
    Ok(&start == b"HFVOLUME")
}

/// Makes a volume for a host that exists; it serves once it is configured. One that was made
/// before for this host is taken as it is. Durable when it returns.
/// Errors: the path holds something else; another host's volume.
pub async fn add(
    dir: &Path,
    volume: &VolumeConfig,
    owner: PeerId,
    network: &Network,
) -> anyhow::Result<VolumeId> {
    let path = Config::resolve(dir, &volume.path);
    let shown = || format!("making volume {}", path.display());
    let made_before = path.exists() && begins_with_label(&path)?;
    let create = (!made_before).then_some(volume.size.0);
    let device = host_uring::open(&path, options(create)).with_context(shown)?;
    if !made_before {
        let mut id = [0; 16];
        SystemEntropy.fill(&mut id);
        let label = host_store::Label::new(VolumeId(id), owner, network.id());
        host_store::format(&device, label)
            .await
            .with_context(shown)?;
        return Ok(VolumeId(id));
    }
    let label = host_store::label(&device).await.with_context(shown)?;
    if (label.owner, label.network) != (owner, network.id()) {
        bail!(
            "{} is a volume of host {}; it is left as it is",
            path.display(),
            label.owner
        );
    }
    Ok(label.volume)
}

/// Makes a volume as long as it is configured, when that is longer than it was made; `reopen`
/// opens it again. A volume that cannot grow now serves at its old length, and that is told.
pub(crate) async fn grown(
    path: &Path,
    wanted: u64,
    device: AnyDevice,
    reopen: impl Fn() -> anyhow::Result<AnyDevice>,
) -> anyhow::Result<AnyDevice> {
    // What is wrong with the label is told when the store opens it.
    let Ok(have) = host_store::length(&device).await else {
        return Ok(device);
    };
    if wanted <= have {
        return Ok(device);
    }
    let mut device = device;
    if device.facts().size < wanted && path.is_file() {
        drop(device);
        if let Err(err) = host_uring::lengthen(path, wanted) {
            warn!(path = %path.display(), err = %err, "the volume could not be made longer");
        }
        device = reopen()?;
    }
    match host_store::grow(&device, wanted).await {
        Ok(Some(bytes)) => info!(path = %path.display(), bytes, "the volume was made longer"),
        Ok(None) => (),
        Err(Error::Device(err)) => {
            warn!(path = %path.display(), err = %err, "the volume could not be labelled longer");
        }
        Err(err) => return Err(err.into()),
    }
    Ok(device)
}
