//! Files in a folder of others: links are not followed, and a wish is what it says.

use super::{SAID, Verb, Wish, write};

#[test]
fn a_link_in_the_way_is_replaced_and_not_followed() {
    let folder = tempfile::tempdir().unwrap();
    let victim = folder.path().join("victim");
    std::fs::write(&victim, "kept").unwrap();
    for name in [SAID.to_owned(), format!("{SAID}.half")] {
        std::os::unix::fs::symlink(&victim, folder.path().join(name)).unwrap();
    }
    write(folder.path(), SAID, "told").unwrap();
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "kept");
    assert_eq!(
        std::fs::read_to_string(folder.path().join(SAID)).unwrap(),
        "told"
    );
}

#[test]
fn a_wish_reads_as_the_host_writes_it() {
    let text = r#"{"number":7,"verb":"roll-back","version":"","again":false}"#;
    let wish: Wish = serde_json::from_str(text).unwrap();
    assert_eq!((wish.number, wish.verb), (7, Verb::RollBack));
}
