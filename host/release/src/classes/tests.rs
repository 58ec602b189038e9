//! What a class admits, and how it says no.

use super::{Class, Classes, Publishing};
use crate::error::Error;
use crate::sshsig::Signer;

const POLICY: &str = r#"
kind = "holdfast classes 1"
version = 3

[class.release]
public = true
days = 90
retain_days = 365
may_die = 10

[class.backup]
public = false
replaced = true
hold = true
restore_seconds = 600
canonical = "s3://vault/backups"
"#;

fn signer(byte: u8) -> Signer {
    Signer::of_seal_key(&[byte; 32]).expect("a key")
}

fn fits() -> Publishing {
    Publishing {
        public: true,
        days: 90,
        retain_days: 365,
        hold: false,
        may_die: 20,
        key: signer(1).key(),
        again: false,
    }
}

fn key_of(refused: Result<(), Error>) -> &'static str {
    match refused {
        Err(Error::Rule { key, .. }) => key,
        other => panic!("{other:?}"),
    }
}

#[test]
fn the_first_rule_that_is_broken_is_named() {
    let classes = Classes::parse(POLICY).expect("reads");
    let release = classes.get("release").expect("there");
    release.admits("release", &fits()).expect("fits");
    type Change = fn(&mut Publishing);
    let changes: [(&str, Change); 5] = [
        ("public", |asked| asked.public = false),
        ("replaced", |asked| asked.again = true),
        ("days", |asked| asked.days = 89),
        ("retain_days", |asked| asked.retain_days = 0),
        ("may_die", |asked| asked.may_die = 9),
    ];
    for (key, change) in changes {
        let mut asked = fits();
        change(&mut asked);
        assert_eq!(key_of(release.admits("release", &asked)), key);
    }
    let backup = classes.get("backup").expect("there");
    let mut asked = fits();
    (asked.public, asked.again) = (false, true);
    assert_eq!(key_of(backup.admits("backup", &asked)), "hold");
    asked.hold = true;
    backup.admits("backup", &asked).expect("fits");
    assert_eq!(key_of(classes.get("other").map(|_| ())), "class");
}

#[test]
fn only_named_keys_publish() {
    let named = Class {
        publishers: vec![signer(1).key().to_string()],
        ..Classes::parse(POLICY).expect("reads").class["release"].clone()
    };
    named.admits("release", &fits()).expect("it is named");
    let other = Publishing {
        key: signer(2).key(),
        ..fits()
    };
    assert_eq!(key_of(named.admits("release", &other)), "publishers");
}

#[test]
fn a_bucket_is_of_the_class_that_names_it_best() {
    let policy = |more: &str| {
        let head = "kind = \"holdfast classes 1\"\nversion = 1\n";
        Classes::parse(&format!("{head}{more}"))
    };
    let all = policy(
        "[class.any]\npublic = true\nbuckets = [\"ci-*\"]\n\
         [class.main]\npublic = true\ndays = 9\nbuckets = [\"ci-main-*\", \"ci\"]\n",
    )
    .expect("reads");
    let name = |bucket: &str| all.of_bucket(bucket).map(|(name, _)| name);
    assert_eq!(name("ci-main-1"), Some("main"));
    assert_eq!(name("ci-other"), Some("any"));
    assert_eq!((name("ci"), name("other")), (Some("main"), None));
    let main = all.get("main").expect("there");
    assert_eq!(key_of(main.admits_gateway("main", 8, 0)), "days");
    main.admits_gateway("main", 9, 0).expect("fits");
    let twice = policy(
        "[class.a]\npublic = true\nbuckets = [\"x\"]\n[class.b]\npublic = true\nbuckets = [\"x\"]\n",
    );
    assert!(
        twice
            .expect_err("one bucket")
            .to_string()
            .contains("two classes")
    );
}

#[test]
fn a_policy_is_followed_by_newer_ones_alone() {
    let old = Classes::parse(POLICY).expect("reads");
    old.follows(&old).expect("the same again changes nothing");
    let changed = POLICY.replace("days = 90", "days = 1");
    let changed = Classes::parse(&changed).expect("reads");
    assert_eq!(key_of(changed.follows(&old)), "version");
    let newer = POLICY.replace("version = 3", "version = 4");
    let newer = Classes::parse(&newer).expect("reads");
    newer.follows(&old).expect("it is newer");
    assert_eq!(key_of(old.follows(&newer)), "version");
}

#[test]
fn what_is_misspelt_or_no_key_is_refused_by_name() {
    for (from, to, what) in [
        ("may_die", "may_dye", "may_dye"),
        ("classes 1", "classes 2", "classes 2"),
        (
            "hold = true",
            "publishers = [\"me\"]",
            "class.backup.publishers",
        ),
    ] {
        let said = Classes::parse(&POLICY.replace(from, to)).expect_err("refused");
        assert!(said.to_string().contains(what), "{said}");
    }
}

#[test]
fn a_class_is_explained_in_words() {
    let classes = Classes::parse(POLICY).expect("reads");
    let backup = classes.get("backup").expect("there").explain("backup");
    assert!(backup.contains("s3://vault/backups; Holdfast is the copy"));
    assert!(backup.contains("0 days, and not before its hold is lifted"));
    let release = classes.get("release").expect("there").explain("release");
    assert!(release.contains("beyond recall") && release.contains("365 days"));
}
