//! What cannot be watched here, by name and with its reason: a container without /sys, a kernel
//! without stall information, a file of an unknown form. A gap is told, and watching goes on.

use crate::Error;

/// One source that is missing.
#[derive(Debug)]
pub struct Gap {
    /// What is not watched for want of it: a constant name for logs and health.
    pub what: &'static str,
    /// Why.
    pub error: Error,
}

impl std::fmt::Display for Gap {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} is not watched: {}", self.what, self.error)
    }
}
