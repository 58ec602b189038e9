//! Kernel settings: what a storage host wants of them and why. The table is the one place where
//! they stand; the check is a pure function of a setting's text, and `apply` is all that writes.
//!
//! A setting that is not there is unknown, never wrong: containers and network namespaces hide
//! some of them.

use std::path::Path;

use serde::Serialize;

use super::files::Files;
use super::finding::{Finding, Grade};

/// What a setting must be.
#[derive(Debug, Clone, Copy)]
enum Need {
    AtLeast(u64),
    AtMost(u64),
    /// Neither zero nor above this.
    Bounded(u64),
    /// Two numbers, so many apart.
    Span(u64),
}

/// One row of the table.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Row {
    key: &'static str,
    need: Need,
    /// What `--fix` writes.
    write: &'static str,
    grade: Grade,
    why: &'static str,
}

/// A setting to be made.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(crate) struct Setting {
    /// Its name, as sysctl says it.
    pub(crate) key: String,
    /// Its value.
    pub(crate) value: String,
}

const fn row(
    key: &'static str,
    need: Need,
    write: &'static str,
    grade: Grade,
    why: &'static str,
) -> Row {
    Row {
        key,
        need,
        write,
        grade,
        why,
    }
}

const ADVICE: Grade = Grade::Advice;
const WARN: Grade = Grade::Warn;
const NEIGHBOURS: &str = "a full neighbour table drops datagrams silently and breaks names";
const HANG: &str = "a hang then leaves a trace and ends by itself";

/// What a storage host wants.
#[rustfmt::skip]
pub(crate) const TABLE: [Row; 21] = [
    row("net.ipv4.neigh.default.gc_thresh1", Need::AtLeast(4096), "4096", ADVICE, NEIGHBOURS),
    row("net.ipv4.neigh.default.gc_thresh2", Need::AtLeast(16384), "16384", WARN, NEIGHBOURS),
    row("net.ipv4.neigh.default.gc_thresh3", Need::AtLeast(32768), "32768", WARN, NEIGHBOURS),
    row("net.ipv6.neigh.default.gc_thresh1", Need::AtLeast(4096), "4096", ADVICE, NEIGHBOURS),
    row("net.ipv6.neigh.default.gc_thresh2", Need::AtLeast(16384), "16384", WARN, NEIGHBOURS),
    row("net.ipv6.neigh.default.gc_thresh3", Need::AtLeast(32768), "32768", WARN, NEIGHBOURS),
    row("net.netfilter.nf_conntrack_max", Need::AtLeast(262_144), "1048576", WARN,
        "a full table of connections refuses every new one"),
    row("net.core.somaxconn", Need::AtLeast(4096), "4096", ADVICE, "inbound bursts"),
    row("net.ipv4.tcp_max_syn_backlog", Need::AtLeast(1024), "8192", ADVICE, "inbound bursts"),
    row("net.core.rmem_max", Need::AtLeast(7_500_000), "16777216", WARN,
        "QUIC loses datagrams with less"),
    row("net.core.wmem_max", Need::AtLeast(7_500_000), "16777216", WARN,
        "QUIC waits with less"),
    row("net.ipv4.ip_local_port_range", Need::Span(28_000), "20000 65000", ADVICE,
        "each dial takes a port"),
    row("vm.dirty_background_bytes", Need::Bounded(1 << 30), "268435456", ADVICE,
        "shares of a large memory stall writers for minutes"),
    row("vm.dirty_bytes", Need::Bounded(4 << 30), "1073741824", ADVICE,
        "shares of a large memory stall writers for minutes"),
    row("vm.swappiness", Need::AtMost(10), "1", ADVICE, "proofs have deadlines"),
    row("vm.max_map_count", Need::AtLeast(65_530), "262144", ADVICE, "threads and mappings"),
    row("vm.panic_on_oom", Need::AtMost(0), "0", WARN,
        "one process out of memory must not end the machine"),
    row("kernel.panic", Need::Bounded(600), "10", ADVICE, HANG),
    row("kernel.softlockup_panic", Need::AtLeast(1), "1", ADVICE, HANG),
    row("fs.file-max", Need::AtLeast(1_000_000), "2097152", ADVICE, "thousands of peers and files"),
    row("kernel.io_uring_disabled", Need::AtMost(1), "1", WARN,
        "without io_uring drives are slower and cost more processor"),
];

