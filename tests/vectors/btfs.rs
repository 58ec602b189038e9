//! The signing vectors of go-btfs: peer ids, cheques, contracts, totals. Origin: `btfs.json`.

use host_core::btfs::contract::{Contract, ContractMeta, Status};
use host_core::btfs::{cheque_json, total_micro};
use host_core::cheque::{Cheque, SignedCheque};
use host_core::eip712::{Domain, keccak};
use host_core::identity::SecretKey;
use host_core::{Address, Amount};
use serde_json::Value;
use sha2::{Digest, Sha256};

use crate::file::{list, number, read, text};

fn key(vectors: &Value, side: &str) -> SecretKey {
    let byte = number(vectors, &format!("/{side}/secret_byte"));
    let byte = u8::try_from(byte).expect("a byte");
    SecretKey::from_bytes(&[byte; 32]).expect("a scalar")
}

fn address(vectors: &Value, pointer: &str) -> Address {
    text(vectors, pointer).parse().expect("an address")
}

fn cheque(vectors: &Value, line: &Value) -> (u64, SignedCheque) {
    let chain_id = number(line, "/chain_id");
    let token = line.get("token").and_then(Value::as_str);
    let cheque = Cheque {
        vault: address(vectors, "/vault"),
        beneficiary: key(vectors, "host").address(),
        cumulative: text(vectors, "/cumulative_payout")
            .parse::<Amount>()
            .expect("an amount"),
        token: token.map(|token| token.parse().expect("an address")),
    };
    (chain_id, cheque.sign(chain_id, &key(vectors, "renter")))
}

fn meta(vectors: &Value) -> ContractMeta {
    let text = |name: &str| text(vectors, &format!("/meta/{name}")).to_owned();
    let number = |name: &str| number(vectors, &format!("/meta/{name}"));
    ContractMeta {
        contract_id: text("contract_id"),
        sp_id: key(vectors, "host").peer_id().to_string(),
        user_id: key(vectors, "renter").peer_id().to_string(),
        shard_hash: text("shard_hash"),
        shard_index: number("shard_index"),
        shard_size: number("shard_size"),
        price: number("price"),
        amount: number("amount"),
        token: text("token"),
        auto_renewal: vectors.pointer("/meta/auto_renewal") == Some(&Value::Bool(true)),
        storage_start: number("storage_start"),
        storage_end: number("storage_end"),
    }
}

#[test]
fn a_secret_has_the_peer_id_and_the_account_btfs_gives_it() {
    let vectors = read("btfs.json");
    for side in ["renter", "host"] {
        let key = key(&vectors, side);
        assert_eq!(
            key.peer_id().to_string(),
            text(&vectors, &format!("/{side}/peer_id"))
        );
        assert_eq!(
            key.address().to_string(),
            text(&vectors, &format!("/{side}/address"))
        );
    }
    let lower = address(&vectors, "/token_checksum/lower");
    assert_eq!(
        lower.to_string(),
        text(&vectors, "/token_checksum/checksum")
    );
}

#[test]
fn cheques_hash_and_sign_as_btfs_does() {
    let vectors = read("btfs.json");
    for line in list(&vectors, "/domain_separators") {
        let chain_id = number(line, "/chain_id");
        let domain = Domain {
            name: "Vault",
            version: "1.0",
            chain_id,
        };
        assert_eq!(domain.separator().to_string(), text(line, "/separator"));
    }
    for line in list(&vectors, "/cheques") {
        let (chain_id, signed) = cheque(&vectors, line);
        assert_eq!(
            signed.cheque.digest(chain_id).to_string(),
            text(line, "/digest")
        );
        assert_eq!(
            format!("0x{:?}", signed.signature),
            text(line, "/signature")
        );
        assert_eq!(
            signed.issuer(chain_id),
            Ok(key(&vectors, "renter").address())
        );
    }
}

#[test]
fn a_cheque_travels_as_btfs_writes_it() {
    let vectors = read("btfs.json");
    let vault_token = address(&vectors, "/vault_token");
    for line in list(&vectors, "/cheques") {
        let (chain_id, signed) = cheque(&vectors, line);
        let bytes = cheque_json::encode(&signed, &vault_token).expect("writes");
        let json = String::from_utf8(bytes.clone()).expect("text");
        if signed.cheque.token.is_none() {
            assert!(json.starts_with(text(&vectors, "/token_json")), "{json}");
        }
        let payout = format!(
            ",\"CumulativePayout\":{},",
            text(&vectors, "/cumulative_payout")
        );
        assert!(json.contains(&payout), "{json}");
        let read = cheque_json::decode(&bytes, &vault_token).expect("reads");
        assert_eq!(read, signed);
        assert_eq!(read.issuer(chain_id), Ok(key(&vectors, "renter").address()));
    }
}

#[test]
fn contracts_encode_hash_and_sign_as_btfs_does() {
    let vectors = read("btfs.json");
    let meta = meta(&vectors);
    let bytes = meta.encode();
    assert_eq!(bytes.len() as u64, number(&vectors, "/meta/len"));
    assert_eq!(
        hex::encode(Sha256::digest(&bytes)),
        text(&vectors, "/meta/sha256")
    );
    let id = keccak(meta.contract_id.as_bytes());
    assert_eq!(id.to_string(), text(&vectors, "/meta/contract_id_keccak"));
    let (renter, host) = (key(&vectors, "renter"), key(&vectors, "host"));
    let user_signature = meta.sign(&renter);
    let sp_signature = meta.sign(&host);
    assert_eq!(
        hex::encode(&user_signature),
        text(&vectors, "/meta/user_signature")
    );
    assert_eq!(
        hex::encode(&sp_signature),
        text(&vectors, "/meta/sp_signature")
    );
    let sent = Contract {
        meta,
        sp_signature,
        user_signature,
        create_time: 1_700_000_000,
        status: Status::Init,
    };
    let read = Contract::decode(&sent.encode()).expect("reads");
    assert_eq!(read, sent);
    assert_eq!(
        read.meta.check(&read.user_signature, &renter.peer_id()),
        Ok(())
    );
    assert_eq!(read.meta.check(&read.sp_signature, &host.peer_id()), Ok(()));
}

#[test]
fn totals_seen_in_the_field_hold() {
    let vectors = read("btfs.json");
    for line in list(&vectors, "/totals") {
        let [len, price, days] = ["/shard_len", "/price", "/days"].map(|name| number(line, name));
        assert_eq!(
            total_micro(len, price, days),
            Ok(number(line, "/total_micro"))
        );
    }
}
