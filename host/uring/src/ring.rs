//! The ring: one io_uring a device, used by whoever has something to move.
//!
//! A caller's thread puts its operation into the submission queue and enters the kernel itself;
//! nothing is handed to another thread. Completions are reaped by whoever looks first: a caller
//! that submits, the runtime's reactor (`lull`), or the device's watchman (`watch`). Flushes do
//! not come here: a flush in the ring goes through a worker of the kernel, which costs more than a
//! thread that calls fdatasync (docs/decisions/0001-io-uring-driver.md).
//!
//! | invariant | who keeps it |
//! |---|---|
//! | a slot owns its buffer until the completion | only a completion empties a slot |
//! | a dropped future frees nothing | it closes the answer's channel, the slot stays |
//! | one thread at a time writes the submission queue, one reads completions | `state`, `reaping` |
//! | file, arena and slots outlive every operation | the device waits for the watchman, who waits |
//! | the arena outlives its registration | the ring is the first field, so it goes first |
//! | a registered page is the one the process sees | `rest` forgets it under the state's lock |
//! | no waker runs under a lock | answers are collected, then sent |

use std::collections::VecDeque;
use std::fs::File;
use std::io;
use std::os::fd::{AsRawFd, BorrowedFd, OwnedFd};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use futures::channel::oneshot;
use host_core::seams::DeviceError;
use io_uring::types::{SubmitArgs, Timespec};
use io_uring::{IoUring, Probe, opcode, squeue, types};

use crate::arena::Arena;
use crate::lull::Lull;
use crate::queue::{Move, Moved, Op};
use crate::registered::Registered;
use crate::watch::Watch;

/// The number of a kick, which is no slot's.
const KICK: u64 = u64::MAX;

/// A lull ends when one in so many of the operations under way has completed: with many under way
/// the drive stays busy meanwhile, and one waking serves several.
pub(crate) const SHARE: u32 = 8;

/// Completions that end the longest lull.
const fn kicks(depth: u32) -> u32 {
    depth.div_ceil(SHARE)
}

/// An order under way.
struct Slot {
    order: Move,
    /// Bytes that have moved.
    done: usize,
    /// Whether its caller's thread is of no runtime, so that the watchman must attend.
    foreign: bool,
}

/// What the submitting side shares.
struct State {
    slots: Vec<Option<Slot>>,
    free: Vec<usize>,
    /// Orders that found no free slot, in their order.
    waiting: VecDeque<Slot>,
    registered: Registered,
    open: bool,
}

/// What a ring is made of.
pub(crate) struct Parts {
    pub(crate) file: Arc<File>,
    pub(crate) arena: Arc<Arena>,
    pub(crate) path: Arc<str>,
    /// Operations in flight at most.
    pub(crate) depth: u32,
    /// Whether the kernel is asked to register memory at all.
    pub(crate) register: bool,
}

/// A device's ring. Field order is drop order: the kernel's part goes before what it points to.
pub(crate) struct Ring {
    uring: IoUring,
    state: Mutex<State>,
    /// Completions read and not yet handled; its lock is the right to read them.
    reaping: Mutex<Vec<(u64, i32)>>,
    /// Orders given and not answered.
    under_way: AtomicUsize,
    /// Those of them whose callers are of no runtime.
    foreign: AtomicUsize,
    pub(crate) lull: Lull,
    pub(crate) watch: Watch,
    parts: Parts,
}

/// Answers to be sent when no lock is held.
type Answers = Vec<(oneshot::Sender<Moved>, Moved)>;

