//! What the verbs allow at most. The asker checks to fail early; the privileged side checks again
//! because it believes nobody.

use std::time::Duration;

use crate::refusal::Refusal;

/// The widest gc_thresh1, 2 and 3: a scan of a full table is linear, under one lock of the whole
/// kernel, and 65536 entries are at most 32 MiB.
pub const THRESHOLDS_MAX: [u32; 3] = [4_096, 32_768, 65_536];
/// Between two removals of failed entries.
pub const FLUSH_PAUSE: Duration = Duration::from_secs(10);
/// Between two changes of one table's thresholds.
pub const WIDEN_PAUSE: Duration = Duration::from_secs(1);
/// Gateways told and pinned.
pub const GATEWAYS_MAX: usize = 16;
/// Drives told.
pub const DRIVES_MAX: usize = 64;
/// Characters of a serial (NVMe: 20) and of a model (40).
pub const SERIAL_MAX: usize = 20;
/// See [`SERIAL_MAX`].
pub const MODEL_MAX: usize = 40;
/// The highest namespace that is asked for; 0xFFFFFFFF means all and is never a drive.
pub const NAMESPACE_MAX: u32 = 1_024;

/// Whether `asked` is an order of thresholds that only widens `now`. Both checks of the verb.
/// Errors: `Bounds` with the first number that is wrong. The first threshold alone may fall, to
/// its own cap: it only says from where on the kernel tidies up.
pub fn widening(now: [u32; 3], asked: [u32; 3]) -> Result<(), Refusal> {
    let [first, second, third] = asked;
    let [first_max, second_max, third_max] = THRESHOLDS_MAX;
    within(third.into(), now[2].into(), third_max.into())?;
    within(
        second.into(),
        now[1].into(),
        second_max.min(third).max(now[1]).into(),
    )?;
    within(second.into(), 1, third.into())?;
    within(
        first.into(),
        now[0].min(first_max).into(),
        first_max.min(second).into(),
    )
}

/// Whether `value` lies in the range. Errors: `Bounds`.
pub const fn within(value: u64, least: u64, most: u64) -> Result<(), Refusal> {
    if value < least || value > most {
        return Err(Refusal::Bounds { value, least, most });
    }
    Ok(())
}

/// Whether a serial can be one: printable ASCII without a slash, not empty, not padded.
/// Errors: `Malformed`.
pub fn serial(text: &str) -> Result<(), Refusal> {
    let fits = !text.is_empty() && text.len() <= SERIAL_MAX && text.trim() == text;
    let plain = text.bytes().all(|byte| (b' '..=b'~').contains(&byte));
    if fits && plain && !text.contains('/') {
        Ok(())
    } else {
        Err(Refusal::Malformed)
    }
}

const _: () = assert!(THRESHOLDS_MAX[0] < THRESHOLDS_MAX[1]);
const _: () = assert!(THRESHOLDS_MAX[1] < THRESHOLDS_MAX[2]);
const _: () = assert!(DRIVES_MAX * (SERIAL_MAX + MODEL_MAX + 64) < crate::frame::REPLY_MAX);

#[cfg(test)]
mod tests;
