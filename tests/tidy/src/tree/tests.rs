//! Small trees for the tests of the rules, and the tests of the tree itself.

use super::Tree;

/// A tree of these paths and texts.
pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    Tree::of(
        files
            .iter()
            .map(|(path, text)| ((*path).to_owned(), (*text).to_owned()))
            .collect(),
    )
}

/// A manifest with these dependencies, all from the workspace.
pub(crate) fn manifest(name: &str, needs: &[&str]) -> String {
    let needs: String = needs
        .iter()
        .map(|need| format!("{need}.workspace = true\n"))
        .collect();
    format!("[package]\nname = \"{name}\"\n[lints]\nworkspace = true\n[dependencies]\n{needs}")
}

#[test]
fn a_source_belongs_to_the_nearest_package_above() {
    let (outer, inner) = (manifest("holdfast-tests", &[]), manifest("tests-tidy", &[]));
    let tree = tree(&[
        ("tests/Cargo.toml", &outer),
        ("tests/tidy/Cargo.toml", &inner),
        ("tests/tidy/src/main.rs", "fn main() {}"),
    ]);
    assert_eq!(
        tree.package_of("tests/tidy/src/main.rs")
            .map(|p| p.name.as_str()),
        Some("tests-tidy")
    );
    let outer = tree.package("holdfast-tests").expect("it is there");
    assert_eq!(tree.sources_of(outer).count(), 0);
}

#[test]
fn a_manifest_that_is_no_toml_is_told() {
    assert_eq!(
        tree(&[("host/x/Cargo.toml", "[package")]).unreadable.len(),
        1
    );
}

#[test]
fn a_room_with_a_head_alone_holds_nothing() {
    let text = manifest("host-x", &[]);
    let tree = tree(&[
        ("host/x/Cargo.toml", &text),
        ("host/x/src/lib.rs", "//! Head.\n"),
    ]);
    assert!(!tree.holds_something(tree.package("host-x").expect("it is there")));
}
