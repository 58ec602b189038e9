//! Goal: signed terms have one form and one signer. Method: forms protobuf allows, cuts, bounds,
//! wrong keys; the golden bytes stand in tests/vectors.

use super::{CONTRACT_LEN_MAX, Contract, ContractMeta, META_LEN_MAX, Status};
use crate::identity::SecretKey;

fn key(byte: u8) -> SecretKey {
    SecretKey::from_bytes(&[byte; 32]).expect("valid scalar")
}

fn meta() -> ContractMeta {
    ContractMeta {
        contract_id: "a,b".to_owned(),
        sp_id: key(2).peer_id().to_string(),
        user_id: key(1).peer_id().to_string(),
        shard_hash: "Qm".to_owned(),
        shard_index: 300,
        shard_size: u64::MAX,
        auto_renewal: true,
        ..ContractMeta::default()
    }
}

fn contract() -> Contract {
    Contract {
        user_signature: meta().sign(&key(1)),
        sp_signature: meta().sign(&key(2)),
        meta: meta(),
        create_time: 1_700_000_000,
        status: Status::Init,
    }
}

#[test]
fn a_contract_reads_back_as_it_was_written() {
    assert_eq!(ContractMeta::decode(&meta().encode()), Ok(meta()));
    assert_eq!(Contract::decode(&contract().encode()), Ok(contract()));
    assert_eq!(ContractMeta::decode(&[]), Ok(ContractMeta::default()));
}

#[test]
fn a_signature_counts_for_its_key_and_its_terms_only() {
    let signature = meta().sign(&key(1));
    assert_eq!(meta().check(&signature, &key(1).peer_id()), Ok(()));
    assert!(meta().check(&signature, &key(2).peer_id()).is_err());
    let mut other = meta();
    other.amount += 1;
    assert!(other.check(&signature, &key(1).peer_id()).is_err());
    assert!(meta().check(&[], &key(1).peer_id()).is_err());
    assert!(meta().check(&signature[1..], &key(1).peer_id()).is_err());
}

/// Goal: signed bytes have one form. Method: forms protobuf allows and this door refuses.
#[test]
fn a_meta_written_in_another_way_is_refused() {
    let explicit_default = [0x28, 0x00];
    let long_varint = [0x28, 0x81, 0x00];
    let unknown_field = [0x68, 0x01];
    let descending = [0x30, 0x01, 0x28, 0x01];
    let twice = [0x28, 0x01, 0x28, 0x02];
    let bool_of_two = [0x50, 0x02];
    let wrong_type = [0x08, 0x01];
    let not_utf8 = [0x0a, 0x01, 0xff];
    let cut = [0x0a, 0x05, 0x61];
    let over_64_bits = [0x28, 255, 255, 255, 255, 255, 255, 255, 255, 255, 2];
    for bytes in [
        explicit_default.as_slice(),
        &long_varint,
        &unknown_field,
        &descending,
        &twice,
        &bool_of_two,
        &wrong_type,
        &not_utf8,
        &cut,
        &over_64_bits,
    ] {
        assert!(ContractMeta::decode(bytes).is_err(), "{bytes:02x?}");
    }
}

#[test]
fn every_cut_of_a_contract_is_an_error_or_another_contract() {
    let whole = contract().encode();
    for len in 0..whole.len() {
        let read = Contract::decode(&whole[..len]);
        assert_ne!(read, Ok(contract()), "cut at {len}");
    }
}

#[test]
fn what_is_beyond_its_bound_is_refused() {
    assert!(ContractMeta::decode(&vec![0; META_LEN_MAX + 1]).is_err());
    assert!(Contract::decode(&vec![0; CONTRACT_LEN_MAX + 1]).is_err());
    let mut long = contract();
    long.sp_signature = vec![0x30; 73];
    assert!(Contract::decode(&long.encode()).is_err());
    let mut bare = contract().encode();
    bare.extend([0x28, 0x09]);
    assert!(Contract::decode(&bare).is_err(), "status 9 is unknown");
    assert!(Contract::decode(&[0x20, 0x01]).is_err(), "no meta");
}
