//! One virtual machine under QEMU without KVM: one processor, a system disk and at most one more
//! drive. What it says on its serial line is what the tests read; it ends with its owner.

use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

const CODE: &str = "/usr/share/OVMF/OVMF_CODE_4M.fd";
/// Fresh firmware variables.
pub(crate) const VARIABLES: &str = "/usr/share/OVMF/OVMF_VARS_4M.fd";

/// A machine that runs.
pub(crate) struct Vm {
    child: Child,
    serial: PathBuf,
    begun: Instant,
    seen: usize,
}

impl Vm {
    /// Powers a machine on. `folder` holds `disk.raw` and `vars.fd`; `stick` is a drive of its own.
    pub(crate) fn start(folder: &Path, stick: Option<&Path>) -> anyhow::Result<Self> {
        let serial = folder.join("serial.log");
        let _ = std::fs::remove_file(&serial);
        let mut qemu = Command::new("qemu-system-x86_64");
        qemu.args(["-machine", "q35,smm=on,accel=tcg", "-smp", "1", "-m", "512"])
            .args(["-cpu", "qemu64,+ssse3,+sse4.1,+sse4.2,+rdrand"])
            .args(["-nodefaults", "-display", "none"])
            .args(["-uuid", "6f1c2a52-6d0e-4b7c-9a58-0f3a7d1b9e40"])
            .arg("-serial")
            .arg(format!("file:{}", serial.display()))
            .arg("-drive")
            .arg(format!(
                "if=pflash,format=raw,unit=0,readonly=on,file={CODE}"
            ))
            .arg("-drive")
            .arg(format!(
                "if=pflash,format=raw,unit=1,file={}",
                folder.join("vars.fd").display()
            ))
            .arg("-drive")
            .arg(format!(
                "file={},if=none,id=d0,format=raw",
                folder.join("disk.raw").display()
            ))
            .args(["-device", "nvme,serial=system,drive=d0,bootindex=0"])
            .args(["-netdev", "user,id=n0,restrict=on"])
            .args(["-device", "virtio-net-pci,netdev=n0,romfile="])
            .args(["-device", "i6300esb", "-action", "watchdog=reset"]);
        if let Some(stick) = stick {
            qemu.arg("-drive")
                .arg(format!(
                    "file={},if=none,id=d1,format=raw,readonly=on",
                    stick.display()
                ))
                .args(["-device", "virtio-blk-pci,drive=d1,serial=stick"]);
        }
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
        })
    }

    /// Waits until the machine says `text` after what was waited for before; returns the seconds
    /// since power-on.
    pub(crate) fn wait(&mut self, text: &str, seconds: u64) -> anyhow::Result<f64> {
        let until = Instant::now() + Duration::from_secs(seconds);
        loop {
            let said = self.said();
            let fresh = said.get(self.seen..).unwrap_or_default();
            if let Some(at) = fresh.find(text) {
                self.seen += at + text.len();
                return Ok(self.begun.elapsed().as_secs_f64());
            }
            if let Some(status) = self.child.try_wait()? {
                bail!("the machine ended ({status}) before it said {text:?}");
            }
            if Instant::now() > until {
                let tail: Vec<&str> = said.lines().rev().take(15).collect();
                bail!("not said within {seconds} s: {text:?}; last lines: {tail:#?}");
            }
            std::thread::sleep(Duration::from_millis(200));
        }
    }

    fn said(&self) -> String {
        let bytes = std::fs::read(&self.serial).unwrap_or_default();
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

impl Drop for Vm {
    /// Cuts the power.
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
