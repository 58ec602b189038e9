//! Power cuts at random moments between the first byte of staging and the trial's commit. After
//! each the machine starts, by itself, healthy, on one of the two good versions.

use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::Figures;
use crate::bench::{Bench, GOOD};
use crate::say;
use crate::vm::{Parts, Vm};

const FIRST: &str = "health ok: version 0.1.0, slot a, start";
const KEPT: &str = "health ok: version 0.2.0, slot b";

pub(super) fn one(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    cuts(bench, figures, "power-cut", 1)
}

pub(super) fn many(bench: &Bench, figures: &Figures) -> anyhow::Result<()> {
    cuts(bench, figures, "power-cuts", 50)
}

fn cuts(bench: &Bench, figures: &Figures, name: &str, count: u32) -> anyhow::Result<()> {
    let seed = seed();
    say(&format!("     {name}: seed {seed}"));
    let mut dice = Dice(seed);
    let mut span = 8000;
    let mut landed = [0_u32; 2];
    let mut folder = bench.settled(name)?;
    for cut in 0..count {
        let after = Duration::from_millis(dice.below(span));
        let (staged, whole) = interrupted(&folder, &bench.bundle_of(GOOD), after)?;
        // The next moments are drawn from as long as the way to the restart was seen to take.
        span = whole.map_or(span, |whole| whole + whole / 4);
        let mut vm = Vm::start(&folder, &Parts::default())?;
        let which = vm.either(&[FIRST, KEPT])?;
        if let Some(count) = landed.get_mut(which) {
            *count += 1;
        }
        let version = ["0.1.0", "0.2.0"].get(which).unwrap_or(&"?");
        say(&format!(
            "     {name} {cut}: cut {after:?} after the bundle was found, staged {staged}: {version}"
        ));
        drop(vm);
        if which == 1 {
            folder = bench.settled(name)?;
        }
    }
    let key = name.replace('-', "_");
    figures.note(&format!("{key}.on_old"), f64::from(landed[0]));
    figures.note(&format!("{key}.on_new"), f64::from(landed[1]));
    Ok(())
}

/// Starts staging and cuts the power `after` the bundle was found. Says whether it was staged by
/// then, and the milliseconds that took when it was.
fn interrupted(
    folder: &Path,
    bundle: &Path,
    after: Duration,
) -> anyhow::Result<(bool, Option<u64>)> {
    let mut vm = Vm::start(folder, &Parts::default().stick(bundle))?;
    vm.either(&[FIRST, KEPT])?;
    let found = vm.wait("bundle found")?;
    vm.run_for(after);
    let staged = vm.said_since("staged in slot");
    let whole = staged.then(|| Duration::from_secs_f64(vm.seconds() - found).as_millis());
    Ok((staged, whole.and_then(|whole| u64::try_from(whole).ok())))
}

fn seed() -> u64 {
    let given = std::env::var("HOLDFAST_BOOT_SEED").ok();
    let now = SystemTime::now().duration_since(UNIX_EPOCH);
    given
        .and_then(|text| text.parse().ok())
        .unwrap_or_else(|| now.map_or(1, |now| now.as_secs()))
}

/// Moments that a seed repeats.
struct Dice(u64);

impl Dice {
    fn below(&mut self, most: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ (mixed >> 31)) % most.max(1)
    }
}
