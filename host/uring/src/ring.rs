//! The ring driver: one thread and one io_uring a device.
//!
//! The thread takes all orders that wait, submits them together and sleeps in the kernel until
//! something completes or the queue's bell rings. Flushes do not come here: a flush in the ring
//! goes through a worker of the kernel and this thread's sleep, which costs more than a thread
//! that calls fdatasync (docs/decisions/0001-io-uring-driver.md).
//!
//! | invariant | who keeps it |
//! |---|---|
//! | a slot owns its buffer until the completion | only a completion empties a slot |
//! | a dropped future frees nothing | it closes the answer's channel, the slot stays |
//! | file, queue and arena outlive every operation | the thread owns them, ends with no slot used |
//! | the arena outlives its registration | the thread owns both and drops the ring first |
//! | a registered page is the one the process sees | `rest` forgets it, on this thread |

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd;
use std::sync::Arc;
use std::sync::mpsc::sync_channel;
use std::thread::JoinHandle;

use host_core::seams::DeviceError;
use io_uring::{IoUring, Probe, cqueue, opcode, squeue, types};

use crate::arena::Arena;
use crate::queue::{Move, Next, Op, Order, Queue};
use crate::registered::Registered;

/// The slot number of the bell's read.
const BELL: u64 = u64::MAX;

/// An operation in flight: the order, and how many of its bytes have moved.
struct Slot {
    order: Move,
    done: usize,
}

/// What the driver's thread needs. Field order is drop order: the ring goes before what it
/// points to.
struct Driver {
    ring: IoUring,
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    taken: Vec<Order>,
    bell_armed: bool,
    bell_polls: bool,
    bell_count: Box<u64>,
    registered: Registered,
    parts: Parts,
}

/// What is given to a driver.
pub(crate) struct Parts {
    pub(crate) file: Arc<File>,
    pub(crate) queue: Arc<Queue>,
    pub(crate) arena: Arc<Arena>,
    pub(crate) path: Arc<str>,
    /// Operations in flight at most.
    pub(crate) depth: u32,
    /// Whether the kernel is asked to register memory at all.
    pub(crate) register: bool,
}

impl Parts {
    /// Starts the driver's thread. Errors when the kernel has no io_uring for us, or not the
    /// operations needed; the caller then takes plain threads.
    pub(crate) fn start(self) -> io::Result<JoinHandle<()>> {
        let (told, tell) = sync_channel(1);
        let queue = Arc::clone(&self.queue);
        let run = move || {
            // Built on its own thread: a ring of a single issuer belongs to the one that made it.
            match Driver::build(self) {
                Ok(driver) => {
                    let _ = told.send(Ok(()));
                    driver.run();
                    queue.stop();
                }
                Err(error) => {
                    let _ = told.send(Err(error));
                }
            }
        };
        let thread = std::thread::Builder::new().name("volume".into());
        let thread = thread.spawn(run)?;
        tell.recv()
            .unwrap_or_else(|_| Err(io::Error::other("the thread ended")))?;
        Ok(thread)
    }
}

