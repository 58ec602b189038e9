//! A shard enters: admission, bytes, root, commit, receipt, cheque, in this order.
//!
//! A crash before the commit leaves nothing (the allocation was a reservation in memory); a crash
//! after it leaves the shard, and a renter that asks again gets the same receipt.

use host_agreement::check_terms;
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::identity::Signature;
use host_core::keeper::Signable;
use host_core::receipt::{Receipt, ReceiptBody};
use host_core::seams::{Device, LeaseState};
use host_core::wire::{Frame, UploadReply, UploadRequest};
use host_core::{AgreementDigest, Amount};
use host_ledger::{AgreementRow, AgreementState, Fact};
use host_store::Sealed;
use tracing::info;

use crate::cheque;
use crate::desk::Desk;
use crate::error::Error;
use crate::talk::{Talk, read};

/// Serves one upload; a refusal is said before the error is returned.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let served = upload(desk, talk).await;
    if let Err(error) = &served {
        let _ = talk.say(&UploadReply::Refused(error.refusal())).await;
    }
    served
}

/// The agreed terms with both signatures and their name.
struct Agreed {
    digest: AgreementDigest,
    signed: SignedAgreement,
}

impl Agreed {
    fn terms(&self) -> &Agreement {
        &self.signed.terms
    }
}

async fn upload<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let Some(request) = talk.hear("upload request").await? else {
        return Ok(());
    };
    let UploadRequest::Open { terms, signature } = request else {
        return Err(Error::Turn { what: "the terms" });
    };
    let _seat = desk.seat_upload()?;
    let agreed = match kept(desk, &terms, &signature)? {
        Some(agreed) => agreed,
        None => {
            let epoch = desk.epoch_for(terms.start_epoch).await?;
            agree(desk, terms, signature, epoch).await?
        }
    };
    if !is_locked(desk, &agreed).await? {
        return wait_for_lock(talk, &agreed).await;
    }
    let receipt = match standing(desk, &agreed).await? {
        Some(receipt) => {
            let signature = agreed.signed.host_signature;
            let receipt_sent = Some(receipt.clone());
            talk.say(&UploadReply::Ready {
                signature,
                receipt: receipt_sent,
            })
            .await?;
            receipt
        }
        None => {
            desk.check_exposure(&agreed.terms().renter)?;
            let receipt = take_in(desk, talk, &agreed).await?;
            talk.say(&UploadReply::Stored {
                receipt: receipt.clone(),
            })
            .await?;
            receipt
        }
    };
    info!(shard = %receipt.body.shard, agreement = %agreed.digest, peer = %talk.peer(),
        bytes = receipt.body.len, "shard kept");
    take_cheques(desk, talk, &agreed).await
}

/// Terms that stand and were paid for are no new offer: whoever signed them may ask for this host's
/// signature again at any time, also when the offer has changed.
fn kept<D: Device>(
    desk: &Desk<D>,
    terms: &Agreement,
    renter_signature: &Signature,
) -> Result<Option<Agreed>, Error> {
    let digest = terms.digest(desk.policy().chain_id);
    let row = desk.ledger().read()?.agreement(&digest)?;
    let stands = |row: &AgreementRow| {
        let paid = row.paid > Amount::ZERO || terms.pay_mode == PayMode::Escrow;
        paid && row.state == AgreementState::Active
    };
    let row = row.filter(|row| stands(row) && row.signed.renter_signature == *renter_signature);
    Ok(row.map(|row| Agreed {
        digest,
        signed: row.signed,
    }))
}

/// Admits the terms and signs them.
async fn agree<D: Device>(
    desk: &Desk<D>,
    terms: Agreement,
    renter_signature: Signature,
    epoch: u64,
) -> Result<Agreed, Error> {
    let policy = desk.policy();
    check_terms(&policy, &terms, &renter_signature, epoch)?;
    let digest = terms.digest(policy.chain_id);
    let what = Signable::Agreement {
        terms: Box::new(terms.clone()),
        chain_id: policy.chain_id,
    };
    let host_signature = desk.key().sign(&what).await?;
    Ok(Agreed {
        digest,
        signed: SignedAgreement {
            terms,
            renter_signature,
            host_signature,
        },
    })
}

/// Whether the money of these terms is where it should be before a byte is taken: for terms paid
/// by escrow, locked on chain.
async fn is_locked<D: Device>(desk: &Desk<D>, agreed: &Agreed) -> Result<bool, Error> {
    if agreed.terms().pay_mode != PayMode::Escrow {
        return Ok(true);
    }
    let escrow = desk.escrow();
    let escrow = escrow.ok_or(Error::Terms(host_agreement::Error::PayMode))?;
    let lease = escrow.lease(agreed.digest).await?;
    Ok(lease.state == LeaseState::Open)
}

/// The renter needs this host's signature to lock the money: it gets that and nothing else.
async fn wait_for_lock(talk: &mut Talk, agreed: &Agreed) -> Result<(), Error> {
    talk.say(&UploadReply::Ready {
        signature: agreed.signed.host_signature,
        receipt: None,
    })
    .await?;
    match talk.frame().await? {
        None => Ok(()),
        Some(_) => Err(Error::Unlocked {
            agreement: agreed.digest,
        }),
    }
}

