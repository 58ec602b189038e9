//! Opening a volume's file or block device: made and preallocated when asked to, direct where the
//! file system allows it, its driver chosen by probe and said in one log line.

use std::fs::{File, OpenOptions as FileOptions};
use std::io::{Seek, SeekFrom};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread::JoinHandle;
use std::time::Duration;

use futures::channel::oneshot;
use host_core::seams::{Device, DeviceError, DeviceFacts};
use nix::fcntl::{FallocateFlags, OFlag, fallocate};
use tracing::{info, warn};

use crate::align::direct_alignment;
use crate::arena::{Arena, Buffer, PAGE};
use crate::plain::Server;
use crate::queue::{Move, Moved, Op, Order, Queue};
use crate::ring::{Parts, Ring};
use crate::{lull, raw, watch};

/// How long buffer memory stays unused before it is given back.
const PATIENCE: Duration = Duration::from_secs(2);

/// Plain threads of one device: enough to keep a drive busy, few enough to cost nothing idle.
const PLAIN_THREADS: usize = 4;

/// Which driver is wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Driver {
    /// The best one the kernel allows.
    Auto,
    /// io_uring or an error.
    Uring,
    /// pread and pwrite.
    Plain,
}

/// How a volume is opened.
#[derive(Debug, Clone, Copy)]
pub struct OpenOptions {
    /// Make the file with this many bytes, preallocated; it must not exist yet. A block device is
    /// taken whole: it must have as many and hold nothing (`clear`).
    pub create_size: Option<u64>,
    /// Bytes of buffers that may be alive at once.
    pub arena_bytes: usize,
    /// Operations in flight.
    pub queue_depth: u32,
    /// The driver.
    pub driver: Driver,
}

/// A volume that cannot be opened.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// The kernel said no.
    #[error("cannot {what} {path}: {source}")]
    Os {
        /// What was tried.
        what: &'static str,
        /// The file or device.
        path: PathBuf,
        /// What the kernel said.
        source: std::io::Error,
    },
    /// The system, or another host, uses the block device.
    #[error("{path} is in use: mounted, swap, part of another device, or another host's volume")]
    Busy {
        /// The device.
        path: PathBuf,
    },
    /// A block device to be made a volume holds something.
    #[error("{path} holds {holds}; clear it first if that may be lost")]
    Foreign {
        /// The device.
        path: PathBuf,
        /// What it looks like.
        holds: &'static str,
    },
    /// Only block devices are cleared.
    #[error("{path} is no block device")]
    NotRaw {
        /// The path.
        path: PathBuf,
    },
    /// A block device is smaller than the volume that was asked for.
    #[error("{path} has {have} bytes, {need} were asked for")]
    Small {
        /// The device.
        path: PathBuf,
        /// Bytes asked for.
        need: u64,
        /// Bytes it has.
        have: u64,
    },
    /// The wanted driver is not to be had.
    #[error("io_uring is not available for {path}; set storage.driver to auto or plain")]
    NoUring {
        /// The file or device.
        path: PathBuf,
    },
}

/// A device behind whichever driver the probe chose. Dropped, it waits for what is in flight.
pub struct AnyDevice {
    moves: Moves,
    /// The moves' queue too where the driver is plain threads.
    flushes: Arc<Queue>,
    threads: Vec<JoinHandle<()>>,
    facts: DeviceFacts,
    arena: Arc<Arena>,
    path: Arc<str>,
}

/// Where moves go.
enum Moves {
    Ring(Arc<Ring>),
    Threads(Arc<Queue>),
}

impl std::fmt::Debug for AnyDevice {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("AnyDevice");
        shown.field("path", &self.path).field("facts", &self.facts);
        shown.finish_non_exhaustive()
    }
}

/// Opens a volume's file or block device.
pub fn open(path: &Path, options: OpenOptions) -> Result<AnyDevice, OpenError> {
    let memory = Memory {
        patience: PATIENCE,
        register: true,
    };
    open_with(path, options, memory)
}

/// What tests vary of how buffer memory is kept.
#[derive(Debug, Clone, Copy)]
struct Memory {
    patience: Duration,
    register: bool,
}

