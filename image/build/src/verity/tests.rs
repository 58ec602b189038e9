//! The tree's shape, and that the boot program's reading of it agrees.

use board_slot::cmdline::Root;
use board_slot::slots;

use super::{BLOCK, append};

#[test]
fn the_tree_has_one_block_for_each_128_and_the_top_first() {
    let blocks = 300;
    let mut image: Vec<u8> = (0..blocks * BLOCK).map(|at| (at % 251) as u8).collect();
    let hash = append(&mut image, b"salt");
    // Three blocks of hashes, and one above them.
    assert_eq!(image.len(), (blocks + 4) * BLOCK);
    let top = &image[blocks * BLOCK..(blocks + 1) * BLOCK];
    assert_eq!(slots::top(b"salt", top), hash);
    let first = slots::top(b"salt", &image[..BLOCK]);
    assert_eq!(
        &image[(blocks + 1) * BLOCK..(blocks + 1) * BLOCK + 32],
        first
    );
}

#[test]
fn a_slot_holds_the_root_it_was_written_with_and_no_other() {
    let mut image = vec![7; 10 * BLOCK];
    let hash = append(&mut image, b"salt");
    let root = Root {
        hash,
        blocks: 10,
        salt: b"salt".to_vec(),
        version: "1.0.0".to_owned(),
    };
    assert_eq!(Root::parse(&root.words()).unwrap(), root);
    assert_eq!(
        root.tree_blocks() as usize * BLOCK + 10 * BLOCK,
        image.len()
    );
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("slot");
    std::fs::write(&path, &image).unwrap();
    assert!(slots::holds(&root, &path));
    image[10 * BLOCK + 5] ^= 1;
    std::fs::write(&path, &image).unwrap();
    assert!(!slots::holds(&root, &path));
}
