//! The table of cases: what each shows, and whether it is for every push or for the night. A case
//! is a function of the bench; what it measured goes into `Figures`.

mod claim;
mod clock;
mod cuts;
mod drives;
mod firmware;
mod network;
mod refusals;
mod room;
mod secure;
mod tpm;
mod trials;
mod whole;

use std::collections::BTreeMap;
use std::sync::Mutex;

use crate::bench::Bench;

/// What was measured, by name.
#[derive(Debug, Default)]
pub(crate) struct Figures(
    Mutex<BTreeMap<String, f64>>,
    Mutex<Option<serde_json::Value>>,
);

impl Figures {
    /// Notes a figure, in tenths.
    pub(crate) fn note(&self, name: &str, value: f64) {
        if let Ok(mut all) = self.0.lock() {
            all.insert(name.to_owned(), (value * 10.0).round() / 10.0);
        }
    }

    /// Takes what another program measured into the same object.
    pub(crate) fn take(&self, others: serde_json::Value) {
        if let Ok(mut all) = self.1.lock() {
            *all = Some(others);
        }
    }

    /// All of them; a dot in a name makes an object of what is before it.
    pub(crate) fn json(&self) -> serde_json::Value {
        let others = self.1.lock().ok().and_then(|others| others.clone());
        let mut out = match others {
            Some(serde_json::Value::Object(others)) => others,
            _ => serde_json::Map::new(),
        };
        let all = self.0.lock().map(|all| all.clone()).unwrap_or_default();
        for (name, value) in all {
            match name.split_once('.') {
                None => {
                    out.insert(name, value.into());
                }
                Some((group, name)) => {
                    let group = out
                        .entry(group)
                        .or_insert_with(|| serde_json::Value::Object(serde_json::Map::new()));
                    if let Some(group) = group.as_object_mut() {
                        group.insert(name.to_owned(), value.into());
                    }
                }
            }
        }
        out.into()
    }
}

/// One thing that is shown.
pub(crate) struct Case {
    /// Its word on the command line.
    pub(crate) name: &'static str,
    /// What it shows.
    pub(crate) about: &'static str,
    /// Whether it is left to the night.
    pub(crate) night: bool,
    /// Shows it.
    pub(crate) run: fn(&Bench, &Figures) -> anyhow::Result<()>,
}

const fn push(
    name: &'static str,
    about: &'static str,
    run: fn(&Bench, &Figures) -> anyhow::Result<()>,
) -> Case {
    Case {
        name,
        about,
        night: false,
        run,
    }
}

const fn night(
    name: &'static str,
    about: &'static str,
    run: fn(&Bench, &Figures) -> anyhow::Result<()>,
) -> Case {
    Case {
        name,
        about,
        night: true,
        run,
    }
}

/// All cases; the long ones first, so that two workers end together.
pub(crate) static CASES: [Case; 25] = [
    push(
        "never-healthy",
        "a version that is never healthy is left, its reason kept, and not tried again",
        trials::never_healthy,
    ),
    push(
        "upgrade",
        "a good version is tried, kept, started again; with NVRAM wiped too; rotted, it is left",
        firmware::upgrade,
    ),
    push(
        "secure-boot",
        "firmware starts what its owner signed; a changed kernel image is not started, and left",
        secure::boot,
    ),
    push(
        "refusals",
        "bundles that must be refused are, each with its reason, and nothing is written",
        refusals::refusals,
    ),
    night(
        "panic",
        "a kernel that panics is left, and its log kept",
        trials::panic,
    ),
    push(
        "corrupt-root",
        "a well-signed bundle with a root that is not what its tree says is left",
        trials::corrupt_root,
    ),
    night(
        "claim-by-code",
        "the code on the console claims the box, once; its owner is obeyed after a power cut too",
        claim::by_code,
    ),
    night(
        "power-cut",
        "the power goes in the middle of staging, and the box starts",
        cuts::one,
    ),
    night(
        "whole-job",
        "a box with two drives keeps, proves, is upgraded under load, rolled back; the file is there",
        whole::job,
    ),
    night(
        "claim-by-file",
        "a claim file on a stick binds the owner without a listener; a second one changes nothing",
        claim::by_file,
    ),
    night(
        "claim-drives",
        "the owner claims data drives by serial number; missing, swapped and strange ones are told",
        drives::claim,
    ),
    night(
        "factory-reset",
        "a reset that keeps forgets the owner alone; one that wipes makes a new identity",
        claim::factory_reset,
    ),
    night(
        "hang",
        "a first program that hangs is reset by the hardware watchdog, and left",
        trials::hang,
    ),
    night(
        "wiped-uncommitted",
        "with NVRAM wiped while a bad version waits uncommitted, the committed one starts",
        firmware::wiped_uncommitted,
    ),
    night(
        "full-esp",
        "a full system partition refuses an upgrade with its reason; the box goes on",
        room::full_esp,
    ),
    night(
        "late-health",
        "a start that is healthy later than its patience is kept then",
        trials::late,
    ),
    night(
        "larger-disk",
        "the state partition takes the rest of a disk larger than the image, once",
        room::larger_disk,
    ),
    night(
        "installer",
        "a stick installs itself on the disk it names, erases only what it was told to, goes off",
        room::installer,
    ),
    night(
        "lost-state",
        "a state partition that cannot be mounted is told, and the box answers",
        room::lost_state,
    ),
    night(
        "no-uefi",
        "firmware without UEFI is told what is missing, and changes nothing",
        firmware::none,
    ),
    night(
        "tpm",
        "the identity key is sealed to the TPM; on another one the recovery phrase alone opens it",
        tpm::sealed,
    ),
    night(
        "network",
        "a signed file from the network starts the box on the state of its disk, and without one",
        network::start,
    ),
    night(
        "wrong-clock",
        "a clock years behind does not make expired metadata good",
        clock::behind,
    ),
    night(
        "same-bytes",
        "two builds are equal byte by byte",
        room::same_bytes,
    ),
    night(
        "power-cuts",
        "fifty power cuts at random moments of stage and activate",
        cuts::many,
    ),
];
