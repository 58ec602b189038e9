//! A chain in memory: blocks, one pool of transactions, vaults, fees, reorganisations, silence.
//!
//! Enters: transactions through the `Chain` seam, one `Line` an account. Leaves: blocks. Its rules
//! are those of the contracts in short: a nonce is mined once, a vault pays what a cheque promises
//! beyond what it has paid, a reorganisation takes effects back with the blocks. Does not: judge a
//! signature; hosts do that, and the contracts' own tests.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, MutexGuard};

use host_core::seams::{
    BoxFuture, Chain, ChainCall, ChainError, ChequePaid, Head, SignedTx, TxReceipt, VaultFacts,
    VaultRisk,
};
use host_core::{Address, Amount, Digest32};

use crate::lock;

pub(crate) mod proofs;

/// Wei a gas unit costs in calm times.
const CALM: u64 = 100;

/// A transaction by its number: the account, its nonce, the price, what it asks.
#[derive(Debug, Clone)]
struct Tx {
    from: Address,
    nonce: u64,
    price: u64,
    call: ChainCall,
}

/// One that is in a block.
#[derive(Debug, Clone)]
struct Mined {
    tx: usize,
    /// What it changed; none when it failed, or had nothing to change.
    event: Option<Event>,
}

/// What a transaction changed.
#[derive(Debug, Clone)]
enum Event {
    /// A vault's payments to a host now come to this.
    Paid(Address, Address, Amount),
    /// A word of the contracts of proof and of challenges.
    Word(proofs::Word),
}

impl Mined {
    const fn paid(&self) -> Option<(Address, Address, Amount)> {
        match self.event {
            Some(Event::Paid(vault, host, sum)) => Some((vault, host, sum)),
            _ => None,
        }
    }
}

#[derive(Debug, Clone)]
struct Block {
    hash: Digest32,
    mined: Vec<Mined>,
}

/// A vault before its first block.
#[derive(Debug, Clone)]
struct Vault {
    issuer: Address,
    filled: Amount,
}

/// The world behind every line.
#[derive(Debug, Default)]
pub(crate) struct World {
    blocks: Vec<Block>,
    /// Every transaction ever signed.
    txs: Vec<Tx>,
    /// Calls of the contracts of proof, by the number that is their calldata.
    calls: Vec<proofs::Call>,
    pool: Vec<usize>,
    vaults: BTreeMap<Address, Vault>,
    /// Makes the hashes of another history differ.
    pub(crate) fork: u64,
    /// Least price that gets into a block.
    pub(crate) floor: u64,
    /// Nobody answers.
    pub(crate) silent: bool,
}

/// The chain; clones share it.
#[derive(Clone)]
pub(crate) struct Ether(Arc<Mutex<World>>);

/// The chain as one account has it.
pub(crate) struct Line {
    ether: Ether,
    own: Address,
}

fn name(number: u64, kind: u8, fork: u64) -> Digest32 {
    let mut bytes = [kind; 32];
    bytes[..8].copy_from_slice(&number.to_be_bytes());
    bytes[8..16].copy_from_slice(&fork.to_be_bytes());
    Digest32(bytes)
}

impl World {
    pub(crate) fn head(&self) -> u64 {
        self.blocks.len() as u64 - 1
    }

    fn nonce(&self, of: Address) -> u64 {
        let mined = self.blocks.iter().flat_map(|block| &block.mined);
        mined.filter(|mined| self.txs[mined.tx].from == of).count() as u64
    }

    fn paid(&self, vault: Address, to: Address) -> Amount {
        let mined = self.blocks.iter().flat_map(|block| &block.mined);
        let events = mined.filter_map(Mined::paid);
        let own = events.filter(|(from, host, _)| (*from, *host) == (vault, to));
        own.map(|(_, _, sum)| sum).max().unwrap_or(Amount::ZERO)
    }

