//! `holdfast-init`: the first program of a machine, alone in the boot archive.
//!
//! It loads the listed modules, counts the start in a firmware variable, finds the slot that holds
//! the root named by the signed command line, opens it through dm-verity, mounts the state
//! partition of the same disk and hands over to systemd. Any failure is told and ends in a restart,
//! which the firmware turns into the other slot. It never writes to a disk, and it has no shell.
//! A root that came along in the archive, from a network that boots machines, is started as it is.

mod carried;
mod error;
mod look;
mod mapper;
mod modules;
mod mounts;
mod switch;

use std::path::Path;
use std::time::Duration;

use board_slot::cmdline::Root;
use board_slot::efivars::{EfiVars, Name, Variables};
use board_slot::names::{OUR_VENDOR, STATE, WHY, WHY_MOST};
use board_slot::{Slot, counter, entry};

use crate::error::Error;

fn main() -> std::process::ExitCode {
    let why = match start() {
        Err(why) => why.to_string(),
        // `start` replaces this program when it succeeds.
        Ok(never) => match never {},
    };
    look::say(&format!("cannot start: {why}"));
    remember(&why);
    std::thread::sleep(Duration::from_secs(1));
    switch::restart()
}

/// Leaves the reason to the version that starts next; the firmware may refuse.
fn remember(why: &str) {
    let text: String = why.chars().take(WHY_MOST).collect();
    let name = Name {
        name: WHY.to_owned(),
        vendor: OUR_VENDOR,
    };
    if let Err(refused) = EfiVars::new(Path::new(EfiVars::FOLDER)).set(&name, Some(text.as_bytes()))
    {
        look::say(&refused.to_string());
    }
}

fn start() -> Result<std::convert::Infallible, Error> {
    mounts::kernel()?;
    for fault in modules::load(Path::new("/modules"))? {
        look::say(&fault);
    }
    let firmware = mounts::variables();
    let line = look::read("/proc/cmdline")?;
    let root = Root::parse(&line)?;
    if Path::new(carried::ROOT).exists() {
        return from_network(&root);
    }
    let boots = if firmware { count_start()? } else { 0 };
    let found = look::slot(&root)?;
    mapper::open(&root, &found.partition.number)?;
    mounts::root()?;
    let beside = found.beside(STATE);
    let state = mounts::state(beside.map(|partition| partition.device.as_str()));
    let told = format!(
        "slot = \"{}\"\nversion = \"{}\"\ndisk = \"{}\"\nboots = {}\nfirmware = {firmware}\nstate = \"{state}\"\n",
        found.slot, root.version, found.partition.disk, boots,
    );
    mounts::tell(&told)?;
    look::say(&format!(
        "version {} from slot {} of {}; state {state}",
        root.version, found.slot, found.partition.disk
    ));
    switch::hand_over()
}

/// Starts the root that came along. No slot and no variable has a part in it: what the network
/// serves is what runs, and another version comes by serving it.
fn from_network(root: &Root) -> Result<std::convert::Infallible, Error> {
    mapper::open(root, &carried::attach()?)?;
    mounts::root()?;
    let found = carried::state()?;
    let state = mounts::state(found.as_ref().map(|partition| partition.device.as_str()));
    let disk = found.map_or(String::new(), |partition| partition.disk);
    let told = format!(
        "slot = \"{}\"\nversion = \"{}\"\ndisk = \"{disk}\"\nboots = 0\nfirmware = false\nstate = \"{state}\"\nnetwork = true\n",
        Slot::A,
        root.version,
    );
    mounts::tell(&told)?;
    look::say(&format!(
        "version {} from the network; state {state}",
        root.version
    ));
    switch::hand_over()
}

/// Counts this start. A store that refuses must not keep a good machine from starting.
fn count_start() -> Result<u8, Error> {
    let mut variables = EfiVars::new(Path::new(EfiVars::FOLDER));
    let tried = entry::current(&variables)
        .ok()
        .flatten()
        .and_then(Slot::of_entry);
    match counter::count(&mut variables, tried) {
        Ok((boots, true)) => Err(Error::TooOften {
            boots,
            other: tried.map_or(Slot::A, Slot::other),
        }),
        Ok((boots, false)) => Ok(boots),
        Err(refused) => {
            look::say(&refused.to_string());
            Ok(0)
        }
    }
}
