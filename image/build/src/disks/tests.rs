//! Serial numbers as three kinds of disk tell them.

use super::serial;
use crate::place::write;

#[test]
fn a_serial_is_found_wherever_its_kind_of_disk_tells_it() {
    for (file, text) in [
        ("device/serial", &b"  S4EV  \n"[..]),
        ("serial", &b"S4EV"[..]),
        ("device/vpd_pg80", &b"\x00\x80\x00\x08S4EV    "[..]),
    ] {
        let at = tempfile::tempdir().expect("a folder");
        write(&at.path().join(file), text).expect("written");
        assert_eq!(serial(at.path()).as_deref(), Some("S4EV"), "{file}");
    }
    let at = tempfile::tempdir().expect("a folder");
    write(&at.path().join("serial"), b"\n").expect("written");
    assert_eq!(serial(at.path()), None);
}
