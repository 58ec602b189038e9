//! A deletion's report: what was asked, what each host signed, and what nobody can take back. The
//! owner signs the report; the hosts' words in it hold by themselves, offline, whoever wrote it.
//!
//! What a receipt shows: that this host, under this agreement over this shard, signed that it let
//! go and whether the bytes went. What nothing shows: that a host told the truth, that nobody made
//! a copy before, or that the key was kept nowhere else.

use std::collections::{BTreeMap, BTreeSet};

use host_core::agreement::Agreement;
use host_core::identity::Signature;
use host_core::object::{Cipher, Descriptor};
use host_core::signed::{self, DELETED, deleted_body};
use host_core::{Address, AgreementDigest, NetworkId, ObjectId, PeerId, ShardId, codec};
use serde::{Deserialize, Serialize};

use crate::error::Error;

/// What a report says it is.
const KIND: &str = "holdfast deletion 1";

/// A host's signed word.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DiscardReceipt {
    /// Whether the bytes went; they stay while another agreement keeps the shard.
    pub freed: bool,
    /// The host's signature, hex.
    pub signature: String,
}

/// One agreement of the object.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DeletionLine {
    /// Which segment.
    pub segment: u32,
    /// Which shard of it.
    pub index: u16,
    /// The host.
    pub host: PeerId,
    /// The agreement.
    pub agreement: AgreementDigest,
    /// Its terms, CBOR in hex; they bind it to shard, host and owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub terms: Option<String>,
    /// What the host signed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub receipt: Option<DiscardReceipt>,
    /// Why there is no receipt.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub why: Option<String>,
}

/// A report.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deletion {
    /// `holdfast deletion 1`.
    pub kind: String,
    /// The network's name.
    pub network: String,
    /// Its chain.
    pub chain_id: u64,
    /// The object.
    pub object: ObjectId,
    /// Whose it was.
    pub owner: Address,
    /// When it was asked for, milliseconds since 1970.
    pub asked_ms: u64,
    /// When the owner's home had no key any more; none for open data.
    pub key_destroyed_ms: Option<u64>,
    /// Hosts that replaced the object's sealed record.
    pub records_replaced: Vec<PeerId>,
    /// The descriptor, hex: it names every shard, and its hash is the object.
    pub descriptor: String,
    /// Every agreement.
    pub places: Vec<DeletionLine>,
    /// What is beyond recall, in words.
    pub beyond_recall: Vec<String>,
}

/// What a report shows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeletionShown {
    /// The object.
    pub object: ObjectId,
    /// Whether its bytes were sealed.
    pub sealed: bool,
    /// Shards of the object.
    pub shards: usize,
    /// Receipts that hold and say that the bytes went.
    pub freed: usize,
    /// Receipts that hold and say that another agreement keeps the bytes.
    pub kept: usize,
    /// Agreements without a receipt.
    pub silent: usize,
    /// Receipts that hold, of agreements whose terms are not shown.
    pub unbound: usize,
    /// Shards that no agreement in the report is over.
    pub unplaced: usize,
    /// Segments that fewer than `data` hosts can still have, by what they signed.
    pub segments_gone: usize,
    /// Segments of the object.
    pub segments: usize,
    /// What does not hold.
    pub faults: Vec<String>,
    /// What is beyond recall.
    pub beyond_recall: Vec<String>,
}

/// What nobody can take back, in words for a report.
#[must_use]
pub fn beyond_recall(sealed: bool) -> Vec<String> {
    let words: &[&str] = match sealed {
        true => &[
            "ciphertext that a host or a reader of the network copied before it let go",
            "plaintext that anyone who held the key took out",
            "the sealed record, for a host that kept it and ever gets the recovery phrase",
            "blocks that the drive of the owner's home keeps to itself, and backups of the home",
        ],
        false => &[
            "the bytes themselves: the object was public, whoever copied it keeps it",
            "copies in caches, mirrors and gateways of others",
        ],
    };
    words.iter().map(|text| (*text).to_owned()).collect()
}

