//! Which reports are shown, and what is said of their signatures.

use host_release::{DrillFile, Signer};

use super::*;

fn report(begun_ms: u64, matches: bool) -> String {
    let drill = Drill {
        kind: "holdfast restore drill 1".to_owned(),
        name: "site".to_owned(),
        version: "1".to_owned(),
        manifest: "ab".to_owned(),
        begun_ms,
        seconds: 1.5,
        objective_seconds: None,
        files_of: 2,
        bytes: 9,
        files: vec![DrillFile {
            path: "a".to_owned(),
            size: 9,
            matches,
            fault: None,
        }],
    };
    serde_json::to_string(&drill).unwrap()
}

#[test]
fn reports_are_told_newest_first_with_what_their_signature_is_worth() {
    let folder = tempfile::tempdir().unwrap();
    let signer = Signer::of_seal_key(&[1; 32]).unwrap();
    let write = |name: &str, text: &str| std::fs::write(folder.path().join(name), text).unwrap();
    assert!(drills_in(&folder.path().join("none"), &signer.key()).is_empty());
    let good = report(1_700_000_000_001, true);
    write("drill-1700000000001.json", &good);
    let signature = signer.sign(release::REPORT, good.as_bytes());
    write("drill-1700000000001.json.sig", &signature);
    write(
        "drill-1700000000002.json",
        &report(1_700_000_000_002, false),
    );
    write("drill-1700000000003.json", &report(1_700_000_000_003, true));
    write("drill-1700000000003.json.sig", &signature);
    write("drill-1700000000004.json", "no report");
    write("trend.svg", "<svg/>");
    let told = drills_in(folder.path(), &signer.key());
    let said: Vec<_> = told
        .iter()
        .map(|one| {
            let of = |name: &str| one.get(name).cloned().unwrap_or_default();
            (of("begun_ms"), of("signature"), of("passed"))
        })
        .collect();
    let line = |ms: u64, word: &str, passed: bool| (json!(ms), json!(word), json!(passed));
    assert_eq!(
        said,
        [
            line(1_700_000_000_003, "wrong", true),
            line(1_700_000_000_002, "missing", false),
            line(1_700_000_000_001, "good", true),
        ]
    );
}
