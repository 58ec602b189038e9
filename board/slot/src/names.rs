//! The fixed names of a system disk and of the firmware variables, said once for builder, boot
//! program and updater. docs/formats/partition.md describes them; changing one breaks every box in
//! the field.

/// One of the two places a root and its kernel live in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Slot {
    /// The slot a new disk is shipped with.
    A,
    /// The other one.
    B,
}

impl Slot {
    /// Both, in their order.
    pub const BOTH: [Self; 2] = [Self::A, Self::B];

    /// The other one.
    #[must_use]
    pub const fn other(self) -> Self {
        match self {
            Self::A => Self::B,
            Self::B => Self::A,
        }
    }

    /// Label of its partition.
    #[must_use]
    pub const fn label(self) -> &'static str {
        match self {
            Self::A => "slot-a",
            Self::B => "slot-b",
        }
    }

    /// The slot of a partition's label.
    #[must_use]
    pub fn of_label(label: &str) -> Option<Self> {
        Self::BOTH.into_iter().find(|slot| slot.label() == label)
    }

    /// Name of its kernel image in [`KERNELS`] on the system partition.
    #[must_use]
    pub const fn kernel(self) -> &'static str {
        match self {
            Self::A => "slot-a.efi",
            Self::B => "slot-b.efi",
        }
    }

    /// Number of its firmware boot entry.
    #[must_use]
    pub const fn entry(self) -> u16 {
        match self {
            Self::A => 0x0A0A,
            Self::B => 0x0A0B,
        }
    }

    /// The slot of a boot entry's number.
    #[must_use]
    pub fn of_entry(number: u16) -> Option<Self> {
        Self::BOTH.into_iter().find(|slot| slot.entry() == number)
    }
}

impl std::fmt::Display for Slot {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::A => "a",
            Self::B => "b",
        })
    }
}

/// Label of the EFI system partition.
pub const ESP: &str = "esp";
/// Label of the state partition.
pub const STATE: &str = "state";
/// Folder of the kernel images on the system partition.
pub const KERNELS: &str = "EFI/Linux";
/// The file that names the committed slot to the fallback loader.
pub const LOADER_CONF: &str = "loader/loader.conf";

/// Vendor of the variables that the UEFI specification defines.
pub const GLOBAL_VENDOR: &str = "8be4df61-93ca-11d2-aa0d-00e098032b8c";
/// Vendor of our own variables.
pub const OUR_VENDOR: &str = "6f1c2a52-6d0e-4b7c-9a58-0f3a7d1b9e40";
/// Our count of starts since the last one that proved healthy.
pub const BOOTS: &str = "HoldfastBoots";
/// Why the last start failed, in words, for the version that starts next.
pub const WHY: &str = "HoldfastWhy";
/// Characters of such a reason.
pub const WHY_MOST: usize = 240;

/// Word of the command line: root hash of the verity tree, hex of 32 bytes.
pub const WORD_ROOT: &str = "holdfast.root";
/// Word of the command line: data blocks of 4096 bytes.
pub const WORD_BLOCKS: &str = "holdfast.blocks";
/// Word of the command line: salt of the verity tree, hex.
pub const WORD_SALT: &str = "holdfast.salt";
/// Word of the command line: version of the image.
pub const WORD_VERSION: &str = "holdfast.version";

/// Starts without health after which the boot program sends the firmware to the other slot.
pub const BOOTS_MOST: u8 = 3;
