//! The ring driver: one thread and one io_uring a device.
//!
//! Orders arrive on a bounded channel; the thread takes all that wait, submits them together and
//! sleeps in the kernel until something completes or an eventfd says that more has come. Flushes
//! are fdatasync operations of the same ring: the kernel runs them on its own worker, so reads go
//! on beside them.
//!
//! | invariant | who keeps it |
//! |---|---|
//! | a buffer is owned by its slot from submission to completion | `Slots`: a slot is emptied only by its completion |
//! | a dropped future frees nothing | the answer's channel may be closed, the slot still owns the buffer |
//! | the file outlives every operation | the thread owns the file and ends with no slot in use |
//! | the arena outlives the ring's registration | the thread owns both and drops the ring first |
//! | a registered huge page is the one the process sees | `rest` forgets what the arena gave back, on the thread that submits |

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::path::Path;
use std::sync::Arc;
use std::sync::mpsc::{Receiver, RecvTimeoutError, SyncSender, TryRecvError, sync_channel};
use std::thread::JoinHandle;

use futures::channel::oneshot;
use host_core::seams::DeviceError;
use io_uring::{IoUring, Probe, opcode, squeue, types};
use nix::sys::eventfd::{EfdFlags, EventFd};

use crate::arena::{Arena, Buffer};
use crate::registered::Registered;

type Moved = (Buffer, Result<(), DeviceError>);

/// The slot number of the wake-up read.
const WAKE: u64 = u64::MAX;

/// One operation on its way to the ring.
enum Order {
    Move {
        op: Op,
        offset: u64,
        buf: Buffer,
        answer: oneshot::Sender<Moved>,
    },
    Flush {
        answer: oneshot::Sender<Result<(), DeviceError>>,
    },
}

/// Which way bytes move.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Op {
    Read,
    Write,
}

impl Op {
    const fn word(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Write => "write",
        }
    }
}

/// An operation in flight.
enum Slot {
    Move {
        op: Op,
        offset: u64,
        done: usize,
        buf: Buffer,
        answer: oneshot::Sender<Moved>,
    },
    Flush {
        answer: oneshot::Sender<Result<(), DeviceError>>,
    },
}

/// The handle of the driver's thread.
#[derive(Debug)]
pub(crate) struct Ring {
    orders: Option<SyncSender<Order>>,
    wake: Arc<EventFd>,
    thread: Option<JoinHandle<()>>,
    path: Arc<str>,
}

impl Ring {
    /// Starts the driver over an open file. Errors when the kernel has no io_uring for us, or not
    /// the operations needed; the caller then takes the plain driver.
    pub(crate) fn start(
        file: File,
        arena: Arc<Arena>,
        path: &Path,
        depth: u32,
    ) -> io::Result<Self> {
        let path: Arc<str> = path.display().to_string().into();
        let wake = Arc::new(EventFd::from_value_and_flags(0, EfdFlags::EFD_CLOEXEC)?);
        let (orders, taken) = sync_channel(usize::try_from(depth).unwrap_or(64));
        let (told, tell) = sync_channel(1);
        let (woken, named) = (Arc::clone(&wake), Arc::clone(&path));
        let run = move || {
            let parts = Driver::build(file, arena, woken, named, depth);
            let (driver, said) = match parts {
                Ok(driver) => (Some(driver), Ok(())),
                Err(error) => (None, Err(error)),
            };
            let _ = told.send(said);
            if let Some(driver) = driver {
                driver.run(&taken);
            }
        };
        let thread = std::thread::Builder::new()
            .name("volume".into())
            .spawn(run)?;
        tell.recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended")))?;
        Ok(Self {
            orders: Some(orders),
            wake,
            thread: Some(thread),
            path,
        })
    }

    fn stopped(&self) -> DeviceError {
        DeviceError::Stopped {
            path: self.path.to_string(),
        }
    }

    fn send(&self, order: Order) -> bool {
        let sent = self
            .orders
            .as_ref()
            .is_some_and(|orders| orders.send(order).is_ok());
        sent && self.wake.write(1).is_ok()
    }

    async fn moved(&self, op: Op, offset: u64, buf: Buffer) -> Moved {
        let (answer, answered) = oneshot::channel();
        if self.send(Order::Move {
            op,
            offset,
            buf,
            answer,
        }) && let Ok(moved) = answered.await
        {
            return moved;
        }
        (Buffer::empty(), Err(self.stopped()))
    }

    pub(crate) async fn write(&self, offset: u64, buf: Buffer) -> Moved {
        self.moved(Op::Write, offset, buf).await
    }

