//! Every host of this machine and whether their memory fits beside each other.
//!
//! Enters: the processes of /proc, their cgroups' limits, the configurations of their data
//! directories. Leaves: findings. A limit is the tightest of the cgroup and those above it; a host
//! without one takes up to half of the machine, as its own ladder reckons.

use std::path::{Path, PathBuf};

use host_daemon::config::layers::Layered;
use host_daemon::init::CONFIG_FILE;

use super::files::{self, Files};
use super::finding::{Finding, Grade};

/// What a host takes besides the buffers of its volumes.
const BASE: u64 = 96 << 20;
/// Levels of a cgroup hierarchy looked at.
const DEPTH: usize = 32;
/// What version 1 writes for no limit is above this.
const NO_LIMIT: u64 = 1 << 60;

/// One host of this machine.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Node {
    /// Its data directory.
    pub(crate) dir: PathBuf,
    /// Its process, when it runs.
    pub(crate) pid: Option<u32>,
    /// What its cgroup allows.
    pub(crate) limit: Option<u64>,
    /// What it takes when it is busy.
    pub(crate) needs: u64,
}

/// The data directory in a daemon's command line; none when it is another program.
pub(crate) fn directory_of(cmdline: &str) -> Option<PathBuf> {
    let mut words = cmdline.split('\0');
    let program = Path::new(words.next()?);
    if program.file_name()?.to_str()? != "holdfastd" {
        return None;
    }
    let rest: Vec<&str> = words.collect();
    let joined = rest.iter().find_map(|word| word.strip_prefix("--dir="));
    let apart = || {
        let at = rest.iter().position(|word| *word == "--dir")?;
        rest.get(at + 1).copied()
    };
    joined.or_else(apart).map(PathBuf::from)
}

/// The hosts that run on this machine, by process.
pub(crate) fn running(files: &Files) -> Vec<(u32, PathBuf)> {
    let pids = files.numbers("proc").into_iter();
    pids.filter_map(|pid| {
        let dir = directory_of(&files.text(&format!("proc/{pid}/cmdline"))?)?;
        Some((pid, dir))
    })
    .collect()
}

/// The tightest limit on the way from a process's cgroup to the root, versions 2 and 1.
pub(crate) fn limit_of(files: &Files, pid: u32) -> Option<u64> {
    let text = files.text(&format!("proc/{pid}/cgroup"))?;
    let mut least: Option<u64> = None;
    for line in text.lines() {
        let mut parts = line.splitn(3, ':');
        let (Some(_), Some(kinds), Some(path)) = (parts.next(), parts.next(), parts.next()) else {
            continue;
        };
        let (root, names): (_, &[&str]) = match kinds {
            "" => ("sys/fs/cgroup", &["memory.high", "memory.max"]),
            "memory" => ("sys/fs/cgroup/memory", &["memory.limit_in_bytes"]),
            _ => continue,
        };
        if path.split('/').any(|part| part == "..") {
            continue;
        }
        for level in Path::new(path.trim_start_matches('/'))
            .ancestors()
            .take(DEPTH)
        {
            for name in names {
                let file = format!("{root}/{}/{name}", level.display());
                let bytes = files.text(&file).and_then(|text| text.trim().parse().ok());
                let bytes = bytes.filter(|bytes| *bytes < NO_LIMIT && *bytes > 0);
                least = [least, bytes].into_iter().flatten().min();
            }
        }
    }
    least
}

/// What the host of a data directory takes when it is busy; the base alone when its configuration
/// does not read.
pub(crate) fn needs_of(dir: &Path) -> u64 {
    let Ok(layered) = Layered::read(&dir.join(CONFIG_FILE), &[]) else {
        return BASE;
    };
    let storage = &layered.config.storage;
    let buffers = storage
        .buffers
        .0
        .saturating_mul(storage.volumes.len() as u64);
    BASE.saturating_add(buffers)
}

/// The hosts that run and those named, each once.
pub(crate) fn all(files: &Files, named: &[PathBuf]) -> Vec<Node> {
    let same = |one: &Path, other: &Path| {
        let full = |path: &Path| path.canonicalize().unwrap_or_else(|_| path.to_path_buf());
        full(one) == full(other)
    };
    let mut nodes: Vec<Node> = running(files)
        .into_iter()
        .map(|(pid, dir)| Node {
            limit: limit_of(files, pid),
            needs: needs_of(&dir),
            pid: Some(pid),
            dir,
        })
        .collect();
    for dir in named {
        if !nodes.iter().any(|node| same(&node.dir, dir)) {
            nodes.push(Node {
                dir: dir.clone(),
                pid: None,
                limit: None,
                needs: needs_of(dir),
            });
        }
    }
    nodes
}

/// Whether the budgets of all hosts fit into the machine.
pub(crate) fn budgets(nodes: &[Node], memory: Option<u64>) -> Finding {
    let Some(memory) = memory.filter(|bytes| *bytes > 0) else {
        return Finding::unknown("memory.budgets", "the machine's memory cannot be read");
    };
    let count = nodes.len() as u64;
    if count == 0 {
        let found = format!("no host here; the machine has {}", files::size(memory));
        return Finding::good("memory.budgets", found);
    }
    let sum = |bytes: fn(&Node, u64) -> u64| {
        nodes
            .iter()
            .fold(0u64, |sum, node| sum.saturating_add(bytes(node, memory)))
    };
    let needs = sum(|node, _| node.needs);
    let allowed = sum(|node, memory| node.limit.unwrap_or(memory / 2).min(memory));
    let share = memory / 5 * 4 / count;
    let found = format!(
        "{count} hosts need {} and may take {} of {}",
        files::size(needs),
        files::size(allowed),
        files::size(memory)
    );
    let remedy = format!(
        "MemoryHigh={}M in the unit of each host, or smaller storage.buffers, or fewer hosts",
        share >> 20
    );
    let small = nodes.iter().find(|node| {
        let limit = node.limit.unwrap_or(memory / 2);
        limit < node.needs
    });
    if let Some(node) = small {
        let found = format!("{found}; {} may not take what it needs", node.dir.display());
        return Finding::new("memory.budgets", Grade::Fail, found).mend(remedy);
    }
    if needs > memory / 5 * 4 {
        Finding::new("memory.budgets", Grade::Fail, found).mend(remedy)
    } else if allowed > memory / 5 * 4 {
        Finding::new("memory.budgets", Grade::Warn, found).mend(remedy)
    } else {
        Finding::good("memory.budgets", found)
    }
}
