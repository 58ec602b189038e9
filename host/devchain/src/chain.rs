//! The chain itself: blocks, receipts and logs in memory over the world and the block log.
//!
//! Enters: raw transactions, the wish to mine, gifts at start. Leaves: blocks, receipts, logs.
//! Invariant, in this order for every block: execute on a layer, write and flush the record, apply,
//! show. So nobody sees a receipt that a kill could take back, and a failed drive leaves the state
//! as it was and the transactions waiting. Time is the machine's clock plus an offset, never behind
//! the parent. There is no consensus and no reorganisation: this is a development chain.
//!
//! What grows in memory: about 190 bytes a block and, for a transaction, its raw bytes twice, its
//! logs and some 400 bytes; the pool is bounded. A day of empty one-second blocks is 17 MB.

use crate::blocklog::{BlockLog, Record};
use crate::error::Error;
use crate::pool::{Pool, Unwelcome};
use crate::tx::{SignedTx, Unreadable};
use crate::world::{BLOCK_GAS, Effect, Frame, Gift, World};
use revm::primitives::{Address, B256, Bytes, Log, keccak256};
use std::collections::HashMap;
use std::path::Path;
use std::time::{SystemTime, UNIX_EPOCH};

/// Price of a gas unit that every transaction pays at least: 1 gwei. It never moves: a development
/// chain has no market, and a client's base fee arithmetic sees a true value all the same.
pub(crate) const BASE_FEE: u64 = 1_000_000_000;

/// A block that everybody may see.
#[derive(Debug, Clone)]
pub(crate) struct Block {
    pub(crate) number: u64,
    pub(crate) hash: B256,
    pub(crate) parent: B256,
    pub(crate) timestamp: u64,
    pub(crate) gas_used: u64,
    pub(crate) txs: Vec<B256>,
}

/// A transaction in a block with what it did.
#[derive(Debug, Clone)]
pub(crate) struct Mined {
    pub(crate) tx: SignedTx,
    pub(crate) effect: Effect,
    pub(crate) block: u64,
    pub(crate) index: u64,
    pub(crate) gas_used_before: u64,
    /// Index of its first log within the block.
    pub(crate) first_log: u64,
}

/// One log with its place.
#[derive(Debug, Clone)]
pub(crate) struct PlacedLog {
    pub(crate) log: Log,
    pub(crate) block: u64,
    pub(crate) tx: B256,
    pub(crate) tx_index: u64,
    pub(crate) index: u64,
}

/// A block that was just made.
#[derive(Debug)]
pub(crate) struct Sealed {
    pub(crate) number: u64,
    /// Transactions that waited and that the rules refused, with the rule.
    pub(crate) refused: Vec<(B256, String)>,
}

