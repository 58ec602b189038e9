//! Checks of the machine: kernel, limits of a process, pressure files, swap, huge pages, clock.
//! Each is a pure function of texts of the kernel; what is not there is unknown with its reason.

use board_watch::neighbour::kernel_faults;

use super::files::{self, Files};
use super::finding::{Finding, Grade};

/// The oldest kernel line that is known to be good for a storage host.
const GOOD: (u32, u32) = (6, 12);
/// The oldest that runs at all: io_uring with what the driver needs of it.
const OLDEST: (u32, u32) = (5, 10);
const NOFILE_GOOD: u64 = 262_144;
const NOFILE_LEAST: u64 = 8_192;
const MEMLOCK_GOOD: u64 = 512 << 20;
/// A clock this far off is told, and this far off ends tokens, certificates and claims.
const CLOCK_WARN: u64 = 5;
const CLOCK_FAIL: u64 = 60;
/// No clock that is right shows less: 2024-01-01.
const CLOCK_LEAST: u64 = 1_704_067_200;

/// Every check of the machine that needs no host.
pub(crate) fn all(files: &Files, limits_of: &str) -> Vec<Finding> {
    let text = |name: &str| files.text(name);
    let mut found = vec![kernel(text("proc/sys/kernel/osrelease").as_deref())];
    found.extend(limits(text(&format!("proc/{limits_of}/limits")).as_deref()));
    found.push(pressure(text("proc/pressure/memory").as_deref()));
    found.push(swap(text("proc/swaps").as_deref()));
    let thp = "sys/kernel/mm/transparent_hugepage/enabled";
    found.push(huge_pages(text(thp).as_deref()));
    let (used, most) = (
        text("proc/sys/net/netfilter/nf_conntrack_count"),
        text("proc/sys/net/netfilter/nf_conntrack_max"),
    );
    found.extend(connections(used.as_deref(), most.as_deref()));
    found
}

fn release(text: &str) -> Option<(u32, u32)> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit());
    Some((parts.next()?.parse().ok()?, parts.next()?.parse().ok()?))
}

/// The kernel's release, and its known faults with neighbour tables.
pub(crate) fn kernel(text: Option<&str>) -> Finding {
    let Some(text) = text.map(str::trim) else {
        return Finding::unknown("kernel", "its release cannot be read");
    };
    let Some(have) = release(text) else {
        return Finding::unknown("kernel", format!("`{text}` is no release"));
    };
    let faults = kernel_faults(text);
    let words: Vec<String> = faults.iter().map(ToString::to_string).collect();
    let remedy = "run a kernel of 6.12 or later; distributions may have mended single faults";
    if have < OLDEST {
        let found = format!("{text} is older than 5.10; {}", words.join("; "));
        return Finding::new("kernel", Grade::Fail, found).mend(remedy);
    }
    if !words.is_empty() {
        let found = format!("{text}: {}", words.join("; "));
        return Finding::new("kernel", Grade::Warn, found).mend(remedy);
    }
    if have < GOOD {
        return Finding::new("kernel", Grade::Advice, text).mend(remedy);
    }
    Finding::good("kernel", text)
}

/// Soft and hard value of a limit; `unlimited` is the highest number.
fn limit(text: &str, name: &str) -> Option<(u64, u64)> {
    let line = text.lines().find_map(|line| line.strip_prefix(name))?;
    let mut words = line.split_whitespace();
    let mut next = || match words.next()? {
        "unlimited" => Some(u64::MAX),
        word => word.parse().ok(),
    };
    Some((next()?, next()?))
}

/// Open files and locked memory.
pub(crate) fn limits(text: Option<&str>) -> Vec<Finding> {
    let text = text.unwrap_or_default();
    let files = match limit(text, "Max open files") {
        None => Finding::unknown("limit.files", "cannot be read"),
        Some((soft, _)) if soft >= NOFILE_GOOD => Finding::good("limit.files", soft.to_string()),
        Some((soft, hard)) => {
            let grade = match hard {
                0..NOFILE_LEAST => Grade::Fail,
                _ if soft < NOFILE_LEAST => Grade::Warn,
                _ => Grade::Advice,
            };
            Finding::new("limit.files", grade, format!("{soft}, at most {hard}"))
                .mend("LimitNOFILE=262144 in the unit (or ulimit -n 262144)")
        }
    };
    let memory = match limit(text, "Max locked memory") {
        None => Finding::unknown("limit.memlock", "cannot be read"),
        Some((soft, _)) if soft >= MEMLOCK_GOOD => {
            Finding::good("limit.memlock", files::size(soft))
        }
        Some((soft, _)) => {
            let found = format!("{}; buffers are then not registered", files::size(soft));
            Finding::new("limit.memlock", Grade::Advice, found)
                .mend("LimitMEMLOCK=512M in the unit (or ulimit -l 524288)")
        }
    };
    vec![files, memory]
}

