//! A reader of JSON, as much as the demo's report needs.
//!
//! Enters: text. Leaves: a flat list of dotted names and scalar words (`hosts.started` -> `30`).
//! It exists because the launcher has no dependencies. It refuses what is not JSON, keeps numbers
//! as text, and deliberately does not build a tree, write JSON or decode surrogate pairs.

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::str::Chars;

/// Nesting that no report of ours has.
const DEPTH_MAX: usize = 32;

/// Dotted names to scalars: strings without quotes, numbers and words as written.
pub(crate) type Flat = BTreeMap<String, String>;

/// Flattens one JSON value. None when the text is not JSON or is nested deeper than 32.
pub(crate) fn flatten(text: &str) -> Option<Flat> {
    let mut reader = Reader {
        chars: text.chars().peekable(),
        flat: Flat::new(),
    };
    reader.value("", 0)?;
    reader.space();
    reader.chars.next().is_none().then_some(reader.flat)
}

struct Reader<'a> {
    chars: Peekable<Chars<'a>>,
    flat: Flat,
}

impl Reader<'_> {
    fn value(&mut self, name: &str, depth: usize) -> Option<()> {
        if depth > DEPTH_MAX {
            return None;
        }
        self.space();
        match *self.chars.peek()? {
            '{' => self.object(name, depth),
            '[' => self.array(name, depth),
            '"' => {
                let text = self.string()?;
                self.flat.insert(name.to_owned(), text);
                Some(())
            }
            _ => self.word(name),
        }
    }

    fn object(&mut self, name: &str, depth: usize) -> Option<()> {
        self.expect('{')?;
        if self.ends('}') {
            return Some(());
        }
        loop {
            self.space();
            let key = self.string()?;
            self.space();
            self.expect(':')?;
            self.value(&join(name, &key), depth + 1)?;
            if self.ends('}') {
                return Some(());
            }
            self.expect(',')?;
        }
    }

    fn array(&mut self, name: &str, depth: usize) -> Option<()> {
        self.expect('[')?;
        if self.ends(']') {
            return Some(());
        }
        for index in 0_usize.. {
            self.value(&join(name, &index.to_string()), depth + 1)?;
            if self.ends(']') {
                return Some(());
            }
            self.expect(',')?;
        }
        None
    }

    fn string(&mut self) -> Option<String> {
        self.expect('"')?;
        let mut text = String::new();
        loop {
            match self.chars.next()? {
                '"' => return Some(text),
                '\\' => text.push(self.escape()?),
                other => text.push(other),
            }
        }
    }

    fn escape(&mut self) -> Option<char> {
        match self.chars.next()? {
            'n' => Some('\n'),
            't' => Some('\t'),
            'r' => Some('\r'),
            'b' => Some('\u{8}'),
            'f' => Some('\u{c}'),
            'u' => {
                let digits: String = self.chars.by_ref().take(4).collect();
                char::from_u32(u32::from_str_radix(&digits, 16).ok()?)
            }
            other => matches!(other, '"' | '\\' | '/').then_some(other),
        }
    }

    fn word(&mut self, name: &str) -> Option<()> {
        let mut word = String::new();
        while let Some(next) = self
            .chars
            .next_if(|c| c.is_alphanumeric() || "+-.".contains(*c))
        {
            word.push(next);
        }
        let known = matches!(word.as_str(), "true" | "false" | "null");
        if !known && word.parse::<f64>().is_err() {
            return None;
        }
        self.flat.insert(name.to_owned(), word);
        Some(())
    }

    fn ends(&mut self, end: char) -> bool {
        self.space();
        self.chars.next_if_eq(&end).is_some()
    }

    fn expect(&mut self, wanted: char) -> Option<()> {
        self.chars.next_if_eq(&wanted).map(|_| ())
    }

    fn space(&mut self) {
        while self.chars.next_if(|c| c.is_ascii_whitespace()).is_some() {}
    }
}

fn join(name: &str, key: &str) -> String {
    if name.is_empty() {
        key.to_owned()
    } else {
        format!("{name}.{key}")
    }
}

#[cfg(test)]
mod tests;
