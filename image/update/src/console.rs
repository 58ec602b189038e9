//! What whoever stands in front of the box reads: one line a fact, on the console and in the
//! journal. A secret is shown on the console alone, by a function of its own.

use std::io::Write;

/// Says a line.
pub(crate) fn say(text: &str) {
    let line = format!("holdfast: {text}\n");
    let told = std::fs::OpenOptions::new()
        .write(true)
        .open("/dev/console")
        .and_then(|mut console| console.write_all(line.as_bytes()));
    let _ = told;
    let _ = std::io::stderr().write_all(line.as_bytes());
}

/// Shows what only whoever stands in front of the box may read; it goes into no log.
pub(crate) fn show(text: &str) {
    let console = std::fs::OpenOptions::new().write(true).open("/dev/console");
    let _ =
        console.and_then(|mut console| console.write_all(format!("holdfast: {text}").as_bytes()));
}

/// Memory that is in use and cannot be given back, in MiB; 0 when the kernel does not say.
pub(crate) fn memory_mib() -> u64 {
    let text = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let field = |name: &str| -> u64 {
        text.lines()
            .find_map(|line| line.strip_prefix(name))
            .and_then(|rest| rest.split_whitespace().next())
            .and_then(|number| number.parse().ok())
            .unwrap_or(0)
    };
    field("MemTotal:").saturating_sub(field("MemAvailable:")) / 1024
}
