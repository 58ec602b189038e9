//! Question: how many instructions a byte do the kernels take that valgrind can follow?
//!
//! Unit: instructions a byte of data, by callgrind: the difference between three and one
//! repetitions in the program `kernels`, so that its start does not count. This is the one figure
//! that another program on the machine cannot change, so it stands for regressions. valgrind knows
//! AVX2 and nothing of AVX-512, GFNI and the SHA instructions, and hides them from the program: what
//! is counted is the AVX2 kernel against the specification.
//!
//! Expected: encoding 10+20 by AVX2 is 20 outputs x 10 inputs x 5 instructions for 32 x 10 bytes:
//! 3 a byte; the specification 4 to 8 for each of 20 outputs. SHA-256 in 8 lanes about 11 a byte of leaf,
//! one at a time without SHA instructions 40.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, ensure};

use crate::rows::{Goal, Report, Row};

/// What the program `kernels` knows, ours and the specification.
const KERNELS: [(&str, &str, &str); 2] = [
    ("encode 10+20", "encode-best", "encode-portable"),
    ("leaves of 256", "leaves-best", "leaves-portable"),
];

/// Counts both; says so where valgrind or the program is missing.
pub fn report() -> anyhow::Result<Report> {
    let mut report = Report::default();
    let program = beside("kernels")?;
    let there = Command::new("valgrind").arg("--version").output().is_ok();
    if !program.exists() || !there {
        let why = "instructions: valgrind or kernels is missing; nothing counted";
        report.notes.push(why.into());
        return Ok(report);
    }
    for (name, ours, plain) in KERNELS {
        let figures = (a_byte(&program, ours)?, a_byte(&program, plain)?);
        let name = format!("instructions {name} avx2 / portable");
        let row = Row::new(name, "ins/byte", &[figures], Goal::AtMost(0.5));
        report.rows.push(row);
    }
    Ok(report)
}

/// A program built beside this one; test programs lie one directory deeper.
fn beside(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe()?;
    let dir = own.parent().context("a program lies in a directory")?;
    let deps = dir.ends_with("deps");
    let above = dir.parent().filter(|_| deps).unwrap_or(dir);
    Ok(above.join(name))
}

fn a_byte(program: &Path, kernel: &str) -> anyhow::Result<f64> {
    let (three, bytes) = counted(program, kernel, 3)?;
    let (one, _) = counted(program, kernel, 1)?;
    Ok((three - one) / (2.0 * bytes))
}

/// Instructions of the whole program, and bytes of one repetition, which it says.
fn counted(program: &Path, kernel: &str, times: u32) -> anyhow::Result<(f64, f64)> {
    let out = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program)
        .args([kernel, &times.to_string()])
        .output()
        .context("running valgrind")?;
    let said = String::from_utf8_lossy(&out.stderr);
    ensure!(out.status.success(), "valgrind: {}", said.trim());
    let total = said.lines().find_map(|line| line.split_once("Collected :"));
    let total = total.context("callgrind says what it collected")?.1;
    let bytes = String::from_utf8_lossy(&out.stdout);
    Ok((total.trim().parse()?, bytes.trim().parse()?))
}

#[cfg(test)]
mod tests;
