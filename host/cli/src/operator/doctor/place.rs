//! Checks of one data directory: configuration, keys, process, volumes, space, ports. Works while
//! the host runs and while it is dead; nothing is written, no key leaves, and a port that must be
//! tried is bound for a moment only when the host does not run.

use std::net::{SocketAddr, TcpListener, UdpSocket};
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt};
use std::path::Path;

use host_daemon::config::Config;
use host_daemon::config::layers::Layered;
use host_daemon::init::{self, CONFIG_FILE};

use super::files::{self, Files};
use super::finding::{Finding, Grade};
use super::nodes;

/// Free bytes on the state device below which the host cannot go on, and below which it is told.
const FREE_FAIL: u64 = 512 << 20;
const FREE_WARN: u64 = 4 << 30;
/// The label of a volume begins with this.
const VOLUME_MAGIC: &[u8] = b"HFVOLUME";

/// The configuration, and what is to say of it.
pub(crate) fn configuration(dir: &Path) -> (Option<Config>, Finding) {
    let path = dir.join(CONFIG_FILE);
    if !path.exists() {
        let found = format!("no {CONFIG_FILE} in {}", dir.display());
        let finding = Finding::new("config", Grade::Fail, found)
            .mend(format!("holdfast init --dir {}", dir.display()));
        return (None, finding);
    }
    match Layered::read(&path, &[]) {
        Ok(layered) => {
            let network = init::read_network(dir, &layered.config);
            let finding = match network {
                Ok(network) => Finding::good("config", format!("valid, network {}", network.name)),
                Err(err) => Finding::new("config", Grade::Fail, format!("{err:#}"))
                    .mend("put the network file where the key `network` says"),
            };
            (Some(layered.config), finding)
        }
        Err(err) => {
            let finding = Finding::new("config", Grade::Fail, err.to_string())
                .mend("holdfast config validate; the last good copy may be in a backup");
            (None, finding)
        }
    }
}

/// What is known of the key's file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct KeyFacts {
    /// Permission bits.
    pub(crate) mode: u32,
    /// Whether it needs no passphrase.
    pub(crate) plain: bool,
    /// Whether the machine has a TPM, which could keep it.
    pub(crate) tpm: bool,
    /// Whether the private network's key file, where one is needed, is there.
    pub(crate) opens: bool,
}

/// Judges the key's file.
pub(crate) fn key(facts: Option<KeyFacts>, why: &str) -> Finding {
    match facts {
        None => Finding::new("key", Grade::Fail, why)
            .mend("holdfast init --recover FILE with the recovery phrase brings the key back"),
        Some(facts) if facts.mode & 0o077 != 0 => {
            let found = format!(
                "others may read the key file (mode {:o})",
                facts.mode & 0o777
            );
            Finding::new("key", Grade::Fail, found).mend("chmod 600 the key file")
        }
        Some(facts) if !facts.opens => Finding::new("key", Grade::Fail, why)
            .mend("name the right file in identity.passphrase_file"),
        Some(facts) if facts.plain => Finding::new(
            "key",
            Grade::Advice,
            match facts.tpm {
                true => "plain: its mode (0600) alone protects it",
                false => "plain: its mode (0600) alone protects it; this machine has no TPM",
            },
        )
        .mend("seal it with a passphrase held as a system credential"),
        Some(_) => Finding::good("key", "sealed, and its passphrase opens it"),
    }
}

/// Reads what `key` judges. Cost: one opening of a sealed key, about a second.
pub(crate) fn read_key(dir: &Path, config: &Config) -> Finding {
    let path = Config::resolve(dir, &config.identity.key_file);
    let plain = init::is_key_plain(dir, config);
    let opened = init::read_key(dir, config);
    let why = match (&plain, &opened) {
        (Err(err), _) | (_, Err(err)) => format!("{err:#}"),
        _ => String::new(),
    };
    let facts = plain.ok().and_then(|plain| {
        let mode = std::fs::metadata(&path).ok()?.permissions().mode();
        let opens = opened.is_ok();
        let tpm = Path::new("/sys/class/tpm/tpm0").exists();
        Some(KeyFacts {
            mode,
            plain,
            tpm,
            opens,
        })
    });
    key(facts, &why)
}

/// The process that serves this directory, when it lives.
pub(crate) fn process(files: &Files, dir: &Path) -> Option<u32> {
    let text = std::fs::read_to_string(dir.join("lock")).ok()?;
    let pid: u32 = text.trim().parse().ok()?;
    let cmdline = files.text(&format!("proc/{pid}/cmdline"))?;
    nodes::directory_of(&cmdline).map(|_| pid)
}

