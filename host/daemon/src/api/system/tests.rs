//! What an updater told is shown; nothing and nonsense count as no updater.

use host_api::SystemSaid;
use host_api::system::SAID_FILE;

use super::said;

#[test]
fn what_the_updater_told_is_read_and_damage_counts_as_nothing() {
    let dir = tempfile::tempdir().unwrap();
    assert_eq!(said(dir.path()), SystemSaid::default());
    std::fs::create_dir(dir.path().join("run")).unwrap();
    let path = dir.path().join(SAID_FILE);
    std::fs::write(&path, "{\"version\":\"0.2.0\",\"slot\":\"b\",\"later\":1}").unwrap();
    let told = said(dir.path());
    assert_eq!((told.version.as_str(), told.slot.as_str()), ("0.2.0", "b"));
    std::fs::write(&path, "{\"version\":").unwrap();
    assert_eq!(said(dir.path()), SystemSaid::default());
}
