//! Metadata that must not be believed, each for its own reason, and metadata that must. Method:
//! repositories signed by test keys, read by the same function that reads bundles.

use std::path::Path;

use image_bundle::{Artefact, Manifest, SCHEMA, Version};

use super::{ROOT, verify_folder};
use crate::error::Error;

#[path = "../../../../tests/support/release.rs"]
mod release;
use release::{Keys, Signing};

fn manifest() -> Vec<u8> {
    let none = Artefact {
        bytes: 4,
        sha256: String::new(),
    };
    let manifest = Manifest {
        schema: SCHEMA,
        machine: "qemu".to_owned(),
        version: Version(1, 2, 3),
        min_version: Version(1, 0, 0),
        state_reads: 1,
        state_writes: 1,
        root_words: String::new(),
        root: none.clone(),
        kernel: none,
    };
    serde_json::to_vec(&manifest).unwrap()
}

/// A box with its root of trust and what it knows.
struct Box {
    folder: tempfile::TempDir,
    keys: Keys,
}

impl Box {
    async fn new() -> Self {
        let folder = tempfile::tempdir().unwrap();
        std::fs::create_dir(folder.path().join("known")).unwrap();
        let keys = Keys::at(&folder.path().join("keys")).await.unwrap();
        Self { folder, keys }
    }

    async fn signed(&self, name: &str, keys: &Keys, signing: &Signing) -> std::path::PathBuf {
        let into = self.folder.path().join(name);
        let manifest = manifest();
        let targets: [(&str, &[u8]); 3] = [
            ("bundle.json", &manifest),
            ("root.img", b"root"),
            ("kernel.efi", b"kern"),
        ];
        signing.write(keys, &targets, &into).await.unwrap();
        into
    }

    async fn reads(&self, bundle: &Path) -> Result<super::Verified, Error> {
        let root = std::fs::read(self.keys.root()).unwrap();
        verify_folder(&root, bundle, &self.folder.path().join("known")).await
    }
}

fn number(number: u64) -> Signing {
    Signing {
        number,
        ..Signing::default()
    }
}

#[tokio::test]
async fn metadata_signed_by_all_is_believed_and_its_parts_are_saved() {
    let of = Box::new().await;
    let bundle = of.signed("good", &of.keys, &number(3)).await;
    let verified = of.reads(&bundle).await.unwrap();
    assert_eq!(verified.manifest.version, Version(1, 2, 3));
    let saved = verified.save(ROOT, of.folder.path()).await.unwrap();
    assert_eq!(std::fs::read(saved).unwrap(), b"root");
}

#[tokio::test]
async fn expired_few_and_strange_signatures_are_refused() {
    let of = Box::new().await;
    let expired = Signing {
        expired: true,
        ..number(3)
    };
    let few = Signing {
        without: "targets-2",
        ..number(3)
    };
    let strangers = Keys::at(&of.folder.path().join("strangers")).await.unwrap();
    let cases = [
        ("expired", &of.keys, expired),
        ("few", &of.keys, few),
        ("strange", &strangers, number(3)),
    ];
    for (name, keys, signing) in cases {
        let bundle = of.signed(name, keys, &signing).await;
        let refused = of.reads(&bundle).await;
        assert!(matches!(refused, Err(Error::Trust { .. })), "{name}");
    }
}

#[tokio::test]
async fn metadata_older_than_known_is_refused() {
    let of = Box::new().await;
    let newer = of.signed("newer", &of.keys, &number(9)).await;
    let older = of.signed("older", &of.keys, &number(8)).await;
    assert!(of.reads(&older).await.is_ok(), "nothing is known yet");
    assert!(of.reads(&newer).await.is_ok());
    assert!(of.reads(&older).await.is_err());
    assert!(
        of.reads(&newer).await.is_ok(),
        "the same again is no step back"
    );
}

#[tokio::test]
async fn a_rotated_root_is_followed_and_the_old_keys_end() {
    let of = Box::new().await;
    let next = of
        .keys
        .rotated(&of.folder.path().join("next"))
        .await
        .unwrap();
    let bundle = of.signed("rotated", &next, &number(4)).await;
    assert!(of.reads(&bundle).await.is_ok());
    let stale = of.signed("stale", &of.keys, &number(5)).await;
    // The root that follows is public, so whoever has the old keys cannot hide it for long.
    let name = next.root().file_name().unwrap().to_owned();
    std::fs::copy(next.root(), stale.join("metadata").join(name)).unwrap();
    assert!(of.reads(&stale).await.is_err());
}

#[tokio::test]
async fn a_part_with_a_changed_byte_is_not_saved() {
    let of = Box::new().await;
    let bundle = of.signed("changed", &of.keys, &number(3)).await;
    let verified = of.reads(&bundle).await.unwrap();
    for entry in std::fs::read_dir(bundle.join("targets")).unwrap() {
        let path = entry.unwrap().path();
        if path.to_string_lossy().ends_with("root.img") {
            std::fs::write(path, b"rott").unwrap();
        }
    }
    assert!(verified.save(ROOT, of.folder.path()).await.is_err());
}

#[tokio::test]
async fn metadata_that_is_too_long_is_refused() {
    let of = Box::new().await;
    let bundle = of.signed("long", &of.keys, &number(3)).await;
    let path = bundle.join("metadata/timestamp.json");
    let mut text = std::fs::read(&path).unwrap();
    text.resize(65 << 10, b' ');
    std::fs::write(&path, text).unwrap();
    assert!(of.reads(&bundle).await.is_err());
}
