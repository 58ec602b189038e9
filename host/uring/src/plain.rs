//! The plain device: pread and pwrite on a few threads, with O_DIRECT where the file system has
//! it. The fallback where io_uring is missing, and the reference the ring is measured against.
//!
//! Invariants: a buffer is owned by the thread that moves it until the operation has ended, so a
//! dropped future frees nothing early; short transfers are resumed; threads are joined on drop.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;

use futures::channel::oneshot;
use host_core::seams::DeviceError;

use crate::arena::{Arena, Buffer};

/// Threads of one device: enough to keep a drive busy, few enough to cost nothing when idle.
const THREADS: usize = 4;

type Moved = (Buffer, Result<(), DeviceError>);

/// One operation on its way to a thread.
enum Order {
    Write {
        offset: u64,
        buf: Buffer,
        answer: oneshot::Sender<Moved>,
    },
    Read {
        offset: u64,
        buf: Buffer,
        answer: oneshot::Sender<Moved>,
    },
    Flush {
        answer: oneshot::Sender<Result<(), DeviceError>>,
    },
}

/// The threads and the way to them.
#[derive(Debug)]
pub(crate) struct Plain {
    orders: Option<SyncSender<Order>>,
    threads: Vec<JoinHandle<()>>,
    path: Arc<str>,
}

impl Plain {
    /// Starts the threads over an open file.
    pub(crate) fn start(
        file: File,
        arena: &Arc<Arena>,
        path: &Path,
        depth: u32,
    ) -> std::io::Result<Self> {
        let path: Arc<str> = path.display().to_string().into();
        let (orders, taken) = sync_channel(usize::try_from(depth).unwrap_or(1));
        let taken = Arc::new(Mutex::new(taken));
        let file = Arc::new(file);
        let threads = (0..THREADS)
            .map(|_| {
                let (file, taken, path) =
                    (Arc::clone(&file), Arc::clone(&taken), Arc::clone(&path));
                let arena = Arc::clone(arena);
                std::thread::Builder::new()
                    .name("volume".into())
                    .spawn(move || serve(&file, &taken, &arena, &path))
            })
            .collect::<Result<Vec<_>, _>>()?;
        Ok(Self {
            orders: Some(orders),
            threads,
            path,
        })
    }

    fn stopped(&self) -> DeviceError {
        DeviceError::Stopped {
            path: self.path.to_string(),
        }
    }

    fn send(&self, order: Order) -> bool {
        self.orders
            .as_ref()
            .is_some_and(|orders| orders.send(order).is_ok())
    }

    pub(crate) async fn write(&self, offset: u64, buf: Buffer) -> Moved {
        let (answer, answered) = oneshot::channel();
        self.moved(
            Order::Write {
                offset,
                buf,
                answer,
            },
            answered,
        )
        .await
    }

    pub(crate) async fn read(&self, offset: u64, buf: Buffer) -> Moved {
        let (answer, answered) = oneshot::channel();
        self.moved(
            Order::Read {
                offset,
                buf,
                answer,
            },
            answered,
        )
        .await
    }

    async fn moved(&self, order: Order, answered: oneshot::Receiver<Moved>) -> Moved {
        if self.send(order)
            && let Ok(moved) = answered.await
        {
            return moved;
        }
        (Buffer::empty(), Err(self.stopped()))
    }

    pub(crate) async fn flush(&self) -> Result<(), DeviceError> {
        let (answer, answered) = oneshot::channel();
        if !self.send(Order::Flush { answer }) {
            return Err(self.stopped());
        }
        answered.await.map_err(|_| self.stopped())?
    }
}

impl Drop for Plain {
    fn drop(&mut self) {
        self.orders = None;
        for thread in self.threads.drain(..) {
            let _ = thread.join();
        }
    }
}

fn serve(file: &File, taken: &Mutex<Receiver<Order>>, arena: &Arena, path: &str) {
    loop {
        let next = taken
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .recv_timeout(arena.patience());
        arena.rest();
        match next {
            Ok(Order::Write {
                offset,
                buf,
                answer,
            }) => {
                let done = write_all(file, path, offset, buf.as_ref());
                let _ = answer.send((buf, done));
            }
            Ok(Order::Read {
                offset,
                mut buf,
                answer,
            }) => {
                let done = read_all(file, path, offset, buf.as_mut());
                let _ = answer.send((buf, done));
            }
            Ok(Order::Flush { answer }) => {
                let done = file
                    .sync_data()
                    .map_err(|error| os("flush", path, 0, 0, &error));
                let _ = answer.send(done);
            }
            Err(RecvTimeoutError::Timeout) => (),
            Err(RecvTimeoutError::Disconnected) => return,
        }
    }
}

fn os(
    op: &'static str,
    path: &str,
    offset: u64,
    len: usize,
    error: &std::io::Error,
) -> DeviceError {
    DeviceError::Os {
        op,
        offset,
        len: u64::try_from(len).unwrap_or(u64::MAX),
        errno: error.raw_os_error().unwrap_or(0),
        path: path.to_owned(),
    }
}

fn short(op: &'static str, path: &str, offset: u64, len: usize, done: usize) -> DeviceError {
    DeviceError::Short {
        op,
        offset,
        len: u64::try_from(len).unwrap_or(u64::MAX),
        done: u64::try_from(done).unwrap_or(u64::MAX),
        path: path.to_owned(),
    }
}

fn write_all(file: &File, path: &str, offset: u64, bytes: &[u8]) -> Result<(), DeviceError> {
    let mut done = 0;
    while let Some(rest) = bytes.get(done..).filter(|rest| !rest.is_empty()) {
        let at = offset + u64::try_from(done).unwrap_or(0);
        match file.write_at(rest, at) {
            Ok(0) => return Err(short("write", path, offset, bytes.len(), done)),
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
            Err(error) => return Err(os("write", path, offset, bytes.len(), &error)),
        }
    }
    Ok(())
}

fn read_all(file: &File, path: &str, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
    let len = bytes.len();
    let mut done = 0;
    while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
        let at = offset + u64::try_from(done).unwrap_or(0);
        match file.read_at(rest, at) {
            Ok(0) => return Err(short("read", path, offset, len, done)),
            Ok(count) => done += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => (),
            Err(error) => return Err(os("read", path, offset, len, &error)),
        }
    }
    Ok(())
}
