//! The ground of a run: namespaces, links, thresholds, and how all of it is taken back.
//!
//! Enters: what the machine has. Leaves: [`Ground`], undone when dropped. Invariant: a small shell
//! that reads from a pipe only we hold undoes everything when we are gone, however we went; it
//! knows names and old thresholds from the start. All links stand in namespaces of our own.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, Stdio};

use anyhow::{Context, ensure};

/// Namespaces that flood.
pub(crate) const CONTAINERS: usize = 12;
/// Peers that should be kept.
pub(crate) const PEERS: usize = 16;
/// Thresholds of the kernel's own default, which most machines boot with.
const NARROW: [u32; 3] = [128, 512, 1024];
const SYSCTL: &str = "/proc/sys/net/ipv4/neigh/default/gc_thresh";

/// Why the suite cannot run here, if so.
pub(crate) fn missing() -> Option<&'static str> {
    if !nix::unistd::geteuid().is_root() {
        return Some("not root");
    }
    if thresholds().is_err() {
        return Some("not the machine's first network namespace");
    }
    let ip = Command::new("ip").arg("-V").stdout(Stdio::null()).status();
    if !ip.is_ok_and(|status| status.success()) {
        return Some("no ip command");
    }
    let made = Command::new("unshare")
        .args(["--net", "true"])
        .stderr(Stdio::null())
        .status();
    if !made.is_ok_and(|status| status.success()) {
        return Some("no network namespaces");
    }
    set_thresholds(thresholds().unwrap_or(NARROW))
        .err()
        .map(|_| "thresholds cannot be written")
}

/// gc_thresh1, 2 and 3 for IPv4.
pub(crate) fn thresholds() -> anyhow::Result<[u32; 3]> {
    let mut read = [0; 3];
    for (place, n) in read.iter_mut().zip(1..) {
        let path = format!("{SYSCTL}{n}");
        *place = fs::read_to_string(&path).context(path)?.trim().parse()?;
    }
    Ok(read)
}

/// Writes them; what `board-net` does over RTM_SETNEIGHTBL.
pub(crate) fn set_thresholds(values: [u32; 3]) -> anyhow::Result<()> {
    for (value, n) in values.into_iter().zip(1..) {
        let path = format!("{SYSCTL}{n}");
        fs::write(&path, value.to_string()).context(path)?;
    }
    Ok(())
}

/// Namespaces and links of one run.
#[derive(Debug)]
pub(crate) struct Ground {
    prefix: String,
    keeper: Option<Child>,
}

impl Ground {
    /// Makes them: a switch, twelve containers on 172.29.0.0/16, ours, and one that holds the live
    /// peers on 10.77.0.0/24.
    pub(crate) fn make() -> anyhow::Result<Self> {
        let prefix = format!("hff{}", std::process::id());
        let names = Self::names(&prefix);
        let mut ground = Self {
            keeper: Some(keeper(&names, thresholds()?)?),
            prefix,
        };
        let built = ground.build(&names);
        if built.is_err() {
            ground.undo();
        }
        built.map(|()| ground)
    }

    /// The name of our own namespace: where the watch and the busy sockets stand.
    pub(crate) fn ours(&self) -> String {
        format!("{}ours", self.prefix)
    }

    /// The name of the namespace that answers for the live peers.
    pub(crate) fn live(&self) -> String {
        format!("{}live", self.prefix)
    }

    /// The name of a flooding namespace, from 0.
    pub(crate) fn container(&self, n: usize) -> String {
        format!("{}c{n}", self.prefix)
    }

    /// What `ip neigh` shows in our namespace.
    pub(crate) fn shown(&self) -> anyhow::Result<usize> {
        let out = Command::new("ip")
            .args(["-n", &self.ours(), "neigh", "show"])
            .output()?;
        Ok(String::from_utf8_lossy(&out.stdout).lines().count())
    }

    fn names(prefix: &str) -> Vec<String> {
        let containers = (0..CONTAINERS).map(|n| format!("{prefix}c{n}"));
        let rest = ["sw", "ours", "live"].map(|name| format!("{prefix}{name}"));
        rest.into_iter().chain(containers).collect()
    }

