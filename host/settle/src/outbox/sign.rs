//! From a wish to signed bytes, and what a transaction about a cheque means for that cheque. The
//! sums come from the vault itself, never from what was hoped for.

use host_core::seams::{ChainCall, ChainError, Head};
use host_core::{Address, Amount};
use host_ledger::{ChequeRow, Fact, OutboxRow, OutboxState};
use tracing::{info, warn};

use super::{Outbox, Round};
use crate::error::Error;

/// Whose cheques are cashed, and who gets the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Purse {
    /// The account cheques are made out to; the chain signs with its key.
    pub beneficiary: Address,
    /// Where the money goes.
    pub recipient: Address,
}

/// What a wish comes to.
enum Wish {
    Call(ChainCall, Amount),
    Void(String, Vec<Fact>),
}

impl Outbox {
    /// Signs what is wanted, writes it down, sends it.
    pub(super) async fn sign(
        &self,
        row: OutboxRow,
        head: Head,
        round: &mut Round,
    ) -> Result<(), Error> {
        let intent = row.intent();
        let (call, cumulative) = match self.wish(&row).await? {
            Wish::Call(call, cumulative) => (call, cumulative),
            Wish::Void(reason, facts) => {
                round.ended += 1;
                return self.end(&row, OutboxState::Abandoned, &reason, facts).await;
            }
        };
        let floor = self.nonce_floor()?;
        let tx = match self.chain.prepare(call, floor).await {
            Ok(tx) => tx,
            Err(ChainError::Reverted { reason, .. }) => {
                warn!(intent = %intent, err = reason, "the contract refuses, transaction given up");
                let reason = format!("the contract refuses: {reason}");
                round.ended += 1;
                let state = OutboxState::Abandoned;
                return self.end(&row, state, &reason, Vec::new()).await;
            }
            Err(error) => return Err(error.into()),
        };
        let (cost, cap) = (self.chain.cost_of(&tx), self.bounds.cost_max);
        if cost > cap {
            // Nothing was sent, so nothing need be remembered of these bytes.
            self.note(&intent).why = format!("gas is too dear: {cost} wei of {cap}");
            round.pending += 1;
            return Ok(());
        }
        let mut row = row.signed(tx, head.block);
        row.cumulative = cumulative;
        self.ledger
            .commit(vec![Fact::OutboxChanged(row.clone())])
            .await?;
        info!(intent = %intent, tx = %row.hash, nonce = row.nonce, "transaction signed");
        round.begun += 1;
        round.pending += 1;
        self.send_newest(&row, head, round).await
    }

    /// What a wish calls now. A cheque's wish takes the newest cheque of its vault, and is void
    /// when the vault has paid it or holds nothing.
    async fn wish(&self, row: &OutboxRow) -> Result<Wish, Error> {
        if let Some(call) = &row.call {
            let call = ChainCall::Contract {
                what: "transaction of the outbox",
                to: call.to,
                value: call.value,
                data: call.data.clone(),
            };
            return Ok(Wish::Call(call, Amount::ZERO));
        }
        let Some(known) = self.ledger.read()?.cheque(&row.vault)? else {
            return Ok(Wish::Void("there is no such cheque".into(), Vec::new()));
        };
        let vault = row.vault;
        let facts = self.chain.vault(vault, self.purse.beneficiary).await?;
        let cumulative = known.cheque.cheque.cumulative;
        if facts.paid_out >= cumulative {
            let facts = self.paid(&known, facts.paid_out);
            return Ok(Wish::Void("the vault has paid it already".into(), facts));
        }
        if facts.balance == Amount::ZERO {
            warn!(vault = %vault, amount = %known.due(), "vault is empty, cashing waits");
            return Ok(Wish::Void("the vault is empty".into(), Vec::new()));
        }
        let call = ChainCall::CashCheque {
            cheque: known.cheque,
            recipient: self.purse.recipient,
        };
        Ok(Wish::Call(call, cumulative))
    }

    /// What an ended transaction means for its cheque, by the vault's own word. A vault pays what
    /// it holds and records the rest as bounced, so success is no proof of full payment.
    pub(super) async fn effects(&self, row: &OutboxRow) -> Result<Vec<Fact>, Error> {
        if row.call.is_some() {
            return Ok(Vec::new());
        }
        let Some(known) = self.ledger.read()?.cheque(&row.vault)? else {
            return Ok(Vec::new());
        };
        let facts = self.chain.vault(row.vault, self.purse.beneficiary).await?;
        let mut effects = self.paid(&known, facts.paid_out);
        let missing = Amount(row.cumulative.0.saturating_sub(facts.paid_out.0));
        if missing > Amount::ZERO {
            warn!(vault = %row.vault, amount = %missing, "vault paid only a part");
        }
        effects.push(Fact::ChequeBounced {
            vault: row.vault,
            missing,
        });
        Ok(effects)
    }

    fn paid(&self, known: &ChequeRow, paid_out: Amount) -> Vec<Fact> {
        let cheque = &known.cheque.cheque;
        vec![Fact::ChequeCashed {
            vault: cheque.vault,
            cumulative: paid_out.min(cheque.cumulative),
        }]
    }
}