    fn balance(&self, vault: Address) -> Amount {
        let Some(filled) = self.vaults.get(&vault).map(|vault| vault.filled) else {
            return Amount::ZERO;
        };
        let mut best: BTreeMap<Address, Amount> = BTreeMap::new();
        for mined in self.blocks.iter().flat_map(|block| &block.mined) {
            if let Some((from, host, sum)) = mined.paid()
                && from == vault
            {
                let known = best.entry(host).or_insert(Amount::ZERO);
                *known = sum.max(*known);
            }
        }
        let out: u128 = best.values().map(|sum| sum.0).sum();
        Amount(filled.0.saturating_sub(out))
    }

    /// The next block: of each account the transactions at its next nonces, dearest first.
    pub(crate) fn mine(&mut self) {
        let number = self.blocks.len() as u64;
        let hash = name(number, 0xb0, self.fork);
        let mined = Vec::new();
        self.blocks.push(Block { hash, mined });
        loop {
            let ready = self.pool.iter().copied().filter(|tx| {
                let tx = &self.txs[*tx];
                tx.price >= self.floor && tx.nonce == self.nonce(tx.from)
            });
            let best = ready.max_by_key(|tx| (self.txs[*tx].price, std::cmp::Reverse(*tx)));
            let Some(best) = best else { return };
            let (from, nonce) = (self.txs[best].from, self.txs[best].nonce);
            let event = self.effect(best);
            let txs = &self.txs;
            self.pool
                .retain(|tx| (txs[*tx].from, txs[*tx].nonce) != (from, nonce));
            if let Some(block) = self.blocks.last_mut() {
                block.mined.push(Mined { tx: best, event });
            }
        }
    }

    fn effect(&self, tx: usize) -> Option<Event> {
        let (from, call) = (self.txs[tx].from, &self.txs[tx].call);
        let cheque = match call {
            ChainCall::CashCheque { cheque, .. } => &cheque.cheque,
            ChainCall::Contract { data, .. } => {
                let word = self.judge(from, data, self.head(), tx as u128);
                return word.ok().map(Event::Word);
            }
            ChainCall::CashMany { .. } => return None,
        };
        let before = self.paid(cheque.vault, cheque.beneficiary);
        let can = Amount(before.0 + self.balance(cheque.vault).0);
        let sum = cheque.cumulative.min(can);
        (sum > before).then_some(Event::Paid(cheque.vault, cheque.beneficiary, sum))
    }

    /// Takes `depth` blocks away and makes as many empty ones; their transactions wait again.
    pub(crate) fn reorganise(&mut self, depth: usize) {
        self.fork += 1;
        for _ in 0..depth.min(self.blocks.len() - 1) {
            let block = self.blocks.pop();
            let back = block.into_iter().flat_map(|block| block.mined);
            self.pool.extend(back.map(|mined| mined.tx));
        }
        let floor = std::mem::replace(&mut self.floor, u64::MAX);
        for _ in 0..depth {
            self.mine();
        }
        self.floor = floor;
    }

    fn find(&self, tx: usize) -> Option<(u64, Digest32)> {
        let mut numbered = (0_u64..).zip(&self.blocks);
        numbered.find_map(|(number, block)| {
            let in_it = block.mined.iter().any(|mined| mined.tx == tx);
            in_it.then_some((number, block.hash))
        })
    }

    /// Whether a transaction in a block did what it asked; cashing what is cashed is no failure.
    fn took(&self, tx: usize) -> bool {
        let mut mined = self.blocks.iter().flat_map(|block| &block.mined);
        let is_call = matches!(self.txs[tx].call, ChainCall::Contract { .. });
        !is_call || mined.any(|mined| mined.tx == tx && mined.event.is_some())
    }

    fn sign(&mut self, tx: Tx) -> SignedTx {
        let (number, nonce) = (self.txs.len(), tx.nonce);
        self.txs.push(tx);
        SignedTx {
            hash: name(number as u64, 0x7a, 0),
            nonce,
            raw: (number as u64).to_be_bytes().to_vec(),
        }
    }

