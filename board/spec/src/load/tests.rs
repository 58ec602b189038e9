//! Goal: machine files inherit key by key, and nothing that is wrong becomes a description.

use super::*;
use proptest::prelude::*;

const BASE: &str = include_str!("../../../machines/nvme-1u.toml");

fn with(child: &str) -> Result<BoardSpec, Error> {
    parse("child", |name| match name {
        "child" => Some(child.to_owned()),
        "base" => Some(BASE.to_owned()),
        _ => None,
    })
}

#[test]
fn a_child_takes_what_it_does_not_say() {
    let spec = with("inherit = \"base\"\n[drives]\nmost = 24\n").unwrap();
    assert_eq!((spec.name.as_str(), spec.drives.most), ("child", 24));
    let base = with("inherit = \"base\"\n").unwrap();
    assert_eq!(spec.drives.slow_ms, base.drives.slow_ms);
    assert_eq!(spec.memory, base.memory);
}

#[test]
fn unknown_keys_are_refused_on_every_level() {
    for child in [
        "colour = 1\n",
        "[drives]\ncolour = 1\n",
        "[kernel.neighbours]\nthresh4 = 1\n",
    ] {
        let error = with(&format!("inherit = \"base\"\n{child}")).unwrap_err();
        assert!(matches!(error, Error::Text { .. }), "{error}");
    }
}

#[test]
fn a_value_that_nobody_gives_is_named() {
    let error = parse("a", |_| Some("title = \"x\"\n".into())).unwrap_err();
    assert!(error.to_string().contains("missing field"), "{error}");
}

#[test]
fn a_circle_of_inheritance_ends() {
    let error = parse("a", |_| Some("inherit = \"a\"\n".into())).unwrap_err();
    assert_eq!(
        error,
        Error::Depth {
            name: "a".into(),
            most: INHERIT_MAX
        }
    );
}

#[test]
fn names_are_never_a_path() {
    for name in ["", "..", "../etc", "a/b", "A", "a.toml", &"a".repeat(65)] {
        let error = parse(name, |_| panic!("asked for {name}")).unwrap_err();
        assert!(matches!(error, Error::Name { .. }));
    }
    let error = with("inherit = \"../etc/passwd\"\n").unwrap_err();
    assert!(matches!(error, Error::Name { .. }));
    let error = with("inherit = \"nobody\"\n").unwrap_err();
    assert!(matches!(error, Error::Unknown { .. }));
}

proptest! {
    #[test]
    fn no_text_panics(text in "\\PC{0,200}") {
        prop_assert!(parse("a", |_| Some(text.clone())).is_err());
    }
}
