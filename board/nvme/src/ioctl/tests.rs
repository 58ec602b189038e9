//! The admin command on what is no drive.

use super::*;

#[test]
fn what_is_no_drive_is_refused_by_the_kernel() {
    let file = tempfile::tempfile().expect("a file");
    assert!(matches!(health_page(&file), Err(Error::Refused(_))));
}
