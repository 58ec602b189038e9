//! The purse of one host: the right to hand it a cheque. Whoever holds it, in any process of this
//! home, is the only one whose cheque to that host is under way, so that each is judged against
//! the one before.
//!
//! The purse remembers the cheque that is under way. When its answer was lost (the link broke,
//! the process was killed), the next holder hands the very same cheque over again before any
//! other: the host knows it and answers again. A promise the host never counted pays the next
//! debt instead of adding to it. Sums only ever rise (`book`), whatever becomes of this file.

use std::fs::{File, OpenOptions};
use std::future::Future;
use std::io::{Read, Seek, SeekFrom, Write};
use std::path::PathBuf;
use std::time::Duration;

use host_core::agreement::Agreement;
use host_core::cheque::{Cheque, SignedCheque};
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_core::{Address, AgreementDigest, Amount, codec};
use host_transfer::pay;
use minicbor::{Decode, Encode};

use crate::Inner;
use crate::error::Error;
use crate::fault::Fault;

/// Between two looks at a purse that another one holds.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A cheque whose answer was not heard yet.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Pending {
    #[n(0)]
    vault: Address,
    #[n(1)]
    agreement: AgreementDigest,
    #[n(2)]
    through_epoch: u64,
    #[n(3)]
    cumulative: Amount,
    /// What it was meant to pay.
    #[n(4)]
    due: Amount,
}

/// What the file holds.
#[derive(Debug, Clone, Default, PartialEq, Eq, Encode, Decode)]
struct Memory {
    #[n(0)]
    pending: Option<Pending>,
    /// Debts settled for another holder that does not know yet.
    #[n(1)]
    settled: Vec<Settled>,
}

/// A debt whose cheque was found to be counted.
#[derive(Debug, Clone, PartialEq, Eq, Encode, Decode)]
struct Settled {
    #[n(0)]
    agreement: AgreementDigest,
    #[n(1)]
    through_epoch: u64,
}

/// Settled debts remembered; older ones are forgotten first, at the cost of paying one again.
const SETTLED_MAX: usize = 256;

/// Stands for the agreement in a cheque that pays for reads.
const READS: AgreementDigest = AgreementDigest([0; 32]);

/// What a cheque pays for.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Debt<'a> {
    /// The agreement.
    pub(crate) terms: &'a Agreement,
    /// First epoch the agreement is not paid for yet.
    pub(crate) paid_through: u64,
    /// First epoch it will not be paid for then.
    pub(crate) through_epoch: u64,
}

impl Debt<'_> {
    /// What is owed. Errors when the sum leaves 128 bits.
    pub(crate) fn due(&self) -> Result<Amount, Error> {
        let start = self.terms.start_epoch;
        let cost = |epoch: u64| self.terms.cost_of(epoch.saturating_sub(start));
        Ok(cost(self.through_epoch)?.minus(cost(self.paid_through)?)?)
    }
}

/// A host's purse, held until dropped.
pub(crate) struct Purse<'a> {
    inner: &'a Inner,
    host: Address,
    file: File,
    path: PathBuf,
}

impl<'a> Purse<'a> {
    /// Waits until nobody else hands a cheque to this host, and takes its purse.
    pub(crate) async fn take(inner: &'a Inner, host: Address) -> Result<Self, Error> {
        let path = inner.book.path(&format!("purses/{host}"));
        let failed = |source| Error::File {
            path: path.display().to_string(),
            source,
        };
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .write(true)
            .truncate(false)
            .open(&path)
            .map_err(failed)?;
        loop {
            match file.try_lock() {
                Ok(()) => break,
                Err(std::fs::TryLockError::WouldBlock) => inner.clock.sleep(LOOK_EVERY).await,
                Err(std::fs::TryLockError::Error(source)) => return Err(failed(source)),
            }
        }
        Ok(Self {
            inner,
            host,
            file,
            path,
        })
    }

