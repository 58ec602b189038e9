//! Goal: a host brought back beside its volumes serves every shard, also those stored after the
//! backup. Method: a real host in a temporary folder with real volumes, its own `inspect` as the
//! judge, which reads every stored byte back and verifies it.

use crate::deadline::VolumeDevice;
use host_core::agreement::{Agreement, PayMode, SignedAgreement};
use host_core::identity::Signature;
use host_core::network::{Contracts, Network};
use host_core::{Address, AgreementDigest, AgreementId, Amount, NetworkId, ShardId};
use host_ledger::{AgreementRow, AgreementState, Fact};
use host_store::{Error, Sealed, Store};

use super::*;
use crate::backup::Instance;
use crate::backup::instance::State;
use crate::config::VolumeConfig;
use crate::config::units::Size;
use crate::{init, inspect, volumes};

struct Place {
    root: tempfile::TempDir,
    config: Config,
    network: Network,
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

async fn place(volumes: &[&str], passphrase: Option<&str>) -> Place {
    let root = tempfile::tempdir().expect("a folder");
    let mut config = Config::default();
    config.storage.volumes = volumes
        .iter()
        .map(|path| VolumeConfig {
            path: path.into(),
            size: Size(64 << 20),
        })
        .collect();
    let network = network();
    init::make(init::Plan {
        dir: root.path().join("host"),
        config: config.clone(),
        network: network.clone(),
        phrase: None,
        passphrase: passphrase.map(|words| words.as_bytes().to_vec()),
    })
    .await
    .expect("a host");
    Place {
        root,
        config,
        network,
    }
}

impl Place {
    fn dir(&self) -> PathBuf {
        self.root.path().join("host")
    }

    fn new_dir(&self) -> PathBuf {
        self.root.path().join("again")
    }

    fn file(&self) -> PathBuf {
        self.root.path().join("host.backup")
    }

    async fn open(&self) -> (Ledger, Store<VolumeDevice>) {
        let dir = self.dir();
        let key = init::read_key(&dir, &self.config).expect("a key");
        let opened = volumes::open_volumes(&dir, &self.config, &self.network, key.peer_id()).await;
        let opened = opened.expect("opens");
        (opened.ledger, opened.store)
    }

    fn take(&self, ledger: &Ledger) -> Kept {
        take(&self.dir(), &self.config, ledger, &self.file()).expect("saves")
    }

