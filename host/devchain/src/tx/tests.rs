//! Transaction facts, and a signer for the tests of the other files (marked test keys only).
use super::*;
use secp256k1::SecretKey;

/// A test key: 32 times the same byte. Never funded outside tests.
pub(crate) fn key(byte: u8) -> SecretKey {
    SecretKey::from_byte_array([byte; 32]).unwrap()
}

pub(crate) fn address_of(key: &SecretKey) -> Address {
    let point = key.public_key(SECP256K1).serialize_uncompressed();
    Address::from_word(keccak256(&point[1..]))
}

/// What a test wants sent.
#[derive(Clone)]
pub(crate) struct Draft {
    pub(crate) nonce: u64,
    pub(crate) to: Option<Address>,
    pub(crate) value: u64,
    pub(crate) input: Vec<u8>,
    pub(crate) gas: u64,
    pub(crate) fee: u128,
}

impl Draft {
    pub(crate) fn pay(nonce: u64, to: Address, value: u64) -> Self {
        Self {
            nonce,
            to: Some(to),
            value,
            input: vec![],
            gas: 21_000,
            fee: 2_000_000_000,
        }
    }

    fn middle(&self) -> Vec<u8> {
        let to = self.to.map_or(vec![0x80], |to| rlp::text(to.as_slice()));
        [
            rlp::number(U256::from(self.gas)),
            to,
            rlp::number(U256::from(self.value)),
        ]
        .concat()
    }

    pub(crate) fn legacy(&self, key: &SecretKey, chain_id: u64) -> Vec<u8> {
        let mut body = rlp::number(U256::from(self.nonce));
        body.extend(rlp::number(U256::from(self.fee)));
        body.extend(self.middle());
        body.extend(rlp::text(&self.input));
        let tail = [rlp::number(U256::from(chain_id)), vec![0x80, 0x80]].concat();
        let digest = keccak256(rlp::list(&[body.clone(), tail].concat()));
        let (r, s, odd) = sign(key, digest);
        body.extend(rlp::number(U256::from(chain_id * 2 + 35 + u64::from(odd))));
        body.extend([rlp::number(r), rlp::number(s)].concat());
        rlp::list(&body)
    }

    pub(crate) fn dynamic(&self, key: &SecretKey, chain_id: u64) -> Vec<u8> {
        let mut body = rlp::number(U256::from(chain_id));
        body.extend(rlp::number(U256::from(self.nonce)));
        body.extend(rlp::number(U256::from(1_u64)));
        body.extend(rlp::number(U256::from(self.fee)));
        body.extend(self.middle());
        body.extend(rlp::text(&self.input));
        body.push(0xc0);
        let digest = keccak256([vec![2], rlp::list(&body)].concat());
        let (r, s, odd) = sign(key, digest);
        body.extend(rlp::number(U256::from(u64::from(odd))));
        body.extend([rlp::number(r), rlp::number(s)].concat());
        [vec![2], rlp::list(&body)].concat()
    }
}

fn sign(key: &SecretKey, digest: B256) -> (U256, U256, bool) {
    let signature = SECP256K1.sign_ecdsa_recoverable(Message::from_digest(digest.0), key);
    let (id, scalars) = signature.serialize_compact();
    (
        U256::from_be_slice(&scalars[..32]),
        U256::from_be_slice(&scalars[32..]),
        id == RecoveryId::One,
    )
}

/// The example of EIP-155 itself.
const EIP155: &str = "f86c098504a817c800825208943535353535353535353535353535353535353535880de0b6\
b3a76400008025a028ef61340bd939bc2195fe537567866003e1a15d3c71ff63e1590620aa636276a067cbe9d8997f76\
1aecb703304b3800ccf555c9f3dc64214b297fb1966a3b6d83";

#[test]
fn the_example_of_eip_155_is_read_and_its_sender_found() {
    let raw = hex::decode(EIP155).unwrap();
    let tx = SignedTx::decode(&raw, 1).unwrap();
    assert_eq!(tx.from, address_of(&key(0x46)));
    assert_eq!(
        (tx.nonce, tx.gas_limit, tx.max_fee),
        (9, 21_000, 20_000_000_000)
    );
    assert_eq!(tx.value, U256::from(1_000_000_000_000_000_000_u64));
    assert_eq!(tx.kind, TxKind::Call(Address::repeat_byte(0x35)));
}

#[test]
fn both_kinds_name_their_signer() {
    let draft = Draft::pay(3, Address::repeat_byte(9), 7);
    for raw in [draft.legacy(&key(1), 31337), draft.dynamic(&key(1), 31337)] {
        let tx = SignedTx::decode(&raw, 31337).unwrap();
        assert_eq!(tx.from, address_of(&key(1)));
        assert_eq!(tx.nonce, 3);
        assert_eq!(tx.hash, keccak256(&raw));
    }
}

#[test]
fn another_chain_another_type_and_missing_replay_protection_are_refused() {
    let draft = Draft::pay(0, Address::ZERO, 1);
    let wrong = Unreadable::ChainId {
        need: 31337,
        have: 5,
    };
    assert_eq!(
        SignedTx::decode(&draft.legacy(&key(1), 5), 31337),
        Err(wrong)
    );
    assert_eq!(
        SignedTx::decode(&draft.dynamic(&key(1), 5), 31337),
        Err(wrong)
    );
    assert_eq!(
        SignedTx::decode(&[3, 0xc0], 31337),
        Err(Unreadable::Type(3))
    );
    assert_eq!(SignedTx::decode(&[], 31337), Err(Unreadable::TooShort));
    let mut body = [
        vec![0x80],
        rlp::number(U256::from(draft.fee)),
        draft.middle(),
    ]
    .concat();
    body.extend([0x80, 27, 1, 1]);
    assert_eq!(
        SignedTx::decode(&rlp::list(&body), 31337),
        Err(Unreadable::WithoutChainId)
    );
}

#[test]
fn a_high_s_and_every_cut_are_refused() {
    let raw = hex::decode(EIP155).unwrap();
    for len in 0..raw.len() {
        assert!(SignedTx::decode(&raw[..len], 1).is_err(), "{len}");
    }
    let order = U256::from_str_radix(
        "fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141",
        16,
    );
    let s_at = raw.len() - 32;
    let high = order.unwrap() - U256::from_be_slice(&raw[s_at..]);
    let mut twin = raw.clone();
    twin[s_at..].copy_from_slice(&high.to_be_bytes::<32>());
    let v_at = s_at - 35;
    assert_eq!(twin[v_at], 0x25);
    twin[v_at] = 0x26;
    assert_eq!(SignedTx::decode(&twin, 1), Err(Unreadable::Signature));
}