    fn read(&self, tx: &SignedTx) -> Result<usize, ChainError> {
        let raw: Result<[u8; 8], _> = tx.raw.as_slice().try_into();
        let number = raw.map(u64::from_be_bytes).ok();
        let number = number.and_then(|number| usize::try_from(number).ok());
        let known = number.filter(|number| *number < self.txs.len());
        known.ok_or_else(|| ChainError::Malformed {
            what: "transaction",
            why: "never signed here".into(),
        })
    }
}

impl Ether {
    /// A chain of one block.
    pub(crate) fn new() -> Self {
        let mut world = World {
            floor: 1,
            ..World::default()
        };
        world.mine();
        Self(Arc::new(Mutex::new(world)))
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        lock(&self.0)
    }

    /// A vault with money in it.
    pub(crate) fn fill(&self, vault: Address, issuer: Address, filled: Amount) {
        self.world().vaults.insert(vault, Vault { issuer, filled });
    }

    /// What a vault has paid a host so far.
    pub(crate) fn paid(&self, vault: Address, host: Address) -> Amount {
        self.world().paid(vault, host)
    }

    /// Transactions of an account that are in blocks.
    pub(crate) fn sent(&self, of: Address) -> u64 {
        self.world().nonce(of)
    }

    /// The same chain for one account.
    pub(crate) fn line(&self, own: Address) -> Line {
        Line {
            ether: self.clone(),
            own,
        }
    }
}

impl Line {
    fn ask<T: Send + 'static>(
        &self,
        answer: impl FnOnce(&mut World) -> Result<T, ChainError>,
    ) -> BoxFuture<'static, Result<T, ChainError>> {
        let mut world = self.ether.world();
        let told = if world.silent {
            let (tried, why) = (1, "silence".into());
            Err(ChainError::Unreachable { tried, why })
        } else {
            answer(&mut world)
        };
        Box::pin(async move { told })
    }

    /// The same at a nonce and the price of now; refused when it would pay nothing.
    fn signed(
        &self,
        world: &mut World,
        call: ChainCall,
        floor: u64,
    ) -> Result<SignedTx, ChainError> {
        let tx = Tx {
            from: self.own,
            nonce: world.nonce(self.own).max(floor),
            price: world.floor.max(CALM),
            call,
        };
        if let ChainCall::Contract { what, data, .. } = &tx.call {
            let told = world.judge(tx.from, data, world.head() + 1, u128::MAX);
            told.map_err(|reason| ChainError::Reverted { what, reason })?;
        }
        if let ChainCall::CashCheque { cheque, .. } = &tx.call {
            let cheque = &cheque.cheque;
            if cheque.cumulative <= world.paid(cheque.vault, cheque.beneficiary) {
                let (what, reason) = ("cash", "nothing to pay".into());
                return Err(ChainError::Reverted { what, reason });
            }
        }
        Ok(world.sign(tx))
    }
}

