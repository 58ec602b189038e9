//! What a put would cost, by the hubs' lists and the vault; no host is contacted.

use host_core::Amount;
use hyper::StatusCode;
use serde::Deserialize;
use serde_json::json;

use super::fault::{Fault, Own, file_fault};
use super::puts::apart;
use super::row::{Order, check_shape};
use super::{Answered, Local, parsed, said};
use crate::spool::SpoolFile;

/// What is to be quoted.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Wanted {
    /// Bytes of the body.
    length: u64,
    /// Term.
    #[serde(default)]
    days: Option<u64>,
    /// Shape.
    #[serde(default)]
    data: Option<u16>,
    #[serde(default)]
    parity: Option<u16>,
    /// Highest price, smallest units per GiB and epoch.
    #[serde(default)]
    price_max: Option<Amount>,
}

impl Wanted {
    /// The order of such a body, with its defaults.
    fn order(self) -> Result<Order, Fault> {
        let order = json!({ "name": "quote", "length": self.length });
        let mut order: Order = parsed(order.to_string().as_bytes())?;
        order.days = self.days.unwrap_or(order.days);
        order.data = self.data.unwrap_or(order.data);
        order.parity = self.parity.unwrap_or(order.parity);
        order.price_max = self.price_max;
        check_shape(order.length, order.days, order.data, order.parity)?;
        Ok(order)
    }
}

impl Local {
    /// Quotes a put. Errors: those of the hubs; the vault's figures are missing while the chain is
    /// silent.
    pub(super) async fn quote(&self, body: &[u8]) -> Answered {
        let order = parsed::<Wanted>(body)?.order()?;
        let turn = self.quotes.try_acquire();
        let _turn = turn.map_err(|_| Fault::own(Own::Busy, "other quotes are under way"))?;
        // The renter quotes a file; one of holes has the length and takes no room.
        let holes = SpoolFile(self.puts.quote_path(&self.gateway.draw_name()));
        let (path, length) = (holes.0.clone(), order.length);
        let made = apart(move || {
            let file = std::fs::File::create(&path).map_err(file_fault(&path))?;
            file.set_len(length).map_err(file_fault(&path))
        });
        made.await?;
        let request = order.request(&holes.0);
        let quote = self.gateway.inner.renter.quote(&request).await?;
        let free = self.household.free().await;
        let missing = |free: &Amount| Amount(quote.cost.0.saturating_sub(free.0));
        Ok(said(
            StatusCode::OK,
            &json!({
                "length": quote.bytes, "days": order.days, "data": order.data,
                "parity": order.parity, "segments": quote.segments, "shards": quote.shards,
                "shard_bytes": quote.shard_len, "epochs": quote.epochs, "hosts": quote.hosts,
                "cost": quote.cost, "first_epoch": quote.first, "read_once": quote.read,
                "vault_free": free.as_ref().ok(), "vault_missing": free.as_ref().ok().map(missing),
            }),
        ))
    }
}
