//! A renter gives up an agreement: checked, committed, then told in a signed word whether the
//! bytes went too (they stay while another agreement keeps the same shard).

use host_core::keeper::Signable;
use host_core::seams::Device;
use host_core::signed::{self, DELETE};
use host_core::wire::{DeleteReply, DeleteRequest};
use host_ledger::{AgreementState, Fact};
use tracing::info;

use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

/// Serves one request.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let Some(request) = talk.hear("delete request").await? else {
        return Ok(());
    };
    match close(desk, &request).await {
        Ok(reply) => talk.say(&reply).await,
        Err(error) => {
            talk.say(&DeleteReply::Refused(error.refusal())).await?;
            Err(error)
        }
    }
}

async fn close<D: Device>(desk: &Desk<D>, request: &DeleteRequest) -> Result<DeleteReply, Error> {
    let agreement = request.agreement;
    let network = desk.policy().network;
    let snapshot = desk.ledger().read()?;
    let row = snapshot
        .agreement(&agreement)?
        .ok_or(Error::NoAgreement { agreement })?;
    let terms = &row.signed.terms;
    signed::check_address(
        &request.signature,
        DELETE,
        &network,
        &agreement.0,
        &terms.renter,
    )?;
    if row.state == AgreementState::Active {
        // A draw of the chain may land on it until its term is over: the renter's word answers.
        let kept = Fact::ReleaseKept {
            agreement,
            signature: request.signature,
        };
        let ended = Fact::AgreementClosed {
            agreement,
            state: AgreementState::Released,
        };
        desk.ledger().commit(vec![kept, ended]).await?;
        info!(agreement = %agreement, shard = %terms.shard, "agreement released");
    }
    let freed = desk.ledger().read()?.placement(&terms.shard)?.is_none();
    let what = Signable::Deleted {
        agreement,
        freed,
        network,
    };
    let signature = desk.key().sign(&what).await?;
    Ok(DeleteReply::Closed { freed, signature })
}
