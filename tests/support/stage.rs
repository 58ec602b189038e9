//! Where the tests of several processes play: real programs on loopback, in one directory.
//!
//! Enters: names and shapes. Leaves: running chains, hubs, hosts and renters' homes as values a
//! test asks. Invariants: every child holds a pipe of ours and ends when it closes, so a killed
//! test leaves no process; one directory holds everything, and a broom outside this process
//! removes it when the pipe closes; nothing waits for time, only for facts within a bound. What
//! this does not do: speak for the programs. Hosts and renters are made and asked with the
//! command line that people type.

mod broom;
mod child;
mod ground;
mod guard;
mod home;
pub(crate) mod host;
mod liar;
mod noise;
mod poll;
mod proxy;
mod receivers;
mod said;
mod town;
mod wire;

pub(crate) use child::Child;
pub(crate) use ground::{CHAIN_ID, block_on, ground, priced_ground, quick_ground};
#[allow(unused_imports, reason = "not every tier has guards")]
pub(crate) use guard::Watcher;
pub(crate) use home::{Home, sha256};
pub(crate) use host::{Host, Plan, Status};
pub(crate) use liar::{Liar, Lie};
pub(crate) use noise::noise;
pub(crate) use poll::until;
pub(crate) use proxy::Proxy;
pub(crate) use receivers::{Letter, MailServer, Mailbox, request, signature};
pub(crate) use said::{Said, holdfast};
pub(crate) use town::{Shape, Town, shared};
pub(crate) use wire::{Caller, key_of, refusal, shard_of};
