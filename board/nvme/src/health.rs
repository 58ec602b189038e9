//! The SMART / health information page, log page 0x02.
//!
//! Enters: 512 bytes from a drive, which may be anything. Leaves: [`Health`], where what the drive
//! does not report is absent. Invariant: no bytes make this panic; counters of 128 bits saturate
//! at 64. Source: NVM Express base specification, "SMART / Health Information".

/// Bytes of the page.
pub const PAGE_LEN: usize = 512;
/// A data unit: a thousand blocks of 512 bytes.
const DATA_UNIT: u64 = 512_000;
/// Composite temperatures outside this are no measurement: -73 to 226 degrees.
const KELVIN: std::ops::RangeInclusive<u16> = 200..=500;

/// The critical warning bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Critical(pub u8);

impl Critical {
    /// Spare space is below the threshold.
    #[must_use]
    pub const fn spare(self) -> bool {
        self.0 & 1 != 0
    }

    /// Temperature is over or under a threshold.
    #[must_use]
    pub const fn temperature(self) -> bool {
        self.0 & 2 != 0
    }

    /// Reliability is degraded by media or internal errors.
    #[must_use]
    pub const fn reliability(self) -> bool {
        self.0 & 4 != 0
    }

    /// The media takes no more writes.
    #[must_use]
    pub const fn read_only(self) -> bool {
        self.0 & 8 != 0
    }

    /// What keeps volatile memory through a power loss has failed.
    #[must_use]
    pub const fn backup(self) -> bool {
        self.0 & 16 != 0
    }

    /// The persistent memory region is read-only or unreliable.
    #[must_use]
    pub const fn persistent_memory(self) -> bool {
        self.0 & 32 != 0
    }
}

/// What a drive says of itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Health {
    /// Warning bits.
    pub critical: Critical,
    /// Degrees Celsius.
    pub celsius: Option<i16>,
    /// Spare space left and the threshold, in percent. Absent when the drive reports 0 and 0.
    pub spare: Option<(u8, u8)>,
    /// Of the rated endurance, in percent; more than 100 is possible.
    pub used_percent: u8,
    /// Bytes the machine wrote to the drive, in steps of 512,000.
    pub bytes_written: u64,
    /// Bytes the machine read from it.
    pub bytes_read: u64,
    /// Hours with power.
    pub power_on_hours: u64,
    /// Times it lost power unannounced.
    pub unsafe_shutdowns: u64,
    /// Times data could not be recovered.
    pub media_errors: u64,
    /// Entries ever made in the error log. Harmless commands that a drive does not know count too.
    pub error_entries: u64,
    /// Minutes over the warning temperature.
    pub warm_minutes: u32,
    /// Minutes over the critical temperature.
    pub hot_minutes: u32,
    /// Times it slowed itself to cool, lightly and heavily.
    pub throttled: [u32; 2],
}

impl Health {
    /// Reads a page; short ones read as if zeros followed.
    #[must_use]
    pub fn parse(page: &[u8]) -> Self {
        let byte = |at: usize| page.get(at).copied().unwrap_or_default();
        let kelvin = u16::from_le_bytes(number(page, 1));
        let spare = (byte(3), byte(4));
        Self {
            critical: Critical(byte(0)),
            celsius: KELVIN
                .contains(&kelvin)
                .then(|| kelvin.cast_signed().saturating_sub(273)),
            spare: (spare != (0, 0)).then_some(spare),
            used_percent: byte(5),
            bytes_read: counter(page, 32).saturating_mul(DATA_UNIT),
            bytes_written: counter(page, 48).saturating_mul(DATA_UNIT),
            power_on_hours: counter(page, 128),
            unsafe_shutdowns: counter(page, 144),
            media_errors: counter(page, 160),
            error_entries: counter(page, 176),
            warm_minutes: u32::from_le_bytes(number(page, 192)),
            hot_minutes: u32::from_le_bytes(number(page, 196)),
            throttled: [216, 220].map(|at| u32::from_le_bytes(number(page, at))),
        }
    }
}

fn number<const N: usize>(page: &[u8], at: usize) -> [u8; N] {
    let bytes = page.get(at..).and_then(|rest| rest.first_chunk());
    bytes.copied().unwrap_or([0; N])
}

fn counter(page: &[u8], at: usize) -> u64 {
    u64::try_from(u128::from_le_bytes(number(page, at))).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
