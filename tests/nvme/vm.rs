//! One guest under QEMU without KVM, three NVMe drives, and the words that make them ill.
//!
//! Enters: a folder with kernel and archive. Leaves: lines of the guest's console. Everything ends
//! with its owner. The drives: `well` on a file, `stalls` behind nbdkit, `rots` on a file whose one
//! place cannot be read.

use std::io::{BufRead, BufReader, Write};
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// Where `rots` cannot be read.
pub(crate) const BAD_OFFSET: u64 = 8 << 20;
/// Bytes of each drive.
pub(crate) const SIZE: u64 = 192 << 20;

/// A running guest.
pub(crate) struct Vm {
    qemu: Child,
    nbdkit: Child,
    folder: PathBuf,
    begun: Instant,
}

impl Vm {
    /// Starts it.
    pub(crate) fn start(folder: &Path, kernel: &Path) -> Self {
        for name in ["well", "rots"] {
            let file = std::fs::File::create(folder.join(name)).expect("a file");
            file.set_len(SIZE).expect("its size");
        }
        let rule = format!(
            "[inject-error]\nevent = \"read_aio\"\nerrno = \"5\"\n\
             sector = \"{}\"\nonce = \"off\"\n",
            BAD_OFFSET / 512
        );
        std::fs::write(folder.join("rule"), rule).expect("a rule");
        let nbdkit = Command::new("nbdkit")
            .args(["--foreground", "--unix"])
            .arg(folder.join("nbd"))
            .args(["--filter=pause", "memory", &SIZE.to_string()])
            .arg(format!("pause-control={}", folder.join("pause").display()))
            .stdin(Stdio::null())
            .spawn()
            .expect("nbdkit starts");
        crate::ill::until("nbdkit", 30, || folder.join("nbd").exists().then_some(()));
        let at = |name: &str| folder.join(name).display().to_string();
        let drives = [
            ("well", format!("file={},format=raw", at("well"))),
            (
                "stalls",
                format!("file=nbd+unix:///?socket={},format=raw", at("nbd")),
            ),
            (
                "rots",
                format!("file=blkdebug:{}:{},format=raw", at("rule"), at("rots")),
            ),
        ];
        let mut words = vec![
            "-machine".to_owned(),
            "q35,accel=tcg".into(),
            "-m".into(),
            "1024".into(),
        ];
        for (name, from) in drives {
            words.extend(["-drive".into(), format!("{from},if=none,id={name}")]);
            words.extend([
                "-device".into(),
                format!("nvme,serial={name},drive={name},id=n-{name}"),
            ]);
        }
        let qemu = Command::new("qemu-system-x86_64")
            .args([
                "-cpu",
                "max",
                "-smp",
                "2",
                "-nodefaults",
                "-display",
                "none",
                "-no-reboot",
            ])
            .args(words)
            .arg("-kernel")
            .arg(kernel)
            .arg("-initrd")
            .arg(folder.join("archive"))
            .args(["-append", "console=ttyS0 quiet panic=-1 rdinit=/init"])
            .arg("-serial")
            .arg(format!("file:{}", at("console")))
            .arg("-qmp")
            .arg(format!("unix:{},server=on,wait=off", at("qmp")))
            .stdin(Stdio::null())
            .spawn()
            .expect("QEMU starts");
        Self {
            qemu,
            nbdkit,
            folder: folder.to_path_buf(),
            begun: Instant::now(),
        }
    }

    /// Seconds since power-on.
    pub(crate) fn seconds(&self) -> f64 {
        self.begun.elapsed().as_secs_f64()
    }

    /// What the guest said after its first `from` lines.
    pub(crate) fn lines(&self, from: usize) -> Vec<String> {
        let bytes = std::fs::read(self.folder.join("console")).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let whole = text.rfind('\n').map_or("", |end| &text[..end]);
        whole
            .lines()
            .skip(from)
            .map(|line| line.trim_end().to_owned())
            .collect()
    }

    /// Sets the critical warning bits that a drive tells.
    pub(crate) fn warn(&self, drive: &str, bits: u8) {
        let stream = UnixStream::connect(self.folder.join("qmp")).expect("QEMU listens");
        stream
            .set_read_timeout(Some(Duration::from_secs(60)))
            .expect("a timeout");
        let mut lines = BufReader::new(stream.try_clone().expect("a second end")).lines();
        let mut say = |word: String| {
            writeln!(&stream, "{word}").expect("QEMU hears");
            lines
                .by_ref()
                .map_while(Result::ok)
                .find(|line| line.contains("\"return\"") || line.contains("\"error\""))
                .expect("QEMU answers")
        };
        say(r#"{"execute": "qmp_capabilities"}"#.into());
        let wanted = serde_json::json!({
            "execute": "qom-set",
            "arguments": {
                "path": format!("/machine/peripheral/n-{drive}"),
                "property": "smart_critical_warning",
                "value": bits,
            },
        });
        let answer = say(wanted.to_string());
        assert!(answer.contains("\"return\""), "{answer}");
    }

    /// Lets the drive `stalls` stand still, or go on.
    pub(crate) fn stall(&self, stands: bool) {
        let mut stream = UnixStream::connect(self.folder.join("pause")).expect("nbdkit listens");
        stream
            .write_all(if stands { b"p" } else { b"r" })
            .expect("nbdkit hears");
        let mut answer = [0];
        std::io::Read::read_exact(&mut stream, &mut answer).expect("nbdkit answers");
    }
}

impl Drop for Vm {
    fn drop(&mut self) {
        for child in [&mut self.qemu, &mut self.nbdkit] {
            let _gone = child.kill();
            let _status = child.wait();
        }
    }
}