    fn move_volume(&self, name: &str) {
        std::fs::rename(self.dir().join(name), self.new_dir().join(name)).expect("moves");
    }
}

async fn write(store: &Store<VolumeDevice>, shard: ShardId, bytes: &[u8]) -> Result<Sealed, Error> {
    let reservation = store.reserve(bytes.len() as u64)?;
    let mut writer = store.writer(reservation, shard)?;
    writer.append(bytes).await?;
    writer.seal(AgreementDigest(shard.0), 30).await
}

/// Stores a shard of bytes `n` under agreement `n`.
async fn put(ledger: &Ledger, store: &Store<VolumeDevice>, n: u8) {
    let bytes = vec![n; 100_000];
    let Err(Error::RootMismatch { found, .. }) = write(store, ShardId([0; 32]), &bytes).await
    else {
        panic!("no shard has this name");
    };
    let sealed = write(store, found, &bytes).await.expect("sealed");
    let terms = Agreement {
        network: NetworkId([1; 32]),
        id: AgreementId([n; 32]),
        renter: Address([2; 20]),
        host: Address([3; 20]),
        payout: Address([3; 20]),
        shard: found,
        shard_len: 100_000,
        codec: 1,
        price: Amount(1),
        start_epoch: 1,
        end_epoch: 30,
        egress_price: Amount::ZERO,
        pay_mode: PayMode::Cheque,
        nonce: 1,
    };
    let none = Signature([0; 65]);
    let signed = SignedAgreement {
        terms,
        renter_signature: none,
        host_signature: none,
    };
    let digest = AgreementDigest([n; 32]);
    let opened = Fact::AgreementOpened(AgreementRow::new(digest, signed, 9));
    let placed = sealed.fact(digest);
    ledger.commit(vec![opened, placed]).await.expect("commits");
    sealed.committed();
}

async fn give_up(ledger: &Ledger, n: u8) {
    let closed = Fact::AgreementClosed {
        agreement: AgreementDigest([n; 32]),
        state: AgreementState::Released,
    };
    ledger.commit(vec![closed]).await.expect("commits");
}

#[tokio::test]
async fn a_moved_host_serves_every_shard_also_those_stored_after_the_backup() {
    let place = place(&["volume-0"], None).await;
    let (ledger, store) = place.open().await;
    put(&ledger, &store, 1).await;
    put(&ledger, &store, 2).await;
    let kept = place.take(&ledger);
    assert!(kept.plain_key);
    put(&ledger, &store, 3).await;
    put(&ledger, &store, 4).await;
    give_up(&ledger, 1).await;
    drop(store);
    ledger.close().await;
    let before = inspect::inspect(&place.dir()).await.expect("inspects");
    let brought = bring(&place.file(), &place.new_dir()).expect("restores");
    assert_eq!(brought.missing, [place.new_dir().join("volume-0")]);
    assert_eq!((brought.generation, brought.outside.len()), (1, 0));
    place.move_volume("volume-0");
    let after = inspect::inspect(&place.new_dir()).await.expect("inspects");
    assert_eq!((after.shards, after.damaged), (3, 0));
    assert_eq!(after, before);
    let again = inspect::inspect(&place.new_dir()).await.expect("inspects");
    assert_eq!(again, before, "the second start keeps what the first found");
}

#[tokio::test]
async fn shards_of_a_volume_that_is_not_there_yet_are_served_when_it_is() {
    let place = place(&["volume-0", "volume-1"], None).await;
    let (ledger, store) = place.open().await;
    for n in 1..=6 {
        put(&ledger, &store, n).await;
    }
    place.take(&ledger);
    put(&ledger, &store, 7).await;
    drop(store);
    ledger.close().await;
    bring(&place.file(), &place.new_dir()).expect("restores");
    place.move_volume("volume-0");
    let half = inspect::inspect(&place.new_dir()).await.expect("inspects");
    assert!(half.shards >= 3 && half.damaged >= 3, "{half:?}");
    place.move_volume("volume-1");
    let whole = inspect::inspect(&place.new_dir()).await.expect("inspects");
    assert!(whole.shards >= 6 && whole.damaged == 0, "{whole:?}");
}

#[tokio::test]
async fn a_host_at_rest_is_saved_and_its_identity_comes_back() {
    let place = place(&["volume-0"], None).await;
    let first = Instance::read(&place.dir()).expect("reads");
    let first = first.expect("a new host has its mark");
    assert_eq!((first.generation, first.state), (0, State::Claimed));
    let kept = take_at_rest(&place.dir(), &place.file()).expect("saves");
    assert!(kept.is_some_and(|kept| kept.file == place.file()));
    bring(&place.file(), &place.new_dir()).expect("restores");
    let key = |dir: &Path| init::read_key(dir, &place.config).expect("a key").peer_id();
    assert_eq!(key(&place.dir()), key(&place.new_dir()));
    let _held = host_uring::DirLock::acquire(&place.dir()).expect("locks");
    assert!(
        take_at_rest(&place.dir(), &place.file())
            .expect("asks")
            .is_none()
    );
}

#[tokio::test]
async fn a_file_that_is_no_backup_is_never_replaced() {
    let place = place(&["volume-0"], None).await;
    let key = place.dir().join("identity.key");
    let before = std::fs::read(&key).expect("reads");
    assert!(take_at_rest(&place.dir(), &key).is_err());
    assert_eq!(std::fs::read(&key).expect("reads"), before);
}

#[tokio::test]
async fn a_sealed_key_stays_sealed_and_what_lies_outside_is_listed() {
    let mut place = place(&["volume-0"], Some("words")).await;
    let words = place.root.path().join("words");
    std::fs::write(&words, "words\n").expect("writes");
    place.config.identity.passphrase_file = words.clone();
    let text = toml::to_string_pretty(&place.config).expect("toml");
    std::fs::write(place.dir().join(CONFIG_FILE), text).expect("writes");
    let kept = take_at_rest(&place.dir(), &place.file()).expect("saves");
    assert!(!kept.expect("at rest").plain_key);
    let brought = bring(&place.file(), &place.new_dir()).expect("restores");
    let [outside] = brought.outside.as_slice() else {
        panic!("{brought:?}");
    };
    assert_eq!(outside.key, "identity.passphrase_file");
    assert_eq!(
        (&outside.path, outside.found, &outside.saved),
        (&words, true, &None)
    );
    let saved = std::fs::read(place.file()).expect("reads");
    assert!(
        !saved.windows(6).any(|run| run == b"words\n"),
        "never saved"
    );
}