/// What nobody can take back of an object that was handed on so often.
#[must_use]
pub fn handed_on(times: u64) -> Option<String> {
    let told = format!("what readers of a share took: the object was handed on {times} times");
    (times > 0).then_some(told)
}

impl Deletion {
    /// What is beyond recall of any such object, and what the owner said of this one.
    fn all_beyond_recall(&self, sealed: bool) -> Vec<String> {
        let mut all = beyond_recall(sealed);
        let more = self.beyond_recall.iter().filter(|text| !all.contains(text));
        let more: Vec<String> = more.cloned().collect();
        all.extend(more);
        all
    }

    /// A report's kind.
    #[must_use]
    pub fn kind() -> String {
        KIND.to_owned()
    }

    /// Reads a report. Errors: Unreadable.
    pub fn parse(text: &str) -> Result<Self, Error> {
        let unreadable = |why: String| Error::Unreadable {
            what: "the deletion report",
            why,
        };
        let report: Self = serde_json::from_str(text).map_err(|err| unreadable(err.to_string()))?;
        match report.kind == KIND {
            true => Ok(report),
            false => Err(unreadable(format!("`{}` is another kind", report.kind))),
        }
    }

    /// Its text, as it is signed.
    #[must_use]
    pub fn to_text(&self) -> String {
        serde_json::to_string_pretty(self).unwrap_or_default() + "\n"
    }

    /// Holds every word of it to its signature, offline. Errors: Unreadable when the descriptor
    /// is not the object's.
    pub fn show(&self) -> Result<DeletionShown, Error> {
        let descriptor = self.described()?;
        let all: BTreeMap<(u32, u16), ShardId> = shards(&descriptor).collect();
        let mut shown = DeletionShown {
            object: self.object,
            sealed: descriptor.cipher != Cipher::None,
            shards: all.len(),
            freed: 0,
            kept: 0,
            silent: 0,
            unbound: 0,
            unplaced: 0,
            segments_gone: 0,
            segments: descriptor.segments.len(),
            faults: Vec::new(),
            beyond_recall: self.all_beyond_recall(descriptor.cipher != Cipher::None),
        };
        // Where a shard may still be: no receipt that says it went.
        let mut there: BTreeSet<(u32, u16)> = BTreeSet::new();
        let mut placed: BTreeSet<(u32, u16)> = BTreeSet::new();
        for line in &self.places {
            let at = (line.segment, line.index);
            let Some(shard) = all.get(&at) else {
                shown.fault(line, "the object has no such shard");
                continue;
            };
            placed.insert(at);
            if !self.take_line(line, shard, &mut shown) {
                there.insert(at);
            }
        }
        let unplaced = all.keys().filter(|at| !placed.contains(at));
        there.extend(unplaced.clone());
        shown.unplaced = unplaced.count();
        let data = usize::from(descriptor.geometry.data);
        let segments = (0..).take(descriptor.segments.len());
        let gone = segments.filter(|segment: &u32| {
            let left = there.iter().filter(|at| at.0 == *segment);
            left.count() < data
        });
        shown.segments_gone = gone.count();
        Ok(shown)
    }

    fn described(&self) -> Result<Descriptor, Error> {
        let unreadable = |why: String| Error::Unreadable {
            what: "the deletion report's descriptor",
            why,
        };
        let bytes = hex::decode(&self.descriptor).map_err(|err| unreadable(err.to_string()))?;
        if ObjectId::of_descriptor(&bytes) != self.object {
            return Err(unreadable("it is another object's".to_owned()));
        }
        Descriptor::from_bytes(&bytes).map_err(|err| unreadable(err.to_string()))
    }

