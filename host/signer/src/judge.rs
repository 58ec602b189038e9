//! The judgement: may this be signed, and what does it cost the day.
//!
//! Enters: one typed thing. Leaves: a signature, or a typed refusal. Invariants: what counts is in
//! the book before the signature exists outside; words about money name this host and its payout
//! address; a refused request changes nothing. Does not: trust the asker's word about what a call
//! does; it is read from the calldata.

use host_core::identity::{SecretKey, Signature};
use host_core::keeper::Signable;
use host_core::tx::TxBody;
use host_core::{Address, Amount};

use crate::book::{Book, Budget, Spent};
use crate::calls::{Effect, effect};
use crate::policy::Policy;
use crate::wire::{Refusal, Standing};

/// A key with its policy and its book.
pub struct Judge {
    key: SecretKey,
    policy: Policy,
    book: Book,
}

impl Judge {
    /// Joins them; a change of the payout address in the policy begins to wait here.
    /// Errors: the book cannot be written.
    pub fn new(key: SecretKey, policy: Policy, mut book: Book) -> Result<Self, crate::Error> {
        book.want_payout(policy.payout, policy.payout_delay)?;
        Ok(Self { key, policy, book })
    }

    /// Users that may ask besides the signer's own.
    #[must_use]
    pub fn users(&self) -> &[u32] {
        &self.policy.users
    }

    /// The peer whose key this is.
    #[must_use]
    pub fn peer(&self) -> host_core::PeerId {
        self.key.peer_id()
    }

    /// What is spent and what is allowed.
    #[must_use]
    pub fn standing(&self) -> Standing {
        let (plain, proofs) = (
            self.book.spent(Budget::Plain, None),
            self.book.spent(Budget::Proofs, None),
        );
        let day = &self.policy.day;
        let pending = self.book.pending();
        Standing {
            native: plain.native,
            native_limit: day.native,
            token: plain.token,
            token_limit: day.token,
            proofs: proofs.native,
            proofs_limit: day.proofs,
            payout: self.book.payout(),
            pending: pending.map(|pending| (pending.to, pending.ripe_at)),
            now: self.book.now(),
        }
    }

    /// Drops a change of the payout address that waits.
    pub fn keep_payout(&mut self) -> Result<(), Refusal> {
        self.book.keep_payout().map_err(|error| unwritten(&error))
    }

    /// Signs what the policy allows. Durable: what it counts is in the book.
    pub fn sign(&mut self, what: &Signable) -> Result<Signature, Refusal> {
        match what {
            Signable::Agreement { terms, chain_id } => {
                self.check_chain(*chain_id)?;
                self.check_words("agreement's host", terms.host == self.key.address())?;
                self.check_words("agreement's payout", terms.payout == self.payout())?;
            }
            Signable::Announcement { offer, .. } => {
                self.check_words("announcement's peer", offer.peer == self.key.peer_id())?;
                self.check_words("announcement's payout", offer.payout == self.payout())?;
            }
            Signable::Transaction { body } => self.admit(body)?,
            Signable::Receipt { .. }
            | Signable::Deleted { .. }
            | Signable::Transport { .. }
            | Signable::Shown { .. } => {}
        }
        Ok(self.key.sign(&what.digest()))
    }

    fn payout(&self) -> Address {
        self.book.payout().unwrap_or_else(|| self.key.address())
    }

    fn check_chain(&self, have: u64) -> Result<(), Refusal> {
        let want = self.policy.chain_id;
        if have == want {
            return Ok(());
        }
        Err(Refusal::Chain { have, want })
    }

    fn check_words(&self, what: &str, fits: bool) -> Result<(), Refusal> {
        if fits {
            return Ok(());
        }
        let what = what.to_owned();
        Err(Refusal::Foreign { what })
    }

