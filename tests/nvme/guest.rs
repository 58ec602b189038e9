//! The guest: the first process of a machine without anything else. It loads three modules, starts
//! `board-nvme` and a host whose volumes are two of the drives, and says on its console what the
//! host's API says of them, again and again.
//!
//! Enters: nothing. Leaves: lines `drives JSON`, `read ERRNO`, `fault WHY`. The host reaches no
//! chain and needs none for this.

use std::fs::File;
use std::io::{Read, Write};
use std::net::TcpStream;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::process::{Child, Command, ExitCode, Stdio};
use std::thread;
use std::time::Duration;

use board_wire::NvmeClient;
use board_wire::nvme::DriveName;
use nix::kmod::{ModuleInitFlags, finit_module};
use nix::mount::{MsFlags, mount};
use serde_json::Value;

use crate::ship::MODULES;
use crate::vm::BAD_OFFSET;

/// MODULE_INIT_COMPRESSED_FILE of the kernel's interface.
const COMPRESSED: u32 = 4;
const DRIVES: [&str; 3] = ["well", "stalls", "rots"];
const PATIENCE: u32 = 600;

/// A network without anybody.
const NETWORK: &str = include_str!("../support/nobody.toml");

/// Never ends while the machine is on: its end would be the kernel's.
pub(crate) fn run() -> ExitCode {
    let ended = std::panic::catch_unwind(serve);
    say(&format!("fault the guest ended: {ended:?}"));
    loop {
        thread::park();
    }
}

/// One line on the console.
fn say(line: &str) {
    println!("{line}");
    let _lost = std::io::stdout().flush();
}

fn serve() {
    for (kind, at) in [
        ("proc", "/proc"),
        ("sysfs", "/sys"),
        ("devtmpfs", "/dev"),
        ("tmpfs", "/tmp"),
    ] {
        mount(Some(kind), at, Some(kind), MsFlags::empty(), None::<&str>).expect("mounted");
    }
    for name in MODULES {
        let file = File::open(format!("/lib/{name}.ko.xz")).expect("a module");
        let flags = ModuleInitFlags::from_bits_retain(COMPRESSED);
        finit_module(file.as_fd(), c"", flags).expect("loaded");
    }
    wait_for("the drives", || {
        let known = board_nvme::drives(Path::new("/sys")).unwrap_or_default();
        (known.len() == DRIVES.len()).then_some(())
    });
    let claims: String = DRIVES.iter().map(|name| format!("{name} 1\n")).collect();
    std::fs::write("/etc/holdfast/claims", claims).expect("claimed");
    let mut unit = begin(
        "board-nvme",
        &["--socket", board_wire::NVME_SOCKET, "--user", "0"],
    );
    let client = NvmeClient::new(board_wire::NVME_SOCKET);
    wait_for("board-nvme", || client.drives().ok());
    say(&format!("read {}", read_bad(&client)));
    let (mut host, api, token) = host();
    say("serves");
    let mut read_only = false;
    while unit.try_wait().is_ok_and(|ended| ended.is_none())
        && host.try_wait().is_ok_and(|ended| ended.is_none())
    {
        let drives = ask(&api, &token, "GET", "/api/v1/drives", "");
        say(&format!("drives {drives}"));
        // Trust is tried by a fact that every volume's ring must take: the drives have work.
        if let Some(volume) = volume_of(&drives, "spare") {
            read_only = !read_only;
            let order = if read_only { "read-only" } else { "cancel" };
            let body = format!("{{\"order\": \"{order}\"}}");
            let _told = ask(
                &api,
                &token,
                "PUT",
                &format!("/api/v1/drives/{volume}"),
                &body,
            );
        }
        thread::park_timeout(Duration::from_secs(2));
    }
}

/// The name of the volume at a path.
fn volume_of(drives: &str, path: &str) -> Option<String> {
    let said: Value = serde_json::from_str(drives).ok()?;
    let all = said["drives"].as_array()?.iter();
    let found = all
        .into_iter()
        .find(|one| one["path"].as_str().is_some_and(|at| at.ends_with(path)));
    found?["volume"].as_str().map(str::to_owned)
}