impl Chain for Line {
    fn head(&self) -> BoxFuture<'_, Result<Head, ChainError>> {
        self.ask(|world| {
            let block = world.head();
            let hash = name(block, 0xb0, world.fork);
            let hash = world.blocks.last().map_or(hash, |block| block.hash);
            Ok(Head { block, hash })
        })
    }

    fn vault(&self, at: Address, host: Address) -> BoxFuture<'_, Result<VaultFacts, ChainError>> {
        self.ask(|world| {
            let known = world.vaults.get(&at);
            Ok(VaultFacts {
                issuer: known.map_or(Address::ZERO, |vault| vault.issuer),
                known: known.is_some(),
                balance: world.balance(at),
                paid_out: world.paid(at, host),
                locked: Amount::ZERO,
            })
        })
    }

    fn prepare(&self, call: ChainCall, floor: u64) -> BoxFuture<'_, Result<SignedTx, ChainError>> {
        self.ask(|world| self.signed(world, call, floor))
    }

    fn broadcast<'a>(&'a self, tx: &'a SignedTx) -> BoxFuture<'a, Result<(), ChainError>> {
        self.ask(|world| {
            let number = world.read(tx)?;
            let asked = world.txs[number].clone();
            if world.find(number).is_some() || world.pool.contains(&number) {
                return Ok(());
            }
            if asked.nonce < world.nonce(asked.from) {
                return Err(ChainError::NonceTaken {
                    account: asked.from,
                    nonce: asked.nonce,
                    hash: tx.hash,
                });
            }
            let same = |other: &&usize| {
                let other = &world.txs[**other];
                (other.from, other.nonce) == (asked.from, asked.nonce)
            };
            let best = world.pool.iter().filter(same).map(|n| world.txs[*n].price);
            let best = best.max().unwrap_or(0);
            if best != 0 && asked.price < best + best / 10 {
                let (nonce, hash) = (asked.nonce, tx.hash);
                return Err(ChainError::Underpriced { nonce, hash });
            }
            world.pool.push(number);
            Ok(())
        })
    }

    fn receipt(&self, hash: Digest32) -> BoxFuture<'_, Result<Option<TxReceipt>, ChainError>> {
        self.ask(|world| {
            let found = (0..world.txs.len()).find(|tx| name(*tx as u64, 0x7a, 0) == hash);
            let found = found.and_then(|tx| Some((world.find(tx)?, world.took(tx))));
            Ok(found.map(|((block, block_hash), success)| TxReceipt {
                block,
                block_hash,
                success,
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
            let mut asked = world.txs[world.read(tx)?].clone();
            asked.price = (asked.price + asked.price.div_ceil(8)).max(world.floor);
            if u128::from(asked.price) > cost_max.0 {
                let (need, cap) = (asked.price.into(), cost_max.0);
                return Err(ChainError::FeeCap { need, cap });
            }
            Ok(world.sign(asked))
        })
    }

    fn cost_of(&self, tx: &SignedTx) -> Amount {
        let world = self.ether.world();
        let price = world.read(tx).map_or(0, |tx| world.txs[tx].price);
        Amount(price.into())
    }

    fn again<'a>(
        &'a self,
        tx: &'a SignedTx,
        floor: u64,
    ) -> BoxFuture<'a, Result<SignedTx, ChainError>> {
        self.ask(|world| {
            let call = world.txs[world.read(tx)?].call.clone();
            self.signed(world, call, floor)
        })
    }

    fn nonce(&self) -> BoxFuture<'_, Result<u64, ChainError>> {
        self.ask(|world| Ok(world.nonce(self.own)))
    }

    fn block_hash(&self, number: u64) -> BoxFuture<'_, Result<Option<Digest32>, ChainError>> {
        self.ask(|world| {
            let at = usize::try_from(number).ok();
            Ok(at
                .and_then(|at| world.blocks.get(at))
                .map(|block| block.hash))
        })
    }

    fn revert_reason<'a>(
        &'a self,
        _: &'a SignedTx,
        _: u64,
    ) -> BoxFuture<'a, Result<String, ChainError>> {
        self.ask(|_| Ok("no reason".into()))
    }

    fn cheques_paid(
        &self,
        host: Address,
        from: u64,
        to: u64,
    ) -> BoxFuture<'_, Result<Vec<ChequePaid>, ChainError>> {
        self.ask(|world| {
            let numbered = (0_u64..).zip(&world.blocks);
            let wanted = numbered.filter(|(number, _)| (from..=to).contains(number));
            let mut told = Vec::new();
            for (block, of_block) in wanted {
                for (index, mined) in (0_u64..).zip(&of_block.mined) {
                    let Some((vault, to, paid_out)) = mined.paid() else {
                        continue;
                    };
                    if to == host {
                        told.push(ChequePaid {
                            block,
                            block_hash: of_block.hash,
                            index,
                            tx: name(mined.tx as u64, 0x7a, 0),
                            vault,
                            paid_out,
                            missing: Amount::ZERO,
                        });
                    }
                }
            }
            Ok(told)
        })
    }

    fn vault_risk(
        &self,
        vault: Address,
        _: Address,
    ) -> BoxFuture<'_, Result<Option<VaultRisk>, ChainError>> {
        self.ask(|world| {
            Ok(Some(VaultRisk {
                cover: world.balance(vault),
                leaving: Amount::ZERO,
            }))
        })
    }
}
