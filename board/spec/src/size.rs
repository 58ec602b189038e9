//! Sizes as people write them: `"512 MiB"`. Binary units only, since memory and thresholds are.

use serde::de::Error as _;
use serde::{Deserialize, Deserializer};

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Size(pub u64);

const UNITS: [(&str, u32); 5] = [("B", 0), ("KiB", 10), ("MiB", 20), ("GiB", 30), ("TiB", 40)];

impl Size {
    /// Reads `"<whole number> <unit>"`; nothing for other text or more than 64 bits.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (number, unit) = text.split_once(' ')?;
        let (_, shift) = UNITS.iter().find(|(name, _)| *name == unit)?;
        let digits = number.bytes().all(|byte| byte.is_ascii_digit());
        let number: u64 = digits.then(|| number.parse().ok())??;
        number.checked_mul(1 << shift).map(Self)
    }
}

impl std::fmt::Display for Size {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let whole = |(_, shift): &&(&str, u32)| self.0 >> shift << shift == self.0;
        let largest = UNITS.iter().rev().find(|unit| self.0 > 0 && whole(unit));
        let (name, shift) = largest.unwrap_or(&UNITS[0]);
        write!(f, "{} {name}", self.0 >> shift)
    }
}

impl<'de> Deserialize<'de> for Size {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        Self::parse(&text)
            .ok_or_else(|| D::Error::custom(format!("{text:?} is no size like \"512 MiB\"")))
    }
}

#[cfg(test)]
mod tests;
