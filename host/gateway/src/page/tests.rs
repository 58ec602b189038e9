//! Goal: the page is whole, asks nobody outside and runs no text as code. Method: the embedded files
//! as text; queries with hostile keys.

use super::assets::{ASSETS, PAGE};
use super::query::Query;

/// Everything the page is made of, ours and the vendored library.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = ASSETS.iter().map(|asset| (asset.name, asset.text));
    files.chain([("index.html", PAGE)])
}

fn ours() -> impl Iterator<Item = (&'static str, &'static str)> {
    all().filter(|(name, _)| !name.starts_with("vendor/"))
}

#[test]
fn every_file_the_page_names_is_served() {
    for (name, text) in ours() {
        for part in text.split(['"', '\'']) {
            let wanted = part.strip_prefix("/page/").or_else(|| {
                let module = part.strip_prefix("./")?;
                module.ends_with("js").then_some(module)
            });
            if let Some(wanted) = wanted {
                let known = ASSETS.iter().any(|asset| asset.name == wanted);
                assert!(known, "{name} names {wanted}, which is not served");
            }
        }
    }
}

#[test]
fn no_file_of_ours_runs_text_as_code_or_markup() {
    for (name, text) in ours() {
        for word in [
            "innerHTML",
            "outerHTML",
            "insertAdjacentHTML",
            "eval(",
            "document.write",
            " style=",
            " onclick=",
            "localStorage",
            "sessionStorage",
        ] {
            assert!(!text.contains(word), "{name} holds {word}");
        }
    }
}

#[test]
fn nothing_is_fetched_from_elsewhere() {
    for (name, text) in all() {
        for part in [
            "src=\"http",
            "href=\"http",
            "url(http",
            "from \"http",
            "import(\"http",
        ] {
            assert!(!text.contains(part), "{name} reaches outside: {part}");
        }
    }
}

#[test]
fn the_library_carries_its_version_and_licence() {
    let licence = include_str!("../../page/vendor/noble-hashes-2.4.0/LICENSE.txt");
    assert!(licence.contains("MIT License"));
    let names = ASSETS.iter().map(|asset| asset.name);
    let vendored: Vec<_> = names.filter(|name| name.starts_with("vendor/")).collect();
    assert!(
        vendored
            .iter()
            .all(|name| name.contains("noble-hashes-2.4.0"))
    );
}

#[test]
fn hostile_keys_come_out_of_a_query_as_they_are() {
    let long = "\u{1F980}".repeat(256);
    let escaped: String = long.bytes().map(|byte| format!("%{byte:02X}")).collect();
    let keys = [
        ("..%2F..%2Fetc%2Fpasswd", "../../etc/passwd"),
        (
            "%3Cimg+src%3Dx+onerror%3Dalert(1)%3E",
            "<img src=x onerror=alert(1)>",
        ),
        ("a%2Bb%26c%3Dd", "a+b&c=d"),
        ("%E2%80%AEtxt.exe", "\u{202E}txt.exe"),
        (escaped.as_str(), long.as_str()),
    ];
    for (said, key) in keys {
        let query = Query::parse(&format!("bucket=b&key={said}")).unwrap();
        assert_eq!(query.need("key").unwrap(), key);
    }
}

#[test]
fn a_query_that_is_no_text_or_says_twice_is_refused() {
    for odd in [
        "key=%",
        "key=%4",
        "key=%zz",
        "key=%+1",
        "key=%ff",
        "key=a&key=b",
        "%ff=a",
    ] {
        assert!(Query::parse(odd).is_err(), "{odd}");
    }
    let query = Query::parse("most=7&none=").unwrap();
    assert_eq!(query.number("most", 1..=9, 5).unwrap(), 7);
    assert_eq!(query.number("absent", 1..=9, 5).unwrap(), 5);
    assert!(query.number("most", 1..=5, 5).is_err());
    assert!(query.need("none").is_err() && query.need("absent").is_err());
}
