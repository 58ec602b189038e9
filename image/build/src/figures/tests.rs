//! Two lists of sums are equal, or the first artefact that differs is named.

use super::equal;

const ONE: &str = "aa  disk.raw\nbb  root.img\n";

#[test]
fn the_first_artefact_that_differs_is_named() {
    equal(ONE, ONE).expect("equal");
    for (other, name) in [
        ("aa  disk.raw\ncc  root.img\n", "root.img"),
        ("cc  disk.raw\ncc  root.img\n", "disk.raw"),
        ("aa  disk.raw\n", "root.img"),
        ("", "disk.raw"),
        ("aa  disk.raw\nbb  root.img\ndd  more\n", "more"),
    ] {
        let said = equal(ONE, other).expect_err("they differ").to_string();
        assert!(said.contains(name), "{said}");
    }
    assert!(equal("", "").is_err(), "nothing was built");
}
