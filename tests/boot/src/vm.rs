//! One virtual machine under QEMU without KVM: one processor, a system disk and what a case adds.
//! What it says on its serial line is what the tests read; it ends with its owner.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail, ensure};

const CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// The firmware that checks what it starts.
const SECURE: &str = "/usr/share/OVMF/OVMF_CODE_4M.secboot.fd";
/// Fresh firmware variables.
pub(crate) const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";
/// A machine that says nothing new for this long hangs. Generous: the processors are shared and
/// every instruction is emulated.
const PATIENCE: Duration = Duration::from_secs(600);

/// What a machine is made of besides its system disk.
#[derive(Debug, Clone, Default)]
pub(crate) struct Parts {
    /// Read-only drives, as sticks are.
    sticks: Vec<PathBuf>,
    /// What the firmware's description says as the machine's serial number.
    serial: String,
    /// A port of loopback behind which the machine's remote door is.
    door: Option<u16>,
    /// Ports of loopback and those of the machine behind them.
    forwards: Vec<(u16, u16)>,
    /// Addresses of the machine's closed network and those of loopback behind them.
    reached: Vec<(String, String)>,
    /// NVMe drives beside the system's, with their serial numbers.
    drives: Vec<(PathBuf, String)>,
    /// The wall clock at power-on; the host's own when empty.
    clock: String,
    /// A stick in a USB port that it starts from.
    usb: Option<PathBuf>,
    /// Whether its firmware checks what it starts.
    secure: bool,
    /// Whether its firmware is of the kind before UEFI.
    legacy: bool,
    /// A folder that its network serves by TFTP, and the file that it starts from there.
    served: Option<(PathBuf, String)>,
    /// The name of its TPM, which keeps what it was told; it has none when empty.
    tpm: String,
}

impl Parts {
    /// A stick more.
    pub(crate) fn stick(mut self, path: &Path) -> Self {
        self.sticks.push(path.to_owned());
        self
    }

    /// What the faulty image reads as its fault.
    pub(crate) fn fault(mut self, word: &str) -> Self {
        word.clone_into(&mut self.serial);
        self
    }

    /// Its remote door, at a port of this machine's loopback.
    pub(crate) fn door(mut self, port: u16) -> Self {
        self.door = Some(port);
        self
    }

    /// A port of loopback more, and the machine's behind it.
    pub(crate) fn forward(mut self, from: u16, to: u16) -> Self {
        self.forwards.push((from, to));
        self
    }

    /// An address the machine reaches, and what of loopback is behind it.
    pub(crate) fn reach(mut self, from: &str, to: &str) -> Self {
        self.reached.push((from.to_owned(), to.to_owned()));
        self
    }

    /// An NVMe drive more.
    pub(crate) fn drive(mut self, path: &Path, serial: &str) -> Self {
        self.drives.push((path.to_owned(), serial.to_owned()));
        self
    }

    /// A stick in a USB port that it starts from.
    pub(crate) fn usb(mut self, path: &Path) -> Self {
        self.usb = Some(path.to_owned());
        self
    }

    /// Firmware of the kind before UEFI.
    pub(crate) fn legacy(mut self) -> Self {
        self.legacy = true;
        self
    }

    /// A network that boots machines: a folder, and the file in it to start.
    pub(crate) fn served(mut self, folder: &Path, file: &str) -> Self {
        self.served = Some((folder.to_owned(), file.to_owned()));
        self
    }

    /// A TPM of this name.
    pub(crate) fn tpm(mut self, name: &str) -> Self {
        name.clone_into(&mut self.tpm);
        self
    }

    const fn code(&self) -> &'static str {
        if self.secure { SECURE } else { CODE }
    }

    /// Firmware that starts only what its owner signed; `vars.fd` says who that is.
    pub(crate) fn secure(mut self) -> Self {
        self.secure = true;
        self
    }

    /// A clock that is wrong.
    pub(crate) fn clock(mut self, date: &str) -> Self {
        date.clone_into(&mut self.clock);
        self
    }
}

/// A machine that runs.
pub(crate) struct Vm {
    child: Child,
    serial: PathBuf,
    begun: Instant,
    seen: usize,
    _tpm: Option<Tpm>,
}

