//! Documents: titles, links, formats, and the advisories we live with.

use super::Findings;
use crate::tree::Tree;
use std::time::{SystemTime, UNIX_EPOCH};
use toml::{Table, Value};

fn documents(tree: &Tree) -> impl Iterator<Item = (&str, &str)> {
    let all = tree
        .files
        .iter()
        .map(|(path, text)| (path.as_str(), text.as_str()));
    all.filter(|(path, _)| path.ends_with(".md"))
}

pub(super) fn titles(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    for (path, text) in documents(tree) {
        let titles = outside_code(text)
            .filter(|line| line.starts_with("# "))
            .count();
        if titles != 1 || !text.starts_with("# ") {
            faults.push(format!("{path}: {titles} titles; one, on the first line"));
        }
    }
    Findings::faults(faults)
}

fn outside_code(text: &str) -> impl Iterator<Item = &str> {
    let mut fenced = false;
    text.lines().filter(move |line| {
        let fence = line.trim_start().starts_with("```");
        fenced ^= fence;
        !fenced && !fence
    })
}

/// A path `docs/...md` written anywhere, and a relative link of a document, must exist.
pub(super) fn links(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    let exists = |wanted: &str| tree.files.iter().any(|(path, _)| path == wanted);
    let read = tree
        .files
        .iter()
        .filter(|(path, _)| !path.starts_with("tests/tidy/"));
    for (path, text) in read {
        for wanted in mentioned(text).filter(|wanted| !exists(wanted)) {
            faults.push(format!("{path}: names {wanted}, which does not exist"));
        }
    }
    Findings::faults(faults)
}

fn mentioned(text: &str) -> impl Iterator<Item = &str> {
    text.match_indices("docs/").filter_map(|(at, _)| {
        let rest = text.get(at..)?;
        let end = rest.find(|c: char| !(c.is_ascii_alphanumeric() || "/_-.".contains(c)));
        let path = rest.get(..end.unwrap_or(rest.len()))?.trim_end_matches('.');
        let before = text.get(..at).and_then(|text| text.chars().last());
        let own = !before.is_some_and(|c| c.is_alphanumeric() || c == '/' || c == '-');
        (own && path.ends_with(".md") && !path.contains("NNNN")).then_some(path)
    })
}

/// Every layout has its document, and every document has a source that points at it.
pub(super) fn formats(tree: &Tree) -> Findings {
    let mut faults = Vec::new();
    let mut written = documents(tree)
        .filter(|(path, _)| path.starts_with("docs/formats/"))
        .peekable();
    if written.peek().is_none() {
        faults.push("docs/formats holds no document".to_owned());
    }
    for (path, _) in written {
        let pointed_at = tree.files.iter().any(|(source, text)| {
            !source.starts_with("docs/") && mentioned(text).any(|named| named == path)
        });
        if !pointed_at {
            faults.push(format!("{path}: nothing beside the code names it"));
        }
    }
    Findings::faults(faults)
}

/// `.deny.toml`: `{ id = "...", reason = "why; until 2027-01-31" }`.
pub(super) fn advisories(tree: &Tree) -> Findings {
    let Some(text) = tree.text(".deny.toml") else {
        return Findings::faults(vec![".deny.toml is missing".to_owned()]);
    };
    Findings::faults(expired(text, today()))
}

fn expired(text: &str, today: (u64, u64, u64)) -> Vec<String> {
    let Ok(table) = text.parse::<Table>() else {
        return vec![".deny.toml is no TOML".to_owned()];
    };
    let ignored = table
        .get("advisories")
        .and_then(|advisories| advisories.get("ignore"));
    let mut faults = Vec::new();
    for entry in ignored.and_then(Value::as_array).into_iter().flatten() {
        let id = entry
            .get("id")
            .and_then(Value::as_str)
            .unwrap_or("an entry without id");
        let reason = entry
            .get("reason")
            .and_then(Value::as_str)
            .unwrap_or_default();
        match reason
            .rsplit_once("until ")
            .and_then(|(_, date)| date_of(date))
        {
            None => faults.push(format!(
                ".deny.toml: {id} has no reason that ends in `until DATE`"
            )),
            Some(end) if end < today => {
                faults.push(format!(".deny.toml: {id} was ignored until {end:?}"))
            }
            Some(_) => {}
        }
    }
    faults
}

fn date_of(text: &str) -> Option<(u64, u64, u64)> {
    let mut parts = text.trim().split('-').map(|part| part.parse().ok());
    Some((parts.next()??, parts.next()??, parts.next()??))
}

/// The civil date, by counting whole years and months from 1970.
fn today() -> (u64, u64, u64) {
    let seconds = SystemTime::now()
        .duration_since(UNIX_EPOCH)
        .map_or(0, |since| since.as_secs());
    civil(seconds / 86_400)
}

fn civil(mut days: u64) -> (u64, u64, u64) {
    let leap = |year: u64| {
        year.is_multiple_of(4) && (!year.is_multiple_of(100) || year.is_multiple_of(400))
    };
    let mut year = 1970;
    while days >= 365 + u64::from(leap(year)) {
        days -= 365 + u64::from(leap(year));
        year += 1;
    }
    let mut month = 1;
    for len in [
        31,
        28 + u64::from(leap(year)),
        31,
        30,
        31,
        30,
        31,
        31,
        30,
        31,
        30,
        31,
    ] {
        if days < len {
            break;
        }
        days -= len;
        month += 1;
    }
    (year, month, days + 1)
}

#[cfg(test)]
mod tests;
