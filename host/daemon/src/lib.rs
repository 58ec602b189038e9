//! The host daemon: reads the configuration, opens the drivers, joins the rooms and watches over
//! them. Almost no logic lives here; what the parts do stands in their own crates.
//!
//! Enters: a data directory and its `host.toml`. Leaves: a serving host, its log, its local API.

pub mod alerts;
pub mod api;
pub mod assemble;
pub mod backup;
pub mod chain;
pub mod claim;
pub mod clock;
pub mod config;
pub mod deadline;
pub mod diagnose;
pub mod elsewhere;
pub mod events;
pub mod firsts;
mod forget;
pub mod guard;
pub mod heartbeat;
pub mod init;
pub mod inspect;
pub mod keep;
mod leave;
pub mod live;
pub mod logs;
pub mod machine;
mod memory;
pub mod mode;
mod nvme;
pub mod prices;
pub mod prover;
pub mod ready;
pub mod reload;
pub mod scrub;
pub mod sealing;
pub mod signer;
pub mod stakes;
pub mod standing;
pub mod supervise;
mod tasks;
pub mod telemetry;
pub mod tokens;
pub mod vitals;
pub mod volumes;
pub mod welcome;
