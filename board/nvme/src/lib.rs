//! NVMe drives: which there are, how they are, what to do about it.
//!
//! Enters: sysfs, and the health page that `board-nvme` reads. Leaves: [`drive::Drive`] by serial
//! and namespace, [`health::Health`], findings with an act each, a forecast of wear. Invariants:
//! everything but [`ioctl`] works unprivileged; the judgements are pure; a number that a drive
//! does not report (many zeros) is absent, never an alarm. Not done here: the acts.
//!
//! Unsafe code: one block, in [`ioctl`], one admin command that only reads.

pub mod drive;
pub mod error;
pub mod forecast;
pub mod health;
pub mod ioctl;
pub mod judge;

pub use drive::{Cache, Drive, drives};
pub use error::{Blame, Error};
pub use health::{Health, PAGE_LEN};
pub use judge::{Act, Cause, Finding, judge};
