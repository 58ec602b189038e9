//! A shard leaves: unit roots first, then verified units as body runs. A unit that does not match
//! its root never leaves; the reader is told that the bytes are damaged and asks another host.
//! Where reads cost, the run is charged to the payer's account before its first byte leaves.

use host_core::seams::Device;
use host_core::wire::{DownloadReply, DownloadRequest};
use host_core::{Amount, limits};
use tracing::error;

use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

const UNIT: u64 = limits::UNIT_LEN as u64;

/// Serves one download; a refusal is said before the error is returned.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let served = download(desk, talk).await;
    match &served {
        Ok(()) => {}
        Err(Error::Unpaid { price, needs }) => {
            let (price, needs) = (*price, *needs);
            let _ = talk.say(&DownloadReply::Pay { price, needs }).await;
        }
        Err(error) => {
            let _ = talk.say(&DownloadReply::Refused(error.refusal())).await;
        }
    }
    served
}

async fn download<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    let Some(request) = talk.hear::<DownloadRequest>("download request").await? else {
        return Ok(());
    };
    let shard = request.shard;
    let _seat = desk.seat_download(&shard)?;
    let mut reader = desk
        .store()
        .open_shard(&shard)
        .await?
        .ok_or(Error::NoShard { shard })?;
    check_run(&request, reader.len())?;
    let price = desk.read_price(&shard)?;
    let payer = request.payer.as_ref();
    let mut charge = match price {
        Amount::ZERO => None,
        price => Some(desk.charge(&talk.peer(), payer, price, request.len)?),
    };
    let ready = DownloadReply::Ready {
        shard_len: reader.len(),
        units: reader.units().to_vec(),
    };
    talk.say(&ready).await?;
    let end = request.offset.saturating_add(request.len);
    let mut at = request.offset;
    while at < end {
        let len = (end - at).min(limits::BODY_LEN_MAX as u64);
        let run = reader.read(at, len).await.inspect_err(|err| {
            error!(shard = %shard, err = %err, "stored shard does not verify");
        })?;
        // Counted before it leaves: a reader that hangs up pays for what was on its way.
        if let Some(charge) = &mut charge {
            charge.serve(len);
        }
        talk.run(run.as_ref()).await?;
        at += len;
    }
    drop(charge);
    if let Some(payer) = payer {
        desk.save_reads(&payer.vault).await?;
    }
    talk.say(&DownloadReply::End).await
}

/// A run begins on a unit and ends on one, or at the shard's end.
fn check_run(request: &DownloadRequest, shard_len: u64) -> Result<(), Error> {
    let (offset, len) = (request.offset, request.len);
    let end = offset.checked_add(len);
    let whole =
        end.is_some_and(|end| end == shard_len || (end < shard_len && end.is_multiple_of(UNIT)));
    if len == 0 || !offset.is_multiple_of(UNIT) || !whole {
        return Err(Error::Run {
            offset,
            len,
            shard_len,
        });
    }
    Ok(())
}
