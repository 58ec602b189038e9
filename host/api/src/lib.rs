//! The words between a host and whoever watches it: health, metrics, events, access tokens,
//! errors and operating modes. Types and arithmetic only: no socket, no clock, no file. The daemon
//! serves them, the command line and fleet tools read them; docs/operating/health.md says what each
//! means.

pub mod alerts;
pub mod error;
pub mod event;
pub mod health;
pub mod metrics;
pub mod mode;
pub mod problem;
pub mod system;
pub mod token;

pub use alerts::{Alert, Notice, Urgency};
pub use error::Error;
pub use event::{Event, Severity};
pub use health::{Check, Health, Standing};
pub use mode::{ExitSaid, Mode, ModeOrder, ModeSaid};
pub use problem::Problem;
pub use system::{SystemSaid, SystemVerb, SystemWish, WishTaken};
pub use token::{Scope, TokenRow, TokenSecret, TokenTable};
