//! The hash tree of dm-verity, format 1, without superblock: blocks of 4096 bytes, SHA-256 of salt
//! and block, 128 hashes a block, the top level first. It follows the data in the same partition.

use sha2::{Digest, Sha256};

/// Bytes of a block.
pub(crate) const BLOCK: usize = 4096;

/// The tree over `data` and the root hash. `data` is padded to whole blocks first.
pub(crate) fn append(data: &mut Vec<u8>, salt: &[u8]) -> [u8; 32] {
    data.resize(data.len().next_multiple_of(BLOCK), 0);
    let mut levels: Vec<Vec<u8>> = vec![level(data, salt)];
    while let Some(below) = levels.last().filter(|below| below.len() > BLOCK) {
        let above = level(below, salt);
        levels.push(above);
    }
    let root = levels.last().map_or([0; 32], |top| hash(top, salt));
    for above in levels.iter().rev() {
        data.extend_from_slice(above);
    }
    root
}

/// The hashes of every block, padded to whole blocks.
fn level(below: &[u8], salt: &[u8]) -> Vec<u8> {
    let mut hashes: Vec<u8> = below
        .chunks(BLOCK)
        .flat_map(|block| hash(block, salt))
        .collect();
    hashes.resize(hashes.len().next_multiple_of(BLOCK), 0);
    hashes
}

fn hash(block: &[u8], salt: &[u8]) -> [u8; 32] {
    Sha256::new()
        .chain_update(salt)
        .chain_update(block)
        .finalize()
        .into()
}

#[cfg(test)]
mod tests;
