//! What is signed of a transaction is what the chain reads, and identities check their keeper.

use std::sync::Arc;

use super::{Identity, Keeper, KeeperError, Signable};
use crate::amount::Amount;
use crate::identity::{SecretKey, Signature};
use crate::ids::{Address, PeerId};
use crate::seams::BoxFuture;
use crate::tx::TxBody;

fn key(seed: u8) -> SecretKey {
    SecretKey::from_bytes(&[seed; 32]).expect("a scalar")
}

/// The example of EIP-155: nonce 9, 20 gwei, 21000 gas, one ether, chain 1.
#[test]
fn a_legacy_digest_is_that_of_eip_155() {
    let body = TxBody {
        chain_id: 1,
        nonce: 9,
        to: Some(Address([0x35; 20])),
        value: Amount(1_000_000_000_000_000_000),
        data: Vec::new(),
        gas: 21_000,
        max_fee: Amount(20_000_000_000),
        tip: None,
    };
    let digest = "daf5a779ae972f972197303d7b574746c7ef83eadac0f2791ad23db92e4c8e53";
    assert_eq!(hex::encode(body.digest().0), digest);
    assert_eq!(body.cost(), Amount(1_000_420_000_000_000_000));
}

/// Signs with another key than it says.
struct Liar;

impl Keeper for Liar {
    fn peer_id(&self) -> PeerId {
        key(1).peer_id()
    }

    fn address(&self) -> Address {
        key(1).address()
    }

    fn sign<'a>(&'a self, what: &'a Signable) -> BoxFuture<'a, Result<Signature, KeeperError>> {
        Box::pin(std::future::ready(Ok(key(2).sign(&what.digest()))))
    }
}

#[test]
fn a_keeper_that_signs_with_another_key_is_found_out() {
    let what = Signable::Transport {
        static_key: [7; 32],
    };
    let honest = Identity::from(key(1));
    assert!(futures::executor::block_on(honest.sign(&what)).is_ok());
    let lying = Identity::kept(Arc::new(Liar));
    let said = futures::executor::block_on(lying.sign(&what));
    assert!(matches!(said, Err(KeeperError::Silent { .. })));
}
