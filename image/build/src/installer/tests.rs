//! An order says which disk, and that it may be erased only when its serial number was said twice.

use super::order;

#[test]
fn an_order_is_one_serial_number_and_erases_only_when_it_is_said_again() {
    assert_eq!(order("S4EV", None).unwrap(), "serial = \"S4EV\"\n");
    assert_eq!(
        order("S4EV", Some("S4EV")).unwrap(),
        "serial = \"S4EV\"\nerase = \"S4EV\"\n"
    );
    assert!(order("S4EV", Some("S4E")).is_err());
    for odd in ["", "two words", "line\nbreak"] {
        assert!(order(odd, None).is_err(), "{odd:?}");
    }
}
