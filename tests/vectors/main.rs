//! The vectors tier: golden bytes whose origin is written beside them, checked against the public
//! words of our rooms.
//!
//! Enters: the JSON files of this folder and those rooms keep beside their own tests. Leaves: pass
//! or the line that differs. Each family of vectors has its own file here.

mod btfs;
mod file;
mod rooms;