    fn build(&self, names: &[String]) -> anyhow::Result<()> {
        for name in names {
            ip(&["netns", "add", name])?;
            let quiet = "echo 1 > /proc/sys/net/ipv6/conf/all/disable_ipv6; \
                         echo 1 > /proc/sys/net/ipv6/conf/default/disable_ipv6; ip link set lo up";
            ip(&["netns", "exec", name, "sh", "-c", quiet])?;
        }
        let (switch, ours, live) = (format!("{}sw", self.prefix), self.ours(), self.live());
        let mut lines = String::from("link add br0 type bridge\nlink set br0 up\n");
        for n in 0..CONTAINERS {
            let name = self.container(n);
            writeln!(lines, "link add v{n} type veth peer name e0 netns {name}")?;
            writeln!(lines, "link set v{n} master br0 up")?;
            batch(&switch, &std::mem::take(&mut lines))?;
            let address = format!("172.29.{}.1/16", n + 1);
            batch(
                &name,
                &format!("addr add {address} dev e0\nlink set e0 up\n"),
            )?;
        }
        batch(
            &ours,
            &format!(
                "link add p0 type veth peer name p0 netns {live}\n\
                 addr add 10.77.0.100/24 dev p0\nlink set p0 up\n"
            ),
        )?;
        let mut lines = String::new();
        for n in 1..=PEERS {
            writeln!(lines, "addr add 10.77.0.{n}/24 dev p0")?;
        }
        batch(&live, &(lines + "link set p0 up\n"))?;
        // Peers that are idle go stale after three seconds rather than half a minute.
        let stale = "cd /proc/sys/net/ipv4/neigh/p0; echo 1000 > base_reachable_time_ms; \
                     echo 1 > delay_first_probe_time";
        ip(&["netns", "exec", &ours, "sh", "-c", stale])?;
        set_thresholds(NARROW)
    }

    /// Lets the keeper undo everything now, and waits for it.
    fn undo(&mut self) {
        if let Some(mut keeper) = self.keeper.take() {
            drop(keeper.stdin.take());
            let _status = keeper.wait();
        }
    }
}

impl Drop for Ground {
    fn drop(&mut self) {
        self.undo();
    }
}

/// The shell that undoes a run when its pipe closes: namespaces first, because their entries would
/// still fill the narrower table; then, a second later, the thresholds as they were.
fn keeper(names: &[String], old: [u32; 3]) -> anyhow::Result<Child> {
    let mut script = String::from("trap '' INT TERM HUP; read -r word; ");
    for name in names {
        write!(script, "ip netns del {name} 2>/dev/null; ")?;
    }
    write!(script, "sleep 1; ")?;
    for (value, n) in old.into_iter().zip(1..) {
        write!(script, "echo {value} > {SYSCTL}{n}; ")?;
    }
    Command::new("sh")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .process_group(0)
        .spawn()
        .context("sh")
}

fn ip(arguments: &[&str]) -> anyhow::Result<()> {
    let out = Command::new("ip").args(arguments).output().context("ip")?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "ip {}: {said}", arguments.join(" "));
    Ok(())
}

fn batch(namespace: &str, lines: &str) -> anyhow::Result<()> {
    let mut child = Command::new("ip")
        .args(["-n", namespace, "-batch", "-"])
        .stdin(Stdio::piped())
        .spawn()
        .context("ip")?;
    if let Some(mut stdin) = child.stdin.take() {
        stdin.write_all(lines.as_bytes())?;
    }
    ensure!(child.wait()?.success(), "ip -n {namespace}: {lines}");
    Ok(())
}

/// Moves the calling thread into a namespace, for good.
pub(crate) fn enter(namespace: &str) -> anyhow::Result<()> {
    let path = format!("/run/netns/{namespace}");
    let file = fs::File::open(&path).context(path)?;
    nix::sched::setns(file, nix::sched::CloneFlags::CLONE_NEWNET).context("setns")
}
