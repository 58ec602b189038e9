//! A deadline for every operation of a drive: the kernel waits half a minute and longer, readers
//! and proofs cannot.
//!
//! Enters: a device. Leaves: the same device, whose operations end in time: after two seconds one
//! is counted as slow; when the drive has finished nothing for ten, or twenty passed whatever it
//! finished, it is given up with an error, and the drive is quarantined: every further operation
//! fails at once, so that other volumes and other hosts are asked instead.
//! Invariants: what counts is the drive's time: seconds in which this process did not run, or the
//! drive worked for others, are none of its ten. An operation that was given up still owns its
//! buffer and its place on the drive, so the quarantine stands until each of them has ended;
//! nothing can be written there before.
//! What was given up is never told as done. Not done here: what follows for the volume (`scrub`).

use std::future::Future;
use std::os::unix::fs::{FileTypeExt, MetadataExt};
use std::path::{Path, PathBuf};
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use host_core::seams::{Device, DeviceError, DeviceFacts};
use tokio::runtime::Handle;

/// An operation that takes this long is slow.
pub const SLOW: Duration = Duration::from_secs(2);
/// An operation is given up when its drive finished nothing for so long.
pub const GIVEN_UP: Duration = Duration::from_secs(10);
/// So many times as long may one take on a drive that finishes others.
const BUSY: u32 = 2;
/// Parts of the ten seconds: each counts for no more than itself, however late it is noticed.
const PARTS: u32 = 10;

/// A volume's device as the host uses it.
pub type VolumeDevice = Timed<host_uring::AnyDevice>;
/// The clocks of the volumes, by the names they were opened under.
pub type Clocks = Vec<(String, Arc<Clock>)>;

/// How a drive keeps its time.
#[derive(Debug, Default)]
pub struct Clock {
    longest_us: AtomicU64,
    slow: AtomicU64,
    given_up: AtomicU64,
    standing: AtomicU64,
    finished: AtomicU64,
}

impl Clock {
    /// Microseconds of the longest operation since this was asked last, those under way that were
    /// given up included by what they had taken then; none when there was no operation.
    pub fn take_longest(&self) -> Option<u64> {
        let longest = self.longest_us.swap(0, Ordering::AcqRel);
        (longest > 0).then_some(longest)
    }

    /// Operations that were slow, since the start.
    #[must_use]
    pub fn slow(&self) -> u64 {
        self.slow.load(Ordering::Acquire)
    }

    /// Operations that were given up, since the start.
    #[must_use]
    pub fn given_up(&self) -> u64 {
        self.given_up.load(Ordering::Acquire)
    }

    /// Whether some operation that was given up has not ended.
    #[must_use]
    pub fn is_quarantined(&self) -> bool {
        self.standing.load(Ordering::Acquire) > 0
    }

    fn ended(&self, took: Duration, done: bool) {
        self.finished.fetch_add(u64::from(done), Ordering::AcqRel);
        let us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.longest_us.fetch_max(us.max(1), Ordering::AcqRel);
        if took >= SLOW {
            self.slow.fetch_add(1, Ordering::AcqRel);
        }
    }
}

/// A device whose operations end in time.
#[derive(Debug)]
pub struct Timed<D: Device> {
    inner: Arc<D>,
    clock: Arc<Clock>,
    path: Arc<str>,
    runtime: Option<Handle>,
    kernel: Option<Kernel>,
    pub(crate) patience: Duration,
}

impl<D: Device> Timed<D> {
    /// Gives a device the house's deadlines. Timers stand in the runtime this is called in;
    /// outside of one, operations are measured and never given up.
    #[must_use]
    pub fn new(inner: D, path: &str) -> Self {
        Self {
            inner: Arc::new(inner),
            clock: Arc::default(),
            path: path.into(),
            runtime: Handle::try_current().ok(),
            kernel: Kernel::of(Path::new("/sys"), Path::new(path)),
            patience: GIVEN_UP,
        }
    }

    /// The drive's time.
    #[must_use]
    pub fn clock(&self) -> Arc<Clock> {
        Arc::clone(&self.clock)
    }

    fn stalled(&self) -> DeviceError {
        DeviceError::Stalled {
            path: self.path.to_string(),
            seconds: self.patience.as_secs(),
        }
    }

    /// What the drive has finished, for us and, where the kernel counts it, for anybody.
    fn finished(&self) -> (u64, Option<u64>) {
        let ours = self.clock.finished.load(Ordering::Acquire);
        (ours, self.kernel.as_ref().and_then(Kernel::finished))
    }

    /// Runs one operation within the deadline; the operation itself when that passed.
    async fn within<T>(&self, mut operation: Running<T>) -> Result<T, Running<T>> {
        let begun = Instant::now();
        let done = match &self.runtime {
            None => Some(operation.as_mut().await),
            Some(runtime) => self.awaited(runtime, &mut operation).await,
        };
        self.clock.ended(begun.elapsed(), done.is_some());
        done.ok_or(operation)
    }

    /// The operation's end, or none when the drive has stood still for the whole patience.
    async fn awaited<T>(&self, runtime: &Handle, operation: &mut Running<T>) -> Option<T> {
        let part = self.patience / PARTS;
        let (mut still, mut parts, mut seen) = (0, 0, None);
        while still < PARTS && parts < PARTS * BUSY {
            let timer = {
                let _inside = runtime.enter();
                tokio::time::sleep(part)
            };
            tokio::select! {
                biased;
                done = &mut *operation => return Some(done),
                () = timer => (),
            }
            let now = self.finished();
            let moved = seen.is_some_and(|seen| seen != now);
            still = if moved { 0 } else { still + 1 };
            (seen, parts) = (Some(now), parts + 1);
        }
        None
    }

