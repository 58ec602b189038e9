//! Objects of this wallet: listed, told of, read, extended, deleted. They are the renter's own, as
//! `holdfast ls` shows them; what S3 keys or packs use is not deleted here.
//!
//! Invariants: bytes are verified against their shards before they leave, as every read of the
//! gateway is; a deletion is in the log of actions before it is done; what is retained stays.

use std::sync::Arc;

use host_core::{Amount, ObjectId};
use host_renter::{Condition, Costs, Deleted, DeletedPlace, Health, LetGo, RenewRequest};
use hyper::StatusCode;
use hyper::header::{CONTENT_DISPOSITION, CONTENT_TYPE, HeaderMap, HeaderValue};
use s3s::Body;
use serde::Deserialize;
use serde_json::{Value, json};

use super::fault::{Fault, Own};
use super::row::check_days;
use super::{Answered, Local, said};
use crate::http::send::Thing;
use crate::http::words::content_type;
use crate::http::{Asked, OWN};
use crate::page::costs::moment_of;
use crate::page::query::Query;
use crate::rows::{self, Piece};
use crate::uses;

/// Most objects of one answer, and where nobody says how many.
const LIST_MAX: u64 = 500;
const LIST: u64 = 100;
/// How long a count of costs serves.
const FRESH_MS: u64 = 60_000;

/// A count with its time.
pub(super) struct Counted {
    at_ms: u64,
    costs: Arc<Costs>,
}

/// How long, and for how much.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Renewal {
    /// Days from now.
    days: u64,
    /// What the new term may cost, smallest units.
    #[serde(default)]
    cap: Option<Amount>,
    /// Highest price, smallest units per GiB and epoch.
    #[serde(default)]
    price_max: Option<Amount>,
}

/// The object of a path. Errors: request-wrong.
fn id_of(text: &str) -> Result<ObjectId, Fault> {
    let id = text.parse::<ObjectId>();
    id.map_err(|error| Fault::odd(format!("the path names no object: {error}")))
}

fn health_json(health: &Health) -> Value {
    let shards = health.shards.iter().map(|shard| {
        json!({
            "segment": shard.place.segment, "index": shard.place.index, "host": shard.place.host,
            "condition": shard.condition, "why": shard.why,
        })
    });
    json!({
        "alive": health.count(Condition::Alive), "shards": shards.collect::<Vec<Value>>(),
        "may_die": health.may_die, "segments": health.segments,
        "segments_asked": health.segments_asked, "segments_lost": health.segments_lost,
        "epochs_left": health.epochs_left, "days_to_danger": health.days_to_danger,
    })
}

fn deleted_json(deleted: &Deleted) -> Value {
    let is_freed =
        |one: &&DeletedPlace| matches!(one.let_go, Some(LetGo::Closed { freed: true, .. }));
    json!({
        "object": deleted.object, "closed": deleted.places.len() - deleted.silent(),
        "silent": deleted.silent(), "freed": deleted.places.iter().filter(is_freed).count(),
        "key_destroyed": deleted.sealed, "shared": deleted.shares(),
    })
}

impl Local {
    /// A count that knows an object and is of this minute; none while the chain is silent.
    async fn counted(&self, object: ObjectId) -> Option<Arc<Costs>> {
        let mut held = self.costs.lock().await;
        let now = self.gateway.now_ms();
        let knows = |costs: &Costs| costs.objects.iter().any(|one| one.id == object);
        let is_fresh =
            |of: &&Counted| now >= of.at_ms && now - of.at_ms < FRESH_MS && knows(&of.costs);
        if let Some(counted) = held.as_ref().filter(is_fresh) {
            return Some(Arc::clone(&counted.costs));
        }
        let costs = Arc::new(self.gateway.inner.renter.costs(1).await.ok()?);
        *held = Some(Counted {
            at_ms: now,
            costs: Arc::clone(&costs),
        });
        Some(costs)
    }

    /// Objects by id, a page of them.
    pub(super) async fn objects(&self, query: &Query) -> Answered {
        let most = query.number("most", 1..=LIST_MAX, LIST)?;
        let after = query.get("after").map(id_of).transpose()?;
        let renter = self.gateway.inner.renter.clone();
        let rows = super::puts::apart(move || Ok(renter.ls()?)).await?;
        let mut rows: Vec<_> = rows
            .into_iter()
            .filter(|row| after.is_none_or(|after| row.id > after))
            .collect();
        rows.sort_by_key(|row| row.id);
        let most = usize::try_from(most).unwrap_or(usize::MAX);
        let more = rows.len() > most;
        rows.truncate(most);
        let next = rows.last().filter(|_| more).map(|row| row.id);
        let told = rows.iter().map(|row| {
            json!({
                "object": row.id, "name": row.name, "bytes": row.bytes,
                "shards": row.places.len(), "end_epoch": row.end_epoch,
            })
        });
        let told: Vec<Value> = told.collect();
        Ok(said(
            StatusCode::OK,
            &json!({ "objects": told, "next": next }),
        ))
    }