impl Ring {
    /// A ring over `parts`. Errors when the kernel has no io_uring for us, or not the operations
    /// needed; the caller then takes plain threads.
    pub(crate) fn new(parts: Parts) -> io::Result<Self> {
        let depth = parts.depth.max(1);
        let entries = (depth + kicks(depth)).next_power_of_two();
        // Completions wait until their submitter enters the kernel instead of interrupting it.
        let uring = match IoUring::builder().setup_coop_taskrun().build(entries) {
            Ok(uring) => uring,
            Err(_) => IoUring::new(entries)?,
        };
        let mut probe = Probe::new();
        uring.submitter().register_probe(&mut probe)?;
        let needed = [opcode::Read::CODE, opcode::Write::CODE];
        let waits = uring.params().is_feature_ext_arg();
        if !waits || !needed.into_iter().all(|code| probe.is_supported(code)) {
            return Err(io::Error::from_raw_os_error(libc::EOPNOTSUPP));
        }
        uring
            .submitter()
            .register_files(&[parts.file.as_raw_fd()])?;
        let chunks = if parts.register {
            parts.arena.chunks()
        } else {
            0
        };
        let depth = usize::try_from(depth).unwrap_or(1);
        let state = State {
            slots: (0..depth).map(|_| None).collect(),
            free: (0..depth).rev().collect(),
            waiting: VecDeque::new(),
            registered: Registered::none_yet(&uring, chunks),
            open: true,
        };
        Ok(Self {
            uring,
            state: Mutex::new(state),
            reaping: Mutex::default(),
            under_way: AtomicUsize::new(0),
            foreign: AtomicUsize::new(0),
            lull: Lull::default(),
            watch: Watch::default(),
            parts,
        })
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Orders given and not answered.
    pub(crate) fn under_way(&self) -> usize {
        self.under_way.load(Ordering::SeqCst)
    }

    /// Those of them whose callers are of no runtime.
    pub(crate) fn foreign(&self) -> usize {
        self.foreign.load(Ordering::SeqCst)
    }

    /// A descriptor that is ready when something has completed.
    pub(crate) fn descriptor(&self) -> io::Result<OwnedFd> {
        // SAFETY: the ring's descriptor stays open while `self.uring` lives, which is longer.
        let own = unsafe { BorrowedFd::borrow_raw(self.uring.as_raw_fd()) };
        own.try_clone_to_owned()
    }

    /// How long unused memory is kept.
    pub(crate) fn patience(&self) -> Duration {
        self.parts.arena.patience()
    }

    /// Submits an order from this thread; gives it back when the ring is closed. `foreign` says
    /// that the thread is of no runtime. Cost: one system call.
    pub(crate) fn give(&self, order: Move, foreign: bool) -> Result<(), Move> {
        let mut state = self.state();
        if !state.open {
            return Err(order);
        }
        self.under_way.fetch_add(1, Ordering::SeqCst);
        self.foreign
            .fetch_add(usize::from(foreign), Ordering::SeqCst);
        state.waiting.push_back(Slot {
            order,
            done: 0,
            foreign,
        });
        let begun = self.begin(&mut state);
        drop(state);
        if begun {
            self.submit();
            self.reap();
        }
        self.watch.given(foreign);
        Ok(())
    }

    /// Takes no more orders; what waits is still moved.
    pub(crate) fn close(&self) {
        self.state().open = false;
        self.lull.detach();
        self.watch.close();
    }

    /// Lets go of the file at once: with the ring alone it would go some time after, and a block
    /// device stay taken until then. Nothing is under way any more.
    pub(crate) fn release(&self) {
        let _ = self.uring.submitter().unregister_files();
    }

    /// Puts waiting orders into free slots; whether there was one.
    fn begin(&self, state: &mut State) -> bool {
        let mut begun = false;
        while !state.waiting.is_empty() {
            let Some(index) = state.free.pop() else {
                break;
            };
            let slot = state.waiting.pop_front().expect("seen above");
            self.enqueue(state, index, slot);
            begun = true;
        }
        begun
    }

    /// Puts the slot's next operation into the submission queue and keeps the slot.
    fn enqueue(&self, state: &mut State, index: usize, mut slot: Slot) {
        let file = types::Fixed(0);
        let order = &mut slot.order;
        let at = order.offset + u64::try_from(slot.done).unwrap_or(0);
        let chunk = order.buf.chunk();
        let rest = order.buf.as_mut().get_mut(slot.done..).unwrap_or_default();
        let len = u32::try_from(rest.len()).unwrap_or(u32::MAX);
        let start = rest.as_mut_ptr();
        let Parts { arena, path, .. } = &self.parts;
        let registered = &mut state.registered;
        let chunk = chunk.and_then(|chunk| registered.number(&self.uring, arena, chunk, path));
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
        if let Some(place) = state.slots.get_mut(index) {
            *place = Some(slot);
        }
        let number = u64::try_from(index).unwrap_or(u64::MAX);
        self.push(&entry.user_data(number), state)
            .expect("the queue holds an entry for every slot");
    }

    /// Writes one entry, unless the queue is full; the state's lock, which the caller shows, makes
    /// it the only one.
    fn push(&self, entry: &squeue::Entry, _locked: &mut State) -> Result<(), squeue::PushError> {
        // SAFETY: the state's lock is held, so no other thread has the submission queue.
        let mut submission = unsafe { self.uring.submission_shared() };
        // SAFETY: the entry points into a buffer its slot owns until the completion arrives, and
        // at a registered file, or it is a kick and points at nothing.
        unsafe { submission.push(entry) }
    }

    /// Has the kernel take what is in the submission queue.
    fn submit(&self) {
        if let Err(error) = self.uring.submit() {
            self.refused(&error);
        }
    }

    /// Sleeps until `count` operations have completed that are not reaped, or `span` is over where
    /// there is one.
    pub(crate) fn wait(&self, count: usize, span: Option<Duration>) {
        let submitter = self.uring.submitter();
        let waited = match span.map(Timespec::from) {
            Some(span) => submitter.submit_with_args(count, &SubmitArgs::new().timespec(&span)),
            None => submitter.submit_and_wait(count),
        };
        match waited {
            Err(error) if error.raw_os_error() != Some(libc::ETIME) => self.refused(&error),
            _ => (),
        }
    }

    /// Whether something waits to be reaped.
    pub(crate) fn has_completed(&self) -> bool {
        let reaping = self.reaping.try_lock();
        // SAFETY: the reaping lock is held, so no other thread has the completion queue.
        reaping.is_ok_and(|_held| !unsafe { self.uring.completion_shared() }.is_empty())
    }

    /// Has nothings complete at once, so many that whoever lulls in the ring wakes.
    pub(crate) fn kick(&self) {
        let mut state = self.state();
        for _ in 0..kicks(self.parts.depth) {
            // Full of kicks the kernel has not taken: those will do.
            let _ = self.push(&opcode::Nop::new().build().user_data(KICK), &mut state);
        }
        drop(state);
        self.submit();
    }

    /// A system call that the kernel refused: for now, or for good.
    fn refused(&self, error: &io::Error) {
        match error.raw_os_error() {
            // What was not taken stays in the queue; the watchman tries again.
            Some(libc::EINTR | libc::EAGAIN | libc::EBUSY) => self.watch.overdue(),
            _ => {
                tracing::error!(path = %self.parts.path, err = %error, "ring failed");
                self.abandon();
            }
        }
    }

    /// Answers everything that has completed, submits the rest of what moved in part and what
    /// waited for a slot; how many operations had completed.
    pub(crate) fn reap(&self) -> usize {
        let mut reaping = self.reaping.lock().unwrap_or_else(PoisonError::into_inner);
        // SAFETY: the reaping lock is held, so no other thread has the completion queue.
        let completed = unsafe { self.uring.completion_shared() };
        reaping.extend(completed.map(|entry| (entry.user_data(), entry.result())));
        let count = reaping.len();
        if count == 0 {
            return 0;
        }
        self.lull.moved(count);
        let mut answers = Answers::with_capacity(count);
        let mut state = self.state();
        let mut again = false;
        for (number, result) in reaping.drain(..) {
            let index = usize::try_from(number).unwrap_or(usize::MAX);
            if let Some(slot) = state.slots.get_mut(index).and_then(Option::take) {
                again |= self.finish(&mut state, index, slot, result, &mut answers);
            }
        }
        again |= self.begin(&mut state);
        drop((state, reaping));
        if again {
            self.submit();
        }
        for (answer, moved) in answers {
            let _ = answer.send(moved);
        }
        count
    }

    /// Ends an operation, or submits what is left of it and says so.
    fn finish(
        &self,
        state: &mut State,
        index: usize,
        mut slot: Slot,
        result: i32,
        answers: &mut Answers,
    ) -> bool {
        let len = slot.order.buf.as_ref().len();
        // An operation the kernel had put off is cancelled when its submitter's thread ends.
        let put_off = [-libc::EINTR, -libc::EAGAIN, -libc::ECANCELED].contains(&result);
        slot.done += usize::try_from(result).unwrap_or(0);
        if put_off || (result > 0 && slot.done < len) {
            self.enqueue(state, index, slot);
            return true;
        }
        state.free.push(index);
        self.under_way.fetch_sub(1, Ordering::SeqCst);
        self.foreign
            .fetch_sub(usize::from(slot.foreign), Ordering::SeqCst);
        let Move {
            op,
            offset,
            buf,
            answer,
        } = slot.order;
        let ended = match result {
            0 => Err(self.short(op, offset, len, slot.done)),
            result if result < 0 => Err(self.os(op, offset, len, result)),
            _ => Ok(()),
        };
        answers.push((answer, (buf, ended)));
        false
    }

    fn os(&self, op: Op, offset: u64, len: usize, result: i32) -> DeviceError {
        DeviceError::Os {
            op: op.word(),
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

    /// Gives unused buffer memory back when that is due. Under the state's lock, so that no
    /// operation can be submitted between the loss of a page and its deregistration.
    pub(crate) fn rest(&self) {
        let mut state = self.state();
        for chunk in self.parts.arena.rest() {
            state.registered.forget(&self.uring, chunk);
        }
    }

    /// The ring itself failed: what is in flight can neither be answered nor freed safely, so its
    /// buffers are leaked and the device reports that it has stopped.
    fn abandon(&self) {
        let mut state = self.state();
        state.open = false;
        let lost: Vec<Slot> = state.slots.iter_mut().filter_map(Option::take).collect();
        let waiting = std::mem::take(&mut state.waiting);
        self.under_way.store(0, Ordering::SeqCst);
        self.foreign.store(0, Ordering::SeqCst);
        drop(state);
        for slot in lost {
            std::mem::forget(slot.order.buf);
        }
        drop(waiting);
        self.watch.close();
    }
}
