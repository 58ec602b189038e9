//! What a host earns beyond its price: the renter pays the protocol's fee, the host has its proven
//! and paid epochs counted, claims, and anybody recomputes; all with the commands people type.

use std::collections::BTreeSet;

use host_core::AgreementDigest;
use serde_json::Value;

use super::LIMIT;
use crate::stage::{Home, Host, Said, holdfast, until};

/// An operator's command about a host.
pub(super) fn on(host: &Host, words: &[&str]) -> Said {
    let dir = host.dir.to_string_lossy();
    holdfast(None, &[words, &["--dir", &dir, "--json"]].concat())
}

/// Pays the fee of an agreement, once, and is refused before and after.
pub(super) fn sponsor(home: &Home, name: &AgreementDigest) {
    let name = name.to_string();
    let words = ["airdrop", "sponsor", name.as_str(), "--json"];
    let said = home.say(&[&words[..], &["--most", "1"]].concat()).badly();
    assert!(said.contains("the fee is"), "{said}");
    let dry: Value = home.say(&[&words[..], &["--dry-run"]].concat()).json();
    assert!(dry["moves"] != "0", "{dry}");
    home.say(&words).well();
    let said = home.say(&words).badly();
    assert!(said.contains("paid already"), "{said}");
}

/// Has an epoch of each agreement counted, as soon as the chain shows that it was proven and paid.
pub(super) fn count(host: &Host, names: &[AgreementDigest], foreign: &AgreementDigest) {
    let said = on(host, &["airdrop", "count", &foreign.to_string()]).badly();
    assert!(said.contains("no agreement"), "{said}");
    on(host, &["cheque", "cash"]).well();
    host.status_when("the cheque is cashed", |status| status.cashed.0 > 0);
    let mut counted = BTreeSet::new();
    until("an epoch of each agreement counts", LIMIT, || {
        for name in names {
            let said = on(host, &["airdrop", "count", &name.to_string()]);
            if said.success {
                counted.insert(*name);
            }
        }
        (counted.len() == names.len()).then_some(())
    });
}

/// The rounds in which the host has weight.
fn rounds(host: &Host) -> Vec<Value> {
    let show: Value = on(host, &["airdrop", "show"]).json();
    let all = show["rounds"].as_array().expect("rounds").iter();
    let own = all.filter(|round| round["own_weight"] != "0");
    own.cloned().collect()
}

/// Closes the rounds and claims each, once; what the events say is what the contract holds.
/// Returns what was claimed.
pub(super) fn claim(host: &Host) -> u128 {
    let early = until("weight stands in a round", LIMIT, || {
        rounds(host).first().map(|round| round["round"].to_string())
    });
    let said = on(host, &["airdrop", "claim", &early]).badly();
    assert!(said.contains("is not closed"), "{said}");
    until("the rounds are closed", LIMIT, || {
        on(host, &["airdrop", "close"]).well();
        let closed = rounds(host).iter().all(|round| round["closed"] == true);
        closed.then_some(())
    });
    for round in rounds(host) {
        let number = round["round"].to_string();
        on(host, &["airdrop", "claim", &number]).well();
        let said = on(host, &["airdrop", "claim", &number]).badly();
        assert!(said.contains("was paid already"), "{said}");
    }
    let told: Value = on(host, &["airdrop", "recompute"]).json();
    assert_eq!(told["differences"], serde_json::json!([]), "{told}");
    let claimed = rounds(host).into_iter().map(|round| {
        let sum = round["claimed"].as_str().expect("a sum").to_owned();
        sum.parse::<u128>().expect("a sum")
    });
    claimed.sum()
}