/// Free bytes and all bytes, as `df -Pk` prints them.
pub(crate) fn df(text: &str) -> Option<(u64, u64)> {
    // A long device name may stand on a line of its own, so words are counted from the end.
    let words: Vec<&str> = text
        .lines()
        .skip(1)
        .flat_map(str::split_whitespace)
        .collect();
    let at = words.iter().position(|word| word.ends_with('%'))?;
    let number = |back: usize| words.get(at.checked_sub(back)?)?.parse::<u64>().ok();
    let (all, free) = (number(3)?, number(1)?);
    Some((free.checked_mul(1024)?, all.checked_mul(1024)?))
}

/// Judges the space of the state's file system.
pub(crate) fn space(free: Option<(u64, u64)>) -> Finding {
    let Some((free, all)) = free else {
        return Finding::unknown("space.state", "df says nothing of it");
    };
    let found = format!("{} free of {}", files::size(free), files::size(all));
    let remedy = "free space there, or move storage.state; each million shards takes 1.2 GiB";
    match free {
        0..FREE_FAIL => Finding::new("space.state", Grade::Fail, found).mend(remedy),
        FREE_FAIL..FREE_WARN => Finding::new("space.state", Grade::Warn, found).mend(remedy),
        _ => Finding::good("space.state", found),
    }
}

/// Asks the system for the space around a path.
pub(crate) fn read_space(path: &Path) -> Option<(u64, u64)> {
    let mut at = path;
    while !at.exists() {
        at = at.parent()?;
    }
    let out = std::process::Command::new("df")
        .arg("-Pk")
        .arg(at)
        .output()
        .ok()?;
    df(&String::from_utf8_lossy(&out.stdout))
}

/// What is known of a volume's path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct VolumeFacts {
    /// The path as configured.
    pub(crate) name: String,
    /// Bytes of the file; none for a block device.
    pub(crate) len: Option<u64>,
    /// Bytes really allocated to the file.
    pub(crate) allocated: u64,
    /// Bytes the configuration wants.
    pub(crate) wanted: u64,
    /// Whether it begins with a volume's label; none when it cannot be read.
    pub(crate) labelled: Option<bool>,
}

/// Judges a volume by what its path shows.
pub(crate) fn volume(facts: &VolumeFacts) -> Finding {
    let check = format!("volume.{}", facts.name);
    if facts.labelled == Some(false) {
        return Finding::new(check, Grade::Fail, "carries no label of a volume")
            .mend("the path names something else, or it was overwritten; look before anything");
    }
    let Some(len) = facts.len else {
        let found = if facts.labelled.is_some() {
            "a block device with its label"
        } else {
            "a block device (not readable by this user)"
        };
        return Finding::good(check, found);
    };
    if len < facts.wanted {
        let found = format!("{} of {}", files::size(len), files::size(facts.wanted));
        return Finding::new(
            check,
            Grade::Fail,
            format!("shorter than it was made: {found}"),
        )
        .mend("it is left out until it is whole again; restore the file");
    }
    if facts.allocated < len / 100 * 99 {
        let found = format!(
            "only {} of {} are allocated",
            files::size(facts.allocated),
            files::size(len)
        );
        return Finding::new(check, Grade::Warn, found)
            .mend("fallocate the file: a full file system would fail writes that were promised");
    }
    Finding::good(check, files::size(len))
}

/// Every volume, and whether two lie on one drive.
pub(crate) fn volumes(files: &Files, dir: &Path, config: &Config) -> Vec<Finding> {
    let mut found = Vec::new();
    let mut drives: Vec<u64> = Vec::new();
    for one in &config.storage.volumes {
        let path = Config::resolve(dir, &one.path);
        let name = one.path.display().to_string();
        let meta = match std::fs::metadata(&path) {
            Ok(meta) => meta,
            Err(err) => {
                let words = format!("{}: {err}", path.display());
                let finding = Finding::new(format!("volume.{name}"), Grade::Fail, words);
                found.push(finding.mend("mount its drive, or take it out of storage.volumes"));
                continue;
            }
        };
        let raw = meta.file_type().is_block_device();
        let drive = if raw { meta.rdev() } else { meta.dev() };
        found.push(volume(&VolumeFacts {
            name: name.clone(),
            len: (!raw).then_some(meta.len()),
            allocated: meta.blocks().saturating_mul(512),
            wanted: one.size.0,
            labelled: begins_with(&path, VOLUME_MAGIC),
        }));
        if !drives.contains(&drive) {
            found.extend(cache(files, drive));
        }
        drives.push(drive);
    }
    let apart: std::collections::BTreeSet<u64> = drives.iter().copied().collect();
    if apart.len() < drives.len() {
        let words = format!("{} volumes on {} drives", drives.len(), apart.len());
        found.push(
            Finding::new("volumes.apart", Grade::Advice, words)
                .mend("volumes on one drive fail together; give each its own"),
        );
    }
    found
}

fn begins_with(path: &Path, magic: &[u8]) -> Option<bool> {
    use std::io::Read;
    let mut start = vec![0; magic.len()];
    std::fs::File::open(path)
        .ok()?
        .read_exact(&mut start)
        .ok()?;
    Some(start == magic)
}

