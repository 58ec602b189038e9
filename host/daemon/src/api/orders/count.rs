//! The call that counts an agreement's epochs for rewards: what the ledger and the prover know of
//! it put before the contract, and the contract's own word when nothing counts.

use host_chain::{Counted, Counting};
use host_core::agreement::PayMode;
use host_core::{Address, AgreementDigest};
use host_ledger::{CallRow, ChequeRow};

use super::super::SharedApi;
use super::super::caller::Failure;

/// Cheques read a page at a time.
const PAGE: usize = 256;

/// The intent and the call. Errors: the agreement is unknown or nobody sponsored it, the chain is
/// silent, or no epoch counts now, with the contract's reason.
pub(super) async fn call_of(
    api: &SharedApi,
    agreement: &AgreementDigest,
) -> Result<(String, CallRow), Failure> {
    let unknown = |why: String| Failure::refused("no-such-agreement", why);
    let silent = |err: host_chain::Error| Failure::refused("chain", err.to_string());
    let row = {
        let view = api.road.ledger.read().map_err(Failure::internal)?;
        view.agreement(agreement).map_err(Failure::internal)?
    };
    let row = row.ok_or_else(|| unknown(format!("this host has no agreement {agreement}")))?;
    let terms = &row.signed.terms;
    let known = api.road.evm.sponsorship(agreement).await.map_err(silent)?;
    if known.is_none_or(|known| known.closed) {
        let words = format!(
            "nobody pays the fee of {agreement}; its renter can: `holdfast airdrop sponsor`"
        );
        return Err(Failure::refused("not-sponsored", words));
    }
    let vault =
        match terms.pay_mode {
            PayMode::Escrow => None,
            PayMode::Cheque => Some(vault_of(api, terms.renter)?.ok_or_else(|| {
                unknown(format!("{} has handed this host no cheque", terms.renter))
            })?),
        };
    let prover = api.vitals.proofs.prover();
    let prover = prover.ok_or_else(|| unknown("this network asks for no proofs".into()))?;
    let shown = |epoch| {
        let shown = prover.inclusion_at(agreement, epoch);
        shown.map_err(|err| err.to_string())
    };
    let now = api.desk.epoch_known();
    let now = now.ok_or_else(|| Failure::refused("chain", "the chain never answered"))?;
    let counted = Counted {
        terms,
        vault,
        shown: &shown,
    };
    match api.road.evm.countable(&counted, now).await {
        Ok(Counting::Ready(epochs, call)) => {
            tracing::info!(agreement = %agreement, count = epochs.len(), "epochs are counted");
            let row = CallRow::from(call);
            Ok((format!("airdrop/count/{agreement}"), row))
        }
        Ok(Counting::Nothing(why)) => Err(Failure::refused("nothing-counts", why)),
        Err(err) => Err(silent(err)),
    }
}

/// The vault whose cheques a renter hands this host.
fn vault_of(api: &SharedApi, renter: Address) -> Result<Option<Address>, Failure> {
    let view = api.road.ledger.read().map_err(Failure::internal)?;
    let (chain_id, mut after) = (api.road.network.chain_id, None);
    loop {
        let page = view
            .cheques(after.as_ref(), PAGE)
            .map_err(Failure::internal)?;
        let Some(last) = page.last() else {
            return Ok(None);
        };
        after = Some(last.cheque.cheque.vault);
        let issued = |row: &&ChequeRow| row.cheque.issuer(chain_id).is_ok_and(|by| by == renter);
        if let Some(row) = page.iter().find(issued) {
            return Ok(Some(row.cheque.cheque.vault));
        }
    }
}