/// The kernel's number for reading the bad place of `rots`, over a descriptor from `board-nvme`.
fn read_bad(client: &NvmeClient) -> i32 {
    let drive = DriveName {
        serial: "rots".into(),
        namespace: 1,
    };
    let file = File::from(client.open(drive).expect("a claimed drive"));
    // Direct reads want an aligned buffer: a page inside two.
    let mut pages = vec![0_u8; 8192];
    let from = pages.as_ptr().align_offset(4096);
    let page = &mut pages[from..from + 4096];
    assert!(file.read_at(page, 0).is_ok(), "other places read");
    let read = file.read_at(page, BAD_OFFSET);
    read.err()
        .and_then(|error| error.raw_os_error())
        .unwrap_or(0)
}

/// A host with two of the drives and a file as volumes; its API and token.
fn host() -> (Child, String, String) {
    std::fs::write("/tmp/network.toml", NETWORK).expect("written");
    let block = |serial: &str| {
        let drives = board_nvme::drives(Path::new("/sys")).unwrap_or_default();
        let found = drives.into_iter().find(|drive| drive.serial == serial);
        format!("/dev/{}=160 MiB", found.expect("it was there").block)
    };
    let made = Command::new("/bin/holdfast")
        .args([
            "init",
            "--dir",
            "/tmp/host",
            "--network",
            "/tmp/network.toml",
        ])
        .args(["--volume", &block("well"), "--volume", &block("stalls")])
        .args([
            "--volume",
            "/tmp/spare=64 MiB",
            "--set",
            r#"api.listen="127.0.0.1:0""#,
        ])
        .args(["--set", r#"swarm.listen=["/ip4/127.0.0.1/tcp/0"]"#])
        .args([
            "--set",
            "gateway.enabled=false",
            "--set",
            r#"storage.buffers="8 MiB""#,
        ])
        .output()
        .expect("holdfast runs");
    let why = String::from_utf8_lossy(&made.stderr).into_owned();
    assert!(made.status.success(), "{why}");
    loopback();
    let child = begin("holdfastd", &["--dir", "/tmp/host"]);
    let api = wait_for("the host's address", || {
        std::fs::read_to_string("/tmp/host/api.addr").ok()
    });
    let token = wait_for("the host's token", || {
        let token = std::fs::read_to_string("/tmp/host/api.token").ok()?;
        (!token.is_empty()).then_some(token)
    });
    wait_for("the host", || TcpStream::connect(&api).ok());
    (child, api, token)
}

/// A new machine's loopback is down.
fn loopback() {
    let flags = Path::new("/sys/class/net/lo/flags");
    std::fs::write(flags, "0x49").expect("loopback is up");
}

fn begin(name: &str, words: &[&str]) -> Child {
    Command::new(format!("/bin/{name}"))
        .args(words)
        .stdin(Stdio::null())
        .spawn()
        .expect("it starts")
}

fn wait_for<T>(what: &str, mut look: impl FnMut() -> Option<T>) -> T {
    for _ in 0..PATIENCE {
        if let Some(found) = look() {
            return found;
        }
        thread::park_timeout(Duration::from_millis(250));
    }
    panic!("{what} did not come");
}

/// One request; the body of the answer, or nothing when the host does not answer.
fn ask(api: &str, token: &str, verb: &str, path: &str, body: &str) -> String {
    let head = format!(
        "{verb} {path} HTTP/1.0\r\nHost: {api}\r\nAuthorization: Bearer {}\r\n\
         Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}",
        token.trim(),
        body.len()
    );
    let mut said = String::new();
    if let Ok(mut stream) = TcpStream::connect(api) {
        let _bounded = stream.set_read_timeout(Some(Duration::from_secs(60)));
        let _sent = stream.write_all(head.as_bytes());
        let _read = stream.read_to_string(&mut said);
    }
    said.split_once("\r\n\r\n")
        .map_or_else(String::new, |(_, body)| body.to_owned())
}
