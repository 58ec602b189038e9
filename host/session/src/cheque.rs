//! Later cheques, and the acceptance of any cheque: judged, committed, then acknowledged.
//!
//! Cheques of one vault are taken one at a time, because each is judged against the one before;
//! cheques of different vaults share group commits.

use host_core::cheque::SignedCheque;
use host_core::seams::{Device, VaultFacts};
use host_core::wire::{ChequeReply, ChequeRequest};
use host_core::{Address, AgreementDigest, Amount};
use host_ledger::{AgreementState, Fact};
use host_settle::{Accepted, Claim, Paper, judge, judge_reads};
use tracing::info;

use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

/// Serves questions and payments until the peer closes.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    while let Some(request) = talk.hear("cheque request").await? {
        match answer(desk, request).await {
            Ok(reply) => talk.say(&reply).await?,
            Err(error) => {
                talk.say(&ChequeReply::Refused(error.refusal())).await?;
                return Err(error);
            }
        }
    }
    Ok(())
}

async fn answer<D: Device>(desk: &Desk<D>, request: ChequeRequest) -> Result<ChequeReply, Error> {
    match request {
        ChequeRequest::Last { vault } => {
            let row = desk.ledger().read()?.cheque(&vault)?;
            Ok(ChequeReply::Last {
                cheque: row.map(|row| row.cheque),
            })
        }
        ChequeRequest::Pay {
            agreement,
            through_epoch,
            cheque,
        } => {
            let cumulative = accept(desk, &agreement, through_epoch, cheque).await?;
            Ok(ChequeReply::Paid { cumulative })
        }
        ChequeRequest::Reads { cheque } => {
            let cumulative = accept_reads(desk, cheque).await?;
            Ok(ChequeReply::Paid { cumulative })
        }
    }
}

/// Judges a cheque and makes it durable; returns the sum the host now counts on. The same cheque
/// again (its acknowledgement was lost) is acknowledged again and changes nothing.
pub(crate) async fn accept<D: Device>(
    desk: &Desk<D>,
    agreement: &AgreementDigest,
    through_epoch: u64,
    cheque: SignedCheque,
) -> Result<Amount, Error> {
    let cumulative = cheque.cheque.cumulative;
    let vault = cheque.cheque.vault;
    let _turn = desk.vault_turn(vault).await;
    let snapshot = desk.ledger().read()?;
    let row = snapshot
        .agreement(agreement)?
        .filter(|row| row.state == AgreementState::Active)
        .ok_or(Error::NoAgreement {
            agreement: *agreement,
        })?;
    let last = snapshot.cheque(&vault)?;
    let again = last.as_ref().is_some_and(|known| known.cheque == cheque);
    if again && row.paid_through >= through_epoch {
        return Ok(cumulative);
    }
    let policy = desk.policy();
    let last = last.map_or(Amount::ZERO, |known| known.cheque.cheque.cumulative);
    let verdict = |facts: &VaultFacts| {
        judge(&Claim {
            cheque: &cheque,
            terms: &row.signed.terms,
            through_epoch,
            paid: row.paid,
            last,
            vault: facts,
            chain_id: policy.chain_id,
            beneficiary: policy.host,
        })
    };
    let accepted = by_chain(desk, vault, verdict).await?;
    let fact = Fact::ChequeAccepted {
        cheque,
        agreement: *agreement,
        through_epoch,
        increment: accepted.added,
    };
    desk.ledger().commit(vec![fact]).await?;
    info!(agreement = %agreement, vault = %vault, amount = %accepted.added, "cheque accepted");
    Ok(cumulative)
}

/// Judges a cheque that pays for reads and makes it durable; returns the sum the host now counts
/// on. The same cheque again is acknowledged again and changes nothing.
async fn accept_reads<D: Device>(desk: &Desk<D>, cheque: SignedCheque) -> Result<Amount, Error> {
    let cumulative = cheque.cheque.cumulative;
    let vault = cheque.cheque.vault;
    let _turn = desk.vault_turn(vault).await;
    let last = desk.ledger().read()?.cheque(&vault)?;
    if last.as_ref().is_some_and(|known| known.cheque == cheque) {
        return Ok(cumulative);
    }
    let policy = desk.policy();
    let last = last.map_or(Amount::ZERO, |known| known.cheque.cheque.cumulative);
    let verdict = |facts: &VaultFacts| {
        judge_reads(&Paper {
            cheque: &cheque,
            last,
            vault: facts,
            chain_id: policy.chain_id,
            beneficiary: policy.host,
        })
    };
    let increment = by_chain(desk, vault, verdict).await?.added;
    let fact = Fact::ReadsPaid { cheque, increment };
    desk.ledger().commit(vec![fact]).await?;
    desk.reads_paid(&vault)?;
    info!(vault = %vault, amount = %increment, "cheque for reads accepted");
    Ok(cumulative)
}

/// A verdict by what the chain says of the vault. The remembered answer may be older than the
/// vault's last deposit: a refusal is judged by a fresh one.
async fn by_chain<D: Device>(
    desk: &Desk<D>,
    vault: Address,
    verdict: impl Fn(&VaultFacts) -> Result<Accepted, host_settle::Error>,
) -> Result<Accepted, Error> {
    let look = async || {
        let facts = desk.vault_facts(vault).await;
        facts.map_err(host_settle::Error::from)
    };
    if let Ok(accepted) = verdict(&look().await?) {
        return Ok(accepted);
    }
    desk.forget_vault(&vault);
    Ok(verdict(&look().await?)?)
}