    pub(crate) async fn read(&self, offset: u64, buf: Buffer) -> Moved {
        self.moved(Op::Read, offset, buf).await
    }

    pub(crate) async fn flush(&self) -> Result<(), DeviceError> {
        let (answer, answered) = oneshot::channel();
        if !self.send(Order::Flush { answer }) {
            return Err(self.stopped());
        }
        answered.await.map_err(|_| self.stopped())?
    }
}

impl Drop for Ring {
    fn drop(&mut self) {
        self.orders = None;
        let _ = self.wake.write(1);
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}

/// The thread's own state. Field order is drop order: the ring goes before what it points to.
struct Driver {
    ring: IoUring,
    slots: Vec<Option<Slot>>,
    in_flight: usize,
    wake_armed: bool,
    wake_count: Box<u64>,
    registered: Registered,
    file: File,
    arena: Arc<Arena>,
    wake: Arc<EventFd>,
    path: Arc<str>,
}

impl Driver {
    fn build(
        file: File,
        arena: Arc<Arena>,
        wake: Arc<EventFd>,
        path: Arc<str>,
        depth: u32,
    ) -> io::Result<Self> {
        // One entry more than operations: the wake-up read.
        let entries = (depth + 1).next_power_of_two();
        let modern = IoUring::builder()
            .setup_single_issuer()
            .setup_defer_taskrun()
            .build(entries);
        let ring = match modern {
            Ok(ring) => ring,
            Err(_) => IoUring::new(entries)?,
        };
        let mut probe = Probe::new();
        ring.submitter().register_probe(&mut probe)?;
        let needed = [opcode::Read::CODE, opcode::Write::CODE, opcode::Fsync::CODE];
        if !needed.into_iter().all(|code| probe.is_supported(code)) {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        ring.submitter().register_files(&[file.as_raw_fd()])?;
        let registered = Registered::none_yet(&ring, arena.chunks());
        let slots = (0..depth).map(|_| None).collect();
        Ok(Self {
            ring,
            slots,
            in_flight: 0,
            wake_armed: false,
            wake_count: Box::new(0),
            registered,
            file,
            arena,
            wake,
            path,
        })
    }

    fn run(mut self, orders: &Receiver<Order>) {
        let mut open = true;
        loop {
            if open && self.in_flight == 0 {
                open = self.wait_idle(orders);
            }
            open = open && self.take(orders);
            if self.in_flight == 0 && !open {
                return;
            }
            self.arm_wake();
            match self.ring.submit_and_wait(1) {
                Ok(_) => (),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY)) => (),
                Err(error) => {
                    tracing::error!(path = %self.path, err = %error, "ring failed");
                    self.abandon();
                    return;
                }
            }
            self.complete();
            self.rest();
        }
    }

    /// Gives unused buffer memory back when that is due.
    fn rest(&mut self) {
        for chunk in self.arena.rest() {
            self.registered.forget(&self.ring, chunk);
        }
    }

    /// Waits for the first order while nothing is in flight; false when nobody can send any more.
    fn wait_idle(&mut self, orders: &Receiver<Order>) -> bool {
        loop {
            match orders.recv_timeout(self.arena.patience()) {
                Ok(order) => {
                    self.push(order);
                    return true;
                }
                Err(RecvTimeoutError::Timeout) => self.rest(),
                Err(RecvTimeoutError::Disconnected) => return false,
            }
        }
    }

    /// Takes every waiting order that finds a slot; false when nobody can send any more.
    fn take(&mut self, orders: &Receiver<Order>) -> bool {
        while self.in_flight < self.slots.len() {
            match orders.try_recv() {
                Ok(order) => self.push(order),
                Err(TryRecvError::Empty) => return true,
                Err(TryRecvError::Disconnected) => return false,
            }
        }
        true
    }

    fn push(&mut self, order: Order) {
        let index = self
            .slots
            .iter()
            .position(Option::is_none)
            .expect("a slot is free");
        let slot = match order {
            Order::Move {
                op,
                offset,
                buf,
                answer,
            } => Slot::Move {
                op,
                offset,
                done: 0,
                buf,
                answer,
            },
            Order::Flush { answer } => Slot::Flush { answer },
        };
        self.in_flight += 1;
        self.submit(index, slot);
    }

