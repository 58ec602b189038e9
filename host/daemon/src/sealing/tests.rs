//! Goal: sealing loses the key at no moment, and a phrase brings back the key that it belongs to
//! and no other. Method: a real host's folder; a cut is the state that it leaves on the disk.

use std::path::{Path, PathBuf};

use host_core::network::{Contracts, Network};
use host_core::{Address, PeerId};
use host_keystore::{Phrase, SealedKey};

use super::{Sealed, recover, seal};
use crate::config::units::Size;
use crate::config::{Config, VolumeConfig, layers::Layered};
use crate::init::{self, CONFIG_FILE};

struct Place {
    root: tempfile::TempDir,
    phrase: Phrase,
    peer: PeerId,
}

impl Place {
    async fn new() -> Self {
        let root = tempfile::tempdir().expect("a folder");
        let mut config = Config::default();
        config.storage.volumes = vec![VolumeConfig {
            path: "volume-0".into(),
            size: Size(64 << 20),
        }];
        let made = init::make(init::Plan {
            dir: root.path().join("host"),
            config,
            network: network(),
            phrase: None,
            passphrase: None,
        })
        .await
        .expect("made");
        std::fs::write(root.path().join("words"), "ab".repeat(32)).expect("written");
        std::fs::write(root.path().join("others"), "cd".repeat(32)).expect("written");
        Self {
            root,
            phrase: made.phrase,
            peer: made.peer,
        }
    }

    fn dir(&self) -> PathBuf {
        self.root.path().join("host")
    }

    fn words(&self, name: &str) -> PathBuf {
        self.root.path().join(name)
    }

    /// Who the host is, as its daemon reads it.
    fn peer(&self) -> anyhow::Result<PeerId> {
        let config = Layered::read(&self.dir().join(CONFIG_FILE), &[])?.config;
        Ok(init::read_key(&self.dir(), &config)?.peer_id())
    }

    fn key(&self) -> PathBuf {
        let config = Config::default();
        Config::resolve(&self.dir(), &config.identity.key_file)
    }
}

fn network() -> Network {
    Network {
        guard: Default::default(),
        services: Default::default(),
        name: "test".into(),
        private: true,
        chain_id: 31337,
        endpoints: Vec::new(),
        hubs: Vec::new(),
        score_bar: 0,
        epoch: host_core::epoch::EpochRule {
            genesis_block: 0,
            epoch_blocks: 20,
            block_seconds: 1,
            grace_epochs: 1,
            depth: 2,
        },
        contracts: Contracts::of_vaults(Address::ZERO, Address::ZERO, Address::ZERO),
    }
}

fn beside(key: &Path, what: &str) -> PathBuf {
    PathBuf::from(format!("{}.{what}", key.display()))
}

fn plain(key: &Path) -> bool {
    let bytes = std::fs::read(key).expect("a key file");
    SealedKey::from_bytes(&bytes).expect("it reads").is_plain()
}

#[tokio::test]
async fn a_plain_key_is_sealed_once_and_its_plain_bytes_are_gone() {
    let place = Place::new().await;
    // Another name of the same file shows what became of its bytes.
    let witness = place.root.path().join("witness");
    std::fs::hard_link(place.key(), &witness).expect("linked");
    let words = place.words("words");
    assert_eq!(seal(&place.dir(), &words).expect("sealed"), Sealed::Now);
    assert!(!plain(&place.key()));
    assert_eq!(place.peer().expect("it opens"), place.peer);
    let left = std::fs::read(&witness).expect("read");
    assert!(left.iter().all(|byte| *byte == 0), "plain bytes stayed");
    assert!(!beside(&place.key(), "plain").exists());
    assert_eq!(seal(&place.dir(), &words).expect("again"), Sealed::Before);
    assert!(seal(&place.dir(), &place.words("others")).is_err());
    assert_eq!(place.peer().expect("it still opens"), place.peer);
}

#[tokio::test]
async fn a_cut_at_any_step_leaves_a_key_that_opens() {
    let words = |place: &Place| place.words("words");
    // Before the sealed file took the key's place: it lies beside, half or whole.
    let place = Place::new().await;
    std::fs::write(beside(&place.key(), "new"), b"half").expect("written");
    std::fs::hard_link(place.key(), beside(&place.key(), "plain")).expect("linked");
    assert_eq!(place.peer().expect("the plain one opens"), place.peer);
    assert_eq!(
        seal(&place.dir(), &words(&place)).expect("goes on"),
        Sealed::Now
    );
    assert_eq!(place.peer().expect("it opens"), place.peer);
    // After it, before the plain bytes were wiped.
    let place = Place::new().await;
    let saved = std::fs::read(place.key()).expect("read");
    seal(&place.dir(), &words(&place)).expect("sealed");
    std::fs::write(beside(&place.key(), "plain"), &saved).expect("written");
    assert_eq!(
        seal(&place.dir(), &words(&place)).expect("goes on"),
        Sealed::Before
    );
    assert!(!beside(&place.key(), "plain").exists());
    assert_eq!(place.peer().expect("it opens"), place.peer);
}

#[tokio::test]
async fn a_phrase_brings_back_its_own_key_alone() {
    let place = Place::new().await;
    seal(&place.dir(), &place.words("words")).expect("sealed");
    std::fs::remove_file(place.words("words")).expect("the TPM is another");
    assert!(place.peer().is_err(), "opened without its words");
    let stranger = Phrase::draw(&crate::clock::SystemEntropy);
    let refused = recover(&place.dir(), &stranger, &place.words("others"));
    let refused = refused.expect_err("another's phrase").to_string();
    assert!(refused.contains("this is the phrase of"), "{refused}");
    recover(&place.dir(), &place.phrase, &place.words("others")).expect("back");
    assert_eq!(place.peer().expect("it opens"), place.peer);
    assert!(!plain(&place.key()));
}

#[tokio::test]
async fn words_that_a_person_chose_are_refused() {
    let place = Place::new().await;
    std::fs::write(place.words("words"), "correct horse").expect("written");
    assert!(seal(&place.dir(), &place.words("words")).is_err());
    assert!(plain(&place.key()), "the key was touched");
}
