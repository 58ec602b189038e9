//! Goal: the checksum is the known one.

use super::*;

#[test]
fn the_check_value_of_crc_32_is_met() {
    assert_eq!(crc32(b"123456789"), 0xcbf4_3926);
    assert_eq!(crc32(b""), 0);
}
