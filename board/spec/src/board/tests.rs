//! Goal: every machine that is shipped is coherent, and each broken bound or order is named.

use super::*;
use crate::parse;
use std::fs;
use std::path::Path;

fn machines() -> std::path::PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../machines")
}

fn shipped(name: &str) -> Option<String> {
    fs::read_to_string(machines().join(format!("{name}.toml"))).ok()
}

fn changed(text: &str) -> Error {
    parse("child", |name| match name {
        "child" => Some(format!("inherit = \"nvme-1u\"\n{text}")),
        other => shipped(other),
    })
    .unwrap_err()
}

#[test]
fn every_machine_file_is_coherent() {
    let mut seen = Vec::new();
    for entry in fs::read_dir(machines()).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        if let Some(name) = name.strip_suffix(".toml") {
            parse(name, shipped).unwrap();
            seen.push(name.to_owned());
        }
    }
    seen.sort();
    assert_eq!(seen, ["nvme-1u", "qemu"]);
}

#[test]
fn values_out_of_range_are_named_with_their_bounds() {
    let error = changed("[kernel.neighbours]\nthresh3 = 100000\n");
    assert_eq!(
        error.to_string(),
        "machine child: kernel.neighbours.thresh3 is 100000, allowed is 1024 to 65536"
    );
    for text in [
        "[cores]\nleast = 0\n",
        "[memory]\nleast = \"1 MiB\"\n",
        "[nics]\nleast = 0\n",
    ] {
        assert!(matches!(changed(text), Error::Range { .. }), "{text}");
    }
}

#[test]
fn values_that_contradict_each_other_are_named() {
    for text in [
        "[drives]\nleast = 9\nmost = 8\n",
        "[drives]\nslow_ms = 20000\n",
        "[kernel.neighbours]\nthresh1 = 16384\n",
        "[kernel]\ndirty = \"1 MiB\"\n",
        "[memory]\nbudget = \"100 GiB\"\n",
    ] {
        assert!(matches!(changed(text), Error::Order { .. }), "{text}");
    }
}

#[test]
fn words_for_the_kernel_are_plain_and_weaken_nothing() {
    for word in [
        "",
        "quiet init=/bin/sh",
        "init=/bin/sh",
        "lockdown=none",
        "module.sig_enforce=0",
        "holdfast.root=00",
        "systemd.unit=rescue.target",
    ] {
        let error = changed(&format!("[kernel]\nwords = [{word:?}]\n"));
        assert!(matches!(error, Error::Word { .. }), "{word}: {error}");
    }
    let qemu = parse("qemu", shipped).unwrap();
    assert_eq!(qemu.kernel.words, ["no_timer_check"]);
}
