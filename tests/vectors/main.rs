//! The vectors tier: golden bytes whose origin is written beside them, checked against the public
//! words of our rooms.
//!
//! Enters: the JSON files of this folder. Leaves: pass or the line that differs. Each family of
//! vectors has its own file here; rooms that keep vectors beside their own tests (host/proof)
//! check them there.

mod btfs;
mod file;
