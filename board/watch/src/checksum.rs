//! CRC-32 as in Ethernet and zip (reflected, polynomial 0xEDB88320): finds torn and rotten records
//! of the black box and the history. No protection against anyone who writes on purpose.

/// The checksum of `bytes`. Bit by bit: the records are small and rare.
pub(crate) fn crc32(bytes: &[u8]) -> u32 {
    let mut crc = u32::MAX;
    for byte in bytes {
        crc ^= u32::from(*byte);
        for _ in 0..8 {
            let odd = crc & 1;
            crc = (crc >> 1) ^ (0xedb8_8320 * odd);
        }
    }
    !crc
}

#[cfg(test)]
mod tests;