    /// Puts the slot's next operation into the submission queue and keeps the slot.
    fn submit(&mut self, index: usize, mut slot: Slot) {
        let file = types::Fixed(0);
        let entry = match &mut slot {
            Slot::Flush { .. } => opcode::Fsync::new(file)
                .flags(types::FsyncFlags::DATASYNC)
                .build(),
            Slot::Move {
                op,
                offset,
                done,
                buf,
                ..
            } => {
                let at = *offset + u64::try_from(*done).unwrap_or(0);
                let rest = buf.as_mut().get_mut(*done..).unwrap_or_default();
                let len = u32::try_from(rest.len()).unwrap_or(u32::MAX);
                let start = rest.as_mut_ptr();
                let chunk = buf.chunk();
                let chunk = chunk.and_then(|chunk| {
                    self.registered
                        .number(&self.ring, &self.arena, chunk, &self.path)
                });
                match (op, chunk) {
                    (Op::Read, Some(chunk)) => opcode::ReadFixed::new(file, start, len, chunk)
                        .offset(at)
                        .build(),
                    (Op::Read, None) => opcode::Read::new(file, start, len).offset(at).build(),
                    (Op::Write, Some(chunk)) => opcode::WriteFixed::new(file, start, len, chunk)
                        .offset(at)
                        .build(),
                    (Op::Write, None) => opcode::Write::new(file, start, len).offset(at).build(),
                }
            }
        };
        let number = u64::try_from(index).unwrap_or(WAKE);
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
        }
        self.enqueue(&entry.user_data(number));
    }

    fn enqueue(&mut self, entry: &squeue::Entry) {
        // SAFETY: the entry points into a buffer its slot owns until the completion arrives, at
        // the registered file, or at `wake_count`, which lives as long as the ring.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.expect("the queue holds an entry for every slot and the wake-up");
    }

    /// Asks to be woken when an order comes while operations are in flight.
    fn arm_wake(&mut self) {
        if !std::mem::replace(&mut self.wake_armed, true) {
            let fd = types::Fd(self.wake.as_fd().as_raw_fd());
            let count = std::ptr::from_mut::<u64>(&mut self.wake_count).cast();
            let entry = opcode::Read::new(fd, count, 8).build().user_data(WAKE);
            self.enqueue(&entry);
        }
    }

    /// Handles everything that has completed.
    fn complete(&mut self) {
        let done: Vec<(u64, i32)> = self
            .ring
            .completion()
            .map(|entry| (entry.user_data(), entry.result()))
            .collect();
        for (number, result) in done {
            if number == WAKE {
                self.wake_armed = false;
                continue;
            }
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            if let Some(slot) = self.slots.get_mut(index).and_then(Option::take) {
                self.finish(index, slot, result);
            }
        }
    }

    fn finish(&mut self, index: usize, slot: Slot, result: i32) {
        match slot {
            Slot::Flush { answer } => {
                self.in_flight -= 1;
                let _ = answer.send(if result < 0 {
                    Err(self.os("flush", 0, 0, result))
                } else {
                    Ok(())
                });
            }
            Slot::Move {
                op,
                offset,
                done,
                buf,
                answer,
            } => {
                let len = buf.as_ref().len();
                let again = result == -libc::EINTR || result == -libc::EAGAIN;
                let moved = done + usize::try_from(result).unwrap_or(0);
                if again || (result > 0 && moved < len) {
                    return self.submit(
                        index,
                        Slot::Move {
                            op,
                            offset,
                            done: moved,
                            buf,
                            answer,
                        },
                    );
                }
                self.in_flight -= 1;
                let ended = match result {
                    0 => Err(self.short(op, offset, len, done)),
                    result if result < 0 => Err(self.os(op.word(), offset, len, result)),
                    _ => Ok(()),
                };
                let _ = answer.send((buf, ended));
            }
        }
    }

    fn os(&self, op: &'static str, offset: u64, len: usize, result: i32) -> DeviceError {
        let len = u64::try_from(len).unwrap_or(u64::MAX);
        DeviceError::Os {
            op,
            offset,
            len,
            errno: -result,
            path: self.path.to_string(),
        }
    }

    fn short(&self, op: Op, offset: u64, len: usize, done: usize) -> DeviceError {
        let (len, done) = (
            u64::try_from(len).unwrap_or(0),
            u64::try_from(done).unwrap_or(0),
        );
        DeviceError::Short {
            op: op.word(),
            offset,
            len,
            done,
            path: self.path.to_string(),
        }
    }

    /// The ring itself failed: what is in flight can neither be answered nor freed safely, so its
    /// buffers are leaked and the device reports that it has stopped.
    fn abandon(&mut self) {
        for slot in self.slots.drain(..).flatten() {
            if let Slot::Move { buf, .. } = slot {
                std::mem::forget(buf);
            }
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        debug_assert!(
            self.slots.iter().all(Option::is_none),
            "no operation outlives its driver"
        );
        let _ = &self.file;
    }
}
