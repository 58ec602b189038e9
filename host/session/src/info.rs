//! The host's own announcement, fresh, for whoever asks.

use host_core::seams::Device;
use host_core::wire::{InfoReply, InfoRequest};

use crate::announce;
use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

/// Serves one request.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    if talk.hear::<InfoRequest>("info request").await?.is_none() {
        return Ok(());
    }
    talk.say(&InfoReply {
        announcement: announce::make(desk).await?,
    })
    .await
}