/// What the kernel says of the drive's write cache and wheels; nothing where /sys is hidden.
fn cache(files: &Files, drive: u64) -> Option<Finding> {
    let major = ((drive >> 8) & 0xfff) | ((drive >> 32) & !0xfff);
    let minor = (drive & 0xff) | ((drive >> 12) & !0xff);
    let base = format!("sys/dev/block/{major}:{minor}");
    let read = |name: &str| {
        let own = files.text(&format!("{base}/queue/{name}"));
        own.or_else(|| files.text(&format!("{base}/../queue/{name}")))
    };
    let (cache, turns) = (read("write_cache")?, read("rotational")?);
    let check = format!("drive.{major}:{minor}");
    let found = format!("write cache: {}", cache.trim());
    Some(if turns.trim() == "1" {
        Finding::new(check, Grade::Advice, format!("{found}; it turns"))
            .mend("proofs read single leaves: solid state answers them in time, always")
    } else {
        Finding::good(check, found)
    })
}

/// A port the host wants.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Port {
    /// Which key asks for it.
    pub(crate) key: &'static str,
    /// Whether it is UDP.
    pub(crate) udp: bool,
    /// Where.
    pub(crate) at: SocketAddr,
}

/// A multiaddress of IP and TCP or UDP as a port; none for other shapes.
pub(crate) fn port_of(multiaddr: &str) -> Option<Port> {
    let mut parts = multiaddr.strip_prefix('/')?.split('/');
    let (family, ip) = (parts.next()?, parts.next()?);
    if !matches!(family, "ip4" | "ip6") {
        return None;
    }
    let udp = match parts.next()? {
        "tcp" => false,
        "udp" => true,
        _ => return None,
    };
    let at = SocketAddr::new(ip.parse().ok()?, parts.next()?.parse().ok()?);
    let key = "swarm.listen";
    Some(Port { key, udp, at })
}

/// Every port a configuration asks for; port 0 means any and is left out.
pub(crate) fn ports_of(config: &Config) -> Vec<Port> {
    let mut ports: Vec<Port> = config
        .swarm
        .listen
        .iter()
        .filter_map(|at| port_of(at))
        .collect();
    let doors = [
        ("api.listen", config.api.enabled, config.api.listen),
        (
            "gateway.listen",
            config.gateway.enabled,
            config.gateway.listen,
        ),
        ("health.listen", config.health.enabled, config.health.listen),
    ];
    for (key, enabled, at) in doors {
        if enabled {
            ports.push(Port {
                key,
                udp: false,
                at,
            });
        }
    }
    ports.retain(|port| port.at.port() != 0);
    ports
}

/// Judges a port: what trying it said, or that the host itself holds it.
pub(crate) fn port(port: &Port, tried: Option<Result<(), std::io::ErrorKind>>) -> Finding {
    let kind = if port.udp { "udp" } else { "tcp" };
    let check = format!("port.{}.{kind}.{}", port.key, port.at.port());
    let at = port.at;
    let remedy = format!("stop whoever holds it (ss -lpn), or change `{}`", port.key);
    match tried {
        None => Finding::good(check, format!("{at}, held by this host")),
        Some(Ok(())) => Finding::good(check, format!("{at} is free")),
        Some(Err(std::io::ErrorKind::AddrInUse)) => {
            Finding::new(check, Grade::Fail, format!("{at} is in use")).mend(remedy)
        }
        Some(Err(std::io::ErrorKind::PermissionDenied)) => {
            Finding::new(check, Grade::Fail, format!("{at} is not ours to take"))
                .mend("choose a port above 1023, or give the unit CAP_NET_BIND_SERVICE")
        }
        Some(Err(kind)) => Finding::new(check, Grade::Fail, format!("{at}: {kind}")).mend(format!(
            "is the address of this machine? change `{}`",
            port.key
        )),
    }
}

/// Two keys that ask for one port.
pub(crate) fn clashes(ports: &[Port]) -> Vec<Finding> {
    let mut found = Vec::new();
    for (index, one) in ports.iter().enumerate() {
        let same = |other: &&Port| {
            let meets = other.at.ip() == one.at.ip()
                || other.at.ip().is_unspecified()
                || one.at.ip().is_unspecified();
            other.udp == one.udp && other.at.port() == one.at.port() && meets
        };
        for other in ports.iter().take(index).filter(same) {
            let words = format!("`{}` and `{}` both want {}", other.key, one.key, one.at);
            let finding = Finding::new("port.clash", Grade::Fail, words);
            found.push(finding.mend("give each its own port"));
        }
    }
    found
}

/// Tries to bind a port for a moment.
pub(crate) fn try_bind(port: &Port) -> Result<(), std::io::ErrorKind> {
    let tried = if port.udp {
        UdpSocket::bind(port.at).map(drop)
    } else {
        TcpListener::bind(port.at).map(drop)
    };
    tried.map_err(|err| err.kind())
}
