//! From a wish to signed bytes, and what a transaction about cheques means for them, one or many.
//! The sums come from the vaults themselves, never from what was hoped for.

use host_core::seams::{ChainCall, ChainError, Head};
use host_core::{Address, Amount};
use host_ledger::{ChequeRow, Fact, OrderRow, OutboxRow, OutboxState};
use tracing::{debug, info, warn};

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
    /// A call, with the sums it presents.
    Call(ChainCall, Presented),
    Void(String, Vec<Fact>),
}

/// The cumulative sums a transaction presents.
enum Presented {
    Nothing,
    One(Amount),
    Many(Vec<OrderRow>),
}

/// What is left of one cheque to be cashed.
enum Due {
    /// It would be paid something.
    Cheque(Box<ChequeRow>),
    /// It would not, and what that means.
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
        let (call, presented) = match self.wish(&row).await? {
            Wish::Call(call, presented) => (call, presented),
            Wish::Void(reason, facts) => {
                round.ended += 1;
                return self.end(&row, OutboxState::Abandoned, &reason, facts).await;
            }
        };
        let floor = self.nonce_floor()?;
        let tx = match self.chain.prepare(call, floor).await {
            Ok(tx) => tx,
            Err(ChainError::Reverted { reason, .. }) => {
                if intent.is_shared() {
                    debug!(intent = %intent, err = reason, "somebody else was faster");
                } else {
                    warn!(intent = %intent, err = reason, "the contract refuses, given up");
                }
                if !row.batch.is_empty() {
                    self.refuse_batches();
                }
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
        match presented {
            Presented::Nothing => {}
            Presented::One(cumulative) => row.cumulative = cumulative,
            Presented::Many(batch) => row.batch = batch,
        }
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
            return Ok(Wish::Call(call, Presented::Nothing));
        }
        if !row.batch.is_empty() {
            return self.wish_batch(&row.batch).await;
        }
        let known = match self.due(row.vault).await? {
            Due::Cheque(known) => known,
            Due::Void(why, facts) => return Ok(Wish::Void(why, facts)),
        };
        let cumulative = known.cheque.cheque.cumulative;
        let call = ChainCall::CashCheque {
            cheque: known.cheque,
            recipient: self.purse.recipient,
        };
        Ok(Wish::Call(call, Presented::One(cumulative)))
    }

    /// One call for every cheque of a batch that would still be paid something.
    async fn wish_batch(&self, batch: &[OrderRow]) -> Result<Wish, Error> {
        let (mut cheques, mut rows, mut facts) = (Vec::new(), Vec::new(), Vec::new());
        for order in batch {
            match self.due(order.vault).await? {
                Due::Cheque(known) => {
                    rows.push(OrderRow {
                        vault: order.vault,
                        cumulative: known.cheque.cheque.cumulative,
                    });
                    cheques.push(known.cheque);
                }
                Due::Void(_, more) => facts.extend(more),
            }
        }
        if cheques.is_empty() {
            let why = "none of its cheques would be paid anything";
            return Ok(Wish::Void(why.into(), facts));
        }
        // What is known to be paid already is told when the batch ends.
        let recipient = self.purse.recipient;
        let call = ChainCall::CashMany { cheques, recipient };
        Ok(Wish::Call(call, Presented::Many(rows)))
    }

    /// The newest cheque of a vault, unless the vault has paid it or holds nothing.
    async fn due(&self, vault: Address) -> Result<Due, Error> {
        let Some(known) = self.ledger.read()?.cheque(&vault)? else {
            return Ok(Due::Void("there is no such cheque".into(), Vec::new()));
        };
        let facts = self.chain.vault(vault, self.purse.beneficiary).await?;
        if facts.paid_out >= known.cheque.cheque.cumulative {
            let facts = self.paid(&known, facts.paid_out);
            return Ok(Due::Void("the vault has paid it already".into(), facts));
        }
        if facts.balance == Amount::ZERO {
            warn!(vault = %vault, amount = %known.due(), "vault is empty, cashing waits");
            return Ok(Due::Void("the vault is empty".into(), Vec::new()));
        }
        Ok(Due::Cheque(Box::new(known)))
    }

    /// What an ended transaction means for its cheque, by the vault's own word. A vault pays what
    /// it holds and records the rest as bounced, so success is no proof of full payment.
    pub(super) async fn effects(&self, row: &OutboxRow) -> Result<Vec<Fact>, Error> {
        if row.call.is_some() {
            return Ok(Vec::new());
        }
        if row.batch.is_empty() {
            return self.effect_of(row.vault, row.cumulative).await;
        }
        let mut effects = Vec::new();
        for order in &row.batch {
            effects.extend(self.effect_of(order.vault, order.cumulative).await?);
        }
        Ok(effects)
    }

    /// What the vault says of a cheque that was presented with `cumulative`.
    async fn effect_of(&self, vault: Address, cumulative: Amount) -> Result<Vec<Fact>, Error> {
        let Some(known) = self.ledger.read()?.cheque(&vault)? else {
            return Ok(Vec::new());
        };
        let facts = self.chain.vault(vault, self.purse.beneficiary).await?;
        let mut effects = self.paid(&known, facts.paid_out);
        let missing = Amount(cumulative.0.saturating_sub(facts.paid_out.0));
        if missing > Amount::ZERO {
            warn!(vault = %vault, amount = %missing, "vault paid only a part");
        }
        effects.push(Fact::ChequeBounced { vault, missing });
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
