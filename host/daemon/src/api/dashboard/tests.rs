//! Goal: the page is whole and asks nobody outside. Method: read the embedded files as text.

use super::*;

/// Everything the page is made of, ours and the vendored library.
fn all() -> impl Iterator<Item = (&'static str, &'static str)> {
    let files = ASSETS.iter().map(|asset| (asset.name, asset.text));
    files.chain([("index.html", PAGE)])
}

#[test]
fn every_file_the_page_names_is_served() {
    for (name, text) in all() {
        for part in text.split(['"', '\'']) {
            let wanted = part.strip_prefix("/dashboard/").or_else(|| {
                let module = part.strip_prefix("./")?;
                module.ends_with(".mjs").then_some(module)
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
    for (name, text) in all().filter(|(name, _)| !name.starts_with("vendor/")) {
        for word in [
            "innerHTML",
            "outerHTML",
            "eval(",
            "document.write",
            " style=",
            " onclick=",
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
fn the_library_carries_its_name_version_and_licence() {
    let script = ASSETS
        .iter()
        .find(|asset| asset.name.ends_with(".iife.min.js"));
    assert!(script.is_some_and(|asset| asset.text.contains("uPlot (v1.6.32)")));
    let licence = include_str!("../../../../web/vendor/LICENSE-uplot.txt");
    assert!(licence.contains("MIT License"));
}

#[test]
fn only_the_pages_own_paths_are_open_to_strangers() {
    for path in ["/", "/dashboard", "/dashboard/app.mjs"] {
        assert!(is_its_path(path));
    }
    for path in [
        "/dashboards",
        "/api/v1/status",
        "/health",
        "//",
        "/dashboard2/x",
    ] {
        assert!(!is_its_path(path), "{path}");
    }
}
