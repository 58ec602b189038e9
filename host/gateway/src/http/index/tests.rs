//! Pages of folders.

use serde_json::json;

use super::*;
use host_release::{FileLine, Retention};

fn manifest(paths: &[&str]) -> Manifest {
    let file = |path: &&str| FileLine {
        path: (*path).to_owned(),
        size: 1,
        sha256: String::new(),
        cid: String::new(),
        at: 0,
        packed: None,
        exec: false,
    };
    let files = paths.iter().map(file).collect();
    let names = ("net", "tool", "1");
    Manifest::new(
        names,
        0,
        Retention::default(),
        (files, String::new()),
        json!({}),
    )
}

#[test]
fn a_folder_shows_what_is_directly_in_it() {
    let manifest = manifest(&["a/b/c", "a/d", "a<b>", "z"]);
    let names = |folder: &str| -> Vec<String> {
        let names = inside(&manifest, folder);
        names.map_or(Vec::new(), |names| names.into_keys().collect())
    };
    assert_eq!(names(""), ["a/", "a<b>", "z"]);
    assert_eq!(names("a/"), ["b/", "d"]);
    assert!(page(&manifest, "b/").is_none());
    let page = page(&manifest, "").expect("a page");
    assert!(page.contains("a&lt;b&gt;") && !page.contains("a<b>"));
}