    /// Pays a debt with a cheque that `hand` hands over; returns what was newly promised. `to` is
    /// where the host is asked about an earlier cheque whose answer was lost.
    /// Durability: the sum is in the book before the cheque leaves.
    pub(crate) async fn pay<H, F>(
        &mut self,
        to: &PeerAddr,
        debt: Debt<'_>,
        hand: H,
    ) -> Result<Amount, Fault>
    where
        H: FnOnce(u64, SignedCheque) -> F,
        F: Future<Output = Result<Amount, host_transfer::Error>>,
    {
        let agreement = debt.terms.digest(self.inner.network.chain_id);
        let through_epoch = debt.through_epoch;
        let mut memory = self.recall();
        let under_way = memory.pending.take();
        let same = |p: &Pending| (p.agreement, p.through_epoch) == (agreement, through_epoch);
        let unspent = match &under_way {
            Some(other) if !same(other) => self.settle(to, other, &mut memory).await?,
            _ => Amount::ZERO,
        };
        // The caller may not know yet what an earlier cheque paid for this agreement.
        let settled = memory.settled.iter();
        let settled = settled.filter(|one| one.agreement == agreement);
        let settled = settled.map(|one| one.through_epoch).max().unwrap_or(0);
        let debt = Debt {
            paid_through: debt.paid_through.max(settled),
            ..debt
        };
        if debt.paid_through >= through_epoch {
            memory.settled.retain(|one| one.agreement != agreement);
            self.remember(&memory)?;
            return Ok(Amount::ZERO);
        }
        let due = debt.due()?;
        let mut fresh = Amount::ZERO;
        let cumulative = match under_way {
            Some(p) if same(&p) || unspent >= due => p.cumulative,
            _ => {
                fresh = due.minus(unspent).map_err(Error::from)?;
                self.promise(fresh)?
            }
        };
        let pending = Pending {
            vault: self.inner.vault,
            agreement,
            through_epoch,
            cumulative,
            due,
        };
        memory.pending = Some(pending.clone());
        self.remember(&memory)?;
        let answer = hand(through_epoch, self.sign(cumulative)).await;
        if let Some(anew) = self.answered(to, answer, &mut memory, pending).await? {
            fresh = anew;
        }
        memory.pending = None;
        memory.settled.retain(|one| one.agreement != agreement);
        self.remember(&memory)?;
        Ok(fresh)
    }

    /// Pays `sum` for reads on the account of this home's vault; returns what was newly promised,
    /// which is nothing when an earlier cheque for reads was found to be counted: then the account
    /// has changed. Durability: the sum is in the book before the cheque leaves.
    pub(crate) async fn prepay(&mut self, to: &PeerAddr, sum: Amount) -> Result<Amount, Fault> {
        let mut memory = self.recall();
        let under_way = memory.pending.take();
        let unspent = match &under_way {
            Some(pending) => self.settle(to, pending, &mut memory).await?,
            None => Amount::ZERO,
        };
        let counted = |pending: &Pending| pending.agreement == READS && unspent == Amount::ZERO;
        if under_way.as_ref().is_some_and(counted) {
            self.remember(&memory)?;
            return Ok(Amount::ZERO);
        }
        let (mut fresh, cumulative) = match under_way {
            Some(pending) if unspent >= sum => (Amount::ZERO, pending.cumulative),
            _ => {
                let fresh = sum.minus(unspent).map_err(Error::from)?;
                (fresh, self.promise(fresh)?)
            }
        };
        let pending = Pending {
            vault: self.inner.vault,
            agreement: READS,
            through_epoch: 0,
            cumulative,
            due: sum,
        };
        memory.pending = Some(pending.clone());
        self.remember(&memory)?;
        let answer = self.send(to, &pending).await;
        if let Some(anew) = self.answered(to, answer, &mut memory, pending).await? {
            fresh = anew;
        }
        memory.pending = None;
        self.remember(&memory)?;
        Ok(fresh)
    }

    /// Takes the answer to the cheque under way. When the host counts on more than this book knew,
    /// goes on from there, once; returns what was promised anew then.
    async fn answered(
        &mut self,
        to: &PeerAddr,
        answer: Result<Amount, host_transfer::Error>,
        memory: &mut Memory,
        mut pending: Pending,
    ) -> Result<Option<Amount>, Fault> {
        let error = match answer {
            Ok(_) => return Ok(None),
            Err(error) => error,
        };
        if refused(&error) != Some(RefusalCode::Increment) {
            return Err(error.into());
        }
        let due = pending.due;
        let counted = self.learn(to).await?;
        if counted.plus(due).map_err(Error::from)? <= pending.cumulative {
            return Err(error.into());
        }
        pending.cumulative = self.promise(due)?;
        memory.pending = Some(pending.clone());
        self.remember(memory)?;
        self.send(to, &pending).await?;
        Ok(Some(due))
    }

