//! One Rust source: its text, its code alone, and which part of it is test code.

use crate::scrub::scrub;

/// A Rust file of the repository.
#[derive(Debug)]
pub(crate) struct Source {
    /// Path from the root, with forward slashes.
    pub(crate) path: String,
    /// As written.
    pub(crate) text: String,
    /// Without comments and literals.
    pub(crate) code: String,
    /// As `code`, without test modules; empty for a file of tests.
    pub(crate) product: String,
}

impl Source {
    /// Reads a file.
    pub(crate) fn new(path: &str, text: &str) -> Source {
        let code = scrub(text);
        let product = if is_test_file(path) {
            String::new()
        } else {
            without_test_modules(&code)
        };
        Source {
            path: path.to_owned(),
            text: text.to_owned(),
            code,
            product,
        }
    }

    /// Whether the whole file is test code.
    pub(crate) fn is_test(&self) -> bool {
        is_test_file(&self.path)
    }

    /// The lines of product code, numbered from 1.
    pub(crate) fn product_lines(&self) -> impl Iterator<Item = (usize, &str)> {
        self.product
            .lines()
            .enumerate()
            .map(|(at, line)| (at + 1, line))
    }

    /// Whether the code (tests included) names this word.
    pub(crate) fn names(&self, word: &str) -> bool {
        has_word(&self.code, word)
    }

    /// The file's name without ending.
    pub(crate) fn stem(&self) -> &str {
        let name = self.path.rsplit('/').next().unwrap_or(&self.path);
        name.strip_suffix(".rs").unwrap_or(name)
    }
}

/// Test code lives in files named tests.rs, in `tests/` folders and in benches. The two programs
/// under tests/ are tools and keep the rules of products.
fn is_test_file(path: &str) -> bool {
    if path.ends_with("/tests.rs") || path.starts_with("benches/") {
        return true;
    }
    let tool = path.starts_with("tests/launch/src/") || path.starts_with("tests/tidy/src/");
    !tool
        && path
            .split('/')
            .rev()
            .skip(1)
            .any(|folder| folder == "tests")
}

/// Blanks `#[cfg(test)] mod name { ... }` and every other item under `#[cfg(test)]`.
fn without_test_modules(code: &str) -> String {
    let mut out = String::with_capacity(code.len());
    let mut rest = code;
    while let Some(at) = rest.find("#[cfg(test)]") {
        let (before, after) = rest.split_at(at);
        out.push_str(before);
        let end = item_end(after);
        let (gone, next) = after.split_at(end);
        out.extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        rest = next;
    }
    out.push_str(rest);
    out
}

/// The end of the item at the start of `code`: its closing brace, or its semicolon.
fn item_end(code: &str) -> usize {
    let semicolon = code.find(';').map_or(code.len(), |at| at + 1);
    match code.find('{') {
        Some(open) if open < semicolon => open + block_len(code.get(open..).unwrap_or_default()),
        _ => semicolon,
    }
}

/// Bytes from an opening brace to after the brace that closes it.
pub(crate) fn block_len(code: &str) -> usize {
    let mut depth = 0_usize;
    for (at, c) in code.char_indices() {
        match c {
            '{' => depth += 1,
            '}' if depth <= 1 => return at + 1,
            '}' => depth -= 1,
            _ => {}
        }
    }
    code.len()
}

/// Whether a text holds a word, bounded by what is no part of a Rust name.
pub(crate) fn has_word(text: &str, word: &str) -> bool {
    let part = |c: char| c.is_alphanumeric() || c == '_';
    text.match_indices(word).any(|(at, _)| {
        let before = text.get(..at).and_then(|text| text.chars().last());
        let after = text
            .get(at + word.len()..)
            .and_then(|text| text.chars().next());
        !before.is_some_and(part) && !after.is_some_and(part)
    })
}
