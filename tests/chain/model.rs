//! A chain in memory whose every move a test makes: blocks, mempool, fees, reorganisations,
//! silence.
//!
//! One account, one vault. Invariants: a nonce is mined once; what a vault pays is the difference
//! to what it has paid; a reorganisation takes effects back with the blocks. `payments` counts what
//! really moved, so that paying twice shows. Does not: sign; the bytes of a transaction are its
//! fields.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard};

use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, ChequePaid, Head, SignedTx, TxReceipt, VaultFacts,
    VaultRisk,
};
use host_core::{Address, Amount, Digest32};

use crate::stage::key;

/// Wei a gas unit costs in calm times.
pub(crate) const CALM: u64 = 100;

/// What a transaction of the model says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Tx {
    nonce: u64,
    price: u64,
    /// The cheque's sum; none for a call of no meaning.
    sum: u64,
}

impl Tx {
    fn signed(self) -> SignedTx {
        let mut raw = [0; 32];
        raw[..8].copy_from_slice(&self.nonce.to_be_bytes());
        raw[8..16].copy_from_slice(&self.price.to_be_bytes());
        raw[16..24].copy_from_slice(&self.sum.to_be_bytes());
        raw[31] = 1;
        SignedTx {
            hash: Digest32(raw),
            nonce: self.nonce,
            raw: raw.to_vec(),
        }
    }

    fn read(tx: &SignedTx) -> Self {
        let part = |at: usize| u64::from_be_bytes(tx.raw[at..at + 8].try_into().unwrap());
        Self {
            nonce: part(0),
            price: part(8),
            sum: part(16),
        }
    }
}

#[derive(Debug, Clone)]
struct Mined {
    hash: Digest32,
    tx: Digest32,
    paid: u64,
    paid_out: u64,
}

#[derive(Debug, Clone, Default)]
struct Block {
    hash: [u8; 32],
    txs: Vec<Mined>,
}

/// The world behind the model.
#[derive(Debug, Default)]
pub(crate) struct World {
    blocks: Vec<Block>,
    pool: BTreeMap<(u64, u64), Tx>,
    /// Makes hashes of a second history differ.
    fork: u8,
    /// Least price that gets into a block.
    pub(crate) floor: u64,
    /// Most a gas unit may cost for the host.
    pub(crate) cap: u64,
    pub(crate) balance: u64,
    /// What the issuer announced to take out.
    pub(crate) leaving: u64,
    /// Nobody answers.
    pub(crate) silent: bool,
    /// Broadcasts are lost on the way, and their answer says so.
    pub(crate) cut: bool,
    /// Broadcasts are taken and forgotten.
    pub(crate) forgets: bool,
    /// The contract refuses cheques.
    pub(crate) refuses: bool,
    /// Every transaction that was ever broadcast.
    pub(crate) seen: BTreeSet<Digest32>,
    /// Nonces signed.
    pub(crate) signed: Vec<u64>,
}

impl World {
    pub(crate) fn mine(&mut self) {
        let number = self.blocks.len() as u64;
        let mut block = Block::default();
        block.hash[..8].copy_from_slice(&number.to_be_bytes());
        block.hash[31] = self.fork;
        let block_hash = Digest32(block.hash);
        loop {
            let next = self.nonce() + block.txs.len() as u64;
            let of_nonce = self.pool.range((next, 0)..=(next, u64::MAX));
            let Some(tx) = of_nonce.map(|(_, tx)| *tx).next_back() else {
                break;
            };
            if tx.price < self.floor {
                break;
            }
            self.pool.retain(|(nonce, _), _| *nonce != next);
            let before = self.paid_out();
            let can = self.balance + before;
            let paid_out = tx.sum.min(can).max(before);
            block.txs.push(Mined {
                hash: block_hash,
                tx: tx.signed().hash,
                paid: paid_out - before,
                paid_out,
            });
            self.balance -= paid_out - before;
        }
        self.blocks.push(block);
    }

    pub(crate) fn mine_many(&mut self, count: usize) {
        for _ in 0..count {
            self.mine();
        }
    }

