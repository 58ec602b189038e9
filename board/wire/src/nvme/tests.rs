//! Golden bytes of the verbs of board-nvme.

use super::*;
use crate::codec::{from_bytes, to_bytes};
use crate::frame::{REPLY_MAX, REQUEST_MAX, framed};
use proptest::prelude::*;

fn name() -> DriveName {
    DriveName {
        serial: "hf0".into(),
        namespace: 1,
    }
}

#[test]
fn every_verb_has_the_bytes_that_the_format_page_shows() {
    let shown = [
        (Request::Drives, "820080"),
        (Request::Health { drive: name() }, "820181826368663001"),
        (Request::Open { drive: name() }, "820281826368663001"),
    ];
    for (request, hex) in shown {
        let bytes = to_bytes(&request);
        let text: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
        assert_eq!(text, hex, "{request:?}");
        assert_eq!(
            from_bytes::<Request>("request", &bytes).expect("it reads"),
            request
        );
    }
}

#[test]
fn the_longest_messages_fit_their_frames() {
    let name = DriveName {
        serial: "S".repeat(bounds::SERIAL_MAX),
        namespace: u32::MAX,
    };
    let drive = Drive {
        name: name.clone(),
        model: "M".repeat(bounds::MODEL_MAX),
        size: u64::MAX,
        claimed: true,
    };
    let drives = vec![drive; bounds::DRIVES_MAX];
    assert!(framed(&to_bytes(&Reply::Drives { drives }), REPLY_MAX).is_ok());
    let page = vec![255; HEALTH_LEN];
    assert!(framed(&to_bytes(&Reply::Health { page }), REPLY_MAX).is_ok());
    assert!(framed(&to_bytes(&Request::Open { drive: name }), REQUEST_MAX).is_ok());
}

#[test]
fn all_namespaces_at_once_are_no_drive() {
    let all = DriveName {
        namespace: u32::MAX,
        ..name()
    };
    assert!(all.check().is_err());
    let none = DriveName {
        namespace: 0,
        ..name()
    };
    assert!(none.check().is_err());
    assert!(name().check().is_ok());
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..512)) {
        let _ = from_bytes::<Request>("request", &bytes);
        let _ = from_bytes::<Reply>("reply", &bytes);
    }
}
