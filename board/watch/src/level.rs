//! The only word a watchdog says to the rest of the program. The same five words as the host's
//! pressure, kept apart because the board imports nothing from the host; the daemon translates.

/// How hard the machine is pressed: five levels, ordered, each including those before it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub enum Level {
    /// Nothing to do.
    #[default]
    Calm,
    /// Give back caches, dial less.
    Trim,
    /// Admit nothing new.
    Pause,
    /// Close what nobody paid for.
    Shed,
    /// Flush everything and restart.
    Restart,
}

impl Level {
    /// All levels, from calm up.
    pub const ALL: [Self; 5] = [
        Self::Calm,
        Self::Trim,
        Self::Pause,
        Self::Shed,
        Self::Restart,
    ];

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

    /// The level below; calm stays calm.
    #[must_use]
    pub const fn below(self) -> Self {
        match self {
            Self::Calm | Self::Trim => Self::Calm,
            Self::Pause => Self::Trim,
            Self::Shed => Self::Pause,
            Self::Restart => Self::Shed,
        }
    }
}
