//! Trees that go out and come back, roots that others know, archives that lie.

use std::io::Write;
use std::path::Path;

use cid::Cid;

use super::dag::{self, Link};
use super::*;
use crate::error::Error;
use crate::manifest::{Manifest, Retention};
use crate::tree::Archive;

const MUCH: u64 = 1 << 40;

fn noise(len: usize) -> Vec<u8> {
    let mut word = 7_u32;
    let mut next = || {
        word = word.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        (word >> 24) as u8
    };
    (0..len).map(|_| next()).collect()
}

/// Names in an order that folders and paths see differently, a long file, an empty one.
fn tree() -> tempfile::TempDir {
    let dir = tempfile::tempdir().expect("a directory");
    std::fs::create_dir_all(dir.path().join("t/b/c")).expect("made");
    let files = [
        ("t/b.txt", noise(10)),
        ("t/b/c/deep", noise(2 * LEAF + 5)),
        ("t/b/z", b"last".to_vec()),
        ("t/b-", Vec::new()),
        ("t/long", b"the same line\n".repeat(200_000)),
    ];
    for (name, bytes) in files {
        std::fs::write(dir.path().join(name), bytes).expect("written");
    }
    dir
}

fn same(one: &Path, other: &Path) {
    let (one, other) = (crate::walk(one), crate::walk(other));
    let (one, other) = (one.expect("walks"), other.expect("walks"));
    assert_eq!(one.len(), other.len());
    for ((name, path), (other_name, other)) in one.iter().zip(&other) {
        let read = |path: &Path| std::fs::read(path).expect("reads");
        assert!(name == other_name && read(path) == read(other), "{name}");
    }
}

#[test]
fn roots_are_those_that_others_give() {
    // The empty raw leaf and the empty folder are in every IPFS repository.
    let empty = dag::leaf(b"").to_string();
    assert_eq!(
        empty,
        "bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"
    );
    let (block, folder) = dag::folder("", &mut []);
    assert_eq!(block, b"\x0a\x02\x08\x01");
    let root = folder.cid.to_string();
    assert_eq!(
        root,
        "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
    );
}

#[test]
fn a_tree_comes_back_as_it_was() {
    let dir = tree();
    let (car, again) = (dir.path().join("x.car"), dir.path().join("y.car"));
    let root = car_pack(&dir.path().join("t"), &car).expect("packs");
    // As another writer of the profile gives it for these files.
    assert_eq!(
        root,
        "bafybeih355lnruddn4zx7nwzlinjyqczes3zl7hibneoiic6vcouk2dtkm"
    );
    assert_eq!(
        car_pack(&dir.path().join("t"), &again).expect("packs"),
        root
    );
    assert!(std::fs::read(&car).expect("reads") == std::fs::read(&again).expect("reads"));
    let back = dir.path().join("back");
    let said = car_unpack(&car, &back, MUCH).expect("unpacks");
    assert_eq!((said.root, said.files), (root, 5));
    same(&dir.path().join("t"), &back);
    let refused = car_unpack(&car, &back, MUCH).expect_err("never over what is there");
    assert!(refused.to_string().contains("not empty"), "{refused}");
    let refused = car_unpack(&car, &dir.path().join("less"), 1000).expect_err("too much");
    assert!(refused.to_string().contains("--max-bytes"), "{refused}");
}

#[test]
fn a_release_is_streamed_into_the_same_archive() {
    // Goal: whoever has the tree's object and the manifest makes the archive the publisher made,
    // packed or not, however the bytes come; another tree is told.
    let dir = tree();
    let (from, joined) = (dir.path().join("t"), dir.path().join("joined"));
    let car = dir.path().join("x.car");
    let root = car_pack(&from, &car).expect("packs");
    for packed in [false, true] {
        let archive = Archive::join(&from, &joined, packed).expect("joins");
        assert_eq!(archive.dag.as_ref(), Some(&root));
        let (names, files) = (("net", "tool", "1"), (archive.files, archive.sha256));
        let none = serde_json::json!({});
        let mut manifest = Manifest::new(names, 0, Retention::default(), files, none);
        manifest.dag = archive.dag;
        let tree = std::fs::read(&joined).expect("reads");
        let mut out = Vec::new();
        let mut stream = CarStream::begin(&mut out, &manifest).expect("begins");
        for run in tree.chunks(70_001) {
            stream.write_all(run).expect("takes");
        }
        assert!(
            stream.write_all(b"more").is_err(),
            "nothing is behind the last file"
        );
        drop(stream);
        assert!(
            out == std::fs::read(&car).expect("reads"),
            "packed: {packed}"
        );
        let mut other = tree.clone();
        other[3] ^= 1;
        let mut stream = CarStream::begin(std::io::sink(), &manifest).expect("begins");
        assert!(stream.write_all(&other).is_err(), "packed: {packed}");
    }
}

