//! A volume to measure on: preallocated, written once from end to end so that no round meets a
//! fresh extent, opened as the daemon opens it, gone when the measurement ends.

use std::cell::Cell;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::Context;
use futures::executor::block_on;
use futures::future::try_join_all;
use host_core::seams::{Device, DeviceError};
use host_core::{NetworkId, PeerId, VolumeId};
use host_ledger::{Ledger, MemoryStorage, Options};
use host_store::{Label, Store, format};
use host_uring::{AnyDevice, Driver, OpenOptions};
use tempfile::TempDir;

/// Bytes of one write, and writes in flight.
const WRITE: (usize, usize) = (1 << 20, 8);

const OWNER: PeerId = PeerId([2; 33]);
const NETWORK: NetworkId = NetworkId([3; 32]);

/// A written volume.
pub struct Volume {
    /// Its device.
    pub device: Arc<AnyDevice>,
    /// Its file.
    pub path: PathBuf,
    _dir: TempDir,
}

impl Volume {
    /// Makes one of `size` bytes, a multiple of 1 MiB, below `dir`.
    pub fn make(dir: &Path, size: u64) -> anyhow::Result<Self> {
        let dir = scratch(dir)?;
        let path = dir.path().join("volume");
        let options = OpenOptions {
            create_size: Some(size),
            arena_bytes: 64 << 20,
            queue_depth: 64,
            driver: Driver::Auto,
        };
        let device = host_uring::open(&path, options)?;
        let volume = Self {
            device: Arc::new(device),
            path,
            _dir: dir,
        };
        volume.fill()?;
        Ok(volume)
    }

    /// Writes the whole volume in order, eight writes of 1 MiB in flight, and flushes once.
    pub fn fill(&self) -> anyhow::Result<()> {
        let count = self.device.facts().size / WRITE.0 as u64;
        let next = Cell::new(0);
        let writer = async || {
            let mut buf = self.device.buffer(WRITE.0)?;
            while next.get() < count {
                let at = next.replace(next.get() + 1) * WRITE.0 as u64;
                let (back, ended) = self.device.write(at, buf).await;
                ended?;
                buf = back;
            }
            Ok::<(), DeviceError>(())
        };
        block_on(try_join_all((0..WRITE.1).map(|_| writer())))?;
        Ok(block_on(self.device.flush())?)
    }
}

/// Formats the written file at `path` and opens a store on it, whose ledger is in memory.
pub(crate) fn open_store(path: &Path) -> anyhow::Result<(Store<AnyDevice>, Ledger)> {
    let options = OpenOptions {
        create_size: None,
        arena_bytes: 64 << 20,
        queue_depth: 64,
        driver: Driver::Auto,
    };
    let device = host_uring::open(path, options)?;
    let label = Label::new(VolumeId([1; 16]), OWNER, NETWORK);
    block_on(format(&device, label))?;
    let ledger = Ledger::open_on(MemoryStorage::default(), Options::default())?;
    let volumes = vec![("bench".to_owned(), device)];
    let opened = block_on(Store::open(volumes, ledger.clone(), OWNER, NETWORK));
    let (store, left_out) = opened?;
    anyhow::ensure!(
        left_out.is_empty(),
        "the volume does not open: {left_out:?}"
    );
    Ok((store, ledger))
}

/// A directory below `dir`, gone when dropped. `dir` should lie on the disk that is measured.
pub fn scratch(dir: &Path) -> anyhow::Result<TempDir> {
    std::fs::create_dir_all(dir).with_context(|| dir.display().to_string())?;
    tempfile::Builder::new()
        .prefix("bench-")
        .tempdir_in(dir)
        .with_context(|| dir.display().to_string())
}