impl Driver {
    fn build(parts: Parts) -> io::Result<Self> {
        // One entry more than operations: the bell's read.
        let entries = (parts.depth + 1).next_power_of_two();
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
        let needed = [opcode::Read::CODE, opcode::Write::CODE];
        if !needed.into_iter().all(|code| probe.is_supported(code)) {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        let files = [parts.file.as_raw_fd(), parts.queue.bell().as_raw_fd()];
        ring.submitter().register_files(&files)?;
        let chunks = if parts.register {
            parts.arena.chunks()
        } else {
            0
        };
        let registered = Registered::none_yet(&ring, chunks);
        let depth = usize::try_from(parts.depth).unwrap_or(1);
        Ok(Self {
            ring,
            slots: (0..depth).map(|_| None).collect(),
            free: (0..depth).rev().collect(),
            taken: Vec::with_capacity(depth),
            bell_armed: false,
            bell_polls: true,
            bell_count: Box::new(0),
            registered,
            parts,
        })
    }

    fn run(mut self) {
        loop {
            if self.free.len() == self.slots.len() && !self.wait_idle() {
                return;
            }
            self.take();
            self.arm_bell();
            let ended = self.ring.submit_and_wait(1);
            self.parts.queue.awake();
            match ended {
                Ok(_) => (),
                Err(error) if matches!(error.raw_os_error(), Some(libc::EINTR | libc::EBUSY)) => (),
                Err(error) => {
                    tracing::error!(path = %self.parts.path, err = %error, "ring failed");
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
        for chunk in self.parts.arena.rest() {
            self.registered.forget(&self.ring, chunk);
        }
    }

    /// Waits for the first order while nothing is in flight; false when none will come any more.
    fn wait_idle(&mut self) -> bool {
        loop {
            match self.parts.queue.next(Some(self.parts.arena.patience())) {
                Next::Order(order) => {
                    self.push(order);
                    return true;
                }
                Next::Quiet => self.rest(),
                Next::Closed => return false,
            }
        }
    }

    /// Takes every waiting order that finds a slot.
    fn take(&mut self) {
        let mut taken = std::mem::take(&mut self.taken);
        self.parts.queue.drain(self.free.len(), &mut taken);
        for order in taken.drain(..) {
            self.push(order);
        }
        self.taken = taken;
    }

    fn push(&mut self, order: Order) {
        let order = match order {
            Order::Move(order) => order,
            Order::Flush(answer) => {
                // Flushes have their own thread; one that strays here is done in place.
                let done = self.parts.file.sync_data().map_err(|error| {
                    self.os("flush", 0, 0, -error.raw_os_error().unwrap_or(libc::EIO))
                });
                let _ = answer.send(done);
                return;
            }
        };
        let index = self
            .free
            .pop()
            .expect("no more orders are taken than slots are free");
        self.submit(index, Slot { order, done: 0 });
    }

    /// Puts the slot's next operation into the submission queue and keeps the slot.
    fn submit(&mut self, index: usize, mut slot: Slot) {
        let file = types::Fixed(0);
        let order = &mut slot.order;
        let at = order.offset + u64::try_from(slot.done).unwrap_or(0);
        let chunk = order.buf.chunk();
        let rest = order.buf.as_mut().get_mut(slot.done..).unwrap_or_default();
        let len = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let start = rest.as_mut_ptr();
        let Parts { arena, path, .. } = &self.parts;
        let chunk = chunk.and_then(|chunk| self.registered.number(&self.ring, arena, chunk, path));
        let entry = match (order.op, chunk) {
            (Op::Read, Some(chunk)) => opcode::ReadFixed::new(file, start, len, chunk)
                .offset(at)
                .build(),
            (Op::Read, None) => opcode::Read::new(file, start, len).offset(at).build(),
            (Op::Write, Some(chunk)) => opcode::WriteFixed::new(file, start, len, chunk)
                .offset(at)
                .build(),
            (Op::Write, None) => opcode::Write::new(file, start, len).offset(at).build(),
        };
        if let Some(place) = self.slots.get_mut(index) {
            *place = Some(slot);
        }
        let number = u64::try_from(index).unwrap_or(BELL);
        self.enqueue(&entry.user_data(number));
    }

    fn enqueue(&mut self, entry: &squeue::Entry) {
        // SAFETY: the entry points into a buffer its slot owns until the completion arrives, at a
        // registered file, or at `bell_count`, which lives as long as the ring.
        let pushed = unsafe { self.ring.submission().push(entry) };
        pushed.expect("the queue holds an entry for every slot and the bell");
    }

    /// Has the ring listen for the bell: by one poll for ever where the kernel has that (5.13),
    /// since a read a sleep costs a quarter of what an operation does.
    fn arm_bell(&mut self) {
        if !std::mem::replace(&mut self.bell_armed, true) {
            let bell = types::Fixed(1);
            let entry = if self.bell_polls {
                let events = u32::try_from(libc::POLLIN).unwrap_or(1);
                opcode::PollAdd::new(bell, events).multi(true).build()
            } else {
                let count = std::ptr::from_mut::<u64>(&mut self.bell_count).cast();
                opcode::Read::new(bell, count, 8).build()
            };
            self.enqueue(&entry.user_data(BELL));
        }
    }

    /// Answers everything that has completed, and submits the rest of what moved in part.
    fn complete(&mut self) {
        loop {
            let entry = self.ring.completion().next();
            let Some(entry) = entry else { return };
            if entry.user_data() == BELL {
                self.bell_armed = cqueue::more(entry.flags());
                self.bell_polls &= entry.result() >= 0;
                continue;
            }
            let index = usize::try_from(entry.user_data()).unwrap_or(usize::MAX);
            if let Some(slot) = self.slots.get_mut(index).and_then(Option::take) {
                self.finish(index, slot, entry.result());
            }
        }
    }

    fn finish(&mut self, index: usize, mut slot: Slot, result: i32) {
        let len = slot.order.buf.as_ref().len();
        let again = result == -libc::EINTR || result == -libc::EAGAIN;
        slot.done += usize::try_from(result).unwrap_or(0);
        if again || (result > 0 && slot.done < len) {
            return self.submit(index, slot);
        }
        self.free.push(index);
        let Move {
            op,
            offset,
            buf,
            answer,
        } = slot.order;
        let ended = match result {
            0 => Err(self.short(op, offset, len, slot.done)),
            result if result < 0 => Err(self.os(op.word(), offset, len, result)),
            _ => Ok(()),
        };
        let _ = answer.send((buf, ended));
    }

    fn os(&self, op: &'static str, offset: u64, len: usize, result: i32) -> DeviceError {
        DeviceError::Os {
            op,
            offset,
            len: u64::try_from(len).unwrap_or(u64::MAX),
            errno: -result,
            path: self.parts.path.to_string(),
        }
    }

    fn short(&self, op: Op, offset: u64, len: usize, done: usize) -> DeviceError {
        DeviceError::Short {
            op: op.word(),
            offset,
            len: u64::try_from(len).unwrap_or(u64::MAX),
            done: u64::try_from(done).unwrap_or(u64::MAX),
            path: self.parts.path.to_string(),
        }
    }

    /// The ring itself failed: what is in flight can neither be answered nor freed safely, so its
    /// buffers are leaked and the device reports that it has stopped.
    fn abandon(&mut self) {
        for slot in self.slots.drain(..).flatten() {
            std::mem::forget(slot.order.buf);
        }
    }
}

impl Drop for Driver {
    fn drop(&mut self) {
        debug_assert!(
            self.slots.iter().all(Option::is_none),
            "no operation outlives its driver"
        );
    }
}
