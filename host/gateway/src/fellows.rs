//! Several gateways over one catalogue: each stores, pays, repairs and gives back the objects of
//! its own renter, and reads those of the others by the lines they leave.
//!
//! Every stored object has a row that says whose it is and holds the line to read it (host-renter's
//! `share`), sealed with the namespace's key. Invariants: that row is there before any row can name
//! the object, and goes with it; a gateway never closes, moves or pays for another's object. Does
//! not: say who is alive, or take over what a dead gateway kept: its home does, on any machine.

use std::io::Write;
use std::ops::Range;

use host_core::{Address, ObjectId};
use host_ledger::catalogue::RowChange;
use host_renter::Progress;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use tokio::sync::watch;

use crate::catalogue::commit;
use crate::error::Error;
use crate::gateway::Gateway;
use crate::rows;
use crate::seal::{open, seal};

/// Tells a namespace's key from another one.
const MARK_LABEL: &[u8] = b"holdfast.gateway.namespace.1";

/// Whose a stored object is, and how the others read it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct Kept {
    /// The renter's address.
    by: Address,
    /// Its line, sealed, bound to the object's id.
    line: String,
}

impl Gateway {
    /// This renter's name among the gateways of a catalogue; none where it is alone.
    pub(crate) fn me(&self) -> Option<Address> {
        self.inner.shared.then(|| self.inner.renter.owner())
    }

    /// What a row that is this gateway's own business says of it: nothing where it is alone.
    pub(crate) fn signed(&self) -> Vec<u8> {
        self.me().map_or_else(Vec::new, |me| me.0.to_vec())
    }

    /// Holds the catalogue to the namespace's key; the first gateway leaves its mark. Errors:
    /// Namespace.
    pub(crate) async fn enter(&self) -> Result<(), Error> {
        if !self.inner.shared {
            return Ok(());
        }
        let mark = Sha256::new()
            .chain_update(MARK_LABEL)
            .chain_update(self.inner.seal)
            .finalize();
        let mark = hex::encode(mark).into_bytes();
        let mut change = RowChange::default();
        let at = rows::NAMESPACE.to_vec();
        change.expect.push((at.clone(), None));
        change.write.insert(at.clone(), Some(mark.clone()));
        let first = commit(&self.inner.rows, change).await?;
        match first || self.inner.rows.get(&at)?.as_deref() == Some(&mark) {
            true => Ok(()),
            false => Err(Error::Namespace),
        }
    }

    /// Whether a stored object is this gateway's to pay, move and give back; also where nobody
    /// claims it.
    pub(crate) fn keeps(&self, object: &ObjectId) -> Result<bool, Error> {
        let Some(me) = self.me() else {
            return Ok(true);
        };
        let row: Option<Kept> = self.row(&rows::kept(object))?;
        Ok(row.is_none_or(|row| row.by == me))
    }

    /// Adds to a change how the others read an object of this renter.
    pub(crate) fn lend(&self, change: &mut RowChange, object: &ObjectId) -> Result<(), Error> {
        if let Some(by) = self.me() {
            let line = self.inner.renter.line(*object)?;
            let entropy = self.inner.entropy.as_ref();
            let line = seal(&self.inner.seal, entropy, &object.0, line.as_bytes())?;
            let row = rows::to_bytes(&Kept { by, line });
            change.write.insert(rows::kept(object), Some(row));
        }
        Ok(())
    }

    /// Says anew how the others read an object whose shards may have moved; unless it is gone.
    pub(crate) async fn lend_again(&self, object: &ObjectId) -> Result<(), Error> {
        let at = rows::kept(object);
        if !self.inner.shared {
            return Ok(());
        }
        let Some(value) = self.inner.rows.get(&at)? else {
            return Ok(());
        };
        let row: Kept = rows::of_bytes(&at, &value)?;
        let told = open(&self.inner.seal, &object.0, &row.line);
        if told == Some(self.inner.renter.line(*object)?.into_bytes()) {
            return Ok(());
        }
        let mut change = RowChange::default();
        change.expect.push((at, Some(value)));
        self.lend(&mut change, object)?;
        // Outrun: it is being given back.
        commit(&self.inner.rows, change).await?;
        Ok(())
    }

    /// Bytes `range` of a stored object, whoever of the gateways stored it. Errors: Renter, Row.
    pub(crate) async fn fetch(
        &self,
        object: ObjectId,
        range: Range<u64>,
        out: Box<dyn Write + Send>,
    ) -> Result<(), Error> {
        let renter = &self.inner.renter;
        let (progress, _unwatched) = watch::channel(Progress::default());
        let row: Option<Kept> = match self.inner.shared && renter.stat(object).is_err() {
            true => self.row(&rows::kept(&object))?,
            false => None,
        };
        let Some(row) = row else {
            renter.get(object, Some(range), out, &progress).await?;
            return Ok(());
        };
        let line = open(&self.inner.seal, &object.0, &row.line);
        let line = line.and_then(|line| String::from_utf8(line).ok());
        let line = line.ok_or_else(|| Error::Row {
            key: format!("who keeps {object}"),
            why: "its line does not open with this namespace's key".to_owned(),
        })?;
        let shared = renter.open_share(&line).await?;
        renter
            .get_shared(&shared, Some(range), out, &progress)
            .await?;
        Ok(())
    }
}