    /// Counts a line; true when its receipt shows that these bytes went.
    fn take_line(&self, line: &DeletionLine, shard: &ShardId, shown: &mut DeletionShown) -> bool {
        let is_bound = match self.is_bound(line, shard) {
            Ok(is_bound) => is_bound,
            Err(why) => {
                shown.fault(line, why);
                return false;
            }
        };
        let Some(receipt) = &line.receipt else {
            shown.silent += 1;
            return false;
        };
        let network = NetworkId::of_name(&self.network);
        let body = deleted_body(&line.agreement, receipt.freed);
        let signature = hex::decode(&receipt.signature).ok();
        let signature = signature.and_then(|bytes| <[u8; 65]>::try_from(bytes).ok());
        let holds = signature.is_some_and(|bytes| {
            signed::check_peer(&Signature(bytes), DELETED, &network, &body, &line.host).is_ok()
        });
        if !holds {
            shown.fault(line, "the host did not sign this receipt");
            return false;
        }
        match (is_bound, receipt.freed) {
            (false, _) => shown.unbound += 1,
            (true, true) => shown.freed += 1,
            (true, false) => shown.kept += 1,
        }
        is_bound && receipt.freed
    }

    /// Whether a line's terms are there; they must be of this agreement, shard, host and owner.
    fn is_bound(&self, line: &DeletionLine, shard: &ShardId) -> Result<bool, &'static str> {
        let Some(terms) = &line.terms else {
            return Ok(false);
        };
        let bytes = hex::decode(terms).map_err(|_| "its terms do not read")?;
        let terms: Agreement =
            codec::from_signed_bytes("agreement", &bytes).map_err(|_| "its terms do not read")?;
        if terms.digest(self.chain_id) != line.agreement {
            return Err("its terms are another agreement's");
        }
        let is_it = terms.shard == *shard
            && terms.renter == self.owner
            && terms.network == NetworkId::of_name(&self.network)
            && line.host.address().is_ok_and(|host| host == terms.host);
        match is_it {
            true => Ok(true),
            false => Err("its terms are over another shard, host or owner"),
        }
    }
}

fn shards(descriptor: &Descriptor) -> impl Iterator<Item = ((u32, u16), ShardId)> {
    let segments = (0..).zip(&descriptor.segments);
    segments.flat_map(|(segment, of)| {
        (0..)
            .zip(&of.shards)
            .map(move |(index, shard)| ((segment, index), *shard))
    })
}

impl DeletionShown {
    fn fault(&mut self, line: &DeletionLine, why: &str) {
        let (segment, index) = (line.segment, line.index);
        self.faults
            .push(format!("{segment}/{index} at {}: {why}", line.host));
    }

    /// Whether every agreement has a receipt that the bytes went.
    #[must_use]
    pub fn is_whole(&self) -> bool {
        let open = self.kept + self.silent + self.unbound + self.unplaced;
        self.faults.is_empty() && open == 0
    }

    /// For people.
    #[must_use]
    pub fn in_words(&self) -> String {
        let mut lines = vec![
            format!("object {}, {} shards", self.object, self.shards),
            format!(
                "{} receipts that bytes went, {} that another agreement keeps them, {} hosts \
                 silent, {} receipts without terms, {} shards in no agreement",
                self.freed, self.kept, self.silent, self.unbound, self.unplaced
            ),
            format!(
                "{} of {} segments cannot be rebuilt from what hosts still answer for",
                self.segments_gone, self.segments
            ),
            match self.sealed {
                true => "sealed: the owner signs that its key is destroyed".to_owned(),
                false => "PUBLIC: there was no key to destroy".to_owned(),
            },
        ];
        lines.extend(
            self.faults
                .iter()
                .map(|fault| format!("DOES NOT HOLD: {fault}")),
        );
        lines.push("beyond recall:".to_owned());
        lines.extend(self.beyond_recall.iter().map(|what| format!("- {what}")));
        lines.join("\n")
    }
}

#[cfg(test)]
mod tests;