/// Whether the kernel tells of pressure.
pub(crate) fn pressure(text: Option<&str>) -> Finding {
    match text {
        Some(text) if text.starts_with("some ") => Finding::good("pressure", "told by the kernel"),
        Some(_) => Finding::unknown("pressure", "the pressure file has another form"),
        None => Finding::new("pressure", Grade::Advice, "the kernel does not tell of it")
            .mend("boot with psi=1; until then the memory ladder goes by sizes alone"),
    }
}

/// Swap on a drive.
pub(crate) fn swap(text: Option<&str>) -> Finding {
    let Some(text) = text else {
        return Finding::unknown("swap", "cannot be read");
    };
    let named = text
        .lines()
        .skip(1)
        .filter_map(|line| line.split(' ').next());
    let disks: Vec<&str> = named.filter(|name| !name.contains("zram")).collect();
    if disks.is_empty() {
        return Finding::good("swap", "none on drives");
    }
    Finding::new("swap", Grade::Advice, format!("on {}", disks.join(", ")))
        .mend("swapoff, or MemorySwapMax=0 in the unit: proofs have deadlines")
}

/// Transparent huge pages.
pub(crate) fn huge_pages(text: Option<&str>) -> Finding {
    match text {
        None => Finding::unknown("huge-pages", "not visible here"),
        Some(text) if text.contains("[always]") => {
            Finding::new("huge-pages", Grade::Advice, "always")
                .mend("echo madvise > /sys/kernel/mm/transparent_hugepage/enabled")
        }
        Some(text) => Finding::good("huge-pages", text.trim()),
    }
}

/// How full the table of connections is; nothing where there is none.
pub(crate) fn connections(used: Option<&str>, most: Option<&str>) -> Option<Finding> {
    let used: u64 = used?.trim().parse().ok()?;
    let most: u64 = most?.trim().parse().ok().filter(|most| *most > 0)?;
    let found = format!("{used} of {most} tracked");
    Some(if used >= most / 5 * 4 {
        Finding::new("connections", Grade::Fail, found)
            .mend("raise net.netfilter.nf_conntrack_max, or exempt the swarm's ports (NOTRACK)")
    } else {
        Finding::good("connections", found)
    })
}

/// What is known of time.
#[derive(Debug, Default)]
pub(crate) struct Times {
    /// Our clock, seconds since 1970.
    pub(crate) now: u64,
    /// Whether the system says that its clock is set by a time service.
    pub(crate) synced: Option<bool>,
    /// The newest file of the host, seconds since 1970.
    pub(crate) newest_file: Option<u64>,
    /// Clocks of others: who, seconds since 1970.
    pub(crate) others: Vec<(String, u64)>,
}

/// Our clock against that of others and against our own past.
pub(crate) fn clock(times: &Times) -> Finding {
    let service = "run a time service (systemd-timesyncd or chrony)";
    let now = times.now;
    if now < CLOCK_LEAST {
        let found = format!("{now} seconds since 1970 is in the past");
        return Finding::new("clock", Grade::Fail, found).mend(service);
    }
    if let Some(newest) = times
        .newest_file
        .filter(|newest| *newest > now + CLOCK_FAIL)
    {
        let found = format!("{} seconds behind the host's own files", newest - now);
        return Finding::new("clock", Grade::Warn, found).mend(service);
    }
    // Most clocks decide: one liar among several cannot accuse us.
    let mut gaps: Vec<(u64, &str)> = times
        .others
        .iter()
        .map(|(who, theirs)| (theirs.abs_diff(now), who.as_str()))
        .collect();
    gaps.sort_unstable();
    let Some((gap, who)) = gaps.get(gaps.len() / 2).or(gaps.last()).copied() else {
        return match times.synced {
            Some(true) => Finding::good("clock", "set by a time service; nobody else was asked"),
            _ => Finding::unknown("clock", "nobody could be asked for the time").mend(service),
        };
    };
    let found = format!("{gap} seconds from {who}");
    match gap {
        0..=CLOCK_WARN if times.synced == Some(false) => {
            let found = format!("{found}; no time service keeps it so");
            Finding::new("clock", Grade::Advice, found).mend(service)
        }
        0..=CLOCK_WARN => Finding::good("clock", found),
        _ if gap <= CLOCK_FAIL => Finding::new("clock", Grade::Warn, found).mend(service),
        _ => Finding::new("clock", Grade::Fail, found).mend(service),
    }
}

/// Whether a time service says that it set the clock.
pub(crate) fn synced(files: &Files) -> Option<bool> {
    if files.exists("run/systemd/timesync/synchronized") || files.exists("run/chrony/chronyd.pid") {
        return Some(true);
    }
    files.exists("run/systemd/timesync").then_some(false)
}