    /// Takes `depth` blocks away and makes as many others; transactions come back to the pool when
    /// `kept`.
    pub(crate) fn reorganise(&mut self, depth: usize, kept: bool) {
        self.fork += 1;
        for _ in 0..depth {
            let block = self.blocks.pop().expect("deep enough");
            for mined in block.txs {
                self.balance += mined.paid;
                if kept {
                    let raw = mined.tx.0.to_vec();
                    let (hash, nonce) = (mined.tx, 0);
                    let tx = Tx::read(&SignedTx { hash, nonce, raw });
                    self.pool.insert((tx.nonce, tx.price), tx);
                }
            }
        }
        let floor = std::mem::replace(&mut self.floor, u64::MAX);
        self.mine_many(depth);
        self.floor = floor;
    }

    /// Forgets every transaction that is in no block.
    pub(crate) fn drop_pool(&mut self) {
        self.pool.clear();
    }

    /// Somebody else with the same key sends something at the next nonce.
    pub(crate) fn steal_nonce(&mut self) {
        let nonce = self.nonce();
        let (price, sum) = (u64::MAX - 1, 0);
        self.pool.insert((nonce, price), Tx { nonce, price, sum });
    }

    pub(crate) fn nonce(&self) -> u64 {
        self.blocks.iter().map(|block| block.txs.len() as u64).sum()
    }

    pub(crate) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    pub(crate) fn paid_out(&self) -> u64 {
        let mined = self.blocks.iter().flat_map(|block| &block.txs);
        mined.map(|mined| mined.paid_out).max().unwrap_or(0)
    }

    /// How often money moved.
    pub(crate) fn payments(&self) -> usize {
        let mined = self.blocks.iter().flat_map(|block| &block.txs);
        mined.filter(|mined| mined.paid > 0).count()
    }

    fn find(&self, hash: Digest32) -> Option<(u64, Digest32)> {
        let mut numbered = (0_u64..).zip(&self.blocks);
        numbered.find_map(|(number, block)| {
            let mined = block.txs.iter().find(|mined| mined.tx == hash)?;
            Some((number, mined.hash))
        })
    }

    fn price(&self) -> Result<u64, ChainError> {
        let need = self.floor.max(CALM);
        if need > self.cap {
            let (need, cap) = (need.into(), self.cap.into());
            return Err(ChainError::FeeCap { need, cap });
        }
        Ok(need)
    }
}

/// The chain seam over a world that tests share.
#[derive(Clone)]
pub(crate) struct Model(Arc<Mutex<World>>);

impl Model {
    pub(crate) fn new(balance: u64) -> Self {
        let mut world = World {
            floor: 1,
            cap: 1_000_000,
            balance,
            ..World::default()
        };
        world.mine();
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        self.0.lock().unwrap()
    }

    fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&mut World) -> Result<T, ChainError>,
    ) -> BoxFuture<'static, Result<T, ChainError>> {
        let mut world = self.world();
        let told = if world.silent {
            let (tried, why) = (2, "silence".into());
            Err(ChainError::Unreachable { tried, why })
        } else {
            answer(&mut world)
        };
        Box::pin(async move { told })
    }
}

