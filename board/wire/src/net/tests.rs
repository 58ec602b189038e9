//! Golden bytes of the verbs of board-net.

use super::*;
use crate::codec::{from_bytes, to_bytes};
use proptest::prelude::*;

fn gateway() -> Gateway {
    Gateway {
        interface: 2,
        address: IpAddr::from([192, 0, 2, 1]),
        hardware: [2, 0, 0, 0, 0, 1],
    }
}

#[test]
fn every_verb_has_the_bytes_that_the_format_page_shows() {
    let limits = Limits {
        family: Family::V4,
        thresholds: [4_096, 16_384, 32_768],
    };
    let shown = [
        (Request::Thresholds, "820080"),
        (Request::Widen { limits }, "820181820083191000194000198000"),
        (Request::FlushFailed { interface: 2 }, "82028102"),
        (Request::Gateways, "820380"),
        (
            Request::Pin { gateway: gateway() },
            "8204818302820044c000020146020000000001",
        ),
        (
            Request::Unpin { gateway: gateway() },
            "8205818302820044c000020146020000000001",
        ),
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
fn a_longer_form_of_the_same_number_is_refused() {
    // FlushFailed with its interface in two bytes where one does.
    assert!(from_bytes::<Request>("request", &[0x82, 2, 0x81, 0x18, 2]).is_err());
    // A field nobody knows.
    assert!(from_bytes::<Request>("request", &[0x82, 2, 0x82, 2, 0]).is_err());
    // A byte behind the message.
    assert!(from_bytes::<Request>("request", &[0x82, 3, 0x80, 0]).is_err());
}

proptest! {
    #[test]
    fn no_bytes_make_a_reader_panic(bytes in prop::collection::vec(any::<u8>(), 0..256)) {
        if let Ok(request) = from_bytes::<Request>("request", &bytes) {
            prop_assert_eq!(to_bytes(&request), bytes);
        }
    }
}