impl Row {
    /// The file of the setting.
    pub(crate) fn file(&self) -> String {
        file_of(self.key)
    }

    /// Whether `text` is what is needed; none when it is no number at all.
    fn holds(&self, text: &str) -> Option<bool> {
        let mut numbers = text.split_whitespace().map(str::parse::<u64>);
        let first = numbers.next()?.ok()?;
        Some(match self.need {
            Need::AtLeast(least) => first >= least,
            Need::AtMost(most) => first <= most,
            Need::Bounded(most) => first > 0 && first <= most,
            Need::Span(least) => numbers.next()?.ok()?.checked_sub(first)? >= least,
        })
    }
}

fn file_of(key: &str) -> String {
    format!("proc/sys/{}", key.replace('.', "/"))
}

/// Judges one setting by its text; none when it is not there.
pub(crate) fn judge(row: &Row, text: Option<&str>) -> Finding {
    let Some(text) = text.map(str::trim) else {
        return Finding::unknown(
            row.key,
            "not visible here (a container hides it, or no such part)",
        );
    };
    match row.holds(text) {
        None => Finding::unknown(row.key, format!("`{text}` is no value of it")),
        Some(true) => Finding::good(row.key, text),
        Some(false) => {
            let (key, value) = (row.key.to_owned(), row.write.to_owned());
            let mut finding = Finding::new(row.key, row.grade, format!("{text}; {}", row.why))
                .mend(format!("sysctl -w {key}=\"{value}\" (as root, or --fix)"));
            finding.fix = Some(Setting { key, value });
            finding
        }
    }
}

/// Every setting of the machine.
pub(crate) fn all(files: &Files) -> Vec<Finding> {
    let rows = TABLE.iter();
    rows.map(|row| judge(row, files.text(&row.file()).as_deref()))
        .collect()
}

/// Where settings stand that outlive a boot.
pub(crate) const KEPT: &str = "etc/sysctl.d/80-holdfast.conf";

/// Makes settings now and for the next boot; returns each with what went wrong, if something did.
/// Needs root in the machine's first namespace. Durability: the kept file is flushed.
pub(crate) fn apply(files: &Files, wanted: &[Setting]) -> Vec<(Setting, Option<String>)> {
    let write = |one: &Setting| std::fs::write(files.path(&file_of(&one.key)), &one.value);
    let mut done: Vec<(Setting, Option<String>)> = wanted
        .iter()
        .map(|one| (one.clone(), write(one).err().map(|err| err.to_string())))
        .collect();
    let made: Vec<&Setting> = done
        .iter()
        .filter(|(_, wrong)| wrong.is_none())
        .map(|(one, _)| one)
        .collect();
    if let Err(err) = keep(&files.path(KEPT), &made) {
        let why = format!("made now, but not kept for the next boot: {err}");
        for (_, wrong) in done.iter_mut().filter(|(_, wrong)| wrong.is_none()) {
            *wrong = Some(why.clone());
        }
    }
    done
}

/// Adds settings to the kept file; one named before gets its new value.
fn keep(path: &Path, made: &[&Setting]) -> std::io::Result<()> {
    use std::io::Write;
    if made.is_empty() {
        return Ok(());
    }
    let before = std::fs::read_to_string(path).unwrap_or_default();
    let is_made = |line: &str| {
        let key = line.split('=').next().unwrap_or_default().trim();
        made.iter().any(|one| one.key == key)
    };
    let mut lines: Vec<String> = before
        .lines()
        .filter(|line| !is_made(line))
        .map(str::to_owned)
        .collect();
    lines.extend(
        made.iter()
            .map(|one| format!("{} = {}", one.key, one.value)),
    );
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let fresh = path.with_extension("new");
    let mut file = std::fs::File::create(&fresh)?;
    file.write_all((lines.join("\n") + "\n").as_bytes())?;
    file.sync_all()?;
    std::fs::rename(fresh, path)
}

#[cfg(test)]
mod tests;