fn open_with(path: &Path, options: OpenOptions, memory: Memory) -> Result<AnyDevice, OpenError> {
    let failed = |what| {
        move |source| OpenError::Os {
            what,
            path: path.into(),
            source,
        }
    };
    if let Some(size) = options.create_size {
        create(path, size)?;
    }
    let (file, direct) = open_direct(path).map_err(raw::os("open", path))?;
    let size = size_of(&file).map_err(failed("measure"))?;
    if let Some(need) = options.create_size.filter(|need| *need > size) {
        let path = path.into();
        let have = size;
        return Err(OpenError::Small { path, need, have });
    }
    if !direct {
        warn!(path = %path.display(), "no direct I/O here, the page cache will grow");
    }
    let arena =
        Arena::map(options.arena_bytes, memory.patience).map_err(failed("map buffers for"))?;
    let named: Arc<str> = path.display().to_string().into();
    let queue = Arc::new(Queue::new());
    let block = u64::try_from(PAGE).unwrap_or(4096);
    let mut device = AnyDevice {
        flushes: Arc::clone(&queue),
        moves: Moves::Threads(queue),
        threads: Vec::new(),
        facts: DeviceFacts {
            size: size / block * block,
            block,
            driver: if direct { "pread+direct" } else { "pread" },
        },
        arena,
        path: named,
    };
    let file = Arc::new(file);
    if options.driver != Driver::Plain {
        match device.start_ring(&file, options.queue_depth, memory.register) {
            Ok(()) if direct => device.facts.driver = "io_uring+direct",
            Ok(()) => device.facts.driver = "io_uring",
            Err(_) if options.driver == Driver::Uring => {
                return Err(OpenError::NoUring { path: path.into() });
            }
            Err(error) => info!(path = %path.display(), err = %error, "no io_uring here"),
        }
    }
    if device.threads.is_empty() {
        device
            .start_plain(&file)
            .map_err(failed("start threads for"))?;
    }
    info!(path = %path.display(), driver = device.facts.driver, bytes = size, "volume device open");
    Ok(device)
}

/// Makes and preallocates the file, so that later writes never extend it.
fn create(path: &Path, size: u64) -> Result<(), OpenError> {
    let failed = |what| {
        move |source| OpenError::Os {
            what,
            path: path.into(),
            source,
        }
    };
    if raw::is_raw(path) {
        return raw::must_be_empty(path);
    }
    let file = FileOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)
        .map_err(failed("make"))?;
    if let Err(source) = allocate(&file, size) {
        let _ = std::fs::remove_file(path);
        return Err(failed("preallocate")(source));
    }
    file.sync_all().map_err(failed("flush"))
}

fn allocate(file: &File, size: u64) -> std::io::Result<()> {
    let len = i64::try_from(size).unwrap_or(i64::MAX);
    match fallocate(file, FallocateFlags::empty(), 0, len) {
        Err(nix::errno::Errno::EOPNOTSUPP) => file.set_len(size),
        other => Ok(other?),
    }
}

/// Makes a volume's file longer, preallocated; what it holds stays. Durable when it returns; a
/// file that is as long already is left as it is. Errors: Os, no space among them.
pub fn lengthen(path: &Path, size: u64) -> Result<(), OpenError> {
    let failed = |what| raw::os(what, path);
    let file = FileOptions::new().write(true).open(path);
    let file = file.map_err(failed("open"))?;
    let have = file.metadata().map_err(failed("measure"))?.len();
    if have >= size {
        return Ok(());
    }
    if let Err(source) = allocate(&file, size) {
        // What was added in part is taken away again, so that the next try begins the same.
        let _ = file.set_len(have);
        return Err(failed("lengthen")(source));
    }
    file.sync_all().map_err(failed("flush"))
}

/// The file, and whether it is open for direct I/O: only where blocks of a page are aligned
/// enough, as the kernel says it, or as a read shows where it does not say.
fn open_direct(path: &Path) -> std::io::Result<(File, bool)> {
    let also = raw::flags(path);
    let plain = || {
        let mut options = FileOptions::new();
        options.read(true).write(true).custom_flags(also).open(path)
    };
    let direct = FileOptions::new()
        .read(true)
        .write(true)
        .custom_flags(OFlag::O_DIRECT.bits() | also)
        .open(path);
    let invalid =
        |error: &std::io::Error| error.raw_os_error() == Some(nix::errno::Errno::EINVAL as i32);
    let file = match direct {
        Err(error) if invalid(&error) => return Ok((plain()?, false)),
        direct => direct?,
    };
    let align = direct_alignment(&file).or_else(|| raw::logical_block(&file));
    let fits = match align {
        Some(align) => usize::try_from(align).is_ok_and(|align| PAGE.is_multiple_of(align)),
        None => reads_direct(&file)?,
    };
    if fits {
        Ok((file, true))
    } else {
        Ok((plain()?, false))
    }
}

