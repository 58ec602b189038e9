//! The table against the committed artefacts; judgement without a chain.

use super::table::{NOTICES, QUESTIONS};
use super::{Expected, Fact, Readings, judge};
use serde_json::Value;

/// The artefact behind a key of the network file.
fn artefact(contract: &str) -> Value {
    let name = match contract {
        "vault_factory" => "VaultFactory",
        "price_oracle" => "PriceOracle",
        "registry" => "Registry",
        "staking" => "Staking",
        "proofs" => "ProofOfStorage",
        "disputes" => "Disputes",
        "escrow" => "Escrow",
        "airdrop" => "Airdrop",
        other => panic!("no artefact for {other}"),
    };
    let dir = concat!(env!("CARGO_MANIFEST_DIR"), "/../solidity/abi");
    let text = std::fs::read_to_string(format!("{dir}/{name}.json")).unwrap();
    serde_json::from_str(&text).unwrap()
}

/// Words a type takes, structs unfolded.
fn words(output: &Value) -> usize {
    match output["components"].as_array() {
        Some(parts) => parts.iter().map(words).sum(),
        None => 1,
    }
}

fn words_of(contract: &str, signature: &str) -> Option<usize> {
    let artefact = artefact(contract);
    let name = signature.split('(').next().unwrap();
    artefact["methodIdentifiers"].get(signature)?;
    let all = artefact["abi"].as_array().unwrap();
    let function = all.iter().find(|one| one["name"] == name).unwrap();
    let outputs = function["outputs"].as_array().unwrap();
    Some(outputs.iter().map(words).sum())
}

#[test]
fn every_question_is_one_its_contract_answers_in_as_many_words() {
    for one in QUESTIONS {
        let found = words_of(one.contract, one.signature);
        assert_eq!(
            found,
            Some(one.words.len()),
            "{} {}",
            one.contract,
            one.signature
        );
    }
    for one in NOTICES {
        assert_eq!(words_of(one.contract, one.ready), Some(1), "{}", one.ready);
        let found = words_of(one.contract, one.next);
        assert_eq!(
            found,
            Some(one.words.len()),
            "{} {}",
            one.contract,
            one.next
        );
    }
}

fn readings(facts: &[(&str, &str)]) -> Readings {
    let fact = |(key, value): &(&str, &str)| Fact {
        key: (*key).into(),
        value: (*value).into(),
    };
    Readings {
        facts: facts.iter().map(fact).collect(),
        queued: Vec::new(),
        block: 1,
    }
}

fn broken(found: &[(&str, &str)], wanted: &[(&str, &str)]) -> Vec<String> {
    let wanted: Expected = wanted
        .iter()
        .map(|(key, value)| ((*key).into(), (*value).into()))
        .collect();
    let judged = judge(&readings(found), &wanted);
    let broken = judged.into_iter().filter(|one| !one.holds());
    broken.map(|one| one.what).collect()
}

#[test]
fn a_price_may_move_to_half_or_double_and_a_rate_not_at_all() {
    let wanted = [("price_oracle.price", "100"), ("price_oracle.rate", "10")];
    let nothing: Vec<String> = Vec::new();
    let calm = [("price_oracle.price", "200"), ("price_oracle.rate", "10")];
    assert_eq!(broken(&calm, &wanted), nothing);
    let wild = [("price_oracle.price", "201"), ("price_oracle.rate", "11")];
    assert_eq!(
        broken(&wild, &wanted),
        ["price_oracle.price", "price_oracle.rate"]
    );
}

#[test]
fn what_nobody_expects_is_shown_and_what_is_gone_is_a_difference() {
    let nothing: Vec<String> = Vec::new();
    assert_eq!(broken(&[("staking.owner", "0x1")], &[]), nothing);
    assert_eq!(broken(&[], &[("staking.owner", "0x1")]), ["staking.owner"]);
}
