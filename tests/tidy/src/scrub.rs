//! Scrubbing: source text with the inside of comments, strings and characters blanked.
//!
//! Enters: a Rust source. Leaves: text of the same length in lines, in which every brace and word
//! is code. It is no parser: it knows strings (raw ones too), characters against lifetimes, nested
//! comments, and nothing else.

/// Blanks comments and literals, keeping line breaks.
pub(crate) fn scrub(text: &str) -> String {
    let mut scrubber = Scrubber {
        rest: text,
        out: String::with_capacity(text.len()),
    };
    while scrubber.step() {}
    scrubber.out
}

struct Scrubber<'a> {
    rest: &'a str,
    out: String,
}

impl Scrubber<'_> {
    fn step(&mut self) -> bool {
        let Some(first) = self.rest.chars().next() else {
            return false;
        };
        if self.rest.starts_with("//") {
            let end = self.rest.find('\n').unwrap_or(self.rest.len());
            self.blank(end);
        } else if self.rest.starts_with("/*") {
            let end = comment_end(self.rest);
            self.blank(end);
        } else if let Some(end) = raw_string_end(self.rest, self.out.chars().last()) {
            self.blank(end);
        } else if first == '"' {
            let end = quoted_end(self.rest, '"');
            self.blank(end);
        } else if first == '\'' && is_character(self.rest) {
            let end = quoted_end(self.rest, '\'');
            self.blank(end);
        } else {
            self.out.push(first);
            self.rest = self.rest.get(first.len_utf8()..).unwrap_or_default();
        }
        true
    }

    fn blank(&mut self, end: usize) {
        let (gone, rest) = self.rest.split_at_checked(end).unwrap_or((self.rest, ""));
        self.out
            .extend(gone.chars().map(|c| if c == '\n' { '\n' } else { ' ' }));
        self.rest = rest;
    }
}

fn comment_end(text: &str) -> usize {
    let mut depth = 0_usize;
    let mut at = 0;
    while let Some(rest) = text.get(at..).filter(|rest| !rest.is_empty()) {
        if rest.starts_with("/*") {
            depth += 1;
            at += 2;
        } else if rest.starts_with("*/") {
            depth -= 1;
            at += 2;
            if depth == 0 {
                return at;
            }
        } else {
            at += rest.chars().next().map_or(1, char::len_utf8);
        }
    }
    text.len()
}

/// The end of `r"..."`, `r#"..."#`, `br"..."`, when one starts here and not inside a word.
fn raw_string_end(text: &str, before: Option<char>) -> Option<usize> {
    if before.is_some_and(|c| c.is_alphanumeric() || c == '_') {
        return None;
    }
    let body = text.strip_prefix("br").or_else(|| text.strip_prefix('r'))?;
    let hashes = body.len() - body.trim_start_matches('#').len();
    let inside = body.get(hashes..)?.strip_prefix('"')?;
    let closing = format!("\"{}", "#".repeat(hashes));
    let end = inside
        .find(&closing)
        .map_or(inside.len(), |at| at + closing.len());
    Some(text.len() - inside.len() + end)
}

fn quoted_end(text: &str, quote: char) -> usize {
    let mut escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if escaped => escaped = false,
            '\\' => escaped = true,
            _ if c == quote => return at + 1,
            _ => {}
        }
    }
    text.len()
}

/// `'a'` and `'\n'` are characters, `'a` alone is a lifetime.
fn is_character(text: &str) -> bool {
    let mut chars = text.chars().skip(1);
    match chars.next() {
        Some('\\') => true,
        Some(_) => chars.next() == Some('\''),
        None => false,
    }
}

#[cfg(test)]
mod tests;
