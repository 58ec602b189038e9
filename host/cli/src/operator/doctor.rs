//! `holdfast doctor`: looks at the machine and at the hosts on it, says what is not as it should
//! be and what mends it, and with `--fix` makes the kernel settings it may make.
//!
//! Every check is a pure function of what was read; reading never fails, a thing that cannot be
//! seen is told as unknown. It needs no running host, no network and no privilege. Exit status:
//! 0 nothing to mend, 3 warnings, 4 failures. No key and no passphrase is ever printed.

use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use clap::Args;
use host_daemon::init;
use serde::Serialize;

use crate::print;

mod files;
mod finding;
mod machine;
mod nodes;
mod outside;
mod place;
mod sysctl;
mod unit;

use files::Files;
use finding::{Finding, Grade, exit_status};

/// What the doctor looks at.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    /// A data directory; may be given again. Hosts that run are found by themselves
    #[arg(long)]
    dir: Vec<PathBuf>,
    /// Make the kernel settings that are missing, now and for the next boot (as root)
    #[arg(long)]
    fix: bool,
    /// Ask nobody over the network
    #[arg(long)]
    offline: bool,
    /// Show also what is as it should be
    #[arg(long)]
    all: bool,
    /// Answer as JSON
    #[arg(long)]
    json: bool,
    /// Where the kernel's files stand
    #[arg(long, hide = true, default_value = "/")]
    root: PathBuf,
}

#[derive(Debug, Serialize)]
struct Said {
    status: Grade,
    exit: u8,
    findings: Vec<Finding>,
    fixed: Vec<String>,
}

/// Looks, mends when told to, and says; returns the exit status.
pub(crate) async fn doctor(args: DoctorArgs) -> anyhow::Result<u8> {
    let files = Files::at(&args.root);
    let mut fixed = Vec::new();
    if args.fix {
        let wanted: Vec<_> = sysctl::all(&files)
            .into_iter()
            .filter_map(|one| one.fix)
            .collect();
        let mut made = sysctl::apply(&files, &wanted);
        unit::widen(&files.path(board_wire::NET_SOCKET), &mut made);
        for (one, wrong) in made {
            let done = wrong.unwrap_or_else(|| "done".to_owned());
            fixed.push(format!("{} = {}: {done}", one.key, one.value));
        }
    }
    let findings = examine(&files, &args.dir, args.offline).await;
    let exit = exit_status(&findings);
    let status = findings
        .iter()
        .map(|one| one.grade)
        .max()
        .unwrap_or(Grade::Good);
    let said = Said {
        status,
        exit,
        findings,
        fixed,
    };
    print::either(args.json, &said, |said| words(said, args.all))?;
    Ok(exit)
}

fn words(said: &Said, all: bool) -> String {
    let mut lines: Vec<String> = said
        .fixed
        .iter()
        .map(|one| format!("fixed  {one}"))
        .collect();
    let told = said
        .findings
        .iter()
        .filter(|one| all || one.grade != Grade::Good);
    lines.extend(told.map(Finding::words));
    let count = |grade| {
        said.findings
            .iter()
            .filter(|one| one.grade == grade)
            .count()
    };
    lines.push(format!(
        "{} good, {} unknown, {} advice, {} warnings, {} failures",
        count(Grade::Good),
        count(Grade::Unknown),
        count(Grade::Advice),
        count(Grade::Warn),
        count(Grade::Fail)
    ));
    lines.join("\n")
}

/// Every check.
async fn examine(files: &Files, named: &[PathBuf], offline: bool) -> Vec<Finding> {
    let nodes = nodes::all(files, named);
    let pid = nodes.iter().find_map(|node| node.pid);
    let limits_of = pid.map_or_else(|| "self".to_owned(), |pid| pid.to_string());
    let mut found = machine::all(files, &limits_of);
    found.extend(sysctl::all(files));
    let memory = files.text("proc/meminfo");
    let memory = memory.and_then(|text| files::kib(&text, "MemTotal"));
    found.push(nodes::budgets(&nodes, memory));
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    let mut times = machine::Times {
        now: now.map_or(0, |now| now.as_secs()),
        synced: machine::synced(files),
        ..machine::Times::default()
    };
    for node in &nodes {
        let of_host = host(files, &node.dir, offline, &mut times).await;
        let many = nodes.len() > 1;
        found.extend(of_host.into_iter().map(|mut one| {
            if many {
                one.check = format!("{}: {}", node.dir.display(), one.check);
            }
            one
        }));
    }
    found.push(machine::clock(&times));
    found
}

/// Every check of one data directory; what it tells of time goes into `times`.
async fn host(
    files: &Files,
    dir: &Path,
    offline: bool,
    times: &mut machine::Times,
) -> Vec<Finding> {
    let (config, finding) = place::configuration(dir);
    let mut found = vec![finding];
    let Some(config) = config else {
        return found;
    };
    times.newest_file = newest(dir).max(times.newest_file);
    found.push(place::read_key(dir, &config));
    let process = place::process(files, dir);
    found.push(match process {
        Some(pid) => Finding::good("process", format!("serves as process {pid}")),
        None => Finding::new("process", Grade::Advice, "does not run")
            .mend(format!("holdfastd --dir {}", dir.display())),
    });
    if process.is_some() {
        found.push(outside::reach(dir).await);
    }
    let state = dir.join(&config.storage.state);
    found.push(place::space(place::read_space(&state)));
    found.extend(place::volumes(files, dir, &config));
    let ports = place::ports_of(&config);
    found.extend(place::clashes(&ports));
    for port in &ports {
        let tried = process.is_none().then(|| place::try_bind(port));
        found.push(place::port(port, tried));
    }
    match init::read_network(dir, &config) {
        Ok(network) if !offline => {
            found.push(outside::chain(&config, &network).await);
            times.others.extend(outside::clocks(&network).await);
        }
        Ok(_) => found.push(Finding::unknown("chain", "not asked (--offline)")),
        Err(_) => (),
    }
    found
}

/// The newest file directly in a data directory, seconds since 1970.
fn newest(dir: &Path) -> Option<u64> {
    let entries = std::fs::read_dir(dir).ok()?;
    let times = entries
        .flatten()
        .filter_map(|entry| entry.metadata().ok()?.modified().ok());
    let newest = times.max()?.duration_since(UNIX_EPOCH).ok()?;
    Some(newest.as_secs())
}

#[cfg(test)]
mod tests;
