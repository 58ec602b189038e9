//! The bytes of rtnetlink that tell of neighbour tables and entries, and nothing else of it.
//!
//! Enters: whatever a socket received. Leaves: [`Table`], [`Entry`]. Invariant: every read is
//! bounds-checked, a length that lies ends the walk, no input panics. Layouts: rtnetlink(7),
//! linux/netlink.h, linux/neighbour.h; integers are in the machine's own order.

const HEADER: usize = 16;
const TABLE_HEADER: usize = 4;
const ENTRY_HEADER: usize = 12;

const NLMSG_ERROR: u16 = 2;
const NLMSG_DONE: u16 = 3;
const RTM_NEWNEIGH: u16 = 28;
const RTM_GETNEIGH: u16 = 30;
const RTM_NEWNEIGHTBL: u16 = 64;
const RTM_GETNEIGHTBL: u16 = 66;
const NLM_F_REQUEST: u16 = 0x1;
const NLM_F_DUMP: u16 = 0x300;

const NUD_INCOMPLETE: u16 = 0x01;
const NUD_FAILED: u16 = 0x20;
const NUD_NOARP: u16 = 0x40;
const NUD_PERMANENT: u16 = 0x80;
const NTF_EXT_LEARNED: u8 = 0x10;

/// An address family that has a neighbour table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Family {
    /// ARP.
    V4,
    /// Neighbour discovery.
    V6,
}

impl Family {
    /// Both, in the order of every pair of this module.
    pub const BOTH: [Self; 2] = [Self::V4, Self::V6];

    /// The constant label used in logs, metrics and sysctl names.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::V4 => "ipv4",
            Self::V6 => "ipv6",
        }
    }

    /// 0 for IPv4, 1 for IPv6: the place in a pair.
    #[must_use]
    pub const fn index(self) -> usize {
        match self {
            Self::V4 => 0,
            Self::V6 => 1,
        }
    }

    const fn of(byte: u8) -> Option<Self> {
        match byte {
            2 => Some(Self::V4),
            10 => Some(Self::V6),
            _ => None,
        }
    }
}

/// The kernel's counters of one table since boot; it resets none of them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Stats {
    /// Entries created.
    pub allocs: u64,
    /// Addresses that did not answer: entries that went to FAILED.
    pub res_failed: u64,
    /// Emergency collections: the table reached the second threshold.
    pub forced_gc_runs: u64,
    /// Entries refused because the table was full: each is a datagram that was dropped.
    pub table_fulls: u64,
}

/// One table of the whole kernel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Table {
    /// Which one.
    pub family: Family,
    /// Every entry of every namespace, also those that the limits do not count.
    pub entries: u32,
    /// gc_thresh1, 2 and 3. The third is the limit; 0 when the kernel did not say.
    pub thresholds: [u32; 3],
    /// Counters.
    pub stats: Stats,
}

/// One entry of our own namespace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) family: Family,
    pub(crate) interface: u32,
    state: u16,
    flags: u8,
}

impl Entry {
    /// Whether the limits do not count it.
    pub(crate) const fn is_exempt(self) -> bool {
        self.state & NUD_PERMANENT != 0 || self.flags & NTF_EXT_LEARNED != 0
    }

    pub(crate) const fn has_failed(self) -> bool {
        self.state & NUD_FAILED != 0
    }

    pub(crate) const fn is_unresolved(self) -> bool {
        self.state & NUD_INCOMPLETE != 0
    }

    /// Multicast and loopback: counted by the limits, resolved by nobody.
    pub(crate) const fn is_fixed(self) -> bool {
        self.state & NUD_NOARP != 0
    }
}

/// What to ask the kernel for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ask {
    Tables,
    Entries,
}

/// The bytes of a dump request for both families, numbered `sequence`.
pub(crate) fn request(ask: Ask, sequence: u32) -> Vec<u8> {
    let (kind, body) = match ask {
        Ask::Tables => (RTM_GETNEIGHTBL, TABLE_HEADER),
        Ask::Entries => (RTM_GETNEIGH, ENTRY_HEADER),
    };
    let len = HEADER + body;
    let mut bytes = Vec::with_capacity(len);
    bytes.extend(u32::try_from(len).unwrap_or_default().to_ne_bytes());
    bytes.extend(kind.to_ne_bytes());
    bytes.extend((NLM_F_REQUEST | NLM_F_DUMP).to_ne_bytes());
    bytes.extend(sequence.to_ne_bytes());
    bytes.extend(0_u32.to_ne_bytes());
    bytes.resize(len, 0);
    bytes
}

