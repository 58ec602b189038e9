//! A renter's gateway: an S3 service whose every object is a real, paid, erasure-coded one.
//!
//! Signed S3 requests enter; objects of the network leave, and rows of a catalogue that say which
//! key is which run of which object. Invariants: an answer of success leaves after the receipts of
//! as many hosts as are waited for and after the catalogue's commit; a body is verified against its
//! shards before a byte of it leaves; what a crash cut off is given back to its hosts. What this
//! room does not do: TLS (a proxy's work), placing shards (the renter's), reading configuration
//! (the root's).
#![deny(missing_docs)]

mod bill;
mod body;
mod cache;
mod catalogue;
mod classes;
mod compact;
mod control;
mod entries;
mod error;
mod expire;
mod fellows;
mod gateway;
mod http;
mod inlet;
mod keep;
mod keys;
mod local;
mod looks;
mod noted;
mod pack;
mod page;
mod postgres;
mod read;
mod rest;
mod rows;
mod s3;
mod seal;
mod serve;
mod shown;
mod spool;
mod stow;
mod sweep;
mod uses;

pub use catalogue::Rows;
pub use control::{Ask, Control, ask};
pub use error::Error;
pub use gateway::{Gateway, Options, Parts};
pub use host_ledger::catalogue::Catalogue;
pub use http::serve_http;
pub use keep::{Keep, MARGIN};
pub use keys::{NewKey, Secret};
pub use local::{HomeFault, Household, LocalOptions, SignedReport, serve_local};
pub use page::serve_page;
pub use postgres::{Postgres, PostgresAt};
pub use rows::AccessKey;
pub use serve::serve;
