//! The gate before every later cheque: does the host show that it has the shard?
//!
//! Asked today: one 64 KiB unit of the shard, drawn at random now and verified against the shard's
//! name. A host that lost a part p of its units passes with chance 1 - p each epoch, and one that
//! fetches the unit elsewhere passes always; so this bounds loss and proves nothing on chain. Once
//! hosts return inclusion proofs against their peaks, this function is where they are checked,
//! and nothing else changes: no cheque leaves without its yes.

use host_core::agreement::Agreement;
use host_core::limits;
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_transfer::{Error, download, info};

use crate::Inner;
use crate::fault::Fault;

const UNIT: u64 = limits::UNIT_LEN as u64;

/// Asks the host for a random unit of the agreement's shard. Errors when it does not answer, or
/// answers with anything but that unit. A host that sells egress is asked for its announcement
/// instead: it is there, and more is not known.
pub(super) async fn check(inner: &Inner, to: &PeerAddr, terms: &Agreement) -> Result<(), Fault> {
    let mut random = [0; 8];
    inner.entropy.fill(&mut random);
    let units = terms.shard_len.div_ceil(UNIT).max(1);
    let offset = u64::from_be_bytes(random) % units * UNIT;
    let len = UNIT.min(terms.shard_len.saturating_sub(offset));
    let peers = inner.peers.as_ref();
    let shown = async {
        let mut unit =
            download::open(peers, to, &terms.shard, terms.shard_len, offset, len).await?;
        unit.next().await
    };
    match shown.await {
        Ok(_) => Ok(()),
        Err(error @ Error::Link(_)) => Err(Fault::Talk(error)),
        Err(Error::Refused { refusal, .. }) if refusal.code == RefusalCode::Payment => {
            info::ask(peers, to, &inner.id).await?;
            Ok(())
        }
        Err(error) => Err(Fault::Absent(error)),
    }
}
