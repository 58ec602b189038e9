//! Cheques of the owners for this guard: judged, kept, cashed.
//!
//! Invariant: the sum only rises, and is durable before it is confirmed. The chain's word on the
//! vault is asked for each cheque; a vault of another factory, or too poor, is refused by name.
//! Cashing the same cheque twice pays once: the vault counts.

use host_core::cheque::SignedCheque;
use host_core::seams::ChainCall;
use host_core::{Address, Amount};

use super::files::Kept;
use super::{Guard, locked};
use crate::error::Error;

impl Guard {
    /// Takes a cheque; returns the sum that counts now. Errors: Cheque with what is wrong.
    pub(super) async fn accept(&self, signed: SignedCheque) -> Result<Amount, Error> {
        let own = self.parts.key.address();
        let cheque = &signed.cheque;
        let wrong = |what| Error::Cheque {
            vault: cheque.vault,
            what,
        };
        let issuer = signed.issuer(self.parts.network.chain_id)?;
        if cheque.beneficiary != own || cheque.token.is_some() {
            return Err(wrong("is made out to somebody else"));
        }
        if !self.is_owner(&issuer) {
            return Err(wrong("is of somebody this guard works not for"));
        }
        let facts = self.parts.chain.vault(cheque.vault, own).await?;
        if !facts.known || facts.issuer != issuer {
            return Err(wrong("is drawn on a vault that is not its signer's"));
        }
        let kept = self.files.cheque(&cheque.vault)?;
        let last = kept.map_or(Amount::ZERO, |kept| kept.cheque.cheque.cumulative);
        if cheque.cumulative <= last {
            // The answer to an earlier handing over was lost.
            return match cheque.cumulative == last {
                true => Ok(last),
                false => Err(wrong("promises less than one before it")),
            };
        }
        let owed = Amount(cheque.cumulative.0.saturating_sub(facts.paid_out.0));
        if facts.balance.max(facts.locked) < owed {
            return Err(wrong("is not covered by its vault"));
        }
        let sum = cheque.cumulative;
        self.files.keep_cheque(&Kept {
            cheque: signed,
            cashed: facts.paid_out,
        })?;
        Ok(sum)
    }

    fn is_owner(&self, account: &Address) -> bool {
        let watched = locked(&self.watched);
        let mut owners = watched
            .values()
            .map(|one| one.order.placement.placement.owner);
        owners.any(|owner| owner == *account)
    }

    /// What this guard counts on from an owner's vaults.
    pub(super) fn counted(&self, owner: &Address) -> Result<Amount, Error> {
        let mut sum = Amount::ZERO;
        for kept in self.files.cheques()? {
            if kept.cheque.issuer(self.parts.network.chain_id).ok() == Some(*owner) {
                sum = sum.plus(kept.cheque.cheque.cumulative)?;
            }
        }
        Ok(sum)
    }

    /// Cashes every cheque whose vault owes at least `least`; returns how many were sent.
    pub async fn cash(&self, least: Amount) -> Result<usize, Error> {
        let (own, mut sent, mut floor) = (self.parts.key.address(), 0, 0);
        for mut kept in self.files.cheques()? {
            let vault = kept.cheque.cheque.vault;
            let facts = self.parts.chain.vault(vault, own).await?;
            if facts.paid_out != kept.cashed {
                kept.cashed = facts.paid_out;
                self.files.keep_cheque(&kept)?;
            }
            let owed = Amount(
                kept.cheque
                    .cheque
                    .cumulative
                    .0
                    .saturating_sub(kept.cashed.0),
            );
            if owed == Amount::ZERO || owed < least {
                continue;
            }
            let call = ChainCall::CashCheque {
                cheque: kept.cheque,
                recipient: own,
            };
            let tx = self.parts.chain.prepare(call, floor).await?;
            floor = tx.nonce + 1;
            self.parts.chain.broadcast(&tx).await?;
            sent += 1;
        }
        Ok(sent)
    }
}
