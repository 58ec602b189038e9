//! A renter's sealed records: kept only for renters with an agreement here, bounded per owner,
//! given back only to the owner.

use host_core::limits;
use host_core::records::SignedRecord;
use host_core::seams::Device;
use host_core::signed::{self, LIST, list_body};
use host_core::wire::{RecordsReply, RecordsRequest};
use host_ledger::Fact;

use crate::desk::Desk;
use crate::error::Error;
use crate::talk::Talk;

/// Milliseconds a listing's signature may be old or early.
const LIST_SLACK_MS: u64 = 10 * 60 * 1000;
/// Records read for one page; the page is then cut to fit a frame.
const PAGE_RECORDS: usize = 64;

/// Serves requests until the peer closes.
pub(crate) async fn serve<D: Device>(desk: &Desk<D>, talk: &mut Talk) -> Result<(), Error> {
    while let Some(request) = talk.hear("records request").await? {
        match answer(desk, request).await {
            Ok(reply) => talk.say(&reply).await?,
            Err(error) => {
                talk.say(&RecordsReply::Refused(error.refusal())).await?;
                return Err(error);
            }
        }
    }
    Ok(())
}

async fn answer<D: Device>(desk: &Desk<D>, request: RecordsRequest) -> Result<RecordsReply, Error> {
    let network = desk.policy().network;
    match request {
        RecordsRequest::Put(record) => {
            record.check(&network)?;
            keep(desk, record).await
        }
        RecordsRequest::List {
            owner,
            after,
            at_ms,
            signature,
        } => {
            let body = list_body(&owner, after.as_ref(), at_ms);
            signed::check_address(&signature, LIST, &network, &body, &owner)?;
            if desk.clock().wall_ms().abs_diff(at_ms) > LIST_SLACK_MS {
                return Err(Error::Quota {
                    what: "the listing was signed at another time",
                });
            }
            let snapshot = desk.ledger().read()?;
            let found = snapshot.records(&owner, after.as_ref(), PAGE_RECORDS)?;
            Ok(page(found))
        }
    }
}

async fn keep<D: Device>(desk: &Desk<D>, record: SignedRecord) -> Result<RecordsReply, Error> {
    let snapshot = desk.ledger().read()?;
    if !snapshot.is_renter(&record.record.owner)? {
        return Err(Error::Quota {
            what: "records are kept for renters with an agreement here",
        });
    }
    desk.ledger().commit(vec![Fact::RecordKept(record)]).await?;
    Ok(RecordsReply::Kept)
}

/// As many records as fit one frame; the rest is asked for again.
fn page(found: Vec<SignedRecord>) -> RecordsReply {
    let count = found.len();
    let mut size = 0;
    let records: Vec<SignedRecord> = found
        .into_iter()
        .take_while(|record| {
            let first = size == 0;
            size += record.record.body.len() + 256;
            first || size <= limits::RECORD_LEN_MAX
        })
        .collect();
    let more = records.len() < count || count == PAGE_RECORDS;
    RecordsReply::Page { records, more }
}