/// One message of a reply.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Message {
    /// A table's default block. The blocks of interfaces are passed over.
    Table(Table),
    /// An entry.
    Entry(Entry),
    /// The dump is complete.
    Done,
    /// The kernel refused, with its errno.
    Refused(i32),
}

/// The messages of one datagram that answer the request numbered `sequence`; others, and what
/// cannot be read, are passed over. The walk ends at the first length that lies.
pub(crate) fn messages(datagram: &[u8], sequence: u32) -> impl Iterator<Item = Message> {
    let mut rest = datagram;
    std::iter::from_fn(move || {
        loop {
            let len = usize::try_from(u32_at(rest, 0)?).ok()?;
            let (kind, number) = (u16_at(rest, 4)?, u32_at(rest, 8)?);
            let body = rest.get(HEADER..len)?;
            rest = rest.get(aligned(len)..).unwrap_or_default();
            if number != sequence {
                continue;
            }
            match kind {
                NLMSG_DONE => return Some(Message::Done),
                NLMSG_ERROR => {
                    let code = u32_at(body, 0).unwrap_or_default().cast_signed();
                    return Some(Message::Refused(code.saturating_neg()));
                }
                RTM_NEWNEIGHTBL => match table(body) {
                    Some(table) => return Some(Message::Table(table)),
                    None => continue,
                },
                RTM_NEWNEIGH => match entry(body) {
                    Some(entry) => return Some(Message::Entry(entry)),
                    None => continue,
                },
                _ => continue,
            }
        }
    })
}

/// A table's default block: the one that carries NDTA_CONFIG.
fn table(body: &[u8]) -> Option<Table> {
    const NDTA_THRESH1: u16 = 2;
    const NDTA_THRESH3: u16 = 4;
    const NDTA_CONFIG: u16 = 5;
    const NDTA_STATS: u16 = 7;
    let family = Family::of(*body.first()?)?;
    let mut entries = None;
    let mut thresholds = [0; 3];
    let mut stats = Stats::default();
    for (kind, value) in attributes(body.get(TABLE_HEADER..)?) {
        match kind {
            NDTA_THRESH1..=NDTA_THRESH3 => {
                let place = thresholds.get_mut(usize::from(kind - NDTA_THRESH1))?;
                *place = u32_at(value, 0)?;
            }
            // ndt_config: key_len u16, entry_size u16, entries u32, ...
            NDTA_CONFIG => entries = Some(u32_at(value, 4)?),
            // ndt_stats: allocs, destroys, hash_grows, res_failed, lookups, hits, two kinds of
            // probes, periodic_gc_runs, forced_gc_runs, table_fulls (the last since 4.3).
            NDTA_STATS => {
                let field = |index: usize| u64_at(value, index * 8).unwrap_or_default();
                stats = Stats {
                    allocs: field(0),
                    res_failed: field(3),
                    forced_gc_runs: field(9),
                    table_fulls: field(10),
                };
            }
            _ => {}
        }
    }
    Some(Table {
        family,
        entries: entries?,
        thresholds,
        stats,
    })
}

/// ndmsg: family u8, three bytes of padding, interface i32, state u16, flags u8, type u8.
fn entry(body: &[u8]) -> Option<Entry> {
    Some(Entry {
        family: Family::of(*body.first()?)?,
        interface: u32_at(body, 4)?,
        state: u16_at(body, 8)?,
        flags: *body.get(10)?,
    })
}

/// Attributes: length u16 with its own four bytes, kind u16, value, padding to four.
fn attributes(mut rest: &[u8]) -> impl Iterator<Item = (u16, &[u8])> {
    const FLAGS: u16 = 0xc000;
    std::iter::from_fn(move || {
        let len = usize::from(u16_at(rest, 0)?);
        let kind = u16_at(rest, 2)? & !FLAGS;
        let value = rest.get(4..len)?;
        rest = rest.get(aligned(len)..).unwrap_or_default();
        Some((kind, value))
    })
}

const fn aligned(len: usize) -> usize {
    len.saturating_add(3) & !3
}

fn array_at<const N: usize>(bytes: &[u8], at: usize) -> Option<[u8; N]> {
    bytes.get(at..at.checked_add(N)?)?.try_into().ok()
}

fn u16_at(bytes: &[u8], at: usize) -> Option<u16> {
    array_at(bytes, at).map(u16::from_ne_bytes)
}

fn u32_at(bytes: &[u8], at: usize) -> Option<u32> {
    array_at(bytes, at).map(u32::from_ne_bytes)
}

fn u64_at(bytes: &[u8], at: usize) -> Option<u64> {
    array_at(bytes, at).map(u64::from_ne_bytes)
}

#[cfg(test)]
mod tests;