impl Chain for Model {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        self.ask(|world| {
            let block = world.head();
            let hash = Digest32(world.blocks[world.blocks.len() - 1].hash);
            Ok(Head { block, hash })
        })
    }

    fn vault(&self, _: Address, _: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.ask(|world| {
            Ok(VaultFacts {
                issuer: key(2).address(),
                known: true,
                balance: Amount(world.balance.into()),
                paid_out: Amount(world.paid_out().into()),
                locked: Amount::ZERO,
            })
        })
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        self.ask(|world| {
            let sum = match call {
                ChainCall::CashCheque { cheque, .. } => cheque.cheque.cumulative.0,
                ChainCall::Contract { .. } | ChainCall::CashMany { .. } => 0,
            };
            let sum = u64::try_from(sum).unwrap();
            if world.refuses || (sum > 0 && sum <= world.paid_out()) {
                let (what, reason) = ("cash", "nothing to pay".into());
                return Err(ChainError::Reverted { what, reason });
            }
            let (nonce, price) = (world.nonce().max(floor), world.price()?);
            world.signed.push(nonce);
            Ok(Tx { nonce, price, sum }.signed())
        })
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        self.ask(|world| {
            if world.cut {
                let (tried, why) = (2, "the line is cut".into());
                return Err(ChainError::Unreachable { tried, why });
            }
            world.seen.insert(tx.hash);
            let read = Tx::read(tx);
            if world.find(tx.hash).is_some() {
                return Ok(());
            }
            if read.nonce < world.nonce() {
                return Err(ChainError::NonceTaken {
                    account: key(3).address(),
                    nonce: read.nonce,
                    hash: tx.hash,
                });
            }
            let of_nonce = world.pool.range((read.nonce, 0)..=(read.nonce, u64::MAX));
            let best = of_nonce.map(|(_, tx)| tx.price).max().unwrap_or(0);
            let dearer = read.price >= best + best / 10;
            if best != 0 && best != read.price && !dearer {
                let (nonce, hash) = (read.nonce, tx.hash);
                return Err(ChainError::Underpriced { nonce, hash });
            }
            if !world.forgets {
                world.pool.insert((read.nonce, read.price), read);
            }
            Ok(())
        })
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        self.ask(|world| {
            Ok(world.find(hash).map(|(block, block_hash)| TxReceipt {
                block,
                block_hash,
                success: true,
                gas_used: 50_000,
            }))
        })
    }

    fn bump<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        self.ask(|world| {
            let mut read = Tx::read(tx);
            let need = (read.price + read.price.div_ceil(8)).max(world.floor);
            let cap = u64::try_from(cost_max.0).map_or(world.cap, |cost| world.cap.min(cost));
            if need > cap {
                let (need, cap) = (need.into(), cap.into());
                return Err(ChainError::FeeCap { need, cap });
            }
            read.price = need;
            Ok(read.signed())
        })
    }

    fn clear<'a>(
        &'a self,
        tx: &'a SignedTx,
        cost_max: Amount,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        // An empty transaction costs a tenth of a gas unit here: it fits where the other does not.
        self.ask(|world| {
            let mut read = Tx::read(tx);
            read.price = (read.price + read.price.div_ceil(8)).max(world.floor);
            let need = Amount(u128::from(read.price / 10));
            if need > cost_max {
                let (need, cap) = (need.0, cost_max.0);
                return Err(ChainError::FeeCap { need, cap });
            }
            read.sum = 0;
            Ok(read.signed())
        })
    }

    fn cost_of(&self, tx: &SignedTx) -> Amount {
        Amount(Tx::read(tx).price.into())
    }

    fn again<'a>(
        &'a self,
        tx: &'a SignedTx,
        floor: u64,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        self.ask(|world| {
            let read = Tx::read(tx);
            if read.sum > 0 && read.sum <= world.paid_out() {
                let (what, reason) = ("cash", "nothing to pay".into());
                return Err(ChainError::Reverted { what, reason });
            }
            let (nonce, price) = (world.nonce().max(floor), world.price()?);
            world.signed.push(nonce);
            Ok(Tx {
                nonce,
                price,
                ..read
            }
            .signed())
        })
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.ask(|world| Ok(world.nonce()))
    }

    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        self.ask(|world| {
            let at = usize::try_from(number).unwrap();
            Ok(world.blocks.get(at).map(|block| Digest32(block.hash)))
        })
    }

    fn revert_reason<'a>(
        &'a self,
        _: &'a SignedTx,
        _: u64,
    ) -> BoxFuture<'a, Result<String, ChainError>> {
        self.ask(|_| Ok("said so".into()))
    }

    fn cheques_paid(
        &self,
        _: Address,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Vec<ChequePaid>, ChainError>> {
        self.ask(|world| {
            let numbered = (0_u64..).zip(&world.blocks);
            let wanted = numbered.filter(|(number, _)| (from..=to).contains(number));
            let mut paid = Vec::new();
            for (block, of_block) in wanted {
                for (index, mined) in (0_u64..).zip(&of_block.txs) {
                    if mined.paid > 0 {
                        paid.push(ChequePaid {
                            block,
                            block_hash: mined.hash,
                            index,
                            tx: mined.tx,
                            vault: VAULT,
                            paid_out: Amount(mined.paid_out.into()),
                            missing: Amount::ZERO,
                        });
                    }
                }
            }
            Ok(paid)
        })
    }

    fn vault_risk(
        &self,
        _: Address,
        _: Address,
    ) -> BoxFuture<'_, Result<Option<VaultRisk>, ChainError>> {
        self.ask(|world| {
            Ok(Some(VaultRisk {
                cover: Amount(world.balance.into()),
                leaving: Amount(world.leaving.into()),
            }))
        })
    }
}

/// The vault of the model.
pub(crate) const VAULT: Address = Address([0x55; 20]);
