//! Plain threads: pread, pwrite and fdatasync, a call an order. All of the driver where io_uring
//! is missing, and the flushes of the ring's.
//!
//! Invariants: a buffer is owned by the thread that moves it until the operation has ended, so a
//! dropped future frees nothing early; short transfers are resumed; a thread ends when its queue
//! is closed and empty.

use std::fs::File;
use std::io::ErrorKind;
use std::os::unix::fs::FileExt;
use std::sync::Arc;
use std::thread::JoinHandle;

use host_core::seams::DeviceError;

use crate::arena::Arena;
use crate::queue::{Move, Next, Op, Order, Queue};

/// A thread that serves a queue.
pub(crate) struct Server {
    pub(crate) file: Arc<File>,
    pub(crate) queue: Arc<Queue>,
    /// Whose memory it gives back when that is due.
    pub(crate) arena: Option<Arc<Arena>>,
    pub(crate) path: Arc<str>,
}

impl Server {
    /// Starts the thread.
    pub(crate) fn start(self) -> std::io::Result<JoinHandle<()>> {
        let thread = std::thread::Builder::new().name("volume".into());
        thread.spawn(move || self.run())
    }

    fn run(self) {
        let patience = self.arena.as_ref().map(|arena| arena.patience());
        loop {
            let next = self.queue.next(patience);
            if let Some(arena) = &self.arena {
                arena.rest();
            }
            match next {
                Next::Order(order) => self.serve(order),
                Next::Quiet => (),
                Next::Closed => return,
            }
        }
    }

    fn serve(&self, order: Order) {
        match order {
            Order::Move(Move {
                op,
                offset,
                mut buf,
                answer,
            }) => {
                let done = self.transfer(op, offset, buf.as_mut());
                let _ = answer.send((buf, done));
            }
            Order::Flush(answer) => {
                let done = self.file.sync_data();
                let _ = answer.send(done.map_err(|error| self.os("flush", 0, 0, &error)));
            }
        }
    }

    fn transfer(&self, op: Op, offset: u64, bytes: &mut [u8]) -> Result<(), DeviceError> {
        let len = bytes.len();
        let mut done = 0;
        while let Some(rest) = bytes.get_mut(done..).filter(|rest| !rest.is_empty()) {
            let at = offset + u64::try_from(done).unwrap_or(0);
            let moved = match op {
                Op::Read => self.file.read_at(rest, at),
                Op::Write => self.file.write_at(rest, at),
            };
            match moved {
                Ok(0) => return Err(self.short(op, offset, len, done)),
                Ok(count) => done += count,
                Err(error) if error.kind() == ErrorKind::Interrupted => (),
                Err(error) => return Err(self.os(op.word(), offset, len, &error)),
            }
        }
        Ok(())
    }

    fn os(&self, op: &'static str, offset: u64, len: usize, error: &std::io::Error) -> DeviceError {
        DeviceError::Os {
            op,
            offset,
            len: u64::try_from(len).unwrap_or(u64::MAX),
            errno: error.raw_os_error().unwrap_or(0),
            path: self.path.to_string(),
        }
    }

    fn short(&self, op: Op, offset: u64, len: usize, done: usize) -> DeviceError {
        DeviceError::Short {
            op: op.word(),
            offset,
            len: u64::try_from(len).unwrap_or(u64::MAX),
            done: u64::try_from(done).unwrap_or(u64::MAX),
            path: self.path.to_string(),
        }
    }
}
