//! fio, as the peer of the device measurement: run on the same file with the best options that it
//! takes on this machine, its JSON turned into a rate and a cost.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, bail};
use serde_json::Value;

use super::{Case, Rate};

/// An fio that runs here.
pub(crate) struct Peer {
    file: PathBuf,
    /// What fio's buffers lie on.
    pages: Pages,
    /// Whether it may register buffers and file.
    registered: bool,
}

/// How fio gets its memory.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Pages {
    /// Reserved huge pages: those the operator set aside in vm.nr_hugepages.
    Reserved,
    /// Huge pages on demand through the C library. The alignment makes fio's mapping long enough
    /// for one even where its buffers alone are shorter (seen in its smaps).
    OnDemand,
}

impl Peer {
    /// Looks for fio and tries which of its options this machine allows. The error is a remark
    /// for people: what is missing and how to get it.
    pub(crate) fn find(file: &Path) -> Result<Self, String> {
        if Command::new("fio").arg("--version").output().is_err() {
            return Err("device: fio is missing (apt-get install fio); nothing measured".into());
        }
        let case = Case {
            write: false,
            random: false,
            block: 1 << 20,
            depth: 32,
        };
        let mut why = String::new();
        for pages in [Pages::Reserved, Pages::OnDemand] {
            for registered in [true, false] {
                let peer = Self {
                    file: file.into(),
                    pages,
                    registered,
                };
                match peer.run(&case, Duration::from_millis(10), 32 << 20) {
                    Ok(_) => return Ok(peer),
                    Err(error) => why = format!("{error:#}"),
                }
            }
        }
        Err(format!("device: fio does not run here: {why}"))
    }

    /// The options in use, for the reader of the figures.
    pub(crate) fn describe(&self) -> String {
        let pages = match self.pages {
            Pages::Reserved => "reserved huge pages",
            Pages::OnDemand => "transparent huge pages",
        };
        let registered = if self.registered { "" } else { "not " };
        format!("fio io_uring direct, {pages}, {registered}registered")
    }

    /// Runs one case.
    pub(crate) fn run(&self, case: &Case, span: Duration, size: u64) -> anyhow::Result<Rate> {
        let rw = match (case.write, case.random) {
            (true, false) => "write",
            (false, false) => "read",
            (true, true) => "randwrite",
            (false, true) => "randread",
        };
        let mut fio = Command::new("fio");
        fio.arg("--name=peer")
            .arg(format!("--filename={}", self.file.display()))
            .arg(format!("--size={size}"))
            .arg(format!("--rw={rw}"))
            .arg(format!("--bs={}", case.block))
            .arg(format!("--iodepth={}", case.depth))
            .arg(format!("--runtime={}ms", span.as_millis()))
            .args(["--ioengine=io_uring", "--direct=1", "--time_based=1"])
            .args(["--norandommap=1", "--output-format=json"])
            // By default fio marks every block it writes; ours writes the same bytes again.
            .arg("--scramble_buffers=0");
        match self.pages {
            Pages::Reserved => {
                fio.arg("--iomem=mmaphuge");
            }
            Pages::OnDemand => {
                fio.args(["--iomem=malloc", "--iomem_align=33554432"]);
                fio.env("GLIBC_TUNABLES", "glibc.malloc.hugetlb=1");
            }
        }
        if self.registered {
            fio.args(["--fixedbufs=1", "--registerfiles=1"]);
        }
        let output = fio.output().context("starting fio")?;
        if !output.status.success() {
            let said = String::from_utf8_lossy(&output.stderr);
            bail!("fio ended with {}: {}", output.status, said.trim());
        }
        let text = output.stdout.iter().position(|byte| *byte == b'{');
        let text = text.and_then(|start| output.stdout.get(start..));
        let value = serde_json::from_slice(text.unwrap_or_default()).context("fio's JSON")?;
        rate(&value, case.write).context("fio's JSON lacks a figure")
    }
}

/// Rate and cost of the only job. Its CPU shares are per cent of the job's run time.
fn rate(value: &Value, write: bool) -> Option<Rate> {
    let job = value.get("jobs")?.get(0)?;
    let way = job.get(if write { "write" } else { "read" })?;
    let number = |value: &Value, name: &str| value.get(name)?.as_f64();
    let mib = number(way, "io_bytes")? / f64::from(1 << 20);
    let share = number(job, "usr_cpu")? + number(job, "sys_cpu")?;
    let cpu = share / 100.0 * number(job, "job_runtime")? / 1000.0;
    let p99 = way.pointer("/clat_ns/percentile/99.000000");
    let failed = number(job, "error")? != 0.0 || mib == 0.0;
    (!failed).then(|| Rate {
        mib_s: number(way, "bw_bytes").unwrap_or_default() / f64::from(1 << 20),
        cpu: cpu / (mib / 1024.0),
        p99_us: p99.and_then(Value::as_f64).unwrap_or_default() / 1000.0,
    })
}