/// Whether an aligned page can be read through the descriptor.
fn reads_direct(file: &File) -> std::io::Result<bool> {
    let arena = Arena::map(PAGE, PATIENCE)?;
    let page = arena.cut(PAGE);
    Ok(page.is_some_and(|mut page| file.read_at(page.as_mut(), 0).is_ok()))
}

/// Bytes of a file or block device.
pub(crate) fn size_of(mut file: &File) -> std::io::Result<u64> {
    let size = file.seek(SeekFrom::End(0))?;
    file.seek(SeekFrom::Start(0))?;
    Ok(size)
}

impl AnyDevice {
    /// A ring and its watchman for moves, a thread for flushes.
    fn start_ring(&mut self, file: &Arc<File>, depth: u32, register: bool) -> std::io::Result<()> {
        let parts = Parts {
            file: Arc::clone(file),
            arena: Arc::clone(&self.arena),
            path: Arc::clone(&self.path),
            depth,
            register,
        };
        let ring = Arc::new(Ring::new(parts)?);
        self.threads.push(watch::start(Arc::clone(&ring))?);
        self.moves = Moves::Ring(ring);
        self.threads.push(self.server(file, None).start()?);
        Ok(())
    }

    fn server(&self, file: &Arc<File>, arena: Option<Arc<Arena>>) -> Server {
        Server {
            file: Arc::clone(file),
            queue: Arc::clone(&self.flushes),
            arena,
            path: Arc::clone(&self.path),
        }
    }

    /// A few threads for everything.
    fn start_plain(&mut self, file: &Arc<File>) -> std::io::Result<()> {
        for _ in 0..PLAIN_THREADS {
            let server = self.server(file, Some(Arc::clone(&self.arena)));
            self.threads.push(server.start()?);
        }
        Ok(())
    }

    fn stopped(&self) -> DeviceError {
        DeviceError::Stopped {
            path: self.path.to_string(),
        }
    }

    async fn moved(&self, op: Op, offset: u64, buf: Buffer) -> Moved {
        if let Err(error) = self.check(op.word(), offset, buf.as_ref().len()) {
            return (buf, Err(error));
        }
        let (answer, answered) = oneshot::channel();
        let order = Move {
            op,
            offset,
            buf,
            answer,
        };
        let given = match &self.moves {
            Moves::Ring(ring) => lull::give(ring, order),
            Moves::Threads(queue) => match queue.push(Order::Move(order)) {
                Err(Order::Move(order)) => Err(order),
                Ok(()) | Err(Order::Flush(_)) => Ok(()),
            },
        };
        if let Err(order) = given {
            return (order.buf, Err(self.stopped()));
        }
        match answered.await {
            Ok(moved) => moved,
            Err(_) => (Buffer::empty(), Err(self.stopped())),
        }
    }

    fn check(&self, op: &'static str, offset: u64, len: usize) -> Result<(), DeviceError> {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        let block = self.facts.block;
        let inside = offset
            .checked_add(len)
            .is_some_and(|end| end <= self.facts.size);
        if inside && len > 0 && offset.is_multiple_of(block) && len.is_multiple_of(block) {
            return Ok(());
        }
        Err(DeviceError::Range {
            op,
            offset,
            len,
            path: self.path.to_string(),
        })
    }
}

impl Device for AnyDevice {
    type Buf = Buffer;

    fn facts(&self) -> DeviceFacts {
        self.facts.clone()
    }

    fn buffer(&self, len: usize) -> Result<Buffer, DeviceError> {
        self.arena.cut(len).ok_or_else(|| DeviceError::Buffers {
            len: u64::try_from(len).unwrap_or(u64::MAX),
            path: self.path.to_string(),
        })
    }

    async fn write(&self, offset: u64, buf: Buffer) -> Moved {
        self.moved(Op::Write, offset, buf).await
    }

    async fn read(&self, offset: u64, buf: Buffer) -> Moved {
        self.moved(Op::Read, offset, buf).await
    }

    async fn flush(&self) -> Result<(), DeviceError> {
        let (answer, answered) = oneshot::channel();
        if self.flushes.push(Order::Flush(answer)).is_err() {
            return Err(self.stopped());
        }
        answered.await.map_err(|_| self.stopped())?
    }
}

impl Drop for AnyDevice {
    fn drop(&mut self) {
        if let Moves::Ring(ring) = &self.moves {
            ring.close();
        }
        self.flushes.close();
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
        if let Moves::Ring(ring) = &self.moves {
            ring.release();
        }
    }
}

#[cfg(test)]
mod tests;
