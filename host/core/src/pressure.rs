//! The only word a watchdog says to the rest of the program: how hard the machine is pressed.
//! Readings are facts of the machine (`board`), reactions are policy (`host`); neither knows the
//! other's numbers.

/// Five levels, ordered: each includes the reactions of those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Pressure {
    /// Nothing to do.
    #[default]
    Calm,
    /// Give back caches.
    Trim,
    /// Admit no new uploads and start no repair.
    Pause,
    /// Close idle peers, refuse downloads that nobody paid for. Proofs are never refused.
    Shed,
    /// Flush everything and restart.
    Restart,
}

impl Pressure {
    /// Whether a new upload may start.
    #[must_use]
    pub const fn admits_upload(self) -> bool {
        matches!(self, Self::Calm | Self::Trim)
    }

    /// Whether a new download may start, whoever pays for it.
    #[must_use]
    pub const fn admits_download(self) -> bool {
        matches!(self, Self::Calm | Self::Trim | Self::Pause)
    }

    /// Whether a new download may start whose bytes somebody has paid for.
    #[must_use]
    pub const fn admits_paid_download(self) -> bool {
        !matches!(self, Self::Restart)
    }

    /// The constant label used in logs and metrics.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::Calm => "calm",
            Self::Trim => "trim",
            Self::Pause => "pause",
            Self::Shed => "shed",
            Self::Restart => "restart",
        }
    }
}
