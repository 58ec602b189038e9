//! Boot entries of the firmware: our two, the order they are tried in, and the one tried next.
//!
//! An entry names a partition by its GPT identity and a file on it (UEFI specification, load
//! options). `BootNext` is used up by the firmware before it loads anything, so a try that never
//! comes back is followed by the first of `BootOrder`.

use crate::efivars::{Name, Variables};
use crate::error::Error;
use crate::names::{KERNELS, Slot};

/// The system partition as a boot entry names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Esp {
    /// Number in the table, from 1.
    pub number: u32,
    /// First sector of 512 bytes.
    pub start: u64,
    /// Sectors.
    pub sectors: u64,
    /// Unique GUID as it stands in the table.
    pub guid: [u8; 16],
}

const ACTIVE: u32 = 1;

/// The bytes of the boot entry that starts `slot` from `esp`.
#[must_use]
pub fn option(esp: &Esp, slot: Slot) -> Vec<u8> {
    let file = format!("\\{}\\{}", KERNELS.replace('/', "\\"), slot.kernel());
    let mut path = Vec::new();
    // Media device path, hard drive: 42 bytes, GPT (2), signature is a GUID (2).
    path.extend_from_slice(&[4, 1, 42, 0]);
    path.extend_from_slice(&esp.number.to_le_bytes());
    path.extend_from_slice(&esp.start.to_le_bytes());
    path.extend_from_slice(&esp.sectors.to_le_bytes());
    path.extend_from_slice(&esp.guid);
    path.extend_from_slice(&[2, 2]);
    // Media device path, file.
    let name = utf16(&file);
    let len = u16::try_from(name.len() + 4).unwrap_or(u16::MAX);
    path.extend_from_slice(&[4, 4]);
    path.extend_from_slice(&len.to_le_bytes());
    path.extend_from_slice(&name);
    // End of the whole path.
    path.extend_from_slice(&[0x7f, 0xff, 4, 0]);
    let mut out = ACTIVE.to_le_bytes().to_vec();
    out.extend_from_slice(&u16::try_from(path.len()).unwrap_or(u16::MAX).to_le_bytes());
    out.extend_from_slice(&utf16(&format!("Holdfast {}", slot.label())));
    out.extend_from_slice(&path);
    out
}

fn utf16(text: &str) -> Vec<u8> {
    text.encode_utf16()
        .chain([0])
        .flat_map(u16::to_le_bytes)
        .collect()
}

/// Name of the variable of entry `number`.
#[must_use]
pub fn name(number: u16) -> Name {
    Name::global(&format!("Boot{number:04X}"))
}

/// The order in which entries are tried; empty when there is none.
///
/// # Errors
/// `Variable`, or `Malformed` for an odd number of bytes.
pub fn order(variables: &impl Variables) -> Result<Vec<u16>, Error> {
    numbers(variables, "BootOrder")
}

/// The entry this start came from.
///
/// # Errors
/// `Variable`, `Malformed`.
pub fn current(variables: &impl Variables) -> Result<Option<u16>, Error> {
    Ok(numbers(variables, "BootCurrent")?.first().copied())
}

/// The entry that is tried once at the next start.
///
/// # Errors
/// `Variable`, `Malformed`.
pub fn next(variables: &impl Variables) -> Result<Option<u16>, Error> {
    Ok(numbers(variables, "BootNext")?.first().copied())
}

fn numbers(variables: &impl Variables, name: &str) -> Result<Vec<u16>, Error> {
    let value = variables.get(&Name::global(name))?.unwrap_or_default();
    if !value.len().is_multiple_of(2) {
        return Err(Error::Malformed {
            name: name.to_owned(),
            len: value.len(),
        });
    }
    Ok(value
        .chunks_exact(2)
        .filter_map(|pair| pair.try_into().ok().map(u16::from_le_bytes))
        .collect())
}

/// Tries `slot` once at the next start.
///
/// # Errors
/// `Variable` when the store refuses.
pub fn set_next(variables: &mut impl Variables, slot: Slot) -> Result<(), Error> {
    variables.set(&Name::global("BootNext"), Some(&slot.entry().to_le_bytes()))
}

/// Writes an entry that is missing or differs: firmware drops and edits entries.
///
/// # Errors
/// `Variable` when the store refuses.
pub fn assert(variables: &mut impl Variables, esp: &Esp, slot: Slot) -> Result<(), Error> {
    let want = option(esp, slot);
    if variables.get(&name(slot.entry()))?.as_ref() == Some(&want) {
        return Ok(());
    }
    variables.set(&name(slot.entry()), Some(&want))
}

/// The order that prefers `slot`, then the other, then what others left.
#[must_use]
pub fn preferring(slot: Slot, order: &[u16]) -> Vec<u16> {
    let ours = [slot.entry(), slot.other().entry()];
    let others = order
        .iter()
        .copied()
        .filter(|number| !ours.contains(number));
    ours.into_iter().chain(others).collect()
}

/// Makes `slot` the first to be tried from now on. One write, or none when it is so already.
///
/// # Errors
/// `Variable`, `Malformed`.
pub fn commit(variables: &mut impl Variables, slot: Slot) -> Result<(), Error> {
    let old = order(variables)?;
    let new = preferring(slot, &old);
    if new == old {
        return Ok(());
    }
    let bytes: Vec<u8> = new.into_iter().flat_map(u16::to_le_bytes).collect();
    variables.set(&Name::global("BootOrder"), Some(&bytes))
}