    /// One object; with `health` its hosts are asked. Errors: object-unknown, busy.
    pub(super) async fn object(&self, id: &str, query: &Query) -> Answered {
        let object = id_of(id)?;
        let renter = &self.gateway.inner.renter;
        let row = renter.stat(object)?;
        let descriptor = renter.descriptor(object)?;
        let health = match query.get("health") {
            None | Some("false") => None,
            Some("true") => {
                let turn = self.looks.try_acquire();
                let _turn = turn.map_err(|_| Fault::own(Own::Busy, "other looks are under way"))?;
                Some(health_json(&renter.health(object).await?))
            }
            Some(_) => return Err(Fault::odd("`health` is true or false")),
        };
        let costs = self.counted(object).await;
        let now = self.gateway.now_ms();
        let cost = costs
            .as_ref()
            .and_then(|costs| costs.objects.iter().find(|one| one.id == object));
        let moment = |epoch: u64| costs.as_ref().map(|costs| moment_of(costs, epoch, now));
        let paid = cost.and_then(|one| one.paid_through);
        let paid = paid.filter(|epoch| *epoch < u64::MAX && !row.places.is_empty());
        Ok(said(
            StatusCode::OK,
            &json!({
                "object": object, "name": row.name, "bytes": row.bytes,
                "data": descriptor.geometry.data, "parity": descriptor.geometry.parity,
                "segments": descriptor.segments.len(), "shards": row.places.len(),
                "end_epoch": row.end_epoch, "ends_ms": moment(row.end_epoch),
                "paid_until_epoch": paid, "paid_until_ms": paid.and_then(moment),
                "paid": cost.map(|one| one.paid), "left": cost.map(|one| one.left),
                "chain_silent": costs.is_none(), "health": health,
            }),
        ))
    }

    /// An object's bytes, or a range of them. Errors: object-unknown, range-outside, not-read.
    pub(super) async fn read(&self, id: &str, headers: &HeaderMap, head: bool) -> Answered {
        let object = id_of(id)?;
        let row = self.gateway.inner.renter.stat(object)?;
        let thing = Thing {
            pieces: vec![Piece {
                object,
                offset: 0,
                len: row.bytes,
                key: None,
            }],
            len: row.bytes,
            packed: false,
            tag: object.to_string(),
            kind: content_type(&row.name).to_owned(),
            cache: OWN,
            private: false,
            sha256: None,
            names: Vec::new(),
        };
        let asked = Asked {
            headers,
            head,
            car: false,
        };
        let sent = self.gateway.send_thing(&asked, &thing, StatusCode::OK);
        let mut answer = sent.await?;
        if answer.status() == StatusCode::RANGE_NOT_SATISFIABLE {
            let words = format!("the range lies outside the object's {} bytes", row.bytes);
            let code = host_renter::Code::RangeOutside;
            let told = Fault::of_code(code, words).into_answer();
            let kind = HeaderValue::from_static("application/json");
            answer.headers_mut().insert(CONTENT_TYPE, kind);
            *answer.body_mut() = if head {
                Body::empty()
            } else {
                told.into_body()
            };
        } else {
            // Bytes of an object are never a document of this origin.
            super::put(answer.headers_mut(), CONTENT_DISPOSITION, "attachment");
        }
        Ok(answer)
    }

    /// Extends an object's term. Errors: over-cap, already-stored, object-unknown.
    pub(super) async fn renew(&self, id: &str, body: &[u8]) -> Answered {
        let object = id_of(id)?;
        let wanted: Renewal = super::parsed(body)?;
        check_days(wanted.days)?;
        let request = RenewRequest {
            days: wanted.days,
            price_max: wanted.price_max,
            cap: wanted.cap,
        };
        let inner = &self.gateway.inner;
        let renewed = {
            let _turn = inner.object_turn.lock().await;
            inner.renter.renew(object, &request).await?
        };
        *self.costs.lock().await = None;
        if wanted
            .cap
            .is_some_and(|cap| renewed.leases == 0 && renewed.cost > cap)
        {
            let why = renewed.left.first().cloned().unwrap_or_default();
            return Err(Fault::own(Own::OverCap, why));
        }
        Ok(said(StatusCode::OK, &json!(renewed)))
    }

    /// Errors: object-in-use.
    fn must_be_free(&self, object: &ObjectId) -> Result<(), Fault> {
        let held = &self.gateway.inner.rows;
        let is_there = |row: Vec<u8>| held.get(&row).map(|row| row.is_some());
        let read = || -> Result<bool, crate::error::Error> {
            Ok(uses::some_use(&**held, object)?.is_some()
                || is_there(rows::shared(object))?
                || is_there(rows::garbage(object))?)
        };
        match read()? {
            true => {
                let words = format!("S3 keys of this gateway use {object}, or did until now");
                Err(Fault::own(Own::ObjectInUse, words))
            }
            false => Ok(()),
        }
    }

    /// Deletes an object; asked again, goes on with hosts that were silent. Errors: retained,
    /// object-in-use, object-unknown.
    pub(super) async fn delete(&self, id: &str) -> Answered {
        let object = id_of(id)?;
        self.household.must_not_keep(object)?;
        self.must_be_free(&object)?;
        let gateway = &self.gateway;
        let subject = object.to_string();
        let asked = gateway.asked("delete", "api", &subject, vec![Value::Null]);
        let noted = asked.await?;
        let deleted = {
            let _turn = gateway.inner.object_turn.lock().await;
            gateway.inner.renter.delete(object).await
        };
        let how = deleted.as_ref().map(deleted_json);
        let ended = gateway.ended(noted, how.map_err(ToString::to_string)).await;
        let deleted = deleted?;
        ended?;
        *self.costs.lock().await = None;
        let report = self.household.report(&deleted)?;
        let mut told = deleted_json(&deleted);
        if let Some(fields) = told.as_object_mut() {
            fields.insert("report".to_owned(), report.text.into());
            fields.insert("signature".to_owned(), report.signature.into());
        }
        Ok(said(StatusCode::OK, &told))
    }
}