/// An archive of some blocks.
fn archive(root: &Cid, blocks: &[(Cid, Vec<u8>)]) -> (tempfile::TempDir, std::path::PathBuf) {
    let dir = tempfile::tempdir().expect("a directory");
    let head = b"\x3a\xa2\x65roots\x81\xd8\x2a\x58\x25\x00";
    let mut bytes = [&head[..], &root.to_bytes(), b"\x67version\x01"].concat();
    for (cid, block) in blocks {
        let cid = cid.to_bytes();
        dag::put_number(&mut bytes, (cid.len() + block.len()) as u64);
        bytes.extend_from_slice(&cid);
        bytes.extend_from_slice(block);
    }
    let path = dir.path().join("x.car");
    std::fs::write(&path, bytes).expect("written");
    (dir, path)
}

fn refused(root: &Cid, blocks: &[(Cid, Vec<u8>)], max: u64) -> String {
    let (dir, path) = archive(root, blocks);
    let into = dir.path().join("into");
    let refused = car_unpack(&path, &into, max).expect_err("refused");
    assert!(!dir.path().join("out").exists());
    refused.to_string()
}

fn named(name: &str, link: &Link) -> Link {
    Link {
        name: name.to_owned(),
        ..link.clone()
    }
}

fn leaf(bytes: &[u8]) -> (Vec<u8>, Link) {
    let (cid, len) = (dag::leaf(bytes), bytes.len() as u64);
    let name = String::new();
    let (total, content) = (len, len);
    (
        bytes.to_vec(),
        Link {
            cid,
            name,
            total,
            content,
        },
    )
}

#[test]
fn what_leads_out_of_its_folder_is_refused() {
    let (block, link) = leaf(b"x");
    for name in [
        "..", ".", "", "../out", "/out", "a/b", "a\0b", "a\\b", "a\nb",
    ] {
        let (folder, root) = dag::folder("", &mut [named(name, &link)]);
        let said = refused(
            &root.cid,
            &[(root.cid, folder), (link.cid, block.clone())],
            MUCH,
        );
        assert!(said.contains("no plain name"), "{name:?}: {said}");
    }
    let twice = &mut [named("same", &link), named("same", &link)];
    let (folder, root) = dag::folder("", twice);
    let said = refused(&root.cid, &[(root.cid, folder), (link.cid, block)], MUCH);
    assert!(said.contains("exists"), "{said}");
}

#[test]
fn a_bomb_ends_at_its_bounds() {
    // Goal: no archive of kilobytes fills a disk or runs for ever. Method: a file whose parts are
    // the same part ten times, twelve levels deep; the same with no bytes in it; folders in
    // folders.
    for bytes in [&[0_u8; 1000][..], &[]] {
        let (block, mut link) = leaf(bytes);
        let mut blocks = vec![(link.cid, block)];
        for _ in 0..12 {
            let (block, above) = dag::file(&vec![link; 10]);
            blocks.push((above.cid, block));
            link = above;
        }
        let (folder, root) = dag::folder("", &mut [named("bomb", &link)]);
        blocks.push((root.cid, folder));
        let said = refused(&root.cid, &blocks, 10 << 20);
        assert!(
            said.contains("more bytes than it may") || said.contains("more nodes"),
            "{said}"
        );
    }
    let (block, mut root) = dag::folder("deeper", &mut []);
    let mut blocks = vec![(root.cid, block)];
    for _ in 0..100 {
        let (block, above) = dag::folder("deeper", &mut [root]);
        blocks.push((above.cid, block));
        root = above;
    }
    let said = refused(&root.cid, &blocks, MUCH);
    assert!(said.contains("levels deep"), "{said}");
}

#[test]
fn a_block_is_what_its_name_says_or_refused() {
    let (block, link) = leaf(b"right");
    let (folder, root) = dag::folder("", &mut [named("file", &link)]);
    let all = [(root.cid, folder.clone()), (link.cid, block.clone())];
    let (dir, path) = archive(&root.cid, &all);
    let whole = std::fs::read(&path).expect("reads");
    car_unpack(&path, &dir.path().join("well"), MUCH).expect("unpacks");
    let mut places = 0;
    for at in 0..whole.len() {
        // Every byte of it changed, and every cut.
        let mut other = whole.clone();
        other[at] ^= 0x20;
        for (index, bytes) in [other.as_slice(), &whole[..at]].iter().enumerate() {
            std::fs::write(&path, bytes).expect("written");
            let into = dir.path().join(format!("{at}-{index}"));
            let ended = car_unpack(&path, &into, MUCH);
            assert!(
                matches!(ended, Err(Error::Unreadable { .. })),
                "byte {at}: {ended:?}"
            );
            places += 1;
        }
    }
    assert!(places > 300);
    let said = refused(&root.cid, &[(root.cid, folder)], MUCH);
    assert!(said.contains("does not hold"), "{said}");
    let lies = [(root.cid, dag::folder("", &mut []).0), (link.cid, block)];
    assert!(refused(&root.cid, &lies, MUCH).contains("not what"));
}

#[test]
fn what_is_no_plain_file_is_refused_by_its_kind() {
    for (kind, word) in [(4, "symbolic link"), (5, "sharded"), (3, "kind 3")] {
        let block = vec![0x0a, 0x02, 0x08, kind];
        let cid = Cid::new_v1(0x70, *dag::leaf(&block).hash());
        let said = refused(&cid, &[(cid, block)], MUCH);
        assert!(said.contains(word), "{said}");
    }
}