    /// Hands an earlier cheque over again. Returns how much of its promise the host does not
    /// count, which is zero once it took the cheque.
    async fn settle(
        &mut self,
        to: &PeerAddr,
        pending: &Pending,
        memory: &mut Memory,
    ) -> Result<Amount, Fault> {
        match self.send(to, pending).await {
            Ok(_) if pending.agreement == READS => return Ok(Amount::ZERO),
            Ok(_) => {
                memory.settled.push(Settled {
                    agreement: pending.agreement,
                    through_epoch: pending.through_epoch,
                });
                let over = memory.settled.len().saturating_sub(SETTLED_MAX);
                memory.settled.drain(..over);
                self.remember(memory)?;
                return Ok(Amount::ZERO);
            }
            Err(error) if refused(&error).is_some() => {}
            Err(error) => return Err(error.into()),
        }
        let counted = self.learn(to).await?;
        Ok(Amount(pending.cumulative.0.saturating_sub(counted.0)))
    }

    /// Asks the host what it counts on, and writes it down when the book knows less.
    async fn learn(&self, to: &PeerAddr) -> Result<Amount, Fault> {
        let inner = self.inner;
        let Some(signed) = pay::last(inner.peers.as_ref(), to, inner.vault).await? else {
            return Ok(Amount::ZERO);
        };
        let cheque = &signed.cheque;
        let own = signed.issuer(inner.network.chain_id).ok() == Some(inner.owner);
        let ours = cheque.vault == inner.vault && cheque.beneficiary == self.host;
        if !own || !ours || cheque.token.is_some() {
            return Ok(Amount::ZERO);
        }
        inner
            .book
            .promised(inner.vault, self.host, cheque.cumulative)?;
        Ok(cheque.cumulative)
    }

    async fn send(&self, to: &PeerAddr, pending: &Pending) -> Result<Amount, host_transfer::Error> {
        let (agreement, through) = (pending.agreement, pending.through_epoch);
        let cheque = self.sign(pending.cumulative);
        if agreement == READS {
            return pay::reads(self.inner.peers.as_ref(), to, cheque).await;
        }
        pay::pay(self.inner.peers.as_ref(), to, agreement, through, cheque).await
    }

    fn promise(&self, added: Amount) -> Result<Amount, Error> {
        self.inner.book.issue(self.inner.vault, self.host, added)
    }

    fn sign(&self, cumulative: Amount) -> SignedCheque {
        Cheque {
            vault: self.inner.vault,
            beneficiary: self.host,
            cumulative,
            token: None,
        }
        .sign(self.inner.network.chain_id, &self.inner.key)
    }

    /// What the file holds for this vault. One that a power cut tore holds nothing.
    fn recall(&mut self) -> Memory {
        let mut bytes = Vec::new();
        let read = self.file.seek(SeekFrom::Start(0));
        let read = read.and_then(|_| self.file.read_to_end(&mut bytes));
        let memory = read
            .ok()
            .and_then(|_| codec::from_bytes("purse", &bytes).ok());
        let mut memory: Memory = memory.unwrap_or_default();
        memory.pending = memory
            .pending
            .filter(|pending| pending.vault == self.inner.vault);
        memory
    }

    fn remember(&mut self, memory: &Memory) -> Result<(), Error> {
        let bytes = match *memory == Memory::default() {
            true => Vec::new(),
            false => codec::to_bytes(memory),
        };
        let file = &mut self.file;
        let written = file
            .set_len(0)
            .and_then(|()| file.seek(SeekFrom::Start(0)))
            .and_then(|_| file.write_all(&bytes));
        written.map_err(|source| Error::File {
            path: self.path.display().to_string(),
            source,
        })
    }
}

fn refused(error: &host_transfer::Error) -> Option<RefusalCode> {
    error.refusal().map(|refusal| refusal.code)
}
