//! The text the kernel writes about memory, read without trust. Pure.
//!
//! Enters: the text of files under /proc and a cgroup. Leaves: numbers, or nothing when the text
//! has another form. Invariant: no input panics, no number is invented.

/// A line `name: 123 kB` of /proc/meminfo or /proc/self/status, in bytes.
pub(crate) fn kib_field(text: &str, name: &str) -> Option<u64> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(':'))?;
    let mut words = line.split_whitespace();
    let number: u64 = words.next()?.parse().ok()?;
    match words.next() {
        Some("kB") => number.checked_mul(1024),
        _ => None,
    }
}

/// A line `name 123` of /proc/vmstat or a cgroup's memory.stat.
pub(crate) fn field(text: &str, name: &str) -> Option<u64> {
    text.lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?
        .trim()
        .parse()
        .ok()
}

/// One kind of stall: a line of a pressure file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct Stall {
    /// Share of the last minute, in hundredths of a percent.
    pub(crate) avg60: u32,
    /// Microseconds since boot.
    pub(crate) total_us: u64,
}

/// A line `some avg10=0.00 avg60=0.00 avg300=0.00 total=0` of a pressure file.
pub(crate) fn stall(text: &str, kind: &str) -> Option<Stall> {
    let line = text
        .lines()
        .find_map(|line| line.strip_prefix(kind)?.strip_prefix(' '))?;
    let value = |name: &str| {
        line.split_whitespace()
            .find_map(|word| word.strip_prefix(name)?.strip_prefix('='))
    };
    Some(Stall {
        avg60: hundredths(value("avg60")?)?,
        total_us: value("total")?.parse().ok()?,
    })
}

/// `9.24` is 924. More than 100 % is another file.
fn hundredths(text: &str) -> Option<u32> {
    let (whole, part) = text.split_once('.')?;
    let whole: u32 = whole.parse().ok()?;
    let part: u32 = (part.len() == 2).then(|| part.parse().ok())??;
    Some(whole.checked_mul(100)?.checked_add(part)?).filter(|value| *value <= 10_000)
}

/// Where a process stands: the path in the hierarchy `controller` of /proc/self/cgroup, where an
/// empty controller means version 2. A path with `..` lies outside of what is mounted here.
pub(crate) fn cgroup_path<'a>(text: &'a str, controller: &str) -> Option<&'a str> {
    text.lines().find_map(|line| {
        let mut parts = line.splitn(3, ':');
        let number = parts.next()?;
        let mut controllers = parts.next()?.split(',');
        let path = parts.next()?;
        let second = controller.is_empty() && number == "0";
        let same = controllers.any(|own| own == controller) && (second || !controller.is_empty());
        let inside = path.starts_with('/') && path.split('/').all(|part| part != "..");
        (same && inside).then_some(path)
    })
}

/// A limit of a cgroup: `max` and what version 1 writes for it are no limit.
pub(crate) fn limit(text: &str) -> Option<u64> {
    const NONE: u64 = 1 << 60;
    text.trim().parse().ok().filter(|bytes| *bytes < NONE)
}

#[cfg(test)]
mod tests;