/// Why a raw transaction is not taken.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Rejected {
    #[error("{0}")]
    Unreadable(#[from] Unreadable),
    #[error("{0}")]
    Unwelcome(#[from] Unwelcome),
    #[error("already known")]
    Mined,
    #[error("{0}")]
    Machine(#[from] Error),
}

/// Blocks, state and waiting transactions.
pub(crate) struct Chain {
    pub(crate) chain_id: u64,
    pub(crate) world: World,
    pub(crate) pool: Pool,
    log: BlockLog,
    index: Index,
    clock_offset: u64,
}

/// Everything that is served about the past.
#[derive(Debug, Default)]
struct Index {
    blocks: Vec<Block>,
    by_hash: HashMap<B256, u64>,
    mined: HashMap<B256, Mined>,
    logs: Vec<PlacedLog>,
}

impl Chain {
    /// Opens the chain in `dir` or makes it; gifts to addresses that never had one are mined.
    pub(crate) fn open(dir: &Path, chain_id: u64, fund: &[Gift]) -> Result<Self, Error> {
        let mut world = World::new(chain_id);
        let mut index = Index::default();
        let mut given: Vec<Address> = Vec::new();
        let log = BlockLog::open(dir, |record| {
            if record.number == 0 && record.chain_id != Some(chain_id) {
                let stored = record.chain_id.unwrap_or(0);
                return Err(Error::OtherChain {
                    path: dir.into(),
                    stored,
                    asked: chain_id,
                });
            }
            given.extend(record.gifts.iter().map(|gift| gift.0));
            replay(&mut world, &mut index, chain_id, &record)
        })?;
        let offset = index
            .blocks
            .last()
            .map_or(0, |head| head.timestamp.saturating_sub(now()));
        let mut chain = Self {
            chain_id,
            world,
            pool: Pool::default(),
            log,
            index,
            clock_offset: offset,
        };
        let new = fund
            .iter()
            .filter(|gift| !given.contains(&gift.0))
            .copied()
            .collect::<Vec<_>>();
        if chain.index.blocks.is_empty() || !new.is_empty() {
            chain.seal(Vec::new(), new)?;
        }
        Ok(chain)
    }

    /// The newest block.
    pub(crate) fn head(&self) -> &Block {
        self.index
            .blocks
            .last()
            .expect("open mines block 0 before it returns")
    }

    /// A block by number.
    pub(crate) fn block(&self, number: u64) -> Option<&Block> {
        self.index.blocks.get(usize::try_from(number).ok()?)
    }

    /// A block by hash.
    pub(crate) fn block_by_hash(&self, hash: B256) -> Option<&Block> {
        self.block(*self.index.by_hash.get(&hash)?)
    }

    /// A transaction that stands in a block.
    pub(crate) fn mined(&self, hash: B256) -> Option<&Mined> {
        self.index.mined.get(&hash)
    }

    /// All logs of the blocks `from..=to`, in order.
    pub(crate) fn logs(&self, from: u64, to: u64) -> &[PlacedLog] {
        let start = self.index.logs.partition_point(|log| log.block < from);
        let end = self.index.logs.partition_point(|log| log.block <= to);
        self.index.logs.get(start..end).unwrap_or_default()
    }

    /// What surrounds the next block; calls see it too.
    pub(crate) fn next_frame(&self) -> Frame {
        frame_after(
            self.index.blocks.last(),
            now().saturating_add(self.clock_offset),
        )
    }

    /// Lets a raw transaction wait for the next block and returns its hash.
    pub(crate) fn submit(&mut self, raw: &[u8]) -> Result<B256, Rejected> {
        let tx = SignedTx::decode(raw, self.chain_id)?;
        if self.index.mined.contains_key(&tx.hash) {
            return Err(Rejected::Mined);
        }
        let (hash, sender) = (tx.hash, tx.from);
        let (next, balance) = (self.world.nonce(sender), self.world.balance(sender));
        self.pool.admit(tx, next, balance, BLOCK_GAS)?;
        Ok(hash)
    }

    /// Makes one block of what is ready, perhaps empty.
    pub(crate) fn mine(&mut self) -> Result<Sealed, Error> {
        let ready = self
            .pool
            .ready(BASE_FEE, BLOCK_GAS, |sender| self.world.nonce(sender));
        self.seal(ready, Vec::new())
    }

    /// Whether the next block would hold a transaction.
    pub(crate) fn has_ready(&self) -> bool {
        let mut ready = self
            .pool
            .ready(BASE_FEE, BLOCK_GAS, |sender| self.world.nonce(sender));
        ready.pop().is_some()
    }

    /// Moves the chain's clock forward.
    pub(crate) fn advance_clock(&mut self, seconds: u64) {
        self.clock_offset = self.clock_offset.saturating_add(seconds);
    }

    fn seal(&mut self, txs: Vec<SignedTx>, gifts: Vec<Gift>) -> Result<Sealed, Error> {
        let frame = self.next_frame();
        let executed = self.world.execute(frame, &gifts, txs);
        let mut refused = Vec::new();
        for (tx, reason) in executed.refused {
            tracing::debug!(tx = %tx.hash, reason, "transaction refused by the rules");
            self.pool.refused(&tx);
            refused.push((tx.hash, reason));
        }
        let block = header(
            self.chain_id,
            self.index.blocks.last(),
            frame,
            &executed.included,
            &gifts,
        );
        let full = !executed.included.is_empty() || !gifts.is_empty() || frame.number == 0;
        self.log.append(&Record {
            number: frame.number,
            timestamp: frame.timestamp,
            chain_id: (frame.number == 0).then_some(self.chain_id),
            gifts,
            txs: executed
                .included
                .iter()
                .map(|(tx, _)| tx.raw.clone())
                .collect(),
            hash: full.then_some(block.hash),
        })?;
        for (tx, _) in &executed.included {
            self.pool.taken(tx.from, tx.nonce);
        }
        self.world.apply(frame.number, block.hash, executed.changes);
        if !executed.included.is_empty() {
            tracing::debug!(
                block = frame.number,
                count = executed.included.len(),
                "block mined"
            );
        }
        self.index.push(block, executed.included);
        Ok(Sealed {
            number: frame.number,
            refused,
        })
    }
}

impl Index {
    fn push(&mut self, block: Block, included: Vec<(SignedTx, Effect)>) {
        let (mut gas, mut log_index) = (0, 0);
        for (index, (tx, effect)) in (0_u64..).zip(included) {
            let first_log = log_index;
            for log in &effect.logs {
                let (block, tx) = (block.number, tx.hash);
                let log = log.clone();
                self.logs.push(PlacedLog {
                    log,
                    block,
                    tx,
                    tx_index: index,
                    index: log_index,
                });
                log_index += 1;
            }
            let used = effect.gas_used;
            let place = Mined {
                block: block.number,
                index,
                gas_used_before: gas,
                first_log,
                tx,
                effect,
            };
            self.mined.insert(place.tx.hash, place);
            gas += used;
        }
        self.by_hash.insert(block.hash, block.number);
        self.blocks.push(block);
    }
}

/// Executes a recorded block again and takes it over.
fn replay(
    world: &mut World,
    index: &mut Index,
    chain_id: u64,
    record: &Record,
) -> Result<(), Error> {
    let frame = frame_after(index.blocks.last(), record.timestamp);
    if record.number != frame.number {
        return Err(Error::LogOutOfOrder {
            expected: frame.number,
            found: record.number,
        });
    }
    let txs = record
        .txs
        .iter()
        .map(|raw| SignedTx::decode(raw, chain_id))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|reason| Error::RecordedTransaction {
            block: frame.number,
            reason,
        })?;
    let executed = world.execute(frame, &record.gifts, txs);
    let block = header(
        chain_id,
        index.blocks.last(),
        frame,
        &executed.included,
        &record.gifts,
    );
    if record.hash.is_some_and(|hash| hash != block.hash) {
        return Err(Error::ReplayDiffers {
            block: frame.number,
        });
    }
    world.apply(frame.number, block.hash, executed.changes);
    index.push(block, executed.included);
    Ok(())
}

/// The frame behind `parent` at clock time `time`.
fn frame_after(parent: Option<&Block>, time: u64) -> Frame {
    match parent {
        None => Frame {
            number: 0,
            timestamp: time,
            base_fee: BASE_FEE,
            randomness: B256::ZERO,
        },
        Some(parent) => Frame {
            number: parent.number + 1,
            timestamp: time.max(parent.timestamp),
            base_fee: BASE_FEE,
            randomness: keccak256(parent.hash),
        },
    }
}

/// The block over these transactions. Its hash binds chain, parent, number, time, gifts, the
/// transactions and their outcome; it is not an Ethereum header hash, and no client of ours asks.
fn header(
    chain_id: u64,
    parent: Option<&Block>,
    frame: Frame,
    included: &[(SignedTx, Effect)],
    gifts: &[Gift],
) -> Block {
    let parent = parent.map_or(B256::ZERO, |block| block.hash);
    let mut bytes = b"holdfast.devchain.block.1".to_vec();
    bytes.extend(chain_id.to_be_bytes());
    bytes.extend(parent);
    bytes.extend(frame.number.to_be_bytes());
    bytes.extend(frame.timestamp.to_be_bytes());
    for (to, wei) in gifts {
        bytes.extend(to.as_slice());
        bytes.extend(wei.to_be_bytes::<32>());
    }
    let mut gas_used = 0;
    for (tx, effect) in included {
        gas_used += effect.gas_used;
        bytes.extend(tx.hash);
        bytes.push(u8::from(effect.success));
        bytes.extend(effect.gas_used.to_be_bytes());
        for log in &effect.logs {
            bytes.extend(log.address.as_slice());
            bytes.extend(log.topics().iter().flatten());
            bytes.extend(keccak256(&log.data.data));
        }
    }
    Block {
        number: frame.number,
        hash: keccak256(Bytes::from(bytes)),
        parent,
        timestamp: frame.timestamp,
        gas_used,
        txs: included.iter().map(|(tx, _)| tx.hash).collect(),
    }
}

/// Seconds since 1970 by the machine's clock.
fn now() -> u64 {
    SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs())
}
