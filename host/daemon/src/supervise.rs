//! Who runs, and in which order everything stops: the one place where shutdown is written down.
//!
//! Order: no new conversations, conversations end, follow-up tasks end, the network closes, the
//! ledger closes. Every task is joined here; none is detached.

use std::future::Future;
use std::time::Duration;

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;
use tokio::task::JoinSet;
use tracing::{info, warn};

/// Longest wait for conversations to end by themselves.
const DRAIN: Duration = Duration::from_secs(10);

/// Tells tasks when to end.
#[derive(Debug, Clone)]
pub struct Stopping(watch::Receiver<bool>);

impl Stopping {
    /// Whether it is time to end.
    #[must_use]
    pub fn now(&self) -> bool {
        *self.0.borrow()
    }

    /// Completes when it is time to end.
    pub async fn wait(&mut self) {
        let _ = self.0.wait_for(|stop| *stop).await;
    }

    /// Sleeps; false when it became time to end before the span was over.
    pub async fn sleep(&mut self, span: Duration) -> bool {
        tokio::select! {
            () = tokio::time::sleep(span) => true,
            () = self.wait() => false,
        }
    }
}

/// The tasks of a daemon and the switch that ends them.
#[derive(Debug)]
pub struct Tasks {
    switch: watch::Sender<bool>,
    running: JoinSet<&'static str>,
}

impl Default for Tasks {
    fn default() -> Self {
        Self {
            switch: watch::Sender::new(false),
            running: JoinSet::new(),
        }
    }
}

impl Tasks {
    /// A receiver of the switch.
    #[must_use]
    pub fn stopping(&self) -> Stopping {
        Stopping(self.switch.subscribe())
    }

    /// Starts a task that is joined at the end.
    pub fn spawn(&mut self, name: &'static str, task: impl Future<Output = ()> + Send + 'static) {
        self.running.spawn(async move {
            task.await;
            name
        });
    }

    /// Flips the switch and joins every task, waiting at most the drain time.
    pub async fn stop(mut self) {
        let _ = self.switch.send(true);
        let joined = tokio::time::timeout(DRAIN, async {
            while let Some(ended) = self.running.join_next().await {
                if let Err(err) = ended {
                    warn!(err = %err, "task ended badly");
                }
            }
        });
        if joined.await.is_err() {
            warn!(left = self.running.len(), "tasks were cut off");
            self.running.shutdown().await;
        }
    }
}

/// Completes when the daemon is asked to stop: SIGTERM, SIGINT, or, when `with_stdin`, the end of
/// standard input (so that a daemon started by another program ends with it).
pub async fn asked_to_stop(with_stdin: bool) -> anyhow::Result<&'static str> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let why = tokio::select! {
        _ = terminate.recv() => "SIGTERM",
        _ = interrupt.recv() => "SIGINT",
        () = stdin_ends(), if with_stdin => "end of standard input",
    };
    info!(why, "stopping");
    Ok(why)
}

/// Completes when standard input ends. The reader is a plain thread: a read of the runtime's own
/// would keep the process from ending for another reason while the pipe is open.
async fn stdin_ends() {
    let (end, ended) = tokio::sync::oneshot::channel();
    std::thread::spawn(move || {
        // An error ends the input as well, and nobody listening means that we are stopping.
        let _ = std::io::copy(&mut std::io::stdin().lock(), &mut std::io::sink());
        let _ = end.send(());
    });
    let _ = ended.await;
}
