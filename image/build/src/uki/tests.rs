//! Sections land where their heads say; what is no stub is refused.

use super::{Section, build};

/// The smallest thing that has the numbers of a stub.
fn stub() -> Vec<u8> {
    let mut bytes = vec![0; 1024];
    bytes[0x3c] = 0x40;
    bytes[0x40..0x44].copy_from_slice(b"PE\0\0");
    bytes[0x40 + 20] = 112;
    bytes[0x58..0x5a].copy_from_slice(&0x20b_u16.to_le_bytes());
    bytes[0x58 + 32..0x58 + 36].copy_from_slice(&4096_u32.to_le_bytes());
    bytes[0x58 + 36..0x58 + 40].copy_from_slice(&512_u32.to_le_bytes());
    bytes[0x58 + 60..0x58 + 64].copy_from_slice(&1024_u32.to_le_bytes());
    bytes
}

#[test]
fn a_section_is_found_where_its_head_says() {
    let sections = [Section {
        name: ".cmdline",
        content: b"words",
    }];
    let image = build(&stub(), &sections).unwrap();
    let head = &image[0x58 + 112..0x58 + 112 + 40];
    assert_eq!(&head[..8], b".cmdline");
    let at = u32::from_le_bytes(head[20..24].try_into().unwrap()) as usize;
    assert_eq!(&image[at..at + 5], b"words");
    assert_eq!(image[0x46], 1);
}

#[test]
fn what_is_no_stub_is_refused() {
    assert!(build(&[], &[]).is_err());
    assert!(build(&[0; 2048], &[]).is_err());
    let many: Vec<Section<'_>> = (0..60)
        .map(|_| Section {
            name: ".a",
            content: b"",
        })
        .collect();
    assert!(build(&stub(), &many).is_err());
}
