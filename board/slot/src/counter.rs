//! The count of starts since one proved healthy. It stands in a variable of our own, because a
//! committed slot can rot on its disk and then only the boot program is there to notice.

use crate::efivars::{Name, Variables};
use crate::entry;
use crate::error::Error;
use crate::names::{BOOTS, BOOTS_MOST, OUR_VENDOR, Slot};

fn name() -> Name {
    Name {
        name: BOOTS.to_owned(),
        vendor: OUR_VENDOR,
    }
}

/// The count as it stands; nothing counts as 0.
///
/// # Errors
/// `Variable` when the store cannot be read.
pub fn read(variables: &impl Variables) -> Result<u8, Error> {
    Ok(variables
        .get(&name())?
        .and_then(|value| value.first().copied())
        .unwrap_or(0))
}

/// Counts a start. Returns the count and whether it is one too many, in which case the other slot
/// has been asked for and the count begins anew: the caller restarts the machine.
///
/// # Errors
/// `Variable` when the store refuses.
pub fn count(variables: &mut impl Variables, tried: Option<Slot>) -> Result<(u8, bool), Error> {
    let boots = read(variables)?.saturating_add(1);
    let too_many = boots > BOOTS_MOST;
    if let (true, Some(slot)) = (too_many, tried) {
        // The count first: a cut between the two costs three more starts, not a wrong slot.
        variables.set(&name(), Some(&[0]))?;
        entry::set_next(variables, slot.other())?;
        return Ok((boots, true));
    }
    variables.set(&name(), Some(&[boots]))?;
    Ok((boots, false))
}

/// Says that this start was healthy.
///
/// # Errors
/// `Variable` when the store refuses.
pub fn clear(variables: &mut impl Variables) -> Result<(), Error> {
    if read(variables)? == 0 {
        return Ok(());
    }
    variables.set(&name(), Some(&[0]))
}
