//! Where an agreement stands in the host's dataset on chain, for whoever asks: a renter before its
//! next cheque, a guard, a watcher of the contract.
//!
//! Anybody may ask: the answer says nothing that the chain does not. One answer is made at a time,
//! away from the conversations' threads, because it hashes the leaves of a batch. Does not: say
//! anything of an agreement that waits for a commitment but that it does.

use std::sync::Arc;

use host_core::seams::Device;
use host_core::wire::{InclusionReply, InclusionRequest};
use host_settle::Error as Unsettled;

use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

/// Serves one request.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let Some(request) = talk.hear("inclusion request").await? else {
        return Ok(());
    };
    match show(desk, request).await {
        Ok(reply) => talk.say(&reply).await,
        Err(error) => {
            talk.say(&InclusionReply::Refused(error.refusal())).await?;
            Err(error)
        }
    }
}

async fn show<D: Device>(
    desk: &Desk<D>,
    request: InclusionRequest,
) -> Result<InclusionReply, Error> {
    let agreement = request.agreement;
    let none = || Error::Money(Unsettled::Uncommitted { agreement });
    let prover = Arc::clone(desk.prover().ok_or_else(none)?);
    let _turn = desk.inclusion_turn().await;
    let shown = away(move || prover.inclusion(&agreement)).await;
    let (commitment, proof) = shown.ok_or_else(none)??;
    Ok(InclusionReply::Shown { commitment, proof })
}

/// Does work on a thread for such; where no runtime has threads, here. None when it panicked.
async fn away<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Option<T> {
    match tokio::runtime::Handle::try_current() {
        Ok(runtime) => runtime.spawn_blocking(work).await.ok(),
        Err(_) => Some(work()),
    }
}