    /// Leaves an operation to itself: it ends the quarantine with its own end.
    fn leave<T: Send + 'static>(&self, operation: Running<T>) {
        self.clock.given_up.fetch_add(1, Ordering::AcqRel);
        let standing = Standing::begin(&self.clock);
        let late = async move {
            let _standing = standing;
            let _late = operation.await;
        };
        if let Some(runtime) = &self.runtime {
            runtime.spawn(late);
        }
    }

    /// A read or a write of `len` bytes within the deadline. What is given up keeps its buffer, and
    /// the caller gets another; while there is no memory for one it waits on, quarantined.
    async fn moved(&self, len: usize, operation: Running<Moved<D::Buf>>) -> Moved<D::Buf> {
        let late = match self.within(operation).await {
            Ok(done) => return done,
            Err(late) => late,
        };
        match self.inner.buffer(len) {
            Ok(spare) => {
                self.leave(late);
                (spare, Err(self.stalled()))
            }
            Err(_) => {
                self.clock.given_up.fetch_add(1, Ordering::AcqRel);
                let _standing = Standing::begin(&self.clock);
                late.await
            }
        }
    }
}

/// The kernel's account of a block device: what it has finished, whoever asked for it.
#[derive(Debug)]
struct Kernel(PathBuf);

impl Kernel {
    /// That of the device a volume lies on; none where the kernel keeps none (network drives,
    /// layered file systems).
    fn of(sysfs: &Path, volume: &Path) -> Option<Self> {
        let (major, minor) = device_of(volume)?;
        let device = sysfs.join(format!("dev/block/{major}:{minor}"));
        // A partition stands in the folder of its drive.
        let whole = match device.join("partition").exists() {
            true => device.join(".."),
            false => device,
        };
        let stat = whole.join("stat");
        stat.exists().then_some(Self(stat))
    }

    /// Reads, writes, discards and flushes that ended (Documentation/block/stat.rst).
    fn finished(&self) -> Option<u64> {
        let text = std::fs::read_to_string(&self.0).ok()?;
        let numbers: Vec<u64> = text
            .split_whitespace()
            .filter_map(|word| word.parse().ok())
            .collect();
        let ended = [0, 4, 11, 15].into_iter().filter_map(|at| numbers.get(at));
        Some(ended.fold(0, |sum: u64, one| sum.wrapping_add(*one)))
    }
}

/// Major and minor number of the block device that a path is, or whose file it is.
pub(crate) fn device_of(path: &Path) -> Option<(u64, u64)> {
    let about = std::fs::metadata(path).ok()?;
    let number = match about.file_type().is_block_device() {
        true => about.rdev(),
        false => about.dev(),
    };
    Some(numbers(number))
}

/// Major and minor of a device number, as Linux packs them.
pub(crate) const fn numbers(number: u64) -> (u64, u64) {
    let major = ((number >> 8) & 0xfff) | ((number >> 32) & !0xfff);
    let minor = (number & 0xff) | ((number >> 12) & !0xff);
    (major, minor)
}

/// An operation under way, which owns everything it needs.
type Running<T> = Pin<Box<dyn Future<Output = T> + Send>>;
/// What a read or write gives back.
type Moved<B> = (B, Result<(), DeviceError>);

/// Keeps a drive quarantined as long as it lives.
struct Standing(Arc<Clock>);

impl Standing {
    fn begin(clock: &Arc<Clock>) -> Self {
        clock.standing.fetch_add(1, Ordering::AcqRel);
        Self(Arc::clone(clock))
    }
}

impl Drop for Standing {
    fn drop(&mut self) {
        self.0.standing.fetch_sub(1, Ordering::AcqRel);
    }
}

impl<D: Device> Device for Timed<D> {
    type Buf = D::Buf;

    fn facts(&self) -> DeviceFacts {
        self.inner.facts()
    }

    fn buffer(&self, len: usize) -> Result<Self::Buf, DeviceError> {
        self.inner.buffer(len)
    }

    async fn write(&self, offset: u64, buf: Self::Buf) -> (Self::Buf, Result<(), DeviceError>) {
        if self.clock.is_quarantined() {
            return (buf, Err(self.stalled()));
        }
        let (len, inner) = (buf.as_ref().len(), Arc::clone(&self.inner));
        self.moved(len, Box::pin(async move { inner.write(offset, buf).await }))
            .await
    }

    async fn read(&self, offset: u64, buf: Self::Buf) -> (Self::Buf, Result<(), DeviceError>) {
        if self.clock.is_quarantined() {
            return (buf, Err(self.stalled()));
        }
        let (len, inner) = (buf.as_ref().len(), Arc::clone(&self.inner));
        self.moved(len, Box::pin(async move { inner.read(offset, buf).await }))
            .await
    }

    async fn flush(&self) -> Result<(), DeviceError> {
        if self.clock.is_quarantined() {
            return Err(self.stalled());
        }
        let inner = Arc::clone(&self.inner);
        let flush: Running<_> = Box::pin(async move { inner.flush().await });
        match self.within(flush).await {
            Ok(done) => done,
            Err(late) => {
                self.leave(late);
                Err(self.stalled())
            }
        }
    }
}

#[cfg(test)]
mod tests;
