//! The unified kernel image: systemd's boot stub with sections for kernel, boot archive and command
//! line, so that one signature covers all of them. Sections are appended; the stub is not changed.

use crate::error::Error;

/// A section to append.
pub(crate) struct Section<'a> {
    /// At most eight characters.
    pub(crate) name: &'a str,
    /// Its content.
    pub(crate) content: &'a [u8],
}

const ENTRY: usize = 40;
/// Initialised data, readable.
const KIND: u32 = 0x4000_0040;

/// The numbers of a PE file that change when sections are added.
struct Head {
    sections_at: usize,
    count_at: usize,
    count: usize,
    optional: usize,
    section_align: usize,
    file_align: usize,
    headers: usize,
}

/// The image made of `stub` and `sections`.
///
/// # Errors
/// `Stub` when the stub is no 64-bit PE file or its header has no room left.
pub(crate) fn build(stub: &[u8], sections: &[Section<'_>]) -> Result<Vec<u8>, Error> {
    let head = Head::read(stub)?;
    let end = head.sections_at + (head.count + sections.len()) * ENTRY;
    if end > head.headers {
        return Err(Error::Stub {
            why: "its header has no room for more sections",
        });
    }
    let mut out = stub.to_vec();
    out.resize(out.len().next_multiple_of(head.file_align), 0);
    let mut address = head.end_of_memory(stub)?;
    for (index, section) in sections.iter().enumerate() {
        let offset = out.len();
        let len = section.content.len();
        let raw = len.next_multiple_of(head.file_align);
        let mut entry = section.name.as_bytes().to_vec();
        entry.resize(8, 0);
        for word in [len, address, raw, offset, 0, 0, 0] {
            entry.extend_from_slice(&word32(word)?.to_le_bytes());
        }
        entry.extend_from_slice(&KIND.to_le_bytes());
        let at = head.sections_at + (head.count + index) * ENTRY;
        put(&mut out, at, &entry)?;
        out.extend_from_slice(section.content);
        out.resize(offset + raw, 0);
        address = (address + len).next_multiple_of(head.section_align);
    }
    let count = u16::try_from(head.count + sections.len()).unwrap_or(u16::MAX);
    put(&mut out, head.count_at, &count.to_le_bytes())?;
    put(
        &mut out,
        head.optional + 56,
        &word32(address)?.to_le_bytes(),
    )?;
    // The check sum is not looked at by firmware; 0 says that there is none.
    put(&mut out, head.optional + 64, &[0; 4])?;
    Ok(out)
}

impl Head {
    fn read(stub: &[u8]) -> Result<Self, Error> {
        let pe = long(stub, 0x3c)?;
        if stub.get(pe..pe + 4) != Some(b"PE\0\0") {
            return Err(Error::Stub { why: "no PE file" });
        }
        let optional = pe + 24;
        if short(stub, optional)? != 0x20b {
            return Err(Error::Stub {
                why: "not for 64 bits",
            });
        }
        Ok(Self {
            sections_at: optional + short(stub, pe + 20)?,
            count_at: pe + 6,
            count: short(stub, pe + 6)?,
            optional,
            section_align: long(stub, optional + 32)?.max(1),
            file_align: long(stub, optional + 36)?.max(1),
            headers: long(stub, optional + 60)?,
        })
    }

    /// The first free address behind the stub's sections.
    fn end_of_memory(&self, stub: &[u8]) -> Result<usize, Error> {
        let mut end = 0;
        for index in 0..self.count {
            let at = self.sections_at + index * ENTRY;
            end = end.max(long(stub, at + 8)? + long(stub, at + 12)?);
        }
        Ok(end.next_multiple_of(self.section_align))
    }
}

const SHORT: Error = Error::Stub { why: "too short" };

fn long(bytes: &[u8], at: usize) -> Result<usize, Error> {
    let word = bytes.get(at..at + 4).and_then(|word| word.try_into().ok());
    let value = u32::from_le_bytes(word.ok_or(SHORT)?);
    usize::try_from(value).map_err(|_| SHORT)
}

fn short(bytes: &[u8], at: usize) -> Result<usize, Error> {
    let word = bytes.get(at..at + 2).and_then(|word| word.try_into().ok());
    Ok(u16::from_le_bytes(word.ok_or(SHORT)?).into())
}

fn word32(value: usize) -> Result<u32, Error> {
    u32::try_from(value).map_err(|_| Error::Stub { why: "too large" })
}

fn put(out: &mut [u8], at: usize, bytes: &[u8]) -> Result<(), Error> {
    out.get_mut(at..at + bytes.len())
        .ok_or(SHORT)?
        .copy_from_slice(bytes);
    Ok(())
}

#[cfg(test)]
mod tests;
