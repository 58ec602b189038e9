//! What no image may hold: the code of the renter and its gateway where it was not asked for,
//! and a way in for people.

use std::path::Path;

use crate::error::Error;
use crate::place::{below, read};

/// What the compiler leaves of the renter's rooms: names of symbols, places of panics.
const RENTER: [&str; 6] = [
    "11host_renter",
    "host/renter/src/",
    "host_renter::",
    "12host_gateway",
    "host/gateway/src/",
    "host_gateway::",
];
/// Shells, and programs that ask for a name and a password.
const WAYS_IN: [&str; 18] = [
    "sh", "bash", "dash", "ash", "ksh", "zsh", "busybox", "toybox", "sshd", "dropbear", "telnetd",
    "login", "agetty", "getty", "su", "sudo", "passwd", "sulogin",
];

/// Refuses a program, as it was built, that has the renter's half in it.
///
/// # Errors
/// `Gate`.
pub(crate) fn no_renter(name: &str, program: &[u8]) -> Result<(), Error> {
    for mark in RENTER {
        if found(program, mark.as_bytes()) {
            return Err(Error::Gate {
                what: name.to_owned(),
                why: format!("has the renter's code in it ({mark}); --renter allows that"),
            });
        }
    }
    Ok(())
}

fn found(program: &[u8], mark: &[u8]) -> bool {
    let Some((first, rest)) = mark.split_first() else {
        return false;
    };
    program.iter().enumerate().any(|(at, byte)| {
        byte == first
            && program
                .get(at + 1..)
                .is_some_and(|tail| tail.starts_with(rest))
    })
}

/// Refuses a root with a shell, a login or a password.
///
/// # Errors
/// `Gate`, `File`.
pub(crate) fn no_way_in(root: &Path) -> Result<(), Error> {
    let refuse = |what: &Path, why: &str| {
        Err(Error::Gate {
            what: what.display().to_string(),
            why: why.to_owned(),
        })
    };
    for file in below(root)? {
        let name = file.file_name().unwrap_or_default().to_string_lossy();
        let runs = file.iter().any(|part| part == "bin" || part == "sbin");
        if runs && WAYS_IN.contains(&&*name) {
            return refuse(&file, "is a way in; an image has none");
        }
    }
    for list in ["etc/shadow", "etc/passwd"] {
        let path = root.join(list);
        if !path.exists() {
            continue;
        }
        for line in String::from_utf8_lossy(&read(&path)?).lines() {
            let word = line.split(':').nth(1).unwrap_or_default();
            if !matches!(word, "x" | "*" | "!" | "!*" | "!!") {
                return refuse(Path::new(list), "holds a password, or asks for none");
            }
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests;
