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
        let archive = Archive::join(&dir.path().join("t"), &dir.path().join("joined"), false);
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
fn what_packing_makes_smaller_is_packed_and_comes_back() {
    // Goal: the same bytes again, each file by itself. Method: a text, a file no packer makes
    // smaller, an empty one; every file from its own run of the joined one.
    let dir = tree();
    let text = "one line after another\n".repeat(9000);
    std::fs::write(dir.path().join("t/long"), &text).expect("written");
    let (from, joined) = (dir.path().join("t"), dir.path().join("joined"));
    let made = |joined: &Path| manifest(Archive::join(&from, joined, true).expect("joins"));
    let (first, second) = (made(&joined), made(&dir.path().join("again")));
    assert_eq!(first, second);
    let read = Manifest::parse(&first.to_text()).expect("reads");
    let bytes = std::fs::read(&joined).expect("there");
    assert_eq!(read.sha256, hex::encode(Sha256::digest(&bytes)));
    assert!(bytes.len() < 1000 && read.bytes > text.len() as u64);
    for file in &read.files {
        let run = &bytes[file.at as usize..(file.at + file.held()) as usize];
        let whole = match file.packed {
            Some(_) => pack::unpack(run, file.size).expect("opens"),
            None => run.to_vec(),
        };
        assert_eq!(
            hex::encode(Sha256::digest(&whole)),
            file.sha256,
            "{}",
            file.path
        );
    }
    assert_eq!(
        read.files
            .iter()
            .filter(|file| file.packed.is_some())
            .count(),
        1
    );
    let lies = first.to_text().replace("manifest 2", "manifest 1");
    Manifest::parse(&lies).expect_err("an older reader would read the wrong runs");
}

#[test]
fn a_copy_is_held_to_every_file() {
    let dir = tree();
    let copy = dir.path().join("t");
    let archive = Archive::join(&copy, &dir.path().join("joined"), false).expect("joins");
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
