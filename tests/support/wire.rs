//! A renter by hand: speaks the wire itself, so that it can say what the renter library never
//! would. Its key comes from its name, so every test has its own.

use std::sync::atomic::{AtomicU64, Ordering};

use host_chain::EvmChain;
use host_core::agreement::{Agreement, PayMode};
use host_core::announce::Announcement;
use host_core::cheque::{Cheque, SignedCheque};
use host_core::identity::SecretKey;
use host_core::network::Network;
use host_core::seams::PeerAddr;
use host_core::wire::RefusalCode;
use host_core::{Address, AgreementId, Amount, Digest32, ShardId};
use host_net::{Bounds, Inlet, Net, Options};
use host_transfer::upload::{self, Opened, StoredShard};
use host_transfer::{Error, download, hub};
use sha2::{Digest, Sha256};

use super::ground::{CHAIN_ID, block_on, ground};
use super::host::Host;
use super::town::PRICE;

/// Epochs of an agreement made by hand.
pub(crate) const EPOCHS: u64 = 10;

/// A peer with a key and perhaps a vault.
pub(crate) struct Caller {
    pub(crate) net: Net,
    pub(crate) key: SecretKey,
    pub(crate) vault: Address,
    pub(crate) network: Network,
    _inlet: Inlet,
}

/// The key of a name.
pub(crate) fn key_of(name: &str) -> SecretKey {
    let mut hash = Sha256::new();
    hash.update(b"a test key of holdfast");
    hash.update(name);
    SecretKey::from_bytes(&hash.finalize().into()).expect("a scalar")
}

/// A number no other agreement of this run has.
fn fresh() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(1);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

/// The name of a shard.
pub(crate) fn shard_of(bytes: &[u8]) -> ShardId {
    let mut tree = host_proof::TreeBuilder::new();
    tree.push(bytes);
    tree.finish().expect("the shard has bytes").shard_id()
}

/// The code of a refusal, when the error is one.
pub(crate) fn refusal(error: &Error) -> Option<RefusalCode> {
    match error {
        Error::Refused { refusal, .. } => Some(refusal.code),
        _ => None,
    }
}

/// A node that answers these protocols, or only dials when there are none.
pub(crate) fn node(key: &SecretKey, protocols: Vec<host_core::wire::Protocol>) -> (Net, Inlet) {
    let listen = match protocols.is_empty() {
        true => Vec::new(),
        false => vec!["/ip4/127.0.0.1/tcp/0".to_owned()],
    };
    let options = Options {
        key: key.clone(),
        listen,
        announce: Vec::new(),
        private_network: true,
        protocols,
        agent: "holdfast-tests/0".into(),
        bounds: Bounds::house(),
    };
    block_on(async { Net::start(options).await.expect("a node starts") })
}

impl Caller {
    /// Somebody without money.
    pub(crate) fn stranger(network: &Network) -> Self {
        Self::of(network, &format!("stranger {}", fresh()), Address::ZERO)
    }

    /// Somebody whose vault holds `deposit`.
    pub(crate) fn with_vault(network: &Network, name: &str, deposit: Amount) -> Self {
        let key = key_of(name);
        ground().fund(key.address());
        let chain = ground().chain().with_key(key);
        let vault = block_on(make_vault(&chain, deposit));
        Self::of(network, name, vault)
    }

    fn of(network: &Network, name: &str, vault: Address) -> Self {
        let key = key_of(name);
        let (net, inlet) = node(&key, Vec::new());
        Self {
            net,
            key,
            vault,
            network: network.clone(),
            _inlet: inlet,
        }
    }

    /// What a hub lists; nothing when it does not answer.
    pub(crate) fn listed_at(&self, hub: usize) -> Vec<Announcement> {
        let to = hub_addr(&self.network.hubs[hub]);
        let mut found = Vec::new();
        let id = self.network.id();
        let asked = block_on(hub::query(&self.net, &to, &id, |one| found.push(one)));
        if asked.is_ok() { found } else { Vec::new() }
    }

    /// Terms for a shard on a host, from now, at its price.
    pub(crate) fn terms(&self, host: &Host, shard: ShardId, len: u64) -> Agreement {
        let head = block_on(ground().chain().newest_block()).expect("the chain answers");
        let start_epoch = self.network.epoch.epoch_of(head.number);
        let nonce = fresh();
        Agreement {
            network: self.network.id(),
            id: AgreementId(Sha256::digest(nonce.to_be_bytes()).into()),
            renter: self.key.address(),
            host: host.address,
            payout: host.address,
            shard,
            shard_len: len,
            codec: 1,
            price: PRICE,
            start_epoch,
            end_epoch: start_epoch + EPOCHS,
            egress_price: Amount::ZERO,
            pay_mode: PayMode::Cheque,
            nonce,
        }
    }

    /// Proposes terms to a host.
    pub(crate) async fn open(&self, host: &Host, terms: &Agreement) -> Result<Opened, Error> {
        let signature = terms.sign(CHAIN_ID, &self.key);
        let id = self.network.id();
        upload::open(&self.net, &host.addr(), CHAIN_ID, &id, terms, signature).await
    }

    /// Puts a shard onto a host, up to the receipt.
    pub(crate) async fn store(
        &self,
        host: &Host,
        terms: &Agreement,
        bytes: &[u8],
    ) -> Result<StoredShard, Error> {
        match self.open(host, terms).await? {
            Opened::Stored(stored) => Ok(stored),
            Opened::Send(mut stream) => {
                stream.send(bytes).await?;
                stream.finish().await
            }
        }
    }

    /// Reads a whole shard back, every unit verified; none when the host does not give it.
    pub(crate) async fn try_fetch(&self, host: &Host, bytes: &[u8]) -> Option<Vec<u8>> {
        let (to, shard, len) = (host.addr(), shard_of(bytes), bytes.len() as u64);
        let opened = download::open(&self.net, &to, &shard, len, 0, len).await;
        let mut stream = opened.ok()?;
        let mut read = Vec::new();
        while let Some(unit) = stream.next().await.ok()? {
            read.extend_from_slice(&unit);
        }
        Some(read)
    }

    /// The same, held to success.
    pub(crate) async fn fetch(&self, host: &Host, bytes: &[u8]) -> Vec<u8> {
        self.try_fetch(host, bytes)
            .await
            .expect("the host serves the shard")
    }

    /// A cheque of this caller's vault for a host.
    pub(crate) fn cheque(&self, host: &Host, cumulative: Amount) -> SignedCheque {
        self.promise(host, cumulative).sign(CHAIN_ID, &self.key)
    }

    /// The same before it is signed.
    pub(crate) fn promise(&self, host: &Host, cumulative: Amount) -> Cheque {
        Cheque {
            vault: self.vault,
            beneficiary: host.address,
            cumulative,
            token: None,
        }
    }
}

async fn make_vault(chain: &EvmChain, deposit: Amount) -> Address {
    let vault = chain
        .deploy_vault(Digest32([0; 32]), "")
        .await
        .expect("a vault");
    if deposit > Amount::ZERO {
        chain.wrap(deposit).await.expect("wrapped");
        chain.deposit(vault, deposit).await.expect("deposited");
    }
    vault
}

/// A hub's text as a peer.
pub(crate) fn hub_addr(text: &str) -> PeerAddr {
    let (addr, peer) = text.rsplit_once("/p2p/").expect("a hub's address");
    PeerAddr {
        peer: peer.parse().expect("a peer id"),
        addrs: vec![addr.to_owned()],
    }
}
