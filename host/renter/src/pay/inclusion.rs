//! The gate before every later cheque: does the host show that it has the shard, and that the
//! agreement stands in its dataset on the chain?
//!
//! Asked first: one 64 KiB unit of the shard, drawn at random now and verified against the shard's
//! name. A host that lost a part p of its units passes with chance 1 - p each epoch, and one that
//! fetches the unit elsewhere passes always; so this bounds loss and proves nothing on chain. Asked
//! then, where the network has proofs: the way from the agreement's leaf to a list of peaks that
//! the chain knows as the host's. What stands there is what the host's stake answers for; a host
//! that leaves an agreement out takes money for bytes it never has to prove. No cheque leaves
//! without both. Does not: report an omission, which is a bonded challenge.

use std::ops::Range;

use host_core::agreement::Agreement;
use host_core::limits;
use host_core::seams::{PeerAddr, ProofChain};
use host_core::{Address, Digest32};
use host_proof::dataset::Leaf;
use host_transfer::{Error, download, inclusion};

use crate::Inner;
use crate::error::Error as Own;
use crate::fault::{Fault, Omission};
use crate::health::Condition;
use crate::{reads, verify};

const UNIT: u64 = limits::UNIT_LEN as u64;
/// Epochs after the first that a new agreement has to come into the dataset: a host commits once an
/// epoch, and may have done so just before the agreement came.
const EPOCHS_TO_COMMIT: u64 = 1;
const NONE: Digest32 = Digest32([0; 32]);

/// The names the chain has for a host's newest list of peaks and for the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Names {
    current: Digest32,
    previous: Digest32,
}

impl Names {
    /// Whether a list is one of them. Lists only grow, so what stands in the one before stands in
    /// the newest.
    fn hold(&self, said: &Digest32) -> bool {
        *said != NONE && [self.current, self.previous].contains(said)
    }
}

/// Whether the agreement must stand in the dataset at `epoch`.
const fn must_stand(terms: &Agreement, epoch: u64) -> bool {
    epoch > terms.start_epoch.saturating_add(EPOCHS_TO_COMMIT) && epoch < terms.end_epoch
}

/// The gate for the agreements of one host at one epoch: the chain is asked once for all of them.
#[derive(Debug)]
pub(super) struct Gate {
    epoch: u64,
    names: Option<Names>,
}

impl Gate {
    pub(super) const fn at(epoch: u64) -> Self {
        Self { epoch, names: None }
    }

    /// Asks the host of an agreement for both. Errors with what it does not show.
    pub(super) async fn check(
        &mut self,
        inner: &Inner,
        to: &PeerAddr,
        terms: &Agreement,
    ) -> Result<(), Fault> {
        possession(inner, to, terms).await?;
        match inner.proofs.get() {
            Some(proofs) if must_stand(terms, self.epoch) => {
                self.dataset(inner, proofs.as_ref(), to, terms).await
            }
            _ => Ok(()),
        }
    }

    async fn dataset(
        &mut self,
        inner: &Inner,
        proofs: &dyn ProofChain,
        to: &PeerAddr,
        terms: &Agreement,
    ) -> Result<(), Fault> {
        let mut names = match self.names {
            Some(names) => names,
            None => self.look(proofs, terms.host).await?,
        };
        if names.current == NONE && inner.network.private {
            // Among one's own, hosts may keep without stake; then there is nothing to stand in.
            return Ok(());
        }
        let leaf = Leaf {
            agreement: terms.digest(inner.network.chain_id),
            shard: terms.shard,
            len: terms.shard_len,
            end_epoch: terms.end_epoch,
        };
        let said = match inclusion::ask(inner.peers.as_ref(), to, &leaf).await {
            Ok(shown) => shown.commitment,
            Err(error @ Error::Link(_)) => return Err(Fault::Talk(error)),
            Err(error) => return Err(Fault::Omitted(Omission::Unshown(error))),
        };
        if !names.hold(&said) {
            // The host may have committed since the chain was asked.
            names = self.look(proofs, terms.host).await?;
        }
        let current = names.current;
        match names.hold(&said) {
            true => Ok(()),
            false => Err(Fault::Omitted(Omission::Elsewhere { said, current })),
        }
    }

    async fn look(&mut self, proofs: &dyn ProofChain, host: Address) -> Result<Names, Own> {
        let look = proofs.look(host, self.epoch).await?;
        let names = Names {
            current: look.current,
            previous: look.previous,
        };
        self.names = Some(names);
        Ok(names)
    }
}

/// Asks the host for a random unit of the agreement's shard. Errors when it does not answer, or
/// answers with anything but that unit. A host that sells reads is asked for leaves instead, which
/// cost nothing.
async fn possession(inner: &Inner, to: &PeerAddr, terms: &Agreement) -> Result<(), Fault> {
    let mut random = [0; 8];
    inner.entropy.fill(&mut random);
    let units = terms.shard_len.div_ceil(UNIT).max(1);
    let offset = u64::from_be_bytes(random) % units * UNIT;
    let len = UNIT.min(terms.shard_len.saturating_sub(offset));
    let run = offset..offset.saturating_add(len);
    let peers = inner.peers.as_ref();
    let shown = async {
        let (shard, whole) = (&terms.shard, terms.shard_len);
        let mut unit = download::open(peers, to, shard, whole, offset, len).await?;
        unit.next().await
    };
    match shown.await {
        Ok(_) => Ok(()),
        Err(Error::Unpaid { .. }) => leaves(inner, to, terms, run).await,
        Err(error) => Err(absent(error)),
    }
}

/// Asks the host for leaves of the agreement's shard. One that leaves shows none and serves still:
/// the unit is bought, so that nobody is paid for saying so.
async fn leaves(
    inner: &Inner,
    to: &PeerAddr,
    terms: &Agreement,
    unit: Range<u64>,
) -> Result<(), Fault> {
    let of = verify::Kept {
        agreement: terms.digest(inner.network.chain_id),
        shard: terms.shard,
        shard_len: terms.shard_len,
    };
    match verify::leaves(inner, to, of).await {
        Ok(Ok(())) => Ok(()),
        Ok(Err(_)) => Err(Fault::Absent(Error::Bytes {
            peer: to.peer,
            unit: unit.start / UNIT,
        })),
        Err(error) if verify::condition(&error) == Condition::Leaving => {
            inner.reads.agree(terms.host, terms.egress_price);
            let mut bought = reads::open(inner, to, &terms.shard, terms.shard_len, unit).await?;
            bought.next().await.map(drop).map_err(absent)
        }
        Err(error) => Err(absent(error)),
    }
}

/// A link that broke says nothing of the shard.
fn absent(error: Error) -> Fault {
    match error {
        Error::Link(_) => Fault::Talk(error),
        _ => Fault::Absent(error),
    }
}

#[cfg(test)]
mod tests;
