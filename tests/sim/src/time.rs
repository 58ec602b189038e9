//! Virtual time and the tasks that live in it. Time stands still while anything can go on, then
//! jumps to the next sleeper: hours pass in milliseconds, and one seed always gives one run.
//!
//! Invariant: everything of a run is polled by one thread, in the order of waking. A task belongs
//! to an owner (a machine, a renter); when the owner loses power its tasks are dropped where they
//! stand.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use futures::StreamExt;
use futures::future::{AbortHandle, abortable};
use futures::stream::FuturesUnordered;
use host_core::seams::{BoxFuture, Clock};
use tokio::sync::oneshot;

use crate::lock;

/// Milliseconds of the wall clock when a run begins.
const BEGINNING_MS: u64 = 1_700_000_000_000;

type Task = Pin<Box<dyn Future<Output = ()>>>;

thread_local! {
    /// Tasks that nobody polled yet. A run is one thread, and its tasks never leave it.
    static NEWBORN: RefCell<Vec<(Owner, Task)>> = const { RefCell::new(Vec::new()) };
}

#[derive(Default)]
struct Hands {
    now: Duration,
    count: u64,
    sleepers: BTreeMap<(Duration, u64), oneshot::Sender<()>>,
    alive: Vec<(Owner, AbortHandle)>,
}

/// Whether anything may go on.
struct Woken(AtomicBool);

impl Wake for Woken {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whom a task dies with.
pub(crate) type Owner = u32;

/// The clock of a run; clones share their hands.
#[derive(Clone, Default)]
pub(crate) struct Time(Arc<Mutex<Hands>>);

impl Time {
    /// Begins a task.
    #[expect(
        clippy::unused_self,
        reason = "who has the time of a run is in that run"
    )]
    pub(crate) fn spawn(&self, owner: Owner, task: impl Future<Output = ()> + 'static) {
        NEWBORN.with_borrow_mut(|newborn| newborn.push((owner, Box::pin(task))));
    }

    /// Drops every task of an owner.
    pub(crate) fn end(&self, owner: Owner) {
        let newborn = NEWBORN.take();
        let (gone, kept): (Vec<_>, Vec<_>) = newborn.into_iter().partition(|(of, _)| *of == owner);
        NEWBORN.set(kept);
        drop(gone);
        let mut hands = lock(&self.0);
        let (ended, alive): (Vec<_>, Vec<_>) = std::mem::take(&mut hands.alive)
            .into_iter()
            .partition(|(of, _)| *of == owner);
        hands.alive = alive;
        drop(hands);
        ended.iter().for_each(|(_, task)| task.abort());
    }

    /// Lets `main` run to its end. None when it neither ends nor sleeps: then it never would.
    pub(crate) fn run<T>(&self, main: impl Future<Output = T>) -> Option<T> {
        // A run before this one on the same thread may have ended with tasks that were not begun.
        drop(NEWBORN.take());
        let woken = Arc::new(Woken(AtomicBool::new(true)));
        let waker = Waker::from(Arc::clone(&woken));
        let mut context = Context::from_waker(&waker);
        let (mut main, mut tasks) = (Box::pin(main), FuturesUnordered::new());
        loop {
            while woken.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(told) = main.as_mut().poll(&mut context) {
                    return Some(told);
                }
                loop {
                    self.bear(&mut tasks);
                    match tasks.poll_next_unpin(&mut context) {
                        Poll::Ready(Some(())) => (),
                        Poll::Ready(None) | Poll::Pending => break,
                    }
                }
            }
            if !self.bear(&mut tasks) && !self.step() {
                return None;
            }
            woken.0.store(true, Ordering::Relaxed);
        }
    }

    /// Takes new tasks in; whether there were any.
    fn bear(&self, tasks: &mut FuturesUnordered<Task>) -> bool {
        let newborn = NEWBORN.take();
        let any = !newborn.is_empty();
        for (owner, task) in newborn {
            let (task, handle) = abortable(task);
            lock(&self.0).alive.push((owner, handle));
            tasks.push(Box::pin(async {
                let _aborted = task.await;
            }));
        }
        any
    }

    /// On to the next sleeper; false when nobody sleeps.
    fn step(&self) -> bool {
        let mut hands = lock(&self.0);
        hands.alive.retain(|(_, task)| !task.is_aborted());
        while let Some(((at, _), sleeper)) = hands.sleepers.pop_first() {
            if sleeper.is_closed() {
                continue;
            }
            hands.now = hands.now.max(at);
            drop(hands);
            let _gone = sleeper.send(());
            return true;
        }
        false
    }
}

impl Clock for Time {
    fn wall_ms(&self) -> u64 {
        let now = lock(&self.0).now.as_millis();
        BEGINNING_MS + u64::try_from(now).unwrap_or(u64::MAX)
    }

    fn monotonic(&self) -> Duration {
        lock(&self.0).now
    }

    fn sleep(&self, span: Duration) -> BoxFuture<'static, ()> {
        let (send, woken) = oneshot::channel();
        let mut hands = lock(&self.0);
        let key = (hands.now + span, hands.count);
        hands.count += 1;
        hands.sleepers.insert(key, send);
        Box::pin(async move {
            let _run_over = woken.await;
        })
    }
}
