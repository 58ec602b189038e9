//! The few bytes of DER that a signature is wrapped in: tag, length, body, one after another.
//! Indefinite lengths and tags of several bytes do not occur in what is read here and are no DER.

/// One element.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Item<'a> {
    /// Its tag byte.
    pub(crate) tag: u8,
    /// What it holds.
    pub(crate) body: &'a [u8],
    /// All of it, tag and length included.
    pub(crate) whole: &'a [u8],
}

/// Elements in a row.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row<'a>(pub(crate) &'a [u8]);

/// SEQUENCE.
pub(crate) const SEQUENCE: u8 = 0x30;
/// SET.
pub(crate) const SET: u8 = 0x31;
/// OCTET STRING.
pub(crate) const OCTETS: u8 = 0x04;
/// BIT STRING.
pub(crate) const BITS: u8 = 0x03;
/// OBJECT IDENTIFIER.
pub(crate) const OBJECT: u8 = 0x06;
/// The first element that is told apart by its context.
pub(crate) const CONTEXT: u8 = 0xa0;

impl<'a> Row<'a> {
    /// The next element of whatever kind; nothing at the end or where it is no DER.
    pub(crate) fn next(&mut self) -> Option<Item<'a>> {
        let (tag, rest) = self.0.split_first()?;
        let (first, rest) = rest.split_first()?;
        let (len, rest) = if *first < 0x80 {
            (usize::from(*first), rest)
        } else {
            let count = usize::from(first & 0x7f);
            let bytes = rest.get(..count).filter(|_| (1..=4).contains(&count))?;
            let len = bytes
                .iter()
                .fold(0, |sum, byte| sum << 8 | usize::from(*byte));
            (len, rest.get(count..)?)
        };
        let body = rest.get(..len)?;
        let head = self.0.len() - rest.len();
        let whole = self.0.get(..head + len)?;
        self.0 = rest.get(len..)?;
        Some(Item {
            tag: *tag,
            body,
            whole,
        })
    }

    /// The next element, which must have a tag.
    pub(crate) fn want(&mut self, tag: u8) -> Option<Item<'a>> {
        self.next().filter(|item| item.tag == tag)
    }

    /// What the next element holds, which must have a tag.
    pub(crate) fn open(&mut self, tag: u8) -> Option<Row<'a>> {
        self.want(tag).map(|item| Row(item.body))
    }

    /// The next element, if it has a tag; otherwise nothing is taken.
    pub(crate) fn maybe(&mut self, tag: u8) -> Option<Item<'a>> {
        let mut ahead = *self;
        let item = ahead.want(tag)?;
        *self = ahead;
        Some(item)
    }
}
