//! Goal: this boot has an id, reasons read from their bits, garbage is unknown.

use super::*;

#[test]
fn this_boot_has_one_id() {
    let proc = Path::new("/proc");
    assert_eq!(boot_id(proc).unwrap(), boot_id(proc).unwrap());
    assert!(boot_id(Path::new("/nowhere")).is_err());
}

#[test]
fn an_id_is_thirty_two_digits() {
    let text = "01234567-89ab-cdef-0123-456789abcdef\n";
    assert_eq!(
        parse_id(text),
        Some(0x0123_4567_89ab_cdef_0123_4567_89ab_cdef)
    );
    assert_eq!(parse_id("0123"), None);
    assert_eq!(parse_id("+1234567-89ab-cdef-0123-456789abcdef"), None);
}

#[test]
fn the_watchdogs_bits_name_the_reason() {
    let reasons = [0, 0x20, 0x21, 0x01, 0x02, 0x10, 0x40].map(of_status);
    assert_eq!(
        reasons,
        [
            Reset::Normal,
            Reset::Watchdog,
            Reset::Watchdog,
            Reset::Overheat,
            Reset::Fan,
            Reset::Power,
            Reset::Power
        ]
    );
    assert_eq!(reset_reason(Path::new("/nowhere")), Reset::Unknown);
}