    /// Judges a transaction and counts it.
    fn admit(&mut self, body: &TxBody) -> Result<(), Refusal> {
        self.check_chain(body.chain_id)?;
        let to = body.to.ok_or(Refusal::Creation)?;
        let most = self.policy.day.gas_price;
        if body.max_fee > most || body.tip.is_some_and(|tip| tip > most) {
            let have = body.max_fee.max(body.tip.unwrap_or_default());
            return Err(Refusal::GasPrice { have, most });
        }
        let effect = match effect(&self.policy, to, &body.data)? {
            // Nothing goes to nobody: that is how a stuck nonce is cleared.
            Effect::Pays(_) if body.value == Amount::ZERO => Effect::Nothing,
            other => other,
        };
        let carries = matches!(effect, Effect::Pays(_) | Effect::Wrap);
        if body.value > Amount::ZERO && !carries {
            return Err(Refusal::Value { value: body.value });
        }
        let (budget, token) = self.weigh(&effect)?;
        let asked = Spent {
            native: body.cost(),
            token,
        };
        self.count(budget, body.nonce, asked)
    }

    /// Whose budget an effect is of, and how many tokens it moves. Errors: to somebody else.
    fn weigh(&self, effect: &Effect) -> Result<(Budget, Amount), Refusal> {
        let payout = self.payout();
        let only = |to: &Address| {
            if *to == payout {
                return Ok(());
            }
            Err(Refusal::Recipient { to: *to, payout })
        };
        let plain = |token| (Budget::Plain, token);
        Ok(match effect {
            Effect::Proof => (Budget::Proofs, Amount::ZERO),
            Effect::Nothing | Effect::Wrap => plain(Amount::ZERO),
            Effect::Spends(sum) => plain(*sum),
            Effect::Allows(spender, sum) => {
                let contracts = &self.policy.contracts;
                let may = [contracts.staking, contracts.escrow, contracts.airdrop];
                if !may.contains(&Some(*spender)) {
                    return Err(Refusal::Spender { spender: *spender });
                }
                plain(*sum)
            }
            Effect::Sends(to, sum) => {
                only(to)?;
                plain(*sum)
            }
            Effect::Collects(recipients) => {
                recipients.iter().try_for_each(only)?;
                plain(Amount::ZERO)
            }
            Effect::Registers(to) => {
                // The account itself as payout would protect nothing and could not be undone.
                only(to)?;
                self.check_words("registered payout", self.book.payout() == Some(*to))?;
                plain(Amount::ZERO)
            }
            Effect::Pays(to) => {
                only(to)?;
                plain(Amount::ZERO)
            }
        })
    }

    fn count(&mut self, budget: Budget, nonce: u64, asked: Spent) -> Result<(), Refusal> {
        let room = self.book.room(budget, nonce);
        room.map_err(|count| Refusal::TooMany { count })?;
        let had = self.book.of_nonce(budget, nonce);
        let spent = self.book.spent(budget, Some(nonce));
        let native = asked.native.max(had.native);
        let token = asked.token.max(had.token);
        let day = &self.policy.day;
        let limit = match budget {
            Budget::Plain => day.native,
            Budget::Proofs => day.proofs,
        };
        if spent.native.0.saturating_add(native.0) > limit.0 {
            let (asked, spent) = (native, spent.native);
            return Err(match budget {
                Budget::Plain => Refusal::DayNative {
                    asked,
                    spent,
                    limit,
                },
                Budget::Proofs => Refusal::DayProofs {
                    asked,
                    spent,
                    limit,
                },
            });
        }
        if spent.token.0.saturating_add(token.0) > day.token.0 {
            return Err(Refusal::DayToken {
                asked: token,
                spent: spent.token,
                limit: day.token,
            });
        }
        let counted = self.book.enter(budget, nonce, Spent { native, token });
        counted.map_err(|error| unwritten(&error))
    }
}

fn unwritten(error: &crate::Error) -> Refusal {
    Refusal::Book {
        why: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
