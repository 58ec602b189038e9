//! Goal: whatever the TPM and the host's command line answer, and wherever the power goes, sealed
//! words that open the key are not lost. Method: stand-ins for both programs whose answers files
//! decide; the "TPM" turns text around and refuses what another one sealed.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use super::{BLOB, NEXT, Places, open, recover, run};
use crate::record::{Record, Trial};

struct Box {
    folder: tempfile::TempDir,
    places: Places,
    record: Record,
}

fn program(path: &Path, text: &str) {
    std::fs::write(path, format!("#!/bin/sh\n{text}\n")).unwrap();
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(0o755)).unwrap();
}

impl Box {
    fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        let at = |name: &str| folder.path().join(name);
        let places = Places {
            host: at("host"),
            open: at("open"),
            device: at("tpm"),
            told: at("told"),
            creds: at("creds"),
            program: at("program"),
        };
        std::fs::create_dir_all(&places.host).unwrap();
        std::fs::write(places.host.join("host.toml"), "").unwrap();
        std::fs::write(&places.device, "one").unwrap();
        let (tpm, key) = (places.device.display(), at("key"));
        let key = key.display();
        program(
            &places.creds,
            &format!(
                "if [ $1 = encrypt ]; then cat {tpm}; echo; rev; exit; fi\n\
                 test \"$(head -n 1 $3)\" = \"$(cat {tpm})\" || {{ echo 'TPM policy' >&2; exit 1; }}\n\
                 tail -n +2 $3 | rev | tr -d '\\n'"
            ),
        );
        // The key file holds the words that open it; empty, it is plain.
        program(
            &places.program,
            &format!(
                "words=$(eval echo \\${{$#}})\n\
                 if [ $2 = recover ]; then cp $words {key}; exit; fi\n\
                 test -s {key} || cp $words {key}\n\
                 cmp -s $words {key} || {{ echo 'sealed under other words' >&2; exit 1; }}"
            ),
        );
        let record = Record::open(&at("record")).unwrap();
        Self {
            folder,
            places,
            record,
        }
    }

    fn key(&self) -> Vec<u8> {
        std::fs::read(self.folder.path().join("key")).unwrap_or_default()
    }

    fn words(&self) -> Option<Vec<u8>> {
        std::fs::read(self.places.open.join("words")).ok()
    }

    fn has(&self, name: &str) -> bool {
        self.record.path(name).exists()
    }
}

#[test]
fn words_are_drawn_once_and_opened_at_every_start() {
    let made = Box::new();
    open(&made.places, &made.record).unwrap();
    let (words, key) = (made.words().unwrap(), made.key());
    assert_eq!((words.len(), &words), (64, &key));
    assert!(made.has(BLOB) && !made.has(NEXT));
    std::fs::remove_dir_all(&made.places.open).unwrap();
    open(&made.places, &made.record).unwrap();
    assert_eq!(made.words().unwrap(), key);
}

#[test]
fn a_cut_after_the_key_was_sealed_and_before_the_rename_is_gone_on_from() {
    let made = Box::new();
    open(&made.places, &made.record).unwrap();
    std::fs::rename(made.record.path(BLOB), made.record.path(NEXT)).unwrap();
    open(&made.places, &made.record).unwrap();
    assert!(made.has(BLOB) && !made.has(NEXT));
    assert_eq!(made.words().unwrap(), made.key());
}

#[test]
fn another_tpm_opens_nothing_until_the_phrase_is_there() {
    let made = Box::new();
    open(&made.places, &made.record).unwrap();
    let before = made.key();
    std::fs::write(&made.places.device, "two").unwrap();
    std::fs::remove_dir_all(&made.places.open).unwrap();
    let why = open(&made.places, &made.record).unwrap_err().to_string();
    assert!(why.contains("the disk is another machine's"), "{why}");
    assert!(made.words().is_none() && made.has(BLOB));
    recover(&made.places, &made.record, b"words of the owner").unwrap();
    assert_ne!(made.key(), before);
    assert!(!made.places.open.join("phrase").exists());
    open(&made.places, &made.record).unwrap();
    assert_eq!(made.words().unwrap(), made.key());
}

#[test]
fn lost_words_are_told_and_the_key_is_left_alone() {
    let made = Box::new();
    open(&made.places, &made.record).unwrap();
    std::fs::remove_file(made.record.path(BLOB)).unwrap();
    let before = made.key();
    let why = open(&made.places, &made.record).unwrap_err().to_string();
    assert!(why.contains("sealed under other words"), "{why}");
    assert_eq!(made.key(), before);
    assert!(!made.has(NEXT) && made.words().is_none());
}

#[test]
fn a_trial_seals_nothing() {
    let made = Box::new();
    let trial = Trial {
        slot: "slot-b".into(),
        version: "2.0.0".into(),
        min_version: "1.0.0".parse().unwrap(),
        asked: true,
        before: None,
    };
    made.record.set_trial(Some(&trial)).unwrap();
    open(&made.places, &made.record).unwrap();
    assert!(!made.has(BLOB) && made.key().is_empty());
}

#[test]
fn without_a_tpm_a_plain_key_stays_and_a_sealed_one_is_refused() {
    let made = Box::new();
    std::fs::remove_file(&made.places.device).unwrap();
    run(&made.places, &made.record, "none").unwrap();
    assert!(made.key().is_empty());
    std::fs::write(made.record.path(BLOB), "sealed").unwrap();
    let why = run(&made.places, &made.record, "none").unwrap_err();
    assert!(why.to_string().contains("this machine has none"), "{why}");
}
