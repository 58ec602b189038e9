//! What the doctor may not write itself, asked of `board-net`: the thresholds of the neighbour
//! tables.
//!
//! Enters: settings that were tried and how that went. Leaves: the same, with those that the unit
//! made. Invariants: nothing is asked where nobody listens; one question a table; the unit only
//! widens, and what it makes holds until the next boot, which is said.

use std::path::Path;

use board_wire::NetClient;
use board_wire::net::{Family, Limits};

use super::sysctl::Setting;

/// What is said of a setting the unit made.
const MADE: &str = "done by board-net, until the next boot";

/// Asks for every threshold that could not be written.
pub(crate) fn widen(socket: &Path, tried: &mut [(Setting, Option<String>)]) {
    let client = NetClient::new(socket);
    if !client.exists() {
        return;
    }
    for (family, name) in [(Family::V4, "ipv4"), (Family::V6, "ipv6")] {
        let begins = format!("net.{name}.neigh.default.gc_thresh");
        let failed =
            |one: &(Setting, Option<String>)| one.1.is_some() && one.0.key.starts_with(&begins);
        if !tried.iter().any(failed) {
            continue;
        }
        let said = match ask(&client, family, &begins, tried) {
            Ok(()) => MADE.to_owned(),
            Err(err) => format!("board-net did not make it: {err}"),
        };
        for (_, wrong) in tried.iter_mut().filter(|one| failed(one)) {
            *wrong = Some(said.clone());
        }
    }
}

/// Widens one table to what is wanted and to no less than it has.
fn ask(
    client: &NetClient,
    family: Family,
    begins: &str,
    tried: &[(Setting, Option<String>)],
) -> Result<(), board_wire::Error> {
    let now = client.thresholds()?;
    let now = now.iter().find(|limits| limits.family == family);
    let mut thresholds = now.map_or([0; 3], |limits| limits.thresholds);
    for (place, n) in thresholds.iter_mut().zip(1..) {
        let key = format!("{begins}{n}");
        let wanted = tried.iter().find(|(one, _)| one.key == key);
        let wanted = wanted.and_then(|(one, _)| one.value.parse().ok());
        *place = wanted.map_or(*place, |wanted: u32| wanted.max(*place));
    }
    client.widen(Limits { family, thresholds })
}

#[cfg(test)]
mod tests;
