//! Frames: round trips and hostile bytes.

use bytes::Bytes;
use proptest::prelude::{any, proptest};

use super::{DownloadReply, Frame, HubRequest, Refusal, RefusalCode, body, message, parse};
use crate::codec;

#[test]
fn a_body_run_comes_back_without_its_head() {
    let run = vec![7; 1000];
    assert_eq!(
        parse(body(&run).expect("short")),
        Ok(Frame::Body(Bytes::from(run)))
    );
}

#[test]
fn a_body_run_with_a_wrong_length_is_refused() {
    let frame = body(&[7; 1000]).expect("short");
    assert!(parse(frame.slice(..999)).is_err());
    assert!(parse(frame.slice(..3)).is_err());
    assert!(parse(Bytes::new()).is_err());
}

#[test]
fn a_message_survives_its_frame() {
    let refusal = Refusal {
        code: RefusalCode::Space,
        text: "full".into(),
    };
    let sent = DownloadReply::Refused(refusal);
    let Ok(Frame::Message(bytes)) = parse(message(&sent)) else {
        unreachable!("a message")
    };
    assert_eq!(codec::from_bytes("reply", &bytes), Ok(sent));
}

proptest! {
    /// Goal: arbitrary bytes never panic a reader. Method: random frames into each decoder.
    #[test]
    fn arbitrary_frames_never_panic(bytes in proptest::collection::vec(any::<u8>(), 0..300)) {
        let _ = parse(Bytes::from(bytes.clone()));
        let _ = codec::from_bytes::<HubRequest>("hub", &bytes);
        let _ = codec::from_bytes::<super::UploadRequest>("upload", &bytes);
        let _ = codec::from_signed_bytes::<crate::object::Descriptor>("descriptor", &bytes);
    }
}