impl Vm {
    /// Powers a machine on. `folder` holds `disk.raw` and `vars.fd`.
    pub(crate) fn start(folder: &Path, parts: &Parts) -> anyhow::Result<Self> {
        let serial = folder.join("serial.log");
        keep_log(folder, &serial);
        let flash = |unit: u8, path: &Path, more: &str| {
            let path = path.display();
            format!("if=pflash,format=raw,unit={unit}{more},file={path}")
        };
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-machine", "q35,smm=on,accel=tcg", "-smp", "1", "-m", "512"])
            .args(["-cpu", "qemu64,+ssse3,+sse4.1,+sse4.2,+rdrand"])
            .args(["-nodefaults", "-display", "none"])
            .args(["-uuid", "6f1c2a52-6d0e-4b7c-9a58-0f3a7d1b9e40"])
            .arg("-serial")
            .arg(format!("file:{}", serial.display()))
            .arg("-drive")
            .arg(drive("d0", &folder.join("disk.raw"), ""))
            .args(["-device", "nvme,serial=system,drive=d0,bootindex=1"])
            .args(["-netdev", &network(parts)?])
            .args(["-device", &card(parts)])
            .args(["-device", "i6300esb", "-action", "watchdog=reset"]);
        if !parts.legacy {
            qemu.arg("-drive")
                .arg(flash(0, Path::new(parts.code()), ",readonly=on"))
                .arg("-drive")
                .arg(flash(1, &folder.join("vars.fd"), ""));
        }
        if parts.secure {
            // Its variables are written from system management mode alone.
            qemu.args(["-global", "driver=cfi.pflash01,property=secure,value=on"]);
        }
        extras(&mut qemu, parts);
        let tpm = Tpm::start(&mut qemu, folder, parts)?;
        let child = qemu
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::inherit())
            .spawn()
            .context("starting qemu-system-x86_64")?;
        Ok(Self {
            child,
            serial,
            begun: Instant::now(),
            seen: 0,
            _tpm: tpm,
        })
    }

    /// Waits until the machine says `text` after what was waited for before; returns the seconds
    /// since power-on.
    pub(crate) fn wait(&mut self, text: &str) -> anyhow::Result<f64> {
        self.either(&[text]).map(|_| self.seconds())
    }

    /// Waits for the first of several texts and says which one it was.
    pub(crate) fn either(&mut self, texts: &[&str]) -> anyhow::Result<usize> {
        let mut until = Instant::now() + PATIENCE;
        let mut len = 0;
        loop {
            let said = self.said();
            if said.len() > len {
                len = said.len();
                until = Instant::now() + PATIENCE;
            }
            let fresh = said.get(self.seen..).unwrap_or_default();
            let first = texts
                .iter()
                .enumerate()
                .filter_map(|(which, text)| Some((fresh.find(text)?, which, text.len())))
                .min();
            if let Some((at, which, len)) = first {
                self.seen += at + len;
                return Ok(which);
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the machine ended ({status}) before it said one of {texts:?}");
            }
            if Instant::now() > until {
                let tail: Vec<&str> = said.lines().rev().take(15).collect();
                bail!("silent for {PATIENCE:?} before {texts:?}; last lines: {tail:#?}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    /// Whether it said `text` after what was waited for before.
    pub(crate) fn said_since(&self, text: &str) -> bool {
        self.said()
            .get(self.seen..)
            .unwrap_or_default()
            .contains(text)
    }

    /// Lets the machine run on for a while, whatever it says.
    pub(crate) fn run_for(&self, time: Duration) {
        std::thread::sleep(time);
    }

    /// Seconds since power-on.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// The word in the last line that was said, behind `mark`.
    pub(crate) fn word(&self, mark: &str) -> Option<String> {
        let said = self.said();
        let (_, rest) = said.rsplit_once(mark)?;
        rest.split_whitespace().next().map(str::to_owned)
    }

    /// The first line with words behind the first `mark`.
    pub(crate) fn line_after(&self, mark: &str) -> Option<String> {
        let said = self.said();
        let (_, rest) = said.split_once(mark)?;
        let mut lines = rest.lines().map(str::trim);
        lines.find(|line| !line.is_empty()).map(str::to_owned)
    }

    /// The number in the last line that was said, behind `mark`.
    pub(crate) fn number(&self, mark: &str) -> Option<f64> {
        self.word(mark)?.parse().ok()
    }

    fn said(&self) -> String {
        let bytes = std::fs::read(&self.serial).unwrap_or_default();
        // Cut at whole characters: a terminal's escapes are not always.
        String::from_utf8_lossy(&bytes).replace('\u{fffd}', "?")
    }
}

/// An emulated TPM; it ends with its machine.
struct Tpm(Child);

impl Tpm {
    /// Starts the TPM that a case asked for, and tells the machine of it.
    fn start(qemu: &mut Command, folder: &Path, parts: &Parts) -> anyhow::Result<Option<Self>> {
        if parts.tpm.is_empty() {
            return Ok(None);
        }
        let state = folder.join(format!("tpm-{}", parts.tpm));
        std::fs::create_dir_all(&state)?;
        // swtpm wants whole paths.
        let state = state.canonicalize()?;
        let socket = state.join("socket");
        let _ = std::fs::remove_file(&socket);
        let child = Command::new("swtpm")
            .args(["socket", "--tpm2", "--terminate", "--tpmstate"])
            .arg(format!("dir={}", state.display()))
            .arg("--ctrl")
            .arg(format!("type=unixio,path={}", socket.display()))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .spawn()
            .context("starting swtpm: apt-get install swtpm")?;
        let tpm = Self(child);
        let until = Instant::now() + Duration::from_secs(20);
        while !socket.exists() {
            ensure!(Instant::now() < until, "swtpm made no socket");
            std::thread::sleep(Duration::from_millis(20));
        }
        qemu.arg("-chardev")
            .arg(format!("socket,id=tpm,path={}", socket.display()))
            .args(["-tpmdev", "emulator,id=t0,chardev=tpm"])
            .args(["-device", "tpm-crb,tpmdev=t0"]);
        Ok(Some(tpm))
    }
}

impl Drop for Tpm {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A drive as the machine is told of it.
fn drive(id: &str, path: &Path, more: &str) -> String {
    let path = path.display();
    format!("file={path},if=none,id={id},format=raw{more}")
}

/// What a case put in besides.
fn extras(qemu: &mut Command, parts: &Parts) {
    if let Some(stick) = &parts.usb {
        qemu.args(["-device", "qemu-xhci", "-drive"])
            .arg(drive("u0", stick, ""))
            .args(["-device", "usb-storage,drive=u0,serial=stick,bootindex=0"]);
    }
    if parts.served.is_some() {
        // Firmware opens no network without randomness.
        qemu.args(["-device", "virtio-rng-pci"]);
    }
    if !parts.serial.is_empty() {
        qemu.arg("-smbios")
            .arg(format!("type=1,serial={}", parts.serial));
    }
    if !parts.clock.is_empty() {
        qemu.arg("-rtc").arg(format!("base={}", parts.clock));
    }
    for (number, (path, serial)) in parts.drives.iter().enumerate() {
        qemu.arg("-drive")
            .arg(drive(&format!("n{number}"), path, ""))
            .arg("-device")
            .arg(format!("nvme,serial={serial},drive=n{number}"));
    }
    for (number, stick) in parts.sticks.iter().enumerate() {
        qemu.arg("-drive")
            .arg(drive(&format!("s{number}"), stick, ",readonly=on"))
            .arg("-device")
            .arg(format!(
                "virtio-blk-pci,drive=s{number},serial=stick{number}"
            ));
    }
}

/// The network card; the firmware drives it itself, and tries it first where it is to start from it.
fn card(parts: &Parts) -> String {
    let first = if parts.served.is_some() {
        ",bootindex=0"
    } else {
        ""
    };
    format!("virtio-net-pci,netdev=n0,romfile={first}")
}

/// Nothing leaves the machine; what comes in is what a case asked for.
fn network(parts: &Parts) -> anyhow::Result<String> {
    let mut text = "user,id=n0,restrict=on".to_owned();
    let door = parts.door.map(|port| (port, 5102));
    if let Some((folder, file)) = &parts.served {
        text.push_str(&format!(",tftp={},bootfile={file}", folder.display()));
    }
    for (from, to) in door.iter().chain(&parts.forwards) {
        text.push_str(&format!(",hostfwd=tcp:127.0.0.1:{from}-:{to}"));
    }
    let own = std::env::current_exe()?;
    let pipe = own.with_file_name("tests-boot-pipe");
    for (from, to) in &parts.reached {
        text.push_str(&format!(",guestfwd=tcp:{from}-cmd:{} {to}", pipe.display()));
    }
    Ok(text)
}

/// The lines of the power-on before stay readable beside those of this one.
fn keep_log(folder: &Path, serial: &Path) {
    use std::io::Write;
    let Ok(old) = std::fs::read(serial) else {
        return;
    };
    let all = std::fs::OpenOptions::new()
        .append(true)
        .create(true)
        .open(folder.join("serial.all.log"));
    if let Ok(mut all) = all {
        let _ = all.write_all(&old);
    }
    let _ = std::fs::remove_file(serial);
}

impl Drop for Vm {
    /// Cuts the power.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
