//! The newest block this host knows, remembered across silence of the chain: a dead endpoint must
//! not stop uploads, and an old head only makes expiry later, never earlier.

use std::time::Duration;

use host_core::seams::{Chain, Clock};
use tokio::sync::{Mutex, watch};

/// How long a conversation waits for the chain's first word after a start.
const FIRST_WORD: Duration = Duration::from_secs(5);
/// Least time between two questions that conversations put to the chain.
const ASK_EVERY: Duration = Duration::from_secs(1);
/// Longest wait for the answer to one.
const ANSWER: Duration = Duration::from_secs(5);

/// The last block number seen; none until the chain answered once.
#[derive(Debug)]
pub struct HeadMemory {
    block: watch::Sender<Option<u64>>,
    /// When a conversation last asked, by the monotonic clock; held while one asks.
    asked: Mutex<Option<Duration>>,
}

impl HeadMemory {
    /// Starts from a block remembered in the ledger, if one is.
    #[must_use]
    pub fn starting_at(block: Option<u64>) -> Self {
        Self {
            block: watch::Sender::new(block),
            asked: Mutex::default(),
        }
    }

    /// Remembers a block; an older one is ignored.
    pub fn saw(&self, block: u64) {
        self.block.send_if_modified(|known| {
            let newer = known.is_none_or(|known| known < block);
            if newer {
                *known = Some(block);
            }
            newer
        });
    }

    /// The newest block known, or none when the chain never answered.
    #[must_use]
    pub fn block(&self) -> Option<u64> {
        *self.block.borrow()
    }

    /// The newest block known; just after a start, waits up to 5 s for the chain's first answer.
    pub async fn first(&self, clock: &dyn Clock) -> Option<u64> {
        let mut seen = self.block.subscribe();
        tokio::select! {
            biased;
            known = seen.wait_for(Option::is_some) => known.ok().and_then(|known| *known),
            () = clock.sleep(FIRST_WORD) => None,
        }
    }

    /// Asks the chain for its newest block now, unless somebody did within the last second; whoever
    /// comes while one asks waits for that answer. Says nothing when the chain is silent or takes
    /// longer than 5 s: the block known stays.
    pub(crate) async fn ask(&self, chain: &dyn Chain, clock: &dyn Clock) {
        let mut asked = self.asked.lock().await;
        let now = clock.monotonic();
        if asked.is_some_and(|asked| now.saturating_sub(asked) < ASK_EVERY) {
            return;
        }
        tokio::select! {
            seen = chain.head() => if let Ok(seen) = seen {
                self.saw(seen.block);
            },
            () = clock.sleep(ANSWER) => {}
        }
        *asked = Some(clock.monotonic());
    }
}
