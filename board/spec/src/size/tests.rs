//! Goal: sizes read as written, and nothing else is one.

use super::*;
use proptest::prelude::*;

#[test]
fn sizes_are_a_whole_number_and_a_binary_unit() {
    assert_eq!(Size::parse("512 MiB"), Some(Size(512 << 20)));
    assert_eq!(Size::parse("0 B"), Some(Size(0)));
    for text in [
        "512",
        "512MiB",
        "512 MB",
        "-1 B",
        "+1 B",
        "1.5 GiB",
        "",
        " B",
        "17000000 TiB",
    ] {
        assert_eq!(Size::parse(text), None, "{text}");
    }
}

proptest! {
    #[test]
    fn what_is_shown_reads_back(bytes in any::<u64>()) {
        prop_assert_eq!(Size::parse(&Size(bytes).to_string()), Some(Size(bytes)));
    }

    #[test]
    fn no_text_panics(text in "\\PC{0,40}") {
        let _read = Size::parse(&text);
    }
}
