//! What the home knows and the gateway does not: what its vault has free, what must not be deleted,
//! and how a deletion is reported. The root that opened the home answers.

use futures::future::BoxFuture;
use host_core::{Amount, ObjectId};
use host_renter::{Code, Deleted};

use super::fault::Fault;

/// Why the home says no.
#[derive(Debug)]
pub struct HomeFault {
    /// The renter's code.
    pub code: Code,
    /// What happened.
    pub why: String,
}

/// A report of a deletion, as `holdfast rm --report` writes it.
#[derive(Debug)]
pub struct SignedReport {
    /// Its bytes.
    pub text: String,
    /// The owner's signature of them.
    pub signature: String,
}

/// The home of the gateway's renter.
pub trait Household: Send + Sync + 'static {
    /// What the vault holds beyond everything promised. Errors: those of the chain.
    fn free(&self) -> BoxFuture<'_, Result<Amount, HomeFault>>;

    /// Errors: `Retained` for an object that must not be deleted now.
    fn must_not_keep(&self, object: ObjectId) -> Result<(), HomeFault>;

    /// Keeps an object from being deleted for so many days; never shortens. Durable when it
    /// returns. Errors: `FileFailed`.
    fn retain(&self, object: ObjectId, days: u64) -> Result<(), HomeFault>;

    /// The signed report of a deletion.
    fn report(&self, deleted: &Deleted) -> Result<SignedReport, HomeFault>;
}

impl From<HomeFault> for Fault {
    fn from(fault: HomeFault) -> Self {
        Self::of_code(fault.code, fault.why)
    }
}
