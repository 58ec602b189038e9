//! Frames cut anywhere, and lengths that lie.

use super::*;
use proptest::prelude::*;

proptest! {
    #[test]
    fn frames_come_out_as_they_went_in_however_they_are_cut(
        bodies in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..64), 0..8),
        cut in 1_usize..40,
    ) {
        let mut bytes = Vec::new();
        for body in &bodies {
            bytes.extend(framed(body, 64).expect("it fits"));
        }
        let mut inbox = Inbox::new(64);
        let mut told = Vec::new();
        for mut part in bytes.chunks(cut) {
            while !part.is_empty() {
                let taken = inbox.take(part);
                part = &part[taken..];
                while let Some(body) = inbox.frame().expect("no frame is too long") {
                    told.push(body);
                }
            }
        }
        prop_assert_eq!(told, bodies);
    }

    #[test]
    fn any_bytes_hold_no_more_than_one_frame_and_never_panic(
        bytes in prop::collection::vec(any::<u8>(), 0..4096),
    ) {
        let mut inbox = Inbox::new(REQUEST_MAX);
        inbox.take(&bytes);
        prop_assert!(inbox.bytes.len() <= HEAD + REQUEST_MAX);
        let _ = inbox.frame();
    }
}

#[test]
fn a_length_over_the_bound_is_told_before_its_bytes_come() {
    let mut inbox = Inbox::new(16);
    inbox.take(&[0, 0, 0, 17]);
    assert!(matches!(
        inbox.frame(),
        Err(Error::TooLong { len: 17, most: 16 })
    ));
    assert!(framed(&[0; 17], 16).is_err());
}
