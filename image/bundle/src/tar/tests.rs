//! Heads round-trip; what a bundle does not hold is refused.

use super::{BLOCK, Head};
use crate::error::Error;

#[test]
fn a_head_is_read_as_it_was_written() {
    let head = Head {
        path: "metadata/1.root.json".to_owned(),
        bytes: 41_000_001,
    };
    assert_eq!(Head::parse(&head.block()), Ok(Some(head.clone())));
    assert_eq!((head.bytes + head.padding()) % 512, 0);
    assert_eq!(Head::parse(&[0; BLOCK]), Ok(None));
}

#[test]
fn paths_that_leave_the_folder_are_refused() {
    for path in ["../x", "a//b", "/etc/passwd", "a/../b", ".hidden", "a b"] {
        let head = Head {
            path: path.to_owned(),
            bytes: 1,
        };
        let read = Head::parse(&head.block());
        assert!(
            matches!(read, Err(Error::Archive { .. })),
            "{path}: {read:?}"
        );
    }
}

#[test]
fn a_changed_byte_breaks_the_sum() {
    let head = Head {
        path: "targets/a".to_owned(),
        bytes: 7,
    };
    for at in [0, 20, 124, 156, 257] {
        let mut block = head.block();
        block[at] ^= 1;
        assert!(Head::parse(&block).is_err(), "{at}");
    }
}
