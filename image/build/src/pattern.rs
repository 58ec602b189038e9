//! Patterns of file names: `*` within one folder, `**` across them.

/// Whether `path` is meant by `pattern`.
pub(crate) fn matches(pattern: &str, path: &str) -> bool {
    let Some((head, rest)) = pattern.split_once('*') else {
        return pattern == path;
    };
    let Some(tail) = path.strip_prefix(head) else {
        return false;
    };
    let (deep, rest) = match rest.strip_prefix('*') {
        Some(rest) => (true, rest),
        None => (false, rest),
    };
    tail.char_indices()
        .map(|(at, _)| at)
        .chain([tail.len()])
        .take_while(|at| deep || !tail.get(..*at).unwrap_or_default().contains('/'))
        .any(|at| matches(rest, tail.get(at..).unwrap_or_default()))
}

#[cfg(test)]
mod tests;
