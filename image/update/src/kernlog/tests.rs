//! A panic is found among records, wherever they were collected; old ones do not count.

use std::time::{Duration, SystemTime};

use super::in_folder;

#[test]
fn the_panic_is_told_and_an_old_one_is_not() {
    let folder = tempfile::tempdir().unwrap();
    let inner = folder.path().join("175/001");
    std::fs::create_dir_all(&inner).unwrap();
    std::fs::write(
        inner.join("dmesg.txt"),
        "<6>[1.0] fine\n<0>[2.0] Kernel panic - not syncing: x\n",
    )
    .unwrap();
    let since = SystemTime::now() - Duration::from_secs(60);
    let said = in_folder(folder.path(), since).unwrap();
    assert_eq!(said, "Kernel panic - not syncing: x");
    let later = SystemTime::now() + Duration::from_secs(60);
    assert_eq!(in_folder(folder.path(), later), None);
    assert_eq!(in_folder(&folder.path().join("absent"), since), None);
}