/// The receipt, when nothing needs to be sent: the agreement was fulfilled before, or the same
/// shard is kept under another one and gains a lease. A shard that is fenced is bad where it lies:
/// its bytes are taken anew, whoever brings them.
async fn standing<D: Device>(desk: &Desk<D>, agreed: &Agreed) -> Result<Option<Receipt>, Error> {
    let snapshot = desk.ledger().read()?;
    let fenced = snapshot.fenced(&agreed.terms().shard)?.is_some();
    if let Some(row) = snapshot.agreement(&agreed.digest)? {
        return match row.state {
            AgreementState::Active if fenced => Ok(None),
            AgreementState::Active => receipt(desk, agreed).await.map(Some),
            _ => Err(Error::NoAgreement {
                agreement: agreed.digest,
            }),
        };
    }
    let kept = snapshot.placement(&agreed.terms().shard)?;
    if fenced || kept.is_none_or(|row| row.len != agreed.terms().shard_len) {
        return Ok(None);
    }
    add_lease(desk, agreed).await.map(Some)
}

async fn add_lease<D: Device>(desk: &Desk<D>, agreed: &Agreed) -> Result<Receipt, Error> {
    let lease = Fact::LeaseAdded {
        shard: agreed.terms().shard,
        agreement: agreed.digest,
    };
    desk.ledger()
        .commit(vec![opened(desk, agreed), lease])
        .await?;
    receipt(desk, agreed).await
}

/// Receives, checks, flushes and records the shard; the commit is the moment the host owns it.
async fn take_in<D: Device>(
    desk: &Desk<D>,
    talk: &mut Talk,
    agreed: &Agreed,
) -> Result<Receipt, Error> {
    let terms = agreed.terms();
    let reservation = desk.store().reserve(terms.shard_len)?;
    let mut writer = desk.store().writer(reservation, terms.shard)?;
    let signature = agreed.signed.host_signature;
    talk.say(&UploadReply::Ready {
        signature,
        receipt: None,
    })
    .await?;
    let mut have = 0;
    loop {
        match talk.frame().await?.ok_or(Error::HungUp {
            during: "sending the body",
        })? {
            Frame::Body(run) => {
                have += u64::try_from(run.len()).unwrap_or(u64::MAX);
                if have > terms.shard_len {
                    return Err(Error::BodyLen {
                        need: terms.shard_len,
                        have,
                    });
                }
                writer.append(&run).await?;
            }
            Frame::Message(bytes) => match read("upload request", &bytes)? {
                UploadRequest::End => break,
                _ => return Err(Error::Turn { what: "the body" }),
            },
        }
    }
    if have != terms.shard_len {
        return Err(Error::BodyLen {
            need: terms.shard_len,
            have,
        });
    }
    let sealed = writer.seal(agreed.digest, terms.end_epoch).await?;
    let facts = match anew(desk, agreed, &sealed)? {
        Some(facts) => facts,
        None => vec![opened(desk, agreed), sealed.fact(agreed.digest)],
    };
    match desk.ledger().commit(facts).await {
        Ok(()) => {
            sealed.committed();
            receipt(desk, agreed).await
        }
        Err(host_ledger::Error::ShardKept { .. }) => add_lease(desk, agreed).await,
        Err(error) => Err(error.into()),
    }
}

/// The facts when the shard was fenced: it lies where it was written now, the fence is gone, and
/// the agreement is one of its leases.
fn anew<D: Device>(
    desk: &Desk<D>,
    agreed: &Agreed,
    sealed: &Sealed,
) -> Result<Option<Vec<Fact>>, Error> {
    let snapshot = desk.ledger().read()?;
    let shard = agreed.terms().shard;
    let fence = snapshot.fenced(&shard)?;
    let Some(from) = snapshot.placement(&shard)?.filter(|_| fence.is_some()) else {
        return Ok(None);
    };
    let mut facts = vec![sealed.moved(from)];
    if snapshot.agreement(&agreed.digest)?.is_none() {
        let agreement = agreed.digest;
        facts.push(opened(desk, agreed));
        facts.push(Fact::LeaseAdded { shard, agreement });
    }
    Ok(Some(facts))
}

fn opened<D: Device>(desk: &Desk<D>, agreed: &Agreed) -> Fact {
    Fact::AgreementOpened(AgreementRow::new(
        agreed.digest,
        agreed.signed.clone(),
        desk.block_known(),
    ))
}

async fn receipt<D: Device>(desk: &Desk<D>, agreed: &Agreed) -> Result<Receipt, Error> {
    let terms = agreed.terms();
    let body = ReceiptBody {
        agreement: agreed.digest,
        shard: terms.shard,
        len: terms.shard_len,
        end_epoch: terms.end_epoch,
    };
    let what = Signable::Receipt {
        body: body.clone(),
        network: desk.policy().network,
    };
    let signature = desk.key().sign(&what).await?;
    Ok(Receipt { body, signature })
}

/// Cheques for this agreement until the renter closes.
async fn take_cheques<D: Device>(
    desk: &Desk<D>,
    talk: &mut Talk,
    agreed: &Agreed,
) -> Result<(), Error> {
    while let Some(request) = talk.hear("cheque").await? {
        let UploadRequest::Pay {
            through_epoch,
            cheque,
        } = request
        else {
            return Err(Error::Turn { what: "a cheque" });
        };
        let cumulative = cheque::accept(desk, &agreed.digest, through_epoch, cheque).await?;
        talk.say(&UploadReply::Paid { cumulative }).await?;
    }
    Ok(())
}
