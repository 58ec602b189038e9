//! What the outbox and the reader of blocks ask: the head, the nonce, why something failed, what
//! vaults paid and what endangers it.
//!
//! Enters: numbers and addresses. Leaves: facts of the canonical chain as endpoints tell it.
//! Invariants: nonce and risk go through two endpoints where there are two; events come from an
//! endpoint that has the last block asked for, so that one which lags cannot make them look absent.

use crate::chain::EvmChain;
use crate::codec::{token, vault};
use crate::error::Error;
use crate::fault::Fault;
use crate::reads::LogFilter;
use crate::sign::{intent_of, sender};
use host_core::seams::{ChequePaid, Head, SignedTx, VaultRisk};
use host_core::{Address, Amount};

/// Blocks whose events are asked for at once, halved when it is too much for an endpoint.
const RANGE: u64 = 10_000;

impl EvmChain {
    /// The newest block that two endpoints do not contradict. One that is a little behind is no
    /// contradiction; heads further apart than any lag are, since the clock of agreements hangs on
    /// them.
    pub(crate) async fn agreed_head(&self) -> Result<Head, Error> {
        let pool = &self.pool;
        let named = pool.each(|endpoint| async move {
            let newest = endpoint.newest().await?;
            Ok((endpoint, newest))
        });
        let mut heads = Vec::new();
        let mut last = None;
        for outcome in named.await {
            match outcome {
                Ok((endpoint, block)) => {
                    pool.saw_head(&endpoint, block.number);
                    heads.push(block);
                }
                Err(fault) => last = Some(fault),
            }
        }
        pool.check_heads()?;
        let best = pool.best_head();
        match (heads.into_iter().find(|block| block.number == best), last) {
            (Some(block), _) => Ok(block.into()),
            (None, Some(fault)) => Err(fault.into_error("newest block", None)),
            // Everybody rests or is locked out: the search says which.
            (None, None) => Ok(self.newest_block().await?.into()),
        }
    }

    /// The account's next nonce in blocks; two endpoints must agree.
    pub(crate) async fn agreed_nonce(&self) -> Result<u64, Error> {
        let what = "nonce";
        let of = self.address().ok_or(Error::NoKey { what })?;
        self.pool
            .agreed(
                what,
                |endpoint| async move { endpoint.nonce(of, false).await },
            )
            .await
    }

    /// Why `tx` failed in `block`: the same call, asked on the state after that block.
    pub(crate) async fn reason_of(&self, tx: &SignedTx, block: u64) -> Result<String, Error> {
        let intent = intent_of(tx)?;
        let (from, Some(to)) = (sender(tx), intent.to) else {
            return Ok("no reason given".into());
        };
        let data = intent.data.as_slice();
        let answer = self
            .pool
            .any("reason", |endpoint| async move {
                endpoint.call_at(from, to, data, Some(block)).await
            })
            .await;
        match answer {
            Ok(_) => Ok("no reason given; it would succeed now".into()),
            Err(Error::Reverted { reason, .. }) => Ok(reason),
            Err(Error::Refused { reason, .. }) => Ok(format!("no reason given ({reason})")),
            Err(error) => Err(error),
        }
    }

    /// What vaults paid to `beneficiary` in the blocks `from..=to`, in order.
    pub(crate) async fn paid_in(
        &self,
        beneficiary: Address,
        from: u64,
        to: u64,
    ) -> Result<Vec<ChequePaid>, Error> {
        let mut paid = Vec::new();
        let (mut at, mut range) = (from, RANGE);
        while at <= to {
            let last = to.min(at.saturating_add(range - 1));
            match self.paid_part(beneficiary, at, last).await {
                Ok(part) => {
                    paid.extend(part);
                    at = last.saturating_add(1);
                }
                Err(Error::Refused { .. }) if range > 1 => range /= 2,
                Err(error) => return Err(error),
            }
        }
        Ok(paid)
    }

    async fn paid_part(
        &self,
        beneficiary: Address,
        from: u64,
        to: u64,
    ) -> Result<Vec<ChequePaid>, Error> {
        let filter = |topics| LogFilter {
            from,
            to,
            addresses: Vec::new(),
            topics,
        };
        let cashed = filter(vault::cashed_topics(beneficiary));
        let short = filter(vault::short_topics(beneficiary));
        let (cashed, short) = (&cashed, &short);
        let (cashed, short) = self
            .pool
            .any("payments", |endpoint| async move {
                if endpoint.block(Some(to)).await?.is_none() {
                    let why = format!("block {to} is not there yet");
                    return Err(Fault::Busy { why });
                }
                Ok((endpoint.logs(cashed).await?, endpoint.logs(short).await?))
            })
            .await?;
        let mut paid = Vec::with_capacity(cashed.len());
        for log in cashed {
            let Some(vault::VaultEvent::Cashed { cumulative, .. }) = vault::read_event(&log)?
            else {
                continue;
            };
            let mut missing = Amount::ZERO;
            for other in short
                .iter()
                .filter(|s| s.tx == log.tx && s.address == log.address)
            {
                if let Some(vault::VaultEvent::Short { missing: some, .. }) =
                    vault::read_event(other)?
                {
                    missing = some;
                }
            }
            paid.push(ChequePaid {
                block: log.block,
                block_hash: log.block_hash,
                index: log.index,
                tx: log.tx,
                vault: log.address,
                paid_out: Amount(cumulative.0.saturating_sub(missing.0)),
                missing,
            });
        }
        paid.sort_by_key(|one| (one.block, one.index));
        Ok(paid)
    }

    /// What endangers the money of `beneficiary` in a vault; none where its code cannot say.
    pub(crate) async fn risk_of(
        &self,
        of_vault: Address,
        beneficiary: Address,
    ) -> Result<Option<VaultRisk>, Error> {
        let of_token = self.contracts("vault risk")?.token;
        let cover = vault::cover_of(of_token, beneficiary);
        let request = vault::withdraw_request_of(of_token);
        let (cover, request) = match tokio::join!(
            self.agreed_call("vault cover", of_vault, cover),
            self.agreed_call("withdrawal request", of_vault, request),
        ) {
            (Ok(cover), Ok(request)) if !cover.is_empty() && !request.is_empty() => {
                (cover, request)
            }
            // A vault of BTFS's own code has no such questions.
            (Ok(_) | Err(Error::Reverted { .. }), Ok(_) | Err(Error::Reverted { .. })) => {
                return Ok(None);
            }
            (Err(error), _) | (_, Err(error)) => return Err(error),
        };
        let leaving = vault::read_withdraw_request(&request)?;
        Ok(Some(VaultRisk {
            cover: token::read_amount("coverOf", &cover)?,
            leaving: leaving.map_or(Amount::ZERO, |request| request.sum),
        }))
    }
}
