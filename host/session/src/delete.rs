//! A renter gives up an agreement: checked, committed, then told in a signed word whether the
//! bytes went too (they stay while another agreement keeps the same shard).

use host_core::seams::Device;
use host_core::signed::{self, DELETE, DELETED, deleted_body};
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
        let fact = Fact::AgreementClosed {
            agreement,
            state: AgreementState::Released,
        };
        desk.ledger().commit(vec![fact]).await?;
        info!(agreement = %agreement, shard = %terms.shard, "agreement released");
    }
    let freed = desk.ledger().read()?.placement(&terms.shard)?.is_none();
    let body = deleted_body(&agreement, freed);
    let signature = signed::sign(desk.key(), DELETED, &network, &body);
    Ok(DeleteReply::Closed { freed, signature })
}
