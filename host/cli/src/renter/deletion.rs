//! `holdfast rm` and `holdfast verify-deletion`: an object given up, its key first, with a signed
//! report of what each host signed; and the check of such a report, which needs no home and no
//! network.

use std::path::{Path, PathBuf};

use clap::Args;
use host_core::{ObjectId, codec};
use host_release::{
    self as release, Deletion, DeletionLine, DeletionShown, DiscardReceipt, PublishKey, Signer,
};
use host_renter::{Deleted, DeletedPlace, LetGo};
use serde::Serialize;
use serde_json::json;

use super::home::Home;
use super::{log, publish, retain};
use crate::print;

/// Gives an object up.
#[derive(Debug, Args)]
pub(crate) struct RmArgs {
    /// The object; one that was given up already is asked for again where hosts were silent
    id: ObjectId,
    /// Write what hosts signed, and what is beyond recall, into a signed report
    #[arg(long, value_name = "FILE")]
    report: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

/// Checks a deletion report.
#[derive(Debug, Args)]
pub(crate) struct VerifyDeletionArgs {
    /// The report
    report: PathBuf,
    /// The owner's publishing key; its signature is beside the report, `.sig` appended
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize)]
struct Removed {
    id: ObjectId,
    closed: usize,
    silent: usize,
    freed: usize,
    key_destroyed: bool,
    /// How often it was handed on: who read it then may keep it.
    shared: u64,
}

#[derive(Debug, Serialize)]
struct VerifySaid {
    #[serde(flatten)]
    shown: DeletionShown,
    owner_signed: Option<bool>,
}

fn line(of: &DeletedPlace) -> DeletionLine {
    let (receipt, why) = match &of.let_go {
        Some(LetGo::Closed { freed, signature }) => {
            let receipt = DiscardReceipt {
                freed: *freed,
                signature: hex::encode(signature.0),
            };
            (Some(receipt), None)
        }
        Some(LetGo::Unknown) => (
            None,
            Some("the host has no such agreement and signs nothing"),
        ),
        None => (None, Some("the host did not answer")),
    };
    let terms = of.terms.as_ref().map(codec::to_bytes);
    DeletionLine {
        segment: of.place.segment,
        index: of.place.index,
        host: of.place.host,
        agreement: of.place.agreement,
        terms: terms.map(hex::encode),
        receipt,
        why: why.map(str::to_owned),
    }
}

/// What hosts signed of a deletion, to be signed by its owner.
pub(super) fn report_of(home: &Home, deleted: &Deleted) -> anyhow::Result<Deletion> {
    let network = home.network()?;
    let mut beyond_recall = release::beyond_recall(deleted.sealed);
    beyond_recall.extend(release::handed_on(deleted.shares()));
    Ok(Deletion {
        kind: Deletion::kind(),
        chain_id: network.chain_id,
        network: network.name,
        object: deleted.object,
        owner: home.key().address(),
        asked_ms: deleted.asked_ms,
        key_destroyed_ms: deleted.key_gone_ms.filter(|_| deleted.sealed),
        records_replaced: deleted.buried.clone(),
        descriptor: hex::encode(&deleted.descriptor),
        places: deleted.places.iter().map(line).collect(),
        beyond_recall,
    })
}

/// Gives an object up.
pub(crate) async fn rm(args: RmArgs) -> anyhow::Result<()> {
    let home = Home::open()?;
    retain::check(&home, args.id)?;
    let (renter, net) = home.renter().await?;
    let noted = log::asked(&home, "delete", &args.id.to_string(), json!(null))?;
    let deleted = renter.delete(args.id).await.map_err(anyhow::Error::from);
    net.stop().await;
    let is_freed = |one: &&DeletedPlace| {
        let went = one.let_go.as_ref();
        went.is_some_and(|went| matches!(went, LetGo::Closed { freed: true, .. }))
    };
    let said = deleted.as_ref().ok().map(|deleted| Removed {
        id: args.id,
        closed: deleted.places.len() - deleted.silent(),
        silent: deleted.silent(),
        freed: deleted.places.iter().filter(is_freed).count(),
        key_destroyed: deleted.sealed,
        shared: deleted.shares(),
    });
    let deleted = noted.ended(deleted, |_| json!(said))?;
    if let Some(path) = &args.report {
        let text = report_of(&home, &deleted)?.to_text();
        let signer = Signer::of_seal_key(&home.seal_key())?;
        publish::sign(&signer, path, release::REPORT, &text)?;
    }
    print::either(args.json, &said, |said| {
        let Some(said) = said else {
            return String::new();
        };
        let key = match said.key_destroyed {
            true => "its key is destroyed",
            false => "it was public: whoever copied it keeps it",
        };
        let shared = match said.shared {
            0 => String::new(),
            times => format!("; it was handed on {times} times, and who read it may keep it"),
        };
        format!(
            "{key}; {} agreements closed, {} hosts signed that the bytes went, {} did not \
             answer{shared}",
            said.closed, said.freed, said.silent
        )
    })
}

fn is_signed(report: &Path, key: &Path, text: &str) -> anyhow::Result<bool> {
    let key = PublishKey::parse(&publish::read(key)?)?;
    let signature = publish::read(&publish::beside(report, ".sig"))?;
    let held = key.verify(release::REPORT, text.as_bytes(), &signature);
    Ok(held.is_ok())
}

/// Checks a report. False when something in it does not hold, or a host has not answered for it.
pub(crate) fn verify(args: VerifyDeletionArgs) -> anyhow::Result<bool> {
    let text = publish::read(&args.report)?;
    let signed = args.key.as_ref();
    let owner_signed = signed.map(|key| is_signed(&args.report, key, &text));
    let said = VerifySaid {
        owner_signed: owner_signed.transpose()?,
        shown: Deletion::parse(&text)?.show()?,
    };
    print::either(args.json, &said, |said| {
        let owner = match said.owner_signed {
            Some(true) => "the owner's signature holds",
            Some(false) => "DOES NOT HOLD: the owner's signature",
            None => "the owner's signature was not checked: name its key with --key",
        };
        format!("{owner}\n{}", said.shown.in_words())
    })?;
    Ok(said.shown.is_whole() && said.owner_signed != Some(false))
}
