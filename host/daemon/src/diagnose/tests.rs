//! A bundle holds what helps and no secret of the box, in whatever form it stands.

use super::*;

fn holds(bytes: &[u8], text: &[u8]) -> bool {
    bytes.windows(text.len()).any(|run| run == text)
}

#[test]
fn the_content_of_every_file_named_as_a_secret_is_taken_out_everywhere() {
    let dir = tempfile::tempdir().expect("a directory");
    let write = |name: &str, text: &str| {
        std::fs::write(dir.path().join(name), text).expect("written");
    };
    let secrets = [
        "open sesame",
        "feedfacefeedface",
        "-----BEGIN X\nMIIabcdefgh\n-----END X\n",
    ];
    write("words", "open sesame\n");
    write("api.token", "feedfacefeedface");
    write("tls.key", secrets[2]);
    let mut config = Config::default();
    config.identity.passphrase_file = "words".into();
    write(CONFIG_FILE, &toml::to_string(&config).expect("text"));
    let logs = dir.path().join("logs");
    std::fs::create_dir(&logs).expect("made");
    let line = format!(
        "{{\"m\":\"open sesame feedfacefeedface MIIabcdefgh {}\"}}\n",
        "open sesame"
            .bytes()
            .map(|b| format!("{b:02x}"))
            .collect::<String>()
    );
    std::fs::write(logs.join(crate::telemetry::LOG_FILE), line).expect("written");
    let redactor = Redactor::of(dir.path(), &config);
    let tar = bundle(&redactor, &files(dir.path(), &config));
    for secret in [
        "open sesame",
        "feedfacefeedface",
        "MIIabcdefgh",
        "6f70656e20736573616d65",
    ] {
        assert!(!holds(&tar, secret.as_bytes()), "{secret}");
    }
    assert!(holds(&tar, TAKEN_OUT.as_bytes()));
    assert!(
        holds(&tar, b"passphrase_file"),
        "which file is named may be told"
    );
    assert!(holds(&tar, b"versions.txt") && holds(&tar, b"log.jsonl"));
}

#[test]
fn tokens_and_addresses_are_taken_out_by_their_form() {
    let clean = |text: &str| String::from_utf8(Redactor::default().clean(text.as_bytes()));
    let clean = |text: &str| clean(text).expect("text");
    assert_eq!(
        clean("a hft_12345678_ab, b"),
        format!("a hft_{TAKEN_OUT}, b")
    );
    assert_eq!(
        clean("Authorization: Bearer abc\n"),
        format!("Authorization: Bearer {TAKEN_OUT}\n")
    );
    assert_eq!(
        clean("at https://user:pw@rpc.example:1/v3/KEY?x=1 now"),
        format!("at https://rpc.example:1/{TAKEN_OUT} now")
    );
    assert_eq!(clean("http://127.0.0.1:8545"), "http://127.0.0.1:8545");
    assert_eq!(clean("\"http://h/\""), "\"http://h/\"");
    assert_eq!(clean("hft_ :// Bearer "), "hft_ :// Bearer ");
}

#[test]
fn a_bundle_is_a_tar_that_ordinary_programs_read() {
    let members = [
        ("a.txt".to_owned(), b"hello".to_vec()),
        ("b".to_owned(), vec![7; 1000]),
    ];
    let tar = bundle(&Redactor::default(), &members);
    assert_eq!(tar.len(), 512 + 512 + 512 + 1024 + 1024);
    let dir = tempfile::tempdir().expect("a directory");
    let path = dir.path().join("x.tar");
    std::fs::write(&path, &tar).expect("written");
    let Ok(said) = std::process::Command::new("tar")
        .arg("-tf")
        .arg(&path)
        .output()
    else {
        eprintln!("skipped: no tar here");
        return;
    };
    assert_eq!(String::from_utf8_lossy(&said.stdout), "a.txt\nb\n");
}

#[test]
fn a_directory_without_anything_still_tells_the_versions() {
    let dir = tempfile::tempdir().expect("a directory");
    let members = files(dir.path(), &Config::default());
    assert_eq!(members.len(), 1);
}
