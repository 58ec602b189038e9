//! Sizes: lines of files and functions, heads, documented items, unsafe blocks, unwraps.

use crate::source::{Source, block_len, has_word};

/// A function and its length.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Function {
    /// Its name.
    pub(crate) name: String,
    /// The line it starts on, from 1.
    pub(crate) line: usize,
    /// Lines from `fn` to the closing brace.
    pub(crate) len: usize,
}

/// The functions with a body in a piece of scrubbed code, nested ones too.
pub(crate) fn functions(code: &str) -> Vec<Function> {
    let mut found = Vec::new();
    for (at, _) in code.match_indices("fn ") {
        let before = code.get(..at).unwrap_or_default();
        let own_word = !before
            .chars()
            .last()
            .is_some_and(|c| c.is_alphanumeric() || c == '_');
        let rest = code.get(at..).unwrap_or_default();
        let name = rest.get(3..).unwrap_or_default();
        let end = name
            .find(|c: char| !(c.is_alphanumeric() || c == '_'))
            .unwrap_or(name.len());
        let name = name.get(..end).unwrap_or_default();
        if let (true, false, Some(open)) = (own_word, name.is_empty(), body_start(rest)) {
            let len = open + block_len(rest.get(open..).unwrap_or_default());
            let body = rest.get(..len).unwrap_or_default();
            let line = before.matches('\n').count() + 1;
            let len = body.matches('\n').count() + 1;
            found.push(Function {
                name: name.to_owned(),
                line,
                len,
            });
        }
    }
    found
}

/// Where the body opens; None for a declaration that ends in a semicolon.
fn body_start(code: &str) -> Option<usize> {
    let mut nested = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '(' | '[' => nested += 1,
            ')' | ']' => nested = nested.saturating_sub(1),
            '{' if nested == 0 => return Some(at),
            ';' if nested == 0 => return None,
            _ => {}
        }
    }
    None
}

/// Public items and how many of them carry a docstring.
pub(crate) fn documented(source: &Source) -> (usize, usize) {
    const KINDS: [&str; 9] = [
        "fn", "struct", "enum", "trait", "type", "const", "static", "union", "async",
    ];
    let product: Vec<&str> = source.product.lines().collect();
    let text: Vec<&str> = source.text.lines().collect();
    let mut all = 0;
    let mut told = 0;
    for (at, line) in product.iter().enumerate() {
        let item = line
            .trim_start()
            .strip_prefix("pub ")
            .and_then(|rest| rest.split(' ').next());
        if item.is_some_and(|kind| KINDS.contains(&kind)) {
            all += 1;
            told += usize::from(has_docstring(&text, at));
        }
    }
    (all, told)
}

/// Whether the lines above hold a docstring, past attributes.
fn has_docstring(text: &[&str], item: usize) -> bool {
    let above = text.iter().take(item).rev().map(|line| line.trim());
    let mut past_attributes = above.skip_while(|line| {
        !line.starts_with("///") && !line.is_empty() && !line.ends_with('}') && !line.ends_with(';')
    });
    past_attributes
        .next()
        .is_some_and(|line| line.starts_with("///"))
}

/// Blocks, functions and impls that are unsafe, and notes that say why.
pub(crate) fn unsafety(source: &Source) -> (usize, usize) {
    let uses = source
        .code
        .lines()
        .filter(|line| has_word(line, "unsafe"))
        .count();
    let notes = source
        .text
        .lines()
        .filter(|line| line.trim_start().starts_with("// SAFETY:"));
    (uses, notes.count())
}

/// The value at a share of a sorted list, 0 for an empty one.
pub(crate) fn percentile(sorted: &[usize], percent: usize) -> usize {
    let at = sorted.len().saturating_sub(1) * percent / 100;
    sorted.get(at).copied().unwrap_or(0)
}

#[cfg(test)]
mod tests;
