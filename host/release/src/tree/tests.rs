//! Trees, copies and what is no file.

use serde_json::json;

use super::*;
use crate::Retention;

fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(dir.path().join("t/b")).expect("made");
    for (name, bytes) in [
        ("t/b/z", "last"),
        ("t/a", "first"),
        ("t/b.txt", ""),
        ("t/b/a", "x"),
    ] {
        std::fs::write(dir.path().join(name), bytes).expect("written");
    }
    dir
}

fn manifest(archive: Archive) -> Manifest {
    let names = ("net", "tool", "1");
    let files = (archive.files, archive.sha256);
    Manifest::new(names, 0, Retention::default(), files, json!({}))
}

#[test]
fn the_same_tree_gives_the_same_bytes() {
    let (one, two) = (tree(), tree());
    let text = |dir: &tempfile::TempDir| {
        let archive = Archive::join(&dir.path().join("t"), &dir.path().join("joined"));
        let made = manifest(archive.expect("joins")).to_text();
        (
            made,
            std::fs::read(dir.path().join("joined")).expect("there"),
        )
    };
    let (first, second) = (text(&one), text(&two));
    assert_eq!(first, second);
    assert_eq!(first.1, b"firstxlast");
    Manifest::parse(&first.0).expect("holds to its own word");
}

#[test]
fn a_copy_is_held_to_every_file() {
    let dir = tree();
    let copy = dir.path().join("t");
    let archive = Archive::join(&copy, &dir.path().join("joined")).expect("joins");
    let manifest = manifest(archive);
    assert!(check(&manifest, &copy).expect("checks").is_empty());
    std::fs::write(copy.join("a"), "First").expect("written");
    std::fs::write(copy.join("b/a"), "xx").expect("written");
    std::fs::remove_file(copy.join("b.txt")).expect("removed");
    std::fs::write(copy.join("more"), "").expect("written");
    let faults = check(&manifest, &copy).expect("checks");
    let said: Vec<&str> = faults.iter().map(|fault| fault.path.as_str()).collect();
    assert_eq!(said, ["a", "b.txt", "b/a", "more"]);
}

#[test]
fn a_link_is_no_file_of_a_release() {
    let dir = tree();
    std::os::unix::fs::symlink("/etc/passwd", dir.path().join("t/link")).expect("linked");
    assert!(matches!(
        walk(&dir.path().join("t")),
        Err(Error::Odd { .. })
    ));
}
